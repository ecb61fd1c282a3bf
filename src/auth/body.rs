//! A request's body, read whole: neither more nor slower than the settings allow.

use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;
use zeroize::Zeroizing;

use crate::web::{Code, Problem};

/// Reads a body of at most `limit` bytes. One that says that it is longer is refused before any of it is read.
pub(super) async fn read<B>(body: B, limit: usize, within: Duration) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(Code::BodyTooLarge.into());
    }
    // An empty body often comes without a wait, and then needs no timer.
    if body.is_end_stream() {
        return Ok(Zeroizing::default());
    }
    match tokio::time::timeout(within, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Code::RequestTimeout.into()),
    }
}

async fn collect<B>(body: B, limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    let mut body = pin!(body);
    // Room for all of it from the start: growing would leave copies of a password behind.
    let mut read = Zeroizing::new(Vec::with_capacity(limit.min(8 * 1024)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            tracing::debug!(%error, "a request body broke off");
            Problem::new(Code::Malformed).detail("The request body broke off.")
        })?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - read.len() {
            return Err(Code::BodyTooLarge.into());
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}
