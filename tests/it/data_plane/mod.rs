//! The data plane, held to the wire on both sides (contract section 6), whatever way a request takes through the gate.
//!
//! What the contract, RFC 9110 and RFC 9112 leave open is left open here: whether a `Date` is added, how chunks are cut,
//! in which order fields of different names come.

mod answers;
mod cut_short;
mod desync;
pub(crate) mod events;
mod failures;
mod heads;
mod http2;
mod identities;
mod idle_lines;
mod idle_tunnels;
pub(crate) mod leaving;
mod malformed;
mod narrow;
mod pieces;
mod pipelining;
#[cfg(target_os = "linux")]
mod pipes;
mod requests;
mod signatures;
mod slow;
pub(crate) mod stage;
mod stopping;
mod targets;
mod unread;
mod uploads;
mod ways;
mod websocket;
mod whole_heads;
