//! What is noted of a request: what is counted for `/metrics`, and its line of the access log.

use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{StatusCode, Version};
use sidegate::config::settings::LogFormat;
use sidegate::log::{AccessLog, Entry, Lines};
use sidegate::metrics::{Metrics, Outcome};
use sidegate::types::{Clock, Timestamp, UserId};

/// The time at the start.
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// All that is counted for a forwarded request.
fn metrics(criterion: &mut Criterion) {
    let (_metrics, tallies) = Metrics::new(1, NOW);
    let tally = Rc::new(tallies.into_iter().next().expect("there is one worker"));
    criterion.bench_function("metrics/request", |bencher| {
        bencher.iter(|| {
            let mut counted = tally.request();
            tally.gate(black_box(Duration::from_micros(3)));
            tally.upstream(black_box(Duration::from_micros(700)));
            counted.outcome(black_box(Outcome::Forwarded));
            counted.answered()
        });
    });
}

/// A forwarded request's line, into the place where this worker's lines wait. They leave by 32 KiB, here to nowhere: what the
/// system takes for that is not in it.
fn lines(criterion: &mut Criterion) {
    for (name, format) in [("text", LogFormat::Text), ("JSON", LogFormat::Json)] {
        let log = AccessLog::Lines(Lines::new(io::sink()), format).worker(Clock::manual(NOW));
        let log = log.expect("it is on");
        let entry = Entry {
            method: "GET",
            path: "/api/items/42",
            status: StatusCode::OK,
            version: Version::HTTP_11,
            peer: Some([192, 0, 2, 7].into()),
            user: UserId::new(7),
            outcome: Outcome::Forwarded.name(),
            bytes: 1024,
            complete: true,
            took: Duration::from_micros(713),
            id: "01j8x6k2v7c3n4p5q6r7s8t9va",
        };
        let mut now = Instant::now();
        criterion.bench_function(&format!("access log/{name}"), |bencher| {
            bencher.iter(|| {
                // As a busy worker's requests end.
                now += Duration::from_micros(16);
                log.write(black_box(&entry), now);
            });
        });
    }
}

criterion_group!(benches, metrics, lines);
criterion_main!(benches);
