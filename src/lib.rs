//! Sidegate: an auth reverse-proxy sidecar. The map of its rooms and floors is ARCHITECTURE.md.
//!
//! A file imports from its own folder and from lower floors only:
//!
//! ```text
//! 8 main → cli → demo   7 app   6 server   5 auth | proxy | admin   4 gate
//! 3 accounts → sessions → tokens   2 store | hashing | limits | audit | log | mail | metrics   1 web → config   0 types | tls
//! ```

pub mod accounts;
pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod demo;
pub mod gate;
pub mod hashing;
pub mod limits;
pub mod log;
pub mod mail;
pub mod metrics;
pub mod proxy;
pub mod server;
pub mod sessions;
pub mod store;
pub mod tls;
pub mod tokens;
pub mod types;
pub mod web;
