//! What is on disk: our own versioned bytes, so that no library's encoding decides whether an old database opens.
//!
//! A record begins with its version; then its fields follow in order, numbers big-endian, texts and lists
//! with their length before them. A record's key (uid, session id, kid) is its table's key and not repeated.
//! To change a record: a new version number in `encode`, one more arm in `decode`; the old arm stays for ever.

pub(crate) mod kept_limit;
pub(crate) mod key;
pub(crate) mod one_time;
pub(crate) mod origin;
pub(crate) mod session;
pub(crate) mod user;

mod bytes;

pub(crate) use bytes::Malformed;
