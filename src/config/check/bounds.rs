//! How small and how large numbers, sizes and times may be. The upper bounds are where a value is a slip of the pen.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::file::Written;
use crate::config::finding::Finding;
use crate::config::measures::Size;
use crate::config::table::Given;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Keeps every bound of a single key.
pub(super) fn rules(written: &Written, findings: &mut Vec<Finding>) {
    let Written { server, upstream, passwords, limits, .. } = written;
    for (given, bounds) in [
        (&server.workers, 0..=1024),
        (&passwords.min_length, 1..=1024),
        (&passwords.iterations, 1..=64),
        (&passwords.parallelism, 1..=64),
        (&passwords.workers, 0..=1024),
        (&passwords.queue, 1..=100_000),
        (&limits.connections, 1..=1_000_000),
        (&limits.streams, 1..=100_000),
    ] {
        number(given, bounds, findings);
    }
    // Less than 8 KiB of head is less than hyper's smallest buffer.
    size(&limits.header_bytes, 8 * KIB..=MIB, findings);
    size(&limits.body, KIB..=64 * MIB, findings);
    // Argon2 wants 8 KiB a lane (RFC 9106 section 3.1).
    let lanes = u64::try_from(passwords.parallelism.value.clamp(1, 64)).unwrap_or(1);
    size(&passwords.memory, 8 * KIB * lanes..=1024 * MIB, findings);
    for given in [
        &server.keep_alive,
        &upstream.connect_timeout,
        &upstream.response_timeout,
        &upstream.idle_timeout,
        &limits.header_timeout,
    ] {
        if given.value == Duration::ZERO {
            findings.push(given.error("must be more than nothing"));
        }
    }
}

fn number(given: &Given<usize>, bounds: RangeInclusive<usize>, findings: &mut Vec<Finding>) {
    if !bounds.contains(&given.value) {
        findings.push(given.error(&format!("must be from {} to {}", bounds.start(), bounds.end())));
    }
}

fn size(given: &Given<Size>, bounds: RangeInclusive<u64>, findings: &mut Vec<Finding>) {
    use crate::config::raw::Value as _;
    if !bounds.contains(&given.value.0) {
        let show = |bytes: &u64| Size(*bytes).show().trim_matches('"').to_owned();
        findings.push(given.error(&format!(
            "must be from {} to {}",
            show(bounds.start()),
            show(bounds.end())
        )));
    }
}
