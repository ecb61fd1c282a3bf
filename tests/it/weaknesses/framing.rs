//! Line 26: where one message ends and the next begins. Tunnels and floods have more of it (`streaming`,
//! `data_plane/http2/bounded`).

use crate::support::{Gate, Upstream};

/// pingora RUSTSEC-2026-0033: what came behind an `Upgrade` was sent on though the upstream had not agreed.
#[test]
fn weakness_26_behind_an_upgrade_that_is_declined_nothing_is_sent_on_or_read_as_a_request() {
    let upstream = Upstream::answering_heads(|exchange| {
        assert_eq!(exchange.rest, b"", "nothing may come with the head");
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
        true
    });
    let gate = Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!(
        "GET /ws HTTP/1.1\r\nHost: {0}\r\n{cookie}Connection: Upgrade\r\nUpgrade: shout\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: {0}\r\n{cookie}\r\n",
        gate.address
    ));
    assert_eq!(connection.answer().text(), "no");
    assert!(connection.is_closed());
    let lines: Vec<String> = gate.upstream.requests().iter().map(|seen| seen.line().to_owned()).collect();
    assert_eq!(lines, ["GET /ws HTTP/1.1"]);
}

/// pingora RUSTSEC-2026-0034, hyper RUSTSEC-2021-0020 and -0078: codings in HTTP/1.0, and lengths that one reader takes and
/// another does not.
#[test]
fn weakness_26_codings_in_http_1_0_and_lenient_lengths_are_refused() {
    let gate = Gate::start();
    let host = format!("Host: {}\r\n{}", gate.address, gate.signed_in());
    let coded = ["chunked", "gzip, chunked", "chunked, chunked", "identity", "CHUNKED"];
    let coded = coded.map(|coding| format!("Transfer-Encoding: {coding}\r\n"));
    let kept = coded.clone().map(|coding| format!("Connection: keep-alive\r\n{coding}"));
    let both = coded.clone().map(|coding| format!("Content-Length: 4\r\n{coding}"));
    let old = coded.iter().chain(&kept).chain(&both).map(|fields| ("1.0", fields.clone()));
    let lengths = [
        "+4",
        "-4",
        "4 4",
        "4, 4",
        "4,4",
        "4,",
        "0x4",
        "4e0",
        "4.0",
        "4_0",
        "\u{ff14}",
        "",
        "x",
        "four",
        "99999999999999999999999",
        "18446744073709551620",
    ];
    let lenient = lengths.iter().map(|length| ("1.1", format!("Content-Length: {length}\r\n")));
    let twice = [("4", "4"), ("4", "5"), ("0", "4")]
        .map(|(one, other)| ("1.1", format!("Content-Length: {one}\r\nContent-Length: {other}\r\n")));
    for (version, fields) in old.chain(lenient).chain(twice) {
        let mut connection = gate.connect();
        // It may have had enough before the body.
        let _ = connection.try_write(format!("POST / HTTP/{version}\r\n{host}{fields}\r\n0\r\n\r\n"));
        assert_eq!(connection.answer().status, 400, "{version} {fields:?}");
        assert!(connection.is_closed(), "{version} {fields:?}");
    }
    assert_eq!(gate.upstream.connections(), 0);
}
