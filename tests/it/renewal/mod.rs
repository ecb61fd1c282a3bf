//! Silent renewal and rotation at work (contract section 5): what people never notice, and what a thief does.

mod lifetimes;
mod page_load;
mod tabs;
mod thief;

use std::io::Read as _;
use std::time::Duration;

use sidegate::store::Session;
use sidegate::types::UserId;

use crate::support::{Answer, Cookies, Gate, Upstream};

/// By then the access token has expired, and the refresh token has not.
const LAPSED: Duration = Duration::from_mins(16);

/// The only session of the first user, as it is kept.
fn record(gate: &Gate) -> Session {
    let mut sessions = Gate::wait(gate.services().store.sessions_of(UserId::new(1).unwrap())).unwrap();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.remove(0)
}

/// Waits until the current pair's first presentation is on record: it is noted without making the request wait.
fn wait_until_noted(gate: &Gate) {
    let start = std::time::Instant::now();
    loop {
        let record = record(gate);
        if record.presented.iter().any(|(generation, _)| *generation == record.generation) {
            return;
        }
        assert!(start.elapsed() < crate::support::PATIENCE, "{record:?}");
        std::thread::yield_now();
    }
}

fn get(gate: &Gate, cookies: &Cookies) -> Answer {
    gate.get("/", &format!("Cookie: {}\r\n", cookies.header()))
}

fn refresh(gate: &Gate, token: &str) -> Answer {
    gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={token}\r\n"))
}

/// Nothing that reached the upstream holds a token.
fn assert_unseen(gate: &Gate, cookies: &[&Cookies]) {
    for seen in gate.upstream.requests() {
        for token in cookies.iter().flat_map(|cookies| [&cookies.access, &cookies.refresh]) {
            let signature = token.rsplit('.').next().unwrap();
            let text = format!("{}{}{}", seen.head, String::from_utf8_lossy(&seen.body), seen.trailers);
            assert!(!text.contains(signature), "{text}");
        }
    }
}

/// An upstream that switches protocols and then sends everything back; without an upgrade it greets.
fn echoing() -> Upstream {
    Upstream::answering_heads(|exchange| {
        if exchange.seen.header("upgrade").is_none() {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return true;
        }
        exchange.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        let mut bytes = [0; 1024];
        while let Ok(got @ 1..) = exchange.stream.read(&mut bytes) {
            let back = bytes[..got].to_vec();
            exchange.write(back);
        }
        false
    })
}
