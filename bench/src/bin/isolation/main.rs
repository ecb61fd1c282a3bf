//! Whether a flood of sign-ins is felt by those who are signed in: proxied requests at a steady pace, timed in quiet and
//! while clients hammer `/auth/signin`, in turns. Prints one JSON object. `bench/isolation` starts what it needs.
//!
//! `isolation GATE COOKIE ROUNDS SECONDS CLIENTS THREADS`: the gate's address, a session's `Cookie` value, how many rounds
//! of quiet and of flood, how long each, how many clients hammer, and how many threads the gate hashes on.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

// Copies as the gate does: hashing is copying.
#[cfg(all(target_arch = "x86_64", target_env = "musl"))]
use sidegate_memory as _;

mod exchange;
mod flood;
mod hashes;
mod probe;

use flood::Flood;
use probe::Latencies;

/// Long enough for the flood to have filled the gate's queue.
const RAMP: Duration = Duration::from_secs(1);
/// The least time over which hashes are counted.
const HASHING: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [gate, cookie, rounds, seconds, clients, threads] = arguments.as_slice() else {
        return Err("usage: isolation GATE COOKIE ROUNDS SECONDS CLIENTS THREADS".into());
    };
    let (gate, length): (SocketAddr, _) = (gate.parse()?, Duration::from_secs(seconds.parse()?));
    let (rounds, clients, threads): (usize, usize, usize) =
        (rounds.parse()?, clients.parse()?, threads.parse()?);
    let mut out = std::io::stdout();
    write!(out, "{{\"rounds\": [")?;
    for round in 0..rounds {
        // Beside each round, since the machine's pace changes.
        let possible = hashes::per_second(threads, HASHING)?;
        let quiet = probe::run(gate, cookie, length)?;
        let flood = Flood::start(gate, clients, round)?;
        std::thread::sleep(RAMP);
        flood.count();
        let busy = probe::run(gate, cookie, length)?;
        let counted = flood.count();
        flood.stop()?;
        let separator = if round == 0 { "" } else { ", " };
        write!(
            out,
            "{separator}{{\"possible_hashes_per_s\": {possible:.2}, \"seconds\": {:.3}, ",
            counted.seconds
        )?;
        write!(out, "\"statuses\": {{")?;
        for (number, (status, count)) in counted.statuses.iter().enumerate() {
            write!(out, "{}\"{status}\": {count}", if number == 0 { "" } else { ", " })?;
        }
        write!(out, "}}, \"quiet\": {}, \"flood\": {}}}", json(&quiet), json(&busy))?;
    }
    writeln!(out, "]}}")?;
    Ok(())
}

fn json(latencies: &Latencies) -> String {
    format!(
        "{{\"requests\": {}, \"p50_us\": {}, \"p99_us\": {}, \"worst_us\": {}}}",
        latencies.count(),
        latencies.at(0.5).as_micros(),
        latencies.at(0.99).as_micros(),
        latencies.at(1.0).as_micros()
    )
}
