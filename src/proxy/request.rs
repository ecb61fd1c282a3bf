//! The client's request, as the upstream gets it: hop-by-hop headers and the gate's own tokens go, then it is
//! said where the request comes from and, last, who is asking.

use std::rc::Rc;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use super::fault::{Fault, Kind};
use super::fields;
use super::forwarded::{ForwardedHeaders, Told};
use super::hop;
use crate::config::settings::{self, HostHeader, Protocol, Settings, UpstreamTarget};
use crate::gate::credential::Credentials;
use crate::gate::identity::IdentityHeaders;
use crate::gate::{Pass, Way};
use crate::web::spelling::Names;
use crate::web::{Fields, Head, Peer, cookies};

/// The header that names a request in everybody's logs.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Part of an upgrade that is never forwarded (RFC 7540 section 3.2.1).
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// What a plain request loses, or is said anew, besides what is its connection's own and what only the gate may say. It names
/// nothing in `Connection`.
static LOST: [HeaderName; 6] = [CONNECTION, TRANSFER_ENCODING, EXPECT, COOKIE, X_REQUEST_ID, HTTP2_SETTINGS];

/// What follows a request's head.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Whether there is a body.
    pub body: bool,
    /// Whether a tunnel was asked for.
    pub upgrade: bool,
}

/// Edits requests' heads.
pub struct RequestEditor {
    claims: Rc<Claims>,
    credentials: Credentials,
    /// What a plain request loses whatever it is.
    lost: Names,
    host: Option<HeaderValue>,
    /// For requests that name none, as HTTP/1.0 allows: HTTP/1.1 does not.
    fallback_host: HeaderValue,
    /// What HTTP/2 says of the connection.
    scheme: Scheme,
}

impl RequestEditor {
    /// For requests to this upstream.
    pub fn new(settings: &Settings, upstream: &settings::Upstream) -> Self {
        let own = HeaderValue::try_from(authority_of(&upstream.target))
            .unwrap_or(HeaderValue::from_static("localhost"));
        let host = match upstream.host_header {
            HostHeader::Preserve => None,
            HostHeader::Upstream => Some(own.clone()),
        };
        Self {
            claims: Rc::new(Claims {
                identity: IdentityHeaders::new(&settings.identity),
                forwarded: ForwardedHeaders::new(settings.server.public_url.https),
            }),
            credentials: Credentials::new(settings),
            lost: Names::of(LOST.iter().chain(&hop::OWN).cloned()),
            host,
            fallback_host: own,
            scheme: match upstream.target.protocol() {
                Protocol::Https => Scheme::HTTPS,
                Protocol::Http1 | Protocol::Http2 => Scheme::HTTP,
            },
        }
    }

    /// Who may clean a request's trailers.
    pub(super) fn claims(&self) -> Rc<Claims> {
        Rc::clone(&self.claims)
    }

    /// Edits a head in place. The order is behaviour: identity comes last.
    pub fn edit(
        &self,
        head: &mut Parts,
        pass: &Pass,
        peer: &Peer,
        id: &HeaderValue,
        shape: Shape,
    ) -> Result<(), Fault> {
        self.target(head)?;
        strip(head, pass.way())?;
        let headers = &mut head.headers;
        connection(headers, shape);
        head.version = Version::HTTP_11;
        // The gate itself said `100 Continue` when it began to read the body.
        headers.remove(EXPECT);
        self.cut_credentials(headers, pass);
        let told = ForwardedHeaders::told(headers, peer);
        self.claims.forwarded.strip(headers);
        self.claims.identity.strip(headers);
        self.claims.say(told, pass, peer, id, |name, value| {
            headers.insert(name, value.clone());
        });
        Ok(())
    }

    /// Says what [`Self::edit`] left as HTTP/2 does: no header is one connection's own, and the authority is the target's (RFC
    /// 9113 sections 8.2.2 and 8.3.1).
    pub(super) fn in_http2(&self, head: &mut Parts) -> Result<(), Fault> {
        head.headers.remove(CONNECTION);
        head.headers.remove(TRANSFER_ENCODING);
        // HTTP/1.1 allows an empty one, HTTP/2 does not.
        let host = head.headers.remove(HOST).filter(|host| !host.is_empty());
        let authority = Authority::try_from(host.as_ref().unwrap_or(&self.fallback_host).as_bytes());
        let mut target = std::mem::take(&mut head.uri).into_parts();
        target.scheme = Some(self.scheme.clone());
        target.authority = Some(authority.map_err(|_| Fault::of(Kind::Unforwardable))?);
        head.uri = Uri::from_parts(target).map_err(|_| Fault::of(Kind::Unforwardable))?;
        head.version = Version::HTTP_2;
        Ok(())
    }

    /// Writes the fields of a plain request (see `direct`) as [`Self::edit`] would leave them, without changing what is
    /// there.
    pub fn write(&self, head: &impl Head, pass: &Pass, peer: &Peer, id: &HeaderValue, wire: &mut Vec<u8>) {
        let headers = head.fields();
        let is = |name: &[u8], other: HeaderName| name.eq_ignore_ascii_case(other.as_str().as_bytes());
        headers.each(|name, value| {
            let goes = self.lost.has(name)
                || self.claims.owns(name)
                || self.host.is_some() && is(name, HOST)
                || pass.hides_bearer() && is(name, AUTHORIZATION);
            if !goes {
                fields::write(name, value, wire);
            }
        });
        let mut set = |name: HeaderName, value: &[u8]| fields::write(name.as_str().as_bytes(), value, wire);
        if let Some(host) = &self.host {
            set(HOST, host.as_bytes());
        } else if !headers.has(HOST) {
            // In HTTP/2 it is the target that names it.
            let named = head.uri().authority().map(|authority| authority.as_str().as_bytes());
            set(HOST, named.unwrap_or(self.fallback_host.as_bytes()));
        }
        if let Some(kept) = cookies::kept(headers, self.credentials.cookie_names()) {
            set(COOKIE, &kept);
        }
        let told = ForwardedHeaders::told(headers, peer);
        self.claims.write(told, pass, peer, id, wire);
    }

    /// Puts the target in origin form (RFC 9112 section 3.2.1), byte for byte, and the authority into `Host`.
    fn target(&self, head: &mut Parts) -> Result<(), Fault> {
        let foreign =
            head.uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS);
        // `host:port` is for CONNECT alone (RFC 9112 section 3.2.3); it has no path that could have been judged.
        let authority_alone = head.uri.scheme().is_none() && head.uri.authority().is_some();
        if head.method == Method::CONNECT || foreign || authority_alone {
            return Err(Fault::of(Kind::Unforwardable));
        }
        if let Some(authority) = head.uri.authority() {
            if !head.headers.contains_key(HOST) {
                let host = HeaderValue::from_str(authority.as_str());
                head.headers.insert(HOST, host.map_err(|_| Fault::of(Kind::Unforwardable))?);
            }
            let path = head.uri.path_and_query().cloned();
            head.uri = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
        }
        // What is left of `http://host#fragment` says that it is `/` and is written as nothing, which is no target.
        if head.uri.path_and_query().is_none_or(|target| target.as_str() == "/") {
            head.uri = Uri::from_static("/");
        }
        if let Some(host) = &self.host {
            head.headers.insert(HOST, host.clone());
        } else if !head.headers.contains_key(HOST) {
            head.headers.insert(HOST, self.fallback_host.clone());
        }
        Ok(())
    }

    fn cut_credentials(&self, headers: &mut HeaderMap, pass: &Pass) {
        cookies::cut(headers, self.credentials.cookie_names());
        if pass.hides_bearer() {
            headers.remove(AUTHORIZATION);
        }
    }
}

/// Takes the rule's prefix from the target, which begins with it; the rest stays byte for byte.
fn strip(head: &mut Parts, way: Way) -> Result<(), Fault> {
    if way.stripped == 0 {
        return Ok(());
    }
    let (slash, rest) = way.target(&head.uri);
    let target = PathAndQuery::try_from(format!("{slash}{rest}"));
    head.uri = Uri::from(target.map_err(|_| Fault::of(Kind::Unforwardable))?);
    Ok(())
}

/// Replaces what belongs to the client's connection by what belongs to ours.
fn connection(headers: &mut HeaderMap, shape: Shape) {
    let trailers = hop::names(headers, &TE, "trailers");
    let protocol = if shape.upgrade { headers.get(UPGRADE).cloned() } else { None };
    hop::remove(headers);
    headers.remove(TRANSFER_ENCODING);
    headers.remove(HTTP2_SETTINGS);
    if shape.body && !headers.contains_key(CONTENT_LENGTH) {
        // Said in so many words, or hyper would leave out the body of a GET.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(protocol) = protocol {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, protocol);
    } else if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("TE"));
    }
}

/// What only the gate may say of a request.
pub(super) struct Claims {
    identity: IdentityHeaders,
    forwarded: ForwardedHeaders,
}

impl Claims {
    /// Whether a field is one in which only the gate speaks.
    fn owns(&self, name: &[u8]) -> bool {
        self.identity.owns(name) || self.forwarded.owns(name)
    }

    /// Says it all. Identity comes last.
    fn say(
        &self,
        told: Told,
        pass: &Pass,
        peer: &Peer,
        id: &HeaderValue,
        mut set: impl FnMut(&HeaderName, &HeaderValue),
    ) {
        self.forwarded.say(told, peer, &mut set);
        self.sign(pass, id, set);
    }

    /// Writes it all.
    fn write(&self, told: Told, pass: &Pass, peer: &Peer, id: &HeaderValue, wire: &mut Vec<u8>) {
        self.forwarded.write(told, peer, wire);
        self.sign(pass, id, |name, value| fields::write(name.as_str().as_bytes(), value.as_bytes(), wire));
    }

    fn sign(&self, pass: &Pass, id: &HeaderValue, mut set: impl FnMut(&HeaderName, &HeaderValue)) {
        set(&X_REQUEST_ID, id);
        self.identity.say(pass, set);
    }
}

/// Takes out of a request's trailers what only a head may say, and what only the gate may.
pub(super) fn clean_trailers(trailers: &mut HeaderMap, claims: &Claims) {
    claims.identity.strip(trailers);
    claims.forwarded.strip(trailers);
    hop::remove(trailers);
    for name in [COOKIE, AUTHORIZATION, HOST, TRAILER, EXPECT, TRANSFER_ENCODING, CONTENT_LENGTH] {
        trailers.remove(name);
    }
}

fn authority_of(target: &UpstreamTarget) -> String {
    match target {
        UpstreamTarget::Http { protocol, host, port } => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            if *port == protocol.port() { host } else { format!("{host}:{port}") }
        }
        UpstreamTarget::Unix(_) => "localhost".to_owned(),
    }
}
