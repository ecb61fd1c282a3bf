//! One test binary: each module states the rules of one room, most of them through the real server over a socket.

mod support;

mod auth_cross_site;
mod auth_endpoints;
mod auth_limits;
mod auth_pages;
mod cli;
mod config;
mod crash;
mod demo;
mod gate;
mod protocol;
mod proxying;
mod sessions;
mod shutdown;
mod store;
mod streaming;
