//! The load that wrk and h2load can't make: large bodies, WebSocket messages, event streams, connections that idle, clients that
//! read slowly.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

mod bodies;
mod client;
mod idle;
mod live;
mod slow;

use client::Target;

const USAGE: &str = "usage: load down|up|sockets|events HOST:PORT COOKIE CONNECTIONS SECONDS\n       \
                     load idle|slow HOST:PORT COOKIE FIRST MORE";

/// What one connection has done: how long each unit took, or, where units come by themselves, how many there were.
#[derive(Default)]
struct Done {
    units: u64,
    took: Vec<Duration>,
}

/// Prints the number of units done (bodies, messages there and back, events), and the median and the 99th percentile of
/// the milliseconds that one took; with `idle` and `slow` a line at each of their two steps.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments[..] {
        ["idle", address, cookie, first, more] => {
            let steps = [first.parse()?, more.parse()?];
            runtime.block_on(idle::hold(&Target::new(address, cookie)?, steps))
        }
        ["slow", address, cookie, first, more] => {
            let steps = [first.parse()?, more.parse()?];
            runtime.block_on(slow::hold(&Target::new(address, cookie)?, steps))
        }
        [kind @ ("down" | "up" | "sockets" | "events"), address, cookie, connections, seconds] => {
            let end = Instant::now() + Duration::from_secs(seconds.parse()?);
            let done =
                runtime.block_on(all(kind, &Target::new(address, cookie)?, connections.parse()?, end))?;
            tell(done)?;
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

/// Runs a number of connections at once until their time is over. One that fails is the end of it.
async fn all(kind: &str, target: &Target, connections: usize, end: Instant) -> io::Result<Done> {
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let target = target.clone();
        match kind {
            "down" => running.spawn(async move { bodies::down(&target, end).await }),
            "up" => running.spawn(async move { bodies::up(&target, end).await }),
            "sockets" => running.spawn(async move { live::sockets(&target, end).await }),
            _ => running.spawn(async move { live::events(&target, end).await }),
        };
    }
    let mut sum = Done::default();
    while let Some(done) = running.join_next().await {
        let done = done??;
        sum.units += done.units;
        sum.took.extend(done.took);
    }
    Ok(sum)
}

fn tell(mut done: Done) -> io::Result<()> {
    done.took.sort_unstable();
    let millis = |hundredth: usize| {
        let place = (done.took.len() * hundredth / 100).min(done.took.len().saturating_sub(1));
        done.took.get(place).map_or_else(|| "-".to_owned(), |took| format!("{:.3}", took.as_secs_f64() * 1e3))
    };
    writeln!(io::stdout(), "{} {} {}", done.units, millis(50), millis(99))
}
