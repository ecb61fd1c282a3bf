//! The token suite: what is no token of this gate's opens nothing, byte by byte, through the real cookie path.

mod claims;
mod forge;
mod malleable;
mod mutations;
mod vectors;

use crate::support::{Answer, Gate, Raw};

/// A browser's connection that is kept: thousands of tokens go through one.
struct Line<'a> {
    gate: &'a Gate,
    connection: Raw,
}

impl<'a> Line<'a> {
    fn to(gate: &'a Gate) -> Self {
        Self { gate, connection: gate.connect() }
    }

    /// Asks with this `Cookie` header, as it is.
    fn ask(&mut self, method: &str, path: &str, cookie: &[u8]) -> Answer {
        let host = self.gate.address;
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nCookie: ");
        if method == "GET" {
            request = request.replace("Content-Length: 0\r\n", "");
        }
        self.connection.write([request.as_bytes(), cookie, b"\r\n\r\n"].concat());
        self.connection.answer()
    }

    /// Asks the upstream's `/` with this access token.
    fn access(&mut self, token: &str) -> Answer {
        self.ask("GET", "/", format!("access_token={token}").as_bytes())
    }

    /// Asks for a new pair with this refresh token.
    fn refresh(&mut self, token: &str) -> Answer {
        self.ask("POST", "/auth/refresh", format!("refresh_token={token}").as_bytes())
    }

    /// Both ways of using something that is no token of ours: neither opens anything, and neither is a fault of the gate's.
    fn is_refused_everywhere(&mut self, token: &str, what: &str) {
        for answer in [self.access(token), self.refresh(token)] {
            assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"), "{what}: {token}");
        }
        // What can't be renewed by is not renewed by in passing either.
        let answer = self.ask("GET", "/", format!("refresh_token={token}").as_bytes());
        assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid token"), "{what}: {token}");
        assert!(answer.all("set-cookie").is_empty(), "{what}");
    }
}
