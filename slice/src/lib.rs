//! A thread's time slice, as Linux 6.12 and later let it ask for one (`sched_setattr(2)`, `sched_runtime` of an ordinary thread).
//!
//! A thread that wakes up interrupts the one that runs there only if its own slice is the shorter one; else it waits until the
//! other's turn is over, which is up to some milliseconds, whatever their nice values. So threads that answer ask for short slices
//! and threads that compute for long ones. What a thread gets over time stays with its nice value.
//!
//! No crate offers it: those that know `sched_setattr` have it for real-time threads alone.

// Elsewhere there is no such thing, and nobody depends on this.
#![cfg(target_os = "linux")]

use std::io;
use std::time::Duration;

/// The shortest slice that the kernel grants.
pub const SHORTEST: Duration = Duration::from_micros(100);

/// The longest one.
pub const LONGEST: Duration = Duration::from_millis(100);

/// Asks for this thread's slice. The kernel brings it within [`SHORTEST`] and [`LONGEST`]; one from before 6.12 takes no notice.
///
/// # Errors
///
/// The kernel's own: a sandbox that forbids the call (`EPERM`), for one. Everything then stays as it was.
pub fn ask_for(slice: Duration) -> io::Result<()> {
    let mut attributes = linux::get()?;
    attributes.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    linux::set(&attributes)
}

mod linux {
    use std::io;
    use std::mem::size_of;

    use libc::{c_long, sched_attr};

    /// The calling thread.
    const SELF: c_long = 0;

    /// This thread's attributes, its policy and nice value among them.
    pub(super) fn get() -> io::Result<sched_attr> {
        let size = size_of::<sched_attr>();
        let mut attributes = sched_attr {
            size: 0,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        // SAFETY: the kernel writes at most `size` bytes, which is what there is room for, and any of these is a valid number.
        let got = unsafe { libc::syscall(libc::SYS_sched_getattr, SELF, &raw mut attributes, size, 0) };
        done(got)?;
        Ok(attributes)
    }

    pub(super) fn set(attributes: &sched_attr) -> io::Result<()> {
        // SAFETY: the kernel reads as many bytes as the structure itself says, and `get` has had that from the kernel for
        // this very structure.
        done(unsafe { libc::syscall(libc::SYS_sched_setattr, SELF, &raw const *attributes, 0) })
    }

    fn done(outcome: c_long) -> io::Result<()> {
        if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threads_slice_is_what_it_asked_for_and_its_nice_value_stays() {
        let before = linux::get().unwrap();
        ask_for(Duration::from_millis(20)).unwrap();
        let after = linux::get().unwrap();
        // A kernel from before 6.12 says 0 and does as it always did.
        assert!([0, 20_000_000].contains(&after.sched_runtime), "{}", after.sched_runtime);
        assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
    }

    #[test]
    fn what_is_beyond_the_kernels_bounds_is_brought_within() {
        for (asked, granted) in [(Duration::ZERO, 0), (Duration::MAX, 100_000_000)] {
            ask_for(asked).unwrap();
            let got = linux::get().unwrap().sched_runtime;
            assert!(asked.is_zero() || [0, granted].contains(&got), "{asked:?}: {got}");
        }
    }
}
