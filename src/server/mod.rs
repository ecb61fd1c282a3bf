//! Clients' connections, and the road of a request: `/auth/*` to its handlers, the rest through the gate.

mod answers;
mod body;
mod client;
mod complaints;
mod connection;
mod cors;
mod direct;
mod dispatch;
mod door;
mod forwarded;
mod frames;
mod held_back;
mod host;
mod hsts;
pub mod listen;
pub mod observe;
mod pace;
mod peer;
mod proxy_protocol;
mod sieve;
mod stream;
mod tls;
mod vital;
mod worker;

pub use worker::{Crew, Shared};
