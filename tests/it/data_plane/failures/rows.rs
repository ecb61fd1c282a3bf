//! The table: what the upstream does, and what comes of it.

use super::plan::Act;
use super::{Gets, Row};

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
pub(super) const CLOSING: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok";
const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
const EARLY: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly";
const GOOD: &[Act] = &[Act::Head, Act::Say(OK), Act::Again];
const WHOLE: Gets = Gets::Whole(200, "ok");

const fn row(
    name: &'static str,
    method: &'static str,
    plan: &'static [&'static [Act]],
    gets: Gets,
    asked: usize,
) -> Row {
    Row { name, method, plan, gets, asked }
}

/// A pooled connection is one that answers a warming request first.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // A connection that is new.
    row("closed at once", "GET", &[&[Act::Close]], Gets::Problem(502), 0),
    row("reset at once", "GET", &[&[Act::Reset]], Gets::Problem(502), 0),
    row("closed after the request", "GET", &[&[Act::Head, Act::Close]], Gets::Problem(502), 1),
    row("reset after the request", "GET", &[&[Act::Head, Act::Reset]], Gets::Problem(502), 1),
    row("closed after a write", "POST", &[&[Act::Head, Act::Body, Act::Close]], Gets::Problem(502), 1),
    row("reset after a write", "POST", &[&[Act::Head, Act::Body, Act::Reset]], Gets::Problem(502), 1),
    row("closed within the status line", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 20"), Act::Close]], Gets::Problem(502), 1),
    row("closed within the fields", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 200 OK\r\nContent-Le"), Act::Close]], Gets::Problem(502), 1),
    row("reset within the fields", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 200 OK\r\nContent-Le"), Act::Reset]], Gets::Problem(502), 1),
    row("closed after a 100", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 100 Continue\r\n\r\n"), Act::Close]], Gets::Problem(502), 1),
    row("closed within a length", "GET", &[&[Act::Head, Act::Say(LENGTH), Act::Close]], Gets::Part, 1),
    row("reset within a length", "GET", &[&[Act::Head, Act::Say(LENGTH), Act::Reset]], Gets::Part, 1),
    row("closed within chunks", "GET", &[&[Act::Head, Act::Say(CHUNKS), Act::Close]], Gets::Part, 1),
    row("reset within chunks", "GET", &[&[Act::Head, Act::Say(CHUNKS), Act::Reset]], Gets::Part, 1),
    row("no head in time", "GET", &[&[Act::Head, Act::Wait]], Gets::Problem(504), 1),
    row("no head in time after a write", "POST", &[&[Act::Head, Act::Body, Act::Wait]], Gets::Problem(504), 1),
    row("half a head and silence", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 200 OK\r\nX"), Act::Wait]], Gets::Problem(504), 1),
    row("a head that trickles in and never ends", "GET", &[&[Act::Head, Act::Trickle]], Gets::Problem(504), 1),
    row("a head that trickles in and never ends, after a write", "POST", &[&[Act::Head, Act::Body, Act::Trickle]], Gets::Problem(504), 1),
    row("a 102 and silence", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 102 Processing\r\n\r\n"), Act::Wait]], Gets::Problem(504), 1),
    row("silence within a length", "GET", &[&[Act::Head, Act::Say(LENGTH), Act::Wait]], Gets::Part, 1),
    row("silence within chunks", "GET", &[&[Act::Head, Act::Say(CHUNKS), Act::Wait]], Gets::Part, 1),
    row("silence before a close that would have ended it", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 200 OK\r\n\r\nok"), Act::Wait]], Gets::Part, 1),
    row("garbage", "GET", &[&[Act::Head, Act::Say("SSH-2.0-OpenSSH\r\n"), Act::Close]], Gets::Problem(502), 1),
    row("garbage before the request", "GET", &[&[Act::Say("220 mail.example ESMTP\r\n"), Act::Wait]], Gets::Problem(502), 0),
    // An answer that is whole is one, however its connection ends.
    row("a whole answer and a close", "GET", &[&[Act::Head, Act::Say(OK), Act::Close]], WHOLE, 1),
    row("a whole answer and a close that it told", "GET", &[&[Act::Head, Act::Say(CLOSING), Act::Close]], WHOLE, 1),
    row("a whole answer to a write and a close", "POST", &[&[Act::Head, Act::Body, Act::Say(CLOSING), Act::Close]], WHOLE, 1),
    row("a whole answer and half a close", "GET", &[&[Act::Head, Act::Say(OK), Act::HalfClose, Act::Wait]], WHOLE, 1),
    row("half a close that ends an answer", "GET", &[&[Act::Head, Act::Say("HTTP/1.1 200 OK\r\n\r\nok"), Act::HalfClose, Act::Wait]], WHOLE, 1),
    row("half a close instead of an answer", "GET", &[&[Act::Head, Act::HalfClose, Act::Wait]], Gets::Problem(502), 1),
    // An answer to an upload that nobody reads to its end.
    row("an early answer and a close", "UPLOAD", &[&[Act::Head, Act::Say(EARLY), Act::Close]], Gets::Whole(413, "early"), 1),
    row("an early answer that it goes on after", "UPLOAD", &[&[Act::Head, Act::Say(EARLY), Act::Body, Act::Wait]], Gets::Whole(413, "early"), 1),
    row("an early answer and a reset", "UPLOAD", &[&[Act::Head, Act::Say(EARLY), Act::Reset]], Gets::Whole(413, "early"), 1),
    row("a reset within an upload", "UPLOAD", &[&[Act::Head, Act::Reset]], Gets::Problem(502), 1),
    // A connection that was used before.
    row("used, then closed while it was idle", "GET", &[&[Act::Head, Act::Say(OK), Act::Close], GOOD], WHOLE, 1),
    row("used, then closed while it was idle: a write", "POST", &[&[Act::Head, Act::Say(OK), Act::Close], GOOD], WHOLE, 1),
    row("used, then reset while it was idle", "GET", &[&[Act::Head, Act::Say(OK), Act::Reset], GOOD], WHOLE, 1),
    row("used, then closed after the request", "GET", &[&[Act::Warm, Act::Head, Act::Close], GOOD], WHOLE, 2),
    row("used, then reset after the request", "GET", &[&[Act::Warm, Act::Head, Act::Reset], GOOD], WHOLE, 2),
    row("used, then closed after HEAD", "HEAD", &[&[Act::Warm, Act::Head, Act::Close], &[Act::Head, Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), Act::Again]], Gets::Whole(200, ""), 2),
    row("used, then closed after OPTIONS", "OPTIONS", &[&[Act::Warm, Act::Head, Act::Close], GOOD], WHOLE, 2),
    row("used, then closed after a write", "POST", &[&[Act::Warm, Act::Head, Act::Body, Act::Close], GOOD], Gets::Problem(502), 1),
    row("used, then reset after a write", "POST", &[&[Act::Warm, Act::Head, Act::Body, Act::Reset], GOOD], Gets::Problem(502), 1),
    row("used, then closed after a write without a body", "EMPTY", &[&[Act::Warm, Act::Head, Act::Close], GOOD], Gets::Problem(502), 1),
    row("used, then closed after DELETE", "DELETE", &[&[Act::Warm, Act::Head, Act::Close], GOOD], Gets::Problem(502), 1),
    row("used, then dead, and the next one too", "GET", &[&[Act::Warm, Act::Head, Act::Close], &[Act::Head, Act::Close], GOOD], Gets::Problem(502), 2),
    row("used, then dead, and the next one is garbage", "GET", &[&[Act::Warm, Act::Head, Act::Close], &[Act::Head, Act::Say("x\r\n\r\n"), Act::Close], GOOD], Gets::Problem(502), 2),
    row("used, then dead, and the next one is slow", "GET", &[&[Act::Warm, Act::Head, Act::Close], &[Act::Head, Act::Wait], GOOD], Gets::Problem(504), 2),
    row("used, then slow", "GET", &[&[Act::Warm, Act::Head, Act::Wait], GOOD], Gets::Problem(504), 1),
    row("used, then a head that trickles in and never ends", "GET", &[&[Act::Warm, Act::Head, Act::Trickle], GOOD], Gets::Problem(504), 1),
    row("used, then garbage", "GET", &[&[Act::Warm, Act::Head, Act::Say("x\r\n\r\n"), Act::Close], GOOD], Gets::Problem(502), 1),
    row("used, then cut short", "GET", &[&[Act::Warm, Act::Head, Act::Say(LENGTH), Act::Close], GOOD], Gets::Part, 1),
];
