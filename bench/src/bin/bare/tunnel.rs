//! Forwards what becomes a tunnel: where the upstream agrees, bytes are copied both ways.

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::TokioIo;

use super::Forwarder;

/// Forwards a request, and connects both sides after a 101.
pub(super) async fn forward(
    client: Forwarder,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, legacy::Error> {
    let downstream = hyper::upgrade::on(&mut request);
    let mut response = client.request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let upstream = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            if let (Ok(downstream), Ok(upstream)) = (downstream.await, upstream.await) {
                // How a tunnel ends shows in the load generator's count.
                let (mut downstream, mut upstream) = (TokioIo::new(downstream), TokioIo::new(upstream));
                let _ = tokio::io::copy_bidirectional(&mut downstream, &mut upstream).await;
            }
        });
    }
    Ok(response)
}
