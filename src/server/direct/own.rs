//! Sidegate's own answers on the direct way, as bytes.

use std::cell::RefCell;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use http::header::{CONNECTION, CONTENT_LENGTH};
use http_body_util::BodyExt as _;

use crate::proxy::hop;
use crate::types::Clock;
use crate::web::Answer;

/// Ends a conversation.
pub(super) const CLOSE: &[u8] = b"connection: close\r\n";

/// Writes an answer; `fields`: more lines for its head. Gives how long its body is, and whether it ends the conversation.
pub(super) async fn write(answer: Answer, is_head: bool, fields: &[u8], out: &mut Vec<u8>) -> (u64, bool) {
    let (head, body) = answer.into_parts();
    let body = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(never) => match never {},
    };
    let status = head.status;
    // A Vec takes everything.
    let _ = write!(out, "HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    for (name, value) in &head.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !head.headers.contains_key(CONTENT_LENGTH) {
        let _ = write!(out, "content-length: {}\r\n", body.len());
    }
    out.extend_from_slice(fields);
    out.extend_from_slice(b"\r\n");
    if !is_head {
        out.extend_from_slice(&body);
    }
    let closes = hop::names(&head.headers, &CONNECTION, "close");
    (if is_head { 0 } else { body.len() as u64 }, closes)
}

/// The line that says when an answer was made (RFC 9110 section 6.6.1), written anew each second. One worker's.
pub(in crate::server) struct Dates {
    clock: Clock,
    line: RefCell<(u64, String)>,
}

impl Dates {
    pub(in crate::server) const fn new(clock: Clock) -> Self {
        Self { clock, line: RefCell::new((0, String::new())) }
    }

    /// Adds the line to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let now = self.clock.now().secs();
        let (of, line) = &mut *self.line.borrow_mut();
        if *of != now || line.is_empty() {
            *of = now;
            let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
            *line = format!("date: {date}\r\n");
        }
        out.extend_from_slice(line.as_bytes());
    }
}
