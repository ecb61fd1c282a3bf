//! A body read line by line as it comes, never more of it in memory than one line and what came with it.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// The longest line: a user's record with some room.
const MAX_LINE: usize = 1024 * 1024;

/// The lines of a body.
pub struct Lines {
    body: Incoming,
    buffer: BytesMut,
    /// How much of the buffer holds no line's end.
    searched: usize,
    ended: bool,
}

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The connection broke, or the other side gave up.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// A line has no end.
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
}

impl Lines {
    /// Of this body.
    pub fn new(body: Incoming) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0, ended: false }
    }

    /// The next line without its end; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LineError> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                let mut line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                return Ok(Some(line.freeze()));
            }
            self.searched = self.buffer.len();
            if self.ended {
                self.searched = 0;
                return Ok((!self.buffer.is_empty()).then(|| self.buffer.split().freeze()));
            }
            if self.searched > MAX_LINE {
                return Err(LineError::TooLong);
            }
            match self.body.frame().await.transpose()? {
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None => self.ended = true,
            }
        }
    }
}
