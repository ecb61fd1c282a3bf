//! What went wrong on the way to the upstream and back: whose side it was, and whether the one retry is safe.

use std::io;

use http::request::Parts;
use http::{Method, Request};

use super::body::RequestBody;
use super::vigil::Why;
use crate::metrics::UpstreamError;
use crate::tls::{self, Offer};
use crate::web::{Code, Problem};

/// A failed exchange. What the client is told is [`Fault::problem`]; the cause is for the log.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: Kind,
    cause: String,
    retry: Retry,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No connection could be made.
    Connect,
    /// Connecting took too long.
    ConnectTimeout,
    /// The upstream could not be spoken to by TLS.
    Tls,
    /// The upstream's certificate can't be believed.
    Certificate,
    /// The upstream does not agree to HTTP/1.1, and nothing else was offered.
    NoHttp1,
    /// The connection broke before the answer's head was there.
    BrokenOff,
    /// The answer is not HTTP, or not what was asked for.
    BadAnswer,
    /// The answer's head took too long.
    HeadTimeout,
    /// The client's own request broke off.
    ClientGone,
    /// The client's request can't be forwarded.
    Unforwardable,
    /// The client wants a tunnel, and the upstream speaks HTTP/2 alone.
    NoTunnel,
    /// The session was ended while it waited.
    SessionEnded,
}

/// Whose side failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The upstream's.
    Upstream,
    /// The client's.
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// Nothing of the request was sent: any request may be sent again.
    Unsent,
    /// The upstream says that it did nothing about it: what has no body may be sent again.
    Unprocessed,
    /// A pooled connection died: what may be repeated may be sent again.
    DeadConnection,
    No,
}

impl Fault {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, cause: String::new(), retry: Retry::No }
    }

    pub(super) fn because(kind: Kind, cause: &dyn std::fmt::Display) -> Self {
        Self { kind, cause: cause.to_string(), retry: Retry::No }
    }

    /// From the word of a TLS handshake that failed.
    pub(super) fn handshake(error: &io::Error, offer: Offer) -> Self {
        let keys = tls::Keys { issuer: "upstream.ca_file", name: "upstream.server_name" };
        match tls::certificate_fault(error, keys) {
            None if offer == Offer::Http1 && tls::no_common_protocol(error) => {
                Self::because(Kind::NoHttp1, error)
            }
            Some(why) => Self::because(Kind::Certificate, &why),
            // Else it is the socket's word, and the upstream has left.
            None if error.kind() == io::ErrorKind::InvalidData => Self::because(Kind::Tls, error),
            None => Self::because(Kind::Connect, error),
        }
    }

    /// Connecting took too long.
    pub(super) fn connect_timeout() -> Self {
        Self::because(Kind::ConnectTimeout, &"it took longer than `connect_timeout`")
    }

    /// An answer's head did.
    pub(super) fn head_timeout() -> Self {
        Self::because(
            Kind::HeadTimeout,
            &"no answer within `response_timeout`, or no more of an upload within `idle_timeout`",
        )
    }

    /// From the watch's word while an answer's head was awaited.
    pub(super) fn waiting(why: Why) -> Self {
        match why {
            Why::TooLong => Self::head_timeout(),
            Why::SessionEnded => Self::of(Kind::SessionEnded),
        }
    }

    /// From hyper's word on a request that it could not exchange.
    pub(super) fn sending(error: &hyper::Error, reused: bool, unsent: bool) -> Self {
        let kind = if error.is_user() {
            Kind::ClientGone
        } else if error.is_parse() {
            Kind::BadAnswer
        } else {
            Kind::BrokenOff
        };
        let retry = match (reused, unsent) {
            (true, true) => Retry::Unsent,
            (true, false) if kind == Kind::BrokenOff => Retry::DeadConnection,
            _ => Retry::No,
        };
        Self { kind, cause: chain(error), retry }
    }

    /// From the socket's word on a request for whose answer's head it did not live. `unsent`: not a byte was taken.
    pub(super) fn breaking(error: &io::Error, reused: bool, unsent: bool) -> Self {
        let retry = match (reused, unsent) {
            (true, true) => Retry::Unsent,
            (true, false) => Retry::DeadConnection,
            (false, _) => Retry::No,
        };
        Self { kind: Kind::BrokenOff, cause: error.to_string(), retry }
    }

    /// Whether the one retry is safe for a request without a body. `repeatable`: see [`is_safe`].
    pub(super) fn goes_again(&self, repeatable: bool) -> bool {
        match self.retry {
            Retry::Unsent => true,
            Retry::DeadConnection => repeatable,
            Retry::Unprocessed | Retry::No => false,
        }
    }

    /// A connection that closed before a stream was opened on it.
    pub(super) fn closing() -> Self {
        Self::because(Kind::BrokenOff, &"the connection is closing")
    }

    /// From h2's word on a stream that was opened and got no answer.
    pub(super) fn stream(error: &h2::Error, reused: bool) -> Self {
        let kind = if error.is_library() {
            Kind::BadAnswer
        } else if error.is_reset() && !error.is_remote() {
            // By the upload, whose client broke off.
            Kind::ClientGone
        } else {
            Kind::BrokenOff
        };
        // A GOAWAY ends those streams alone that came too late for it (RFC 9113 section 8.7).
        let turned_away = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let retry = if error.is_remote() && (turned_away || error.is_go_away()) {
            Retry::Unprocessed
        } else if reused && error.is_io() {
            Retry::DeadConnection
        } else {
            Retry::No
        };
        Self { kind, cause: chain(error), retry }
    }

    /// The one retry is decided here and nowhere else: what was never sent may go again, what has no body when the
    /// upstream says that it did nothing about it, and what is safe, too, when a pooled connection turned out to be dead
    /// (RFC 9110 section 9.2.2).
    pub(super) fn retry(
        &self,
        unsent: Option<Request<RequestBody>>,
        copy: Option<Parts>,
    ) -> Option<Request<RequestBody>> {
        match self.retry {
            Retry::Unsent => unsent,
            Retry::Unprocessed => copy.map(without_body),
            Retry::DeadConnection => copy.filter(|head| is_safe(&head.method)).map(without_body),
            Retry::No => None,
        }
    }

    /// What failed.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Why, for the log alone.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// Whose side failed.
    pub const fn side(&self) -> Side {
        match self.kind {
            Kind::ClientGone | Kind::Unforwardable | Kind::NoTunnel | Kind::SessionEnded => Side::Client,
            Kind::Connect
            | Kind::ConnectTimeout
            | Kind::Tls
            | Kind::Certificate
            | Kind::NoHttp1
            | Kind::BrokenOff
            | Kind::BadAnswer
            | Kind::HeadTimeout => Side::Upstream,
        }
    }

    /// As what it is counted, where the upstream is to blame.
    pub const fn counted(&self) -> Option<UpstreamError> {
        match self.kind {
            Kind::Connect => Some(UpstreamError::Connect),
            Kind::ConnectTimeout => Some(UpstreamError::ConnectTimeout),
            Kind::Tls | Kind::NoHttp1 => Some(UpstreamError::Tls),
            Kind::Certificate => Some(UpstreamError::Certificate),
            Kind::BrokenOff => Some(UpstreamError::BrokenOff),
            Kind::BadAnswer => Some(UpstreamError::BadAnswer),
            Kind::HeadTimeout => Some(UpstreamError::HeadTimeout),
            Kind::ClientGone | Kind::Unforwardable | Kind::NoTunnel | Kind::SessionEnded => None,
        }
    }

    /// What the client is told: never an address nor a library's words.
    pub fn problem(&self) -> Problem {
        match self.kind {
            Kind::Connect | Kind::Tls | Kind::Certificate => Problem::new(Code::BadGateway),
            Kind::NoHttp1 => Problem::new(Code::BadGateway).detail(
                "The upstream does not agree to HTTP/1.1, without which upgrades (WebSockets) are not forwarded.",
            ),
            Kind::BrokenOff => Problem::new(Code::BadGateway).detail("The upstream broke the connection."),
            Kind::BadAnswer => Problem::new(Code::BadGateway).detail("The upstream's answer makes no sense."),
            Kind::ConnectTimeout | Kind::HeadTimeout => Problem::new(Code::GatewayTimeout),
            Kind::ClientGone | Kind::Unforwardable => Problem::new(Code::Malformed),
            Kind::NoTunnel => Problem::new(Code::NotImplemented).detail(
                "The upstream is spoken to in HTTP/2, over which upgrades (WebSockets) are not forwarded.",
            ),
            Kind::SessionEnded => Problem::new(Code::InvalidToken),
        }
    }
}

/// Whether a method is safe (RFC 9110 section 9.2.1).
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn without_body(head: Parts) -> Request<RequestBody> {
    Request::from_parts(head, RequestBody::Empty)
}

/// An error with its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_was_refused_is_tried_for_once() {
        for kind in [Kind::Connect, Kind::ConnectTimeout, Kind::Tls, Kind::Certificate] {
            let fault = Fault::because(kind, &"refused");
            let (copy, ()) = Request::new(()).into_parts();
            assert!(!fault.goes_again(true), "{kind:?}");
            assert!(fault.retry(Some(Request::new(RequestBody::Empty)), Some(copy)).is_none(), "{kind:?}");
        }
    }
}
