//! A front proxy's sub-request (`/auth/verify`): the request that it asks about takes its place, so that `Gate::decide` judges
//! that one as if it had come by itself (contract section 4).
//!
//! Only a trusted proxy's word counts, and only an unambiguous one: it has passed on what its client sent, and a client may
//! send the same headers.

use std::borrow::Cow;

use http::header::UPGRADE;
use http::request::Parts;
use http::uri::{self, Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use http_body_util::Full;

use super::Pass;
use super::identity::IdentityHeaders;
use super::rules::NO_METHOD;
use crate::config::settings::{Settings, VerifySource};
use crate::types::is_plain;
use crate::web::forwarded::X_FORWARDED_HOST;
use crate::web::path::{self, Owner};
use crate::web::{Answer, Peer};

/// The path of sub-requests.
pub const PATH: &str = "/auth/verify";

const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");

/// Why nobody can say what a sub-request asks about. The texts are for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Its sender is nobody's proxy that we know of.
    #[error("its sender is not trusted")]
    Untrusted,
    /// The header that has to tell the path is not there.
    #[error(
        "{0} is missing; let the front proxy set it, or set `verify.source` to the kind of headers that it sends"
    )]
    NoPath(&'static str),
    /// Two headers say different things.
    #[error("its headers tell two different {0}s; let the front proxy set or remove all of them")]
    Disagree(&'static str),
    /// A header can't be read.
    #[error("its headers tell a {0} that can't be read")]
    Unreadable(&'static str),
    /// It is one of the gate's own paths.
    #[error("it asks about a path below /auth/; let the front proxy send those to Sidegate without asking")]
    Own,
}

/// Reads sub-requests, and answers those whose request may pass.
#[derive(Clone, Debug)]
pub struct Subrequests {
    source: VerifySource,
    /// Each identity header that the settings name.
    names: Box<[HeaderName]>,
    identity: IdentityHeaders,
}

impl Subrequests {
    /// As the settings have it.
    pub fn new(settings: &Settings) -> Self {
        let identity = &settings.identity;
        let optional = [&identity.email, &identity.username, &identity.roles, &identity.token];
        let names = optional.into_iter().flatten().chain([&identity.user_id]).cloned().collect();
        Self { source: settings.verify.source, names, identity: IdentityHeaders::new(identity) }
    }

    /// Which headers tell the original request.
    pub const fn source(&self) -> VerifySource {
        self.source
    }

    /// Puts method and target of the original request in the place of the sub-request's; all other headers are the
    /// original's anyway. Gives the original's peer, which has the host that the original asked for.
    pub fn original(&self, head: &mut Parts, peer: &Peer) -> Result<Peer, Misfit> {
        if !peer.trusted {
            return Err(Misfit::Untrusted);
        }
        let told = Told::read(&head.headers)?;
        let [forwarded, original] = told.methods;
        let (method, other, target, needed) = match self.source {
            VerifySource::Forwarded => (forwarded, original, told.forwarded, "X-Forwarded-Uri"),
            VerifySource::Original => (original, forwarded, told.original, "X-Original-URL"),
        };
        let target = target.ok_or(Misfit::NoPath(needed))?;
        if method.is_none() && other.is_some() {
            return Err(Misfit::Disagree("method"));
        }
        if path::owner(target.path_and_query.path()) != Owner::Upstream {
            return Err(Misfit::Own);
        }
        let host = target.host.or(told.host).or_else(|| peer.host.clone());
        let method = Method::from_bytes(method.map_or(NO_METHOD.as_bytes(), HeaderValue::as_bytes));
        head.method = method.map_err(|_| Misfit::Unreadable("method"))?;
        head.uri = Uri::from(target.path_and_query);
        if opens_a_tunnel(&head.headers) {
            head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        Ok(Peer { host, ..peer.clone() })
    }

    /// The answer where the original may pass: who asks, in every identity header. One that has nothing to tell is there
    /// all the same, so that a proxy which copies it overwrites what its client claims.
    pub fn admitted(&self, pass: &Pass) -> Answer {
        let mut answer = Response::new(Full::default());
        let headers = answer.headers_mut();
        for name in &self.names {
            headers.insert(name.clone(), HeaderValue::from_static(""));
        }
        self.identity.say(pass, |name, value| {
            headers.insert(name.clone(), value.clone());
        });
        answer
    }
}

/// All that is told of an original request, of both kinds, where it agrees.
struct Told<'a> {
    /// `X-Forwarded-Method`, `X-Original-Method`.
    methods: [Option<&'a HeaderValue>; 2],
    /// `X-Forwarded-Uri`.
    forwarded: Option<Target>,
    /// `X-Original-URL`.
    original: Option<Target>,
    /// `X-Forwarded-Host`.
    host: Option<Authority>,
}

/// What was asked for: a path, and the host where it was written in front.
struct Target {
    host: Option<Authority>,
    path_and_query: PathAndQuery,
}

impl<'a> Told<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Misfit> {
        let methods =
            [single(headers, &X_FORWARDED_METHOD, "method")?, single(headers, &X_ORIGINAL_METHOD, "method")?];
        let target = |name| single(headers, name, "path")?.map(Target::read).transpose();
        let host = single(headers, &X_FORWARDED_HOST, "host")?.map(nearest_host).transpose()?;
        let (forwarded, original) = (target(&X_FORWARDED_URI)?, target(&X_ORIGINAL_URL)?);

        if let [Some(one), Some(other)] = methods
            && one != other
        {
            return Err(Misfit::Disagree("method"));
        }
        if let (Some(one), Some(other)) = (&forwarded, &original)
            && one.path_and_query.as_str() != other.path_and_query.as_str()
        {
            return Err(Misfit::Disagree("path"));
        }
        let in_front = |target: &'_ Option<Target>| target.as_ref().and_then(|target| target.host.clone());
        let hosts = [host.clone(), in_front(&forwarded), in_front(&original)];
        let mut hosts = hosts.iter().flatten();
        if let Some(first) = hosts.next()
            && !hosts.all(|other| is_same_host(first, other))
        {
            return Err(Misfit::Disagree("host"));
        }
        Ok(Self { methods, forwarded, original, host })
    }
}

impl Target {
    /// `/path?query` or `https://host/path?query`.
    fn read(value: &HeaderValue) -> Result<Self, Misfit> {
        let whole = without_fragment(value.as_bytes());
        if whole.starts_with(b"/") {
            let path = PathAndQuery::try_from(&*whole).map_err(|_| Misfit::Unreadable("path"))?;
            return Ok(Self { host: None, path_and_query: path });
        }
        let uri = Uri::try_from(&*whole).map_err(|_| Misfit::Unreadable("path"))?;
        // The proxy has put the host in front of the path, and it may end in a `?` that its client sent: that is not where
        // the path ended.
        let behind = memchr::memmem::find(&whole, b"://").map_or(&[][..], |at| &whole[at + 3..]);
        if behind.iter().find(|byte| b"/?#\\".contains(byte)).is_some_and(|end| *end != b'/') {
            return Err(Misfit::Unreadable("path"));
        }
        let uri::Parts { scheme: Some(_), authority: Some(host), path_and_query: Some(path), .. } =
            uri.into_parts()
        else {
            return Err(Misfit::Unreadable("path"));
        };
        Ok(Self { host: Some(plain(host)?), path_and_query: path })
    }
}

/// A fragment is cut, as everywhere before judging. But here nobody sees to it that the front proxy forwards none: one that
/// might move the path of a backend which does not cut it is judged as an escaped one is, in both readings.
fn without_fragment(target: &[u8]) -> Cow<'_, [u8]> {
    let Some(at) = memchr::memchr(b'#', target) else { return Cow::Borrowed(target) };
    let (path, fragment) = target.split_at(at);
    if fragment.iter().any(|byte| b"/\\%.;".contains(byte)) {
        Cow::Owned(target.split(|byte| *byte == b'#').collect::<Vec<_>>().join(&b"%23"[..]))
    } else {
        Cow::Borrowed(path)
    }
}

/// The one value of a header; told twice it has to be the same.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    what: &'static str,
) -> Result<Option<&'a HeaderValue>, Misfit> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.any(|other| Some(other) != first) { Err(Misfit::Disagree(what)) } else { Ok(first) }
}

/// The last of a list, which the proxy itself has said.
fn nearest_host(value: &HeaderValue) -> Result<Authority, Misfit> {
    let last = value.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
    plain(Authority::try_from(last).map_err(|_| Misfit::Unreadable("host"))?)
}

fn plain(host: Authority) -> Result<Authority, Misfit> {
    if is_plain(&host) { Ok(host) } else { Err(Misfit::Unreadable("host")) }
}

/// Hosts compare without case, port and trailing dot.
fn is_same_host(one: &Authority, other: &Authority) -> bool {
    let bare = |host: &'_ Authority| host.host().trim_end_matches('.').len();
    one.host()[..bare(one)].eq_ignore_ascii_case(&other.host()[..bare(other)])
}

/// Whether the original asks for a WebSocket. `Upgrade` itself is a field of one connection (RFC 9110 section 7.6.1), so that
/// proxies leave it out of a sub-request, and HTTP/2 has none.
fn opens_a_tunnel(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        || headers.contains_key("sec-websocket-key")
        || headers.contains_key("sec-websocket-version")
        || headers.get("sec-fetch-mode").is_some_and(|mode| mode == "websocket")
}

#[cfg(test)]
mod tests;
