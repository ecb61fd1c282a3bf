//! One test binary: each module states the rules of one room, most of them through the real server over a socket.

#![expect(clippy::unwrap_used, reason = "a test that meets what it did not expect has failed")]

mod support;

mod access_log;
mod administration;
mod auth_cross_site;
mod auth_endpoints;
mod auth_limits;
mod auth_pages;
mod bearers;
mod cli;
mod config;
mod confusion;
mod crash;
mod data_plane;
mod demo;
mod endings;
mod enumeration;
mod gate;
mod h2_upstream;
mod health;
mod hsts;
mod identity;
mod kept_limits;
mod keys;
mod known_device;
mod mail;
mod mailed;
mod metrics;
mod names;
mod openapi;
mod password_reset;
mod protocol;
mod proxy_protocol;
mod proxying;
mod renewal;
mod roles;
mod rule_hosts;
mod rules;
mod sessions;
mod shutdown;
mod store;
mod streaming;
mod tls;
mod token_suite;
mod unread_bodies;
mod upstreams;
mod verify;
mod weaknesses;
