//! How much is read at once of bodies that are large. A call to the system costs as much as some ten KiB that it copies, so
//! large reads pay; but what was read and is not taken is memory. So a few bodies at a time have the room, and the others,
//! be they ten thousand that nobody takes, do with little.

use super::permits::{Permit, Permits};

/// What one read of a body may give that has no permit for more, in bytes.
pub const SOME: usize = 16 * 1024;

/// What one read of a large body may give at most, in bytes.
pub const LARGE: usize = 384 * 1024;

/// How many bodies of one worker and one direction have that much room: together 24 MiB.
const PERMITS: usize = 64;

/// One worker's permits to read [`LARGE`] amounts.
pub type LargeReads = Permits<PERMITS>;

/// One of them.
pub type LargeRead = Permit;
