//! The asking side: sends a command over whatever carries bytes, and reads what comes back.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Command;
use super::exchange::DONE;
use super::lines::{LineError, Lines};
use super::views::ErrorView;

/// Pieces of a long command that wait to be sent.
const AHEAD: usize = 4;
/// An answer that is one object is never longer, but for the rows of a file that are all bad.
const MAX_OBJECT: usize = 256 * 1024 * 1024;

/// A line to a gate, or to the database behind it.
pub struct Client {
    sender: SendRequest<Channel<Bytes, Infallible>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The command was not carried out; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The connection broke: what was asked for may have been done or not.
    #[error(
        "the gate hung up before it had answered: {0}\nhint: see its log, and what has become of the command"
    )]
    Broken(String),
    /// What came could not be written where it belongs.
    #[error("{0}")]
    Sink(#[from] io::Error),
}

impl From<hyper::Error> for ClientError {
    fn from(error: hyper::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<LineError> for ClientError {
    fn from(error: LineError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Client {
    /// Speaks over `io`. Has to be called on a runtime with a `LocalSet`.
    pub async fn over(io: impl AsyncRead + AsyncWrite + Unpin + 'static) -> Result<Self, ClientError> {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        tokio::task::spawn_local(async move {
            // What breaks it is told by the answer that doesn't come.
            let _ = connection.await;
        });
        Ok(Self { sender })
    }

    /// Asks for one object.
    pub async fn one<T: DeserializeOwned>(&mut self, command: &Command) -> Result<T, ClientError> {
        object(self.send(command, async |_| {}).await?).await
    }

    /// Asks for one object with rows that follow the command: `write` sends them.
    pub async fn one_with_rows<T: DeserializeOwned>(
        &mut self,
        command: &Command,
        write: impl AsyncFnOnce(&mut Rows),
    ) -> Result<T, ClientError> {
        object(self.send(command, write).await?).await
    }

    /// Asks for a list; `each` gets a line of it at a time.
    pub async fn list(
        &mut self,
        command: &Command,
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let mut lines = Lines::new(self.send(command, async |_| {}).await?);
        while let Some(line) = lines.next().await? {
            each(&line)?;
        }
        Ok(())
    }

    /// Asks for bytes; `each` gets some of them at a time, and how many there will be.
    pub async fn bytes(
        &mut self,
        command: &Command,
        mut each: impl FnMut(&[u8], u64) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let mut body = self.send(command, async |_| {}).await?;
        let total = body.size_hint().exact().unwrap_or(0);
        while let Some(frame) = body.frame().await.transpose()? {
            if let Ok(data) = frame.into_data() {
                each(&data, total)?;
            }
        }
        Ok(())
    }

    async fn send(
        &mut self,
        command: &Command,
        write: impl AsyncFnOnce(&mut Rows),
    ) -> Result<Incoming, ClientError> {
        let (sender, body) = Channel::new(AHEAD);
        let mut rows = Rows(sender);
        let mut line = serde_json::to_vec(command).map_err(io::Error::from)?;
        line.push(b'\n');
        let request = Request::post("/").body(body).map_err(io::Error::other)?;
        // Answered before all rows were sent: with a refusal, which says more than a broken pipe.
        let (response, ()) = tokio::join!(self.sender.send_request(request), async {
            if rows.send(line.into()).await {
                write(&mut rows).await;
            }
            drop(rows);
        });
        let response = response?;
        if response.status() == DONE {
            return Ok(response.into_body());
        }
        let status = response.status();
        let text = match object::<ErrorView>(response.into_body()).await {
            Ok(view) => view.error,
            Err(_) => format!("the gate answered {status} without a reason"),
        };
        Err(ClientError::Refused(text))
    }
}

/// Where the rows after a command are sent to.
pub struct Rows(Sender<Bytes, Infallible>);

impl Rows {
    /// Sends some whole lines. False: nobody takes them any more.
    pub async fn send(&mut self, lines: Bytes) -> bool {
        self.0.send_data(lines).await.is_ok()
    }
}

async fn object<T: DeserializeOwned>(body: Incoming) -> Result<T, ClientError> {
    let body = http_body_util::Limited::new(body, MAX_OBJECT);
    let bytes = body.collect().await.map_err(|error| ClientError::Broken(error.to_string()))?.to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|error| ClientError::Broken(format!("its answer makes no sense: {error}")))
}
