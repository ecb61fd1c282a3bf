//! HTTP/2 from clients: what a stream may do goes on as over HTTP/1.1, and what a connection may cost is bounded.

mod bounded;
mod endings;
mod frames;
mod own;
mod streams;
