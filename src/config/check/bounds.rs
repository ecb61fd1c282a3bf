//! How small and how large numbers, sizes and times may be. The upper bounds are where a value is a slip of the pen.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::file::Written;
use crate::config::finding::Finding;
use crate::config::measures::Size;
use crate::config::raw::Value as _;
use crate::config::settings::Passwords;
use crate::config::table::Given;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const MOST_LANES: u32 = Passwords::MAX_PARALLELISM;

/// The bounds of counts.
const COUNTS: [(&str, RangeInclusive<usize>); 8] = [
    ("server.workers", 0..=1024),
    ("passwords.min_length", 1..=1024),
    // What is made has to be verified: no more than hashing takes of any hash.
    ("passwords.iterations", 1..=Passwords::MAX_ITERATIONS as usize),
    ("passwords.parallelism", 1..=MOST_LANES as usize),
    ("passwords.workers", 0..=1024),
    ("passwords.queue", 1..=100_000),
    ("limits.connections", 1..=1_000_000),
    ("limits.streams", 1..=100_000),
];

/// The bounds of sizes.
const SIZES: [(&str, RangeInclusive<u64>); 3] = [
    // Less than 8 KiB of head is less than hyper's smallest buffer.
    ("limits.header_bytes", 8 * KIB..=MIB),
    ("limits.body", KIB..=64 * MIB),
    ("passwords.memory", 8 * KIB..=Passwords::MAX_MEMORY_KIB as u64 * KIB),
];

/// A key's bounds, in words.
pub(in crate::config) fn of(path: &str) -> Option<String> {
    let count = COUNTS.iter().find(|(of, _)| *of == path).map(|(_, bounds)| from_to(bounds, count));
    count.or_else(|| SIZES.iter().find(|(of, _)| *of == path).map(|(_, bounds)| from_to(bounds, size)))
}

/// Keeps every bound of a single key.
pub(super) fn rules(written: &Written, findings: &mut Vec<Finding>) {
    let Written { server, passwords, limits, .. } = written;
    for given in [
        &server.workers,
        &passwords.min_length,
        &passwords.iterations,
        &passwords.parallelism,
        &passwords.workers,
        &passwords.queue,
        &limits.connections,
        &limits.streams,
    ] {
        let bounds = COUNTS.iter().find(|(path, _)| *path == given.key.path());
        if let Some((_, bounds)) = bounds.filter(|(_, bounds)| !bounds.contains(&given.value)) {
            findings.push(given.error(&format!("must be {}", from_to(bounds, count))));
        }
    }
    // Argon2 wants 8 KiB a lane (RFC 9106 section 3.1).
    let lanes = u64::try_from(passwords.parallelism.value.clamp(1, MOST_LANES as usize)).unwrap_or(1);
    for (given, factor) in [(&limits.header_bytes, 1), (&limits.body, 1), (&passwords.memory, lanes)] {
        let bounds = SIZES.iter().find(|(path, _)| *path == given.key.path());
        let Some((_, bounds)) = bounds else { continue };
        let bounds = bounds.start() * factor..=*bounds.end();
        if !bounds.contains(&given.value.0) {
            findings.push(given.error(&format!("must be {}", from_to(&bounds, size))));
        }
    }
    times([&server.keep_alive, &limits.header_timeout], findings);
    upstream(written, findings);
}

/// Keeps those of `[upstream]`.
pub(super) fn upstream(written: &Written, findings: &mut Vec<Finding>) {
    let upstream = &written.upstream;
    times([&upstream.connect_timeout, &upstream.response_timeout, &upstream.idle_timeout], findings);
}

fn times<const N: usize>(all: [&Given<Duration>; N], findings: &mut Vec<Finding>) {
    for given in all {
        if given.value == Duration::ZERO {
            let hint = format!("write it like `{}`", given.key.default);
            findings.push(given.error("must be more than nothing").hint(hint));
        }
    }
}

fn from_to<T: Copy>(bounds: &RangeInclusive<T>, show: impl Fn(T) -> String) -> String {
    format!("from {} to {}", show(*bounds.start()), show(*bounds.end()))
}

fn count(number: usize) -> String {
    number.to_string()
}

fn size(bytes: u64) -> String {
    Size(bytes).show().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::SECTIONS;
    use crate::config::table::Key;

    #[test]
    fn every_bound_is_a_keys() {
        let paths: Vec<_> = SECTIONS.iter().flat_map(|section| section.keys).map(Key::path).collect();
        let bound = COUNTS.iter().map(|(path, _)| path).chain(SIZES.iter().map(|(path, _)| path));
        for path in bound {
            assert!(paths.iter().any(|known| known == path), "{path}");
        }
    }
}
