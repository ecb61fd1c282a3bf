//! Which host a request is for.

use std::cell::RefCell;

use http::header::HOST;
use http::uri::Authority;
use http::{Method, Version};

use crate::types::is_plain;
use crate::web::{Fields, Head};

/// Longer ones than any name in the DNS are not remembered: they would only fill memory.
const LONGEST: usize = 260;

/// A request whose target names no single host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AmbiguousHost;

/// Reads hosts for one worker. Nearly all of its requests ask for the same one, to the letter, which is read once.
#[derive(Default)]
pub(super) struct Hosts {
    last: RefCell<Option<Authority>>,
}

impl Hosts {
    /// The one authority that a request is for: `Host`, or HTTP/2's `:authority`, or an absolute target's. Where two of
    /// them are there, they have to agree (RFC 9112 section 3.2.2, RFC 9113 section 8.3.1).
    pub(super) fn asked_for(&self, head: &impl Head) -> Result<Option<Authority>, AmbiguousHost> {
        let mut hosts = head.fields().all(HOST);
        let header = match (hosts.next(), hosts.next()) {
            (None, _) => None,
            // HTTP/1.1 allows an empty Host where the target has no authority; it names nobody. Beside one it would be what the
            // upstream gets.
            (Some(value), None) if value.is_empty() && head.uri().authority().is_none() => None,
            (Some(value), None) => Some(self.read(value)?),
            (Some(_), Some(_)) => return Err(AmbiguousHost),
        };
        let target = head.uri().authority().filter(|_| *head.method() != Method::CONNECT);
        match (header, target) {
            (Some(header), Some(target)) if header != *target => Err(AmbiguousHost),
            (None, Some(target)) => plain(target.clone()).map(Some),
            (None, None) if head.version() == Version::HTTP_2 => Err(AmbiguousHost),
            (header, _) => Ok(header),
        }
    }

    /// A plain one.
    fn read(&self, value: &[u8]) -> Result<Authority, AmbiguousHost> {
        let mut last = self.last.borrow_mut();
        if let Some(last) = last.as_ref().filter(|last| last.as_str().as_bytes() == value) {
            return Ok(last.clone());
        }
        let host = plain(Authority::try_from(value).map_err(|_| AmbiguousHost)?)?;
        if value.len() <= LONGEST {
            *last = Some(host.clone());
        }
        Ok(host)
    }
}

fn plain(authority: Authority) -> Result<Authority, AmbiguousHost> {
    if is_plain(&authority) { Ok(authority) } else { Err(AmbiguousHost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_read_for_itself_whatever_was_asked_for_before() {
        let hosts = Hosts::default();
        for (named, host) in [
            ("a.example:80", Ok("a.example:80")),
            ("a.example:80", Ok("a.example:80")),
            ("A.example:80", Ok("A.example:80")),
            ("a.example", Ok("a.example")),
            ("me@a.example", Err(AmbiguousHost)),
            ("a.example,b.example", Err(AmbiguousHost)),
            ("a.example", Ok("a.example")),
        ] {
            let (head, ()) = http::Request::builder().header(HOST, named).body(()).unwrap().into_parts();
            let asked_for = hosts.asked_for(&head).map(|host| host.map(|host| host.to_string()));
            assert_eq!(asked_for, host.map(|host| Some(host.to_owned())), "{named}");
        }
        let (nobody, ()) = http::Request::new(()).into_parts();
        assert_eq!(hosts.asked_for(&nobody), Ok(None));
    }
}
