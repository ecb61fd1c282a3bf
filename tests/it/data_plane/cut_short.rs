//! An answer that the upstream cuts short or garbles after its head is an error for the client, never a complete one.

use crate::support::raw::find;

use super::stage::{After, Script, Stage};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn an_answer_that_is_cut_short_or_garbled_is_never_taken_for_whole() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    let rows = [
        ("closed before a length's first byte", length, "", After::Close),
        ("closed within a length", length, "abc", After::Close),
        ("closed one byte before a length's end", length, "abcdefghi", After::Close),
        ("reset within a length", length, "abc", After::Reset),
        (
            "reset where only its end would have told the length",
            "HTTP/1.1 200 OK\r\n\r\n",
            "abc",
            After::Reset,
        ),
        ("closed before the first chunk", CHUNKED, "", After::Close),
        ("closed within a size", CHUNKED, "3\r\nabc\r\n1", After::Close),
        ("closed within a chunk", CHUNKED, "5\r\nabc", After::Close),
        ("closed between chunks", CHUNKED, "3\r\nabc\r\n", After::Close),
        ("closed before the last line", CHUNKED, "3\r\nabc\r\n0\r\n", After::Close),
        ("closed within trailers", CHUNKED, "3\r\nabc\r\n0\r\nX-Sum: 4\r\n", After::Close),
        ("reset between chunks", CHUNKED, "3\r\nabc\r\n", After::Reset),
        ("a chunk that is too long", CHUNKED, "3\r\nabcd\r\n0\r\n\r\n", After::Hang),
        ("a chunk that is too short", CHUNKED, "3\r\nab\r\n0\r\n\r\n", After::Hang),
        ("no size", CHUNKED, "\r\nabc\r\n0\r\n\r\n", After::Hang),
        ("a size that is no number", CHUNKED, "xyz\r\nabc\r\n0\r\n\r\n", After::Hang),
        ("a negative size", CHUNKED, "-1\r\na\r\n0\r\n\r\n", After::Hang),
        ("a size with a sign", CHUNKED, "+1\r\na\r\n0\r\n\r\n", After::Hang),
        ("a size with a prefix", CHUNKED, "0x1\r\na\r\n0\r\n\r\n", After::Hang),
        ("a size in two parts", CHUNKED, "1 1\r\na\r\n0\r\n\r\n", After::Hang),
        ("a size beyond 64 bits", CHUNKED, "FFFFFFFFFFFFFFFFF\r\na\r\n0\r\n\r\n", After::Hang),
        ("a bare LF behind a size", CHUNKED, "1\na\r\n0\r\n\r\n", After::Hang),
        ("a bare LF behind an extension", CHUNKED, "1;a\na\r\n0\r\n\r\n", After::Hang),
        ("a bare CR behind a size", CHUNKED, "1\ra\r\n0\r\n\r\n", After::Hang),
        ("a bare LF behind a chunk", CHUNKED, "1\r\na\n0\r\n\r\n", After::Hang),
        ("no chunks at all", CHUNKED, "<html>hello</html>\r\n\r\n", After::Hang),
    ];
    let scripts = rows.iter().map(|(_, head, body, after)| Script::new(format!("{head}{body}"), *after));
    let scripts: Vec<_> = scripts.collect();
    for stage in Stage::on_both_ways(&scripts, "") {
        for (number, (name, head, ..)) in rows.iter().enumerate() {
            let name = &stage.name(name);
            for method in ["GET", "POST"] {
                let mut connection = stage.gate.connect();
                let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
                let fields = format!("Connection: close\r\n{length}");
                connection.write(stage.request(method, &format!("/{number}"), &fields));
                let got = connection.rest();
                let text = String::from_utf8_lossy(&got);
                assert!(got.is_empty() || text.starts_with("HTTP/1.1 "), "{name}: {text}");
                let refused = text.starts_with("HTTP/1.1 502 ");
                let body = find(&got, b"\r\n\r\n").map_or(&got[..0], |end| &got[end + 4..]);
                let whole = if head.contains("Content-Length") {
                    body.len() >= 10
                } else {
                    find(body, b"0\r\n\r\n").is_some()
                };
                assert!(refused || !whole, "{name}: {text}");
                assert!(connection.is_closed(), "{name}");
            }
        }
        assert_eq!(stage.asked(), 2 * rows.len(), "what has begun to answer is not asked again");
    }
}

/// What came before the fault has been passed on, as far as it was good.
#[test]
fn what_came_before_the_cut_is_passed_on_at_once() {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let upstream = crate::support::Upstream::answering(move |exchange| {
        exchange.write(format!("{CHUNKED}3\r\nabc\r\n"));
        gone.lock().unwrap().recv().unwrap();
        exchange.write("zzz\r\n");
        true
    });
    let gate = crate::support::Gate::before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.exactly(8), b"3\r\nabc\r\n");
    go.send(()).unwrap();
    assert_eq!(connection.rest(), b"");
    assert!(connection.is_closed());
}
