//! The same tests by TLS: what holds of streams does not depend on how their connection came to be one of HTTP/2.
#![expect(clippy::duplicate_mod, reason = "each is meant to be there twice, before another gate")]

use super::{
    connect, data, empty, full, gate_by_tls as gate, headers, heard, request, server, trailers, written,
};

#[path = "connections.rs"]
mod connections;
#[path = "endings.rs"]
mod endings;
#[path = "failing.rs"]
mod failing;
#[path = "grpc.rs"]
mod grpc;
#[path = "streaming.rs"]
mod streaming;
#[path = "uploads.rs"]
mod uploads;
