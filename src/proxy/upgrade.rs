//! Upgrades: which may be asked for, and the tunnel that opens after the upstream's 101.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::body::UpstreamBody;
use super::vigil::Vigil;
use super::{hop, response};
use crate::gate::credential::Credentials;
use crate::web::counter::Counter;

/// Leaves in `Upgrade` what may be forwarded, and says whether anything is left. `h2c`, `HTTP/*` and `TLS/*`
/// never are: behind the tunnel, requests would pass that nobody judged (contract section 6).
pub(super) fn keep_offered(request: &mut Request<Incoming>) -> bool {
    if !request.headers().contains_key(UPGRADE) {
        return false;
    }
    let one_one = request.version() == Version::HTTP_11;
    let headers = request.headers_mut();
    let asked = one_one && hop::names(headers, &CONNECTION, "upgrade");
    let mut kept = Vec::new();
    for value in headers.get_all(UPGRADE) {
        let items = value.to_str().unwrap_or_default().split(',').map(str::trim);
        kept.extend(items.filter(|item| asked && may_tunnel(item)).map(str::to_owned));
    }
    headers.remove(UPGRADE);
    match HeaderValue::try_from(kept.join(", ")) {
        Ok(protocols) if !kept.is_empty() => {
            headers.insert(UPGRADE, protocols);
            true
        }
        _ => false,
    }
}

fn may_tunnel(protocol: &str) -> bool {
    let name = protocol.split('/').next().unwrap_or_default().to_ascii_lowercase();
    // A token (RFC 9110 section 7.8): what is quoted may be read without its quotes.
    let plain = protocol.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./+~".contains(&b));
    plain && !name.is_empty() && !["h2c", "h2", "http", "tls"].contains(&name.as_str())
}

/// Whether the upstream switches to a protocol that was offered (RFC 9110 section 7.8).
pub(super) fn is_offered(offered: &HeaderValue, answer: &HeaderMap) -> bool {
    let offered = offered.to_str().unwrap_or_default();
    answer
        .get(UPGRADE)
        .and_then(|chosen| chosen.to_str().ok())
        .is_some_and(|chosen| offered.split(',').any(|item| item.trim().eq_ignore_ascii_case(chosen.trim())))
}

/// The open tunnels of one worker.
#[derive(Clone, Default)]
pub struct Tunnels(Counter);

impl Tunnels {
    /// Waits until the last one has closed.
    pub async fn all_closed(&self) {
        self.0.all_closed().await;
    }

    /// Answers the client with the upstream's 101 and joins both sides when each has switched. Until then not a
    /// byte that the client sent after its head goes anywhere.
    pub(super) fn open(
        &self,
        client: OnUpgrade,
        mut switched: Response<Incoming>,
        vigil: Rc<Vigil>,
        credentials: &Credentials,
    ) -> Response<UpstreamBody> {
        let upstream = hyper::upgrade::on(&mut switched);
        let counted = self.0.count();
        tokio::task::spawn_local(async move {
            let _counted = counted;
            if let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) {
                join(client, upstream, &vigil).await;
            }
        });
        let (mut head, _) = switched.into_parts();
        let protocol = head.headers.get(UPGRADE).cloned();
        response::edit(&mut head.headers, credentials.cookie_names());
        head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Some(protocol) = protocol {
            head.headers.insert(UPGRADE, protocol);
        }
        Response::from_parts(head, UpstreamBody::none())
    }
}

/// Carries bytes both ways until both sides are done, nothing happens for too long, or the session ends.
async fn join(client: Upgraded, upstream: Upgraded, vigil: &Rc<Vigil>) {
    let mut client = Watched { io: TokioIo::new(client), vigil: Rc::clone(vigil) };
    let mut upstream = Watched { io: TokioIo::new(upstream), vigil: Rc::clone(vigil) };
    vigil.progress();
    tokio::select! {
        // How a tunnel ends is its two sides' own affair.
        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
        _ = std::future::poll_fn(|cx| vigil.poll(cx)) => {}
    }
}

/// One side of a tunnel: each byte read is a sign of life.
struct Watched {
    io: TokioIo<Upgraded>,
    vigil: Rc<Vigil>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if polled.is_ready() {
            self.vigil.progress();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
