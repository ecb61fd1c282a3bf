//! A client that writes HTTP/2 frame by frame, also those that no library would send.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Gate, PATIENCE};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A frame that came in.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A connection.
pub(super) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A frame's bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header block, each field a literal without indexing (RFC 7541 section 6.2.2).
pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            integer(text.len(), &mut bytes);
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// RFC 7541 section 5.1, with a prefix of seven bits.
fn integer(value: usize, bytes: &mut Vec<u8>) {
    if value < 127 {
        bytes.push(u8::try_from(value).unwrap());
        return;
    }
    bytes.push(127);
    let mut rest = value - 127;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
}

impl Client {
    /// Begins a connection with these settings.
    pub(super) fn begin(gate: &Gate, settings: &[u8]) -> Self {
        let stream = TcpStream::connect(gate.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut client = Self { stream, buffer: Vec::new() };
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.write(&frame(SETTINGS, 0, 0, settings));
        client.write(&frame(SETTINGS, 1, 0, &[]));
        client
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends `bytes` again and again until the gate takes no more; gives how many it took. `most`: then it took too many.
    pub(super) fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        let mut total = 0;
        while total < most {
            match self.stream.write(bytes) {
                // A part of a frame is a frame gone wrong; only whole ones are a flood.
                Ok(count) if count == bytes.len() => total += count,
                Ok(count) => {
                    total += count;
                    break;
                }
                Err(_) => break,
            }
        }
        total
    }

    /// The fields of a GET for this path, with this cookie.
    pub(super) fn get(gate: &Gate, path: &str, cookie: &str) -> Vec<u8> {
        let authority = gate.address.to_string();
        block(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", path),
            (":authority", &authority),
            ("cookie", cookie),
        ])
    }

    /// The next frame; `None`: the connection has ended.
    pub(super) fn next(&mut self) -> Option<Frame> {
        loop {
            if self.buffer.len() >= 9 {
                let length = u32::from_be_bytes([0, self.buffer[0], self.buffer[1], self.buffer[2]]) as usize;
                if self.buffer.len() >= 9 + length {
                    let bytes: Vec<u8> = self.buffer.drain(..9 + length).collect();
                    let stream = u32::from_be_bytes(bytes[5..9].try_into().unwrap());
                    return Some(Frame {
                        kind: bytes[3],
                        flags: bytes[4],
                        stream,
                        payload: bytes[9..].to_vec(),
                    });
                }
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(got @ 1..) => self.buffer.extend_from_slice(&bytes[..got]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing comes any more"),
                _ => return None,
            }
        }
    }

    /// Reads frames until one is of this kind and stream.
    pub(super) fn wait_for(&mut self, kind: u8, stream: u32) -> Frame {
        let start = Instant::now();
        while let Some(frame) = self.next() {
            if frame.kind == kind && frame.stream == stream {
                return frame;
            }
            assert!(start.elapsed() < PATIENCE);
        }
        panic!("the connection ended before a frame of kind {kind}");
    }

    /// Reads until the gate has closed; gives the reason that its GOAWAY told, if it told one.
    pub(super) fn end(&mut self) -> Option<u32> {
        let mut reason = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY {
                reason = Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()));
            }
        }
        reason
    }

    /// Whether the connection still serves: a PING is answered.
    pub(super) fn assert_alive(&mut self) {
        self.write(&frame(PING, 0, 0, b"are you?"));
        while self.wait_for(PING, 0).payload != b"are you?" {}
    }
}
