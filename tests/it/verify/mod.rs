//! `/auth/verify`, a front proxy's sub-request, raw (contract sections 3 to 6). What real proxies make of it is
//! `scripts/front-proxies`' matter.

mod answers;
mod judged;
mod renewed;
mod told;
mod weaknesses;

use crate::support::{Answer, Gate};

const TRUSTED: &str = "server.trusted_proxies = [\"127.0.0.1/32\"]\n";
const ORIGINAL: &str = "server.trusted_proxies = [\"127.0.0.1/32\"]\nverify.source = \"original\"\n";
const NAVIGATION: &str = "Sec-Fetch-Mode: navigate\r\nAccept: text/html\r\n";
const RULES: &str = r#"
[[rules]]
path = "/public/*"
allow = "anyone"
[[rules]]
path = "/read/*"
methods = ["GET"]
allow = "anyone"
[[rules]]
path = "/maybe/*"
allow = "optional"
[[rules]]
path = "/admin/*"
allow = "signed-in"
roles = ["admin"]
[[rules]]
path = "/gone/*"
allow = "deny""#;

fn gate(extra: &str) -> Gate {
    Gate::with(&format!("{TRUSTED}{extra}{RULES}"))
}

/// A sub-request as Caddy and Traefik send it, for `GET /path` or the like.
fn ask(gate: &Gate, original: &str, headers: &str) -> Answer {
    let (method, target) = original.split_once(' ').unwrap();
    gate.get(
        "/auth/verify",
        &format!("X-Forwarded-Method: {method}\r\nX-Forwarded-Host: app.example\r\nX-Forwarded-Uri: {target}\r\n{headers}"),
    )
}

/// A sub-request as nginx sends it.
fn ask_original(gate: &Gate, original: &str, headers: &str) -> Answer {
    let (method, target) = original.split_once(' ').unwrap();
    gate.get(
        "/auth/verify",
        &format!("X-Original-Method: {method}\r\nX-Original-URL: https://app.example{target}\r\n{headers}"),
    )
}

/// Nothing of a sub-request reaches the upstream.
fn assert_nothing_forwarded(gate: &Gate) {
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0));
}
