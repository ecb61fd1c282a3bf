//! HTTP's small parts, without policy: problem documents, cookies, paths, who calls.

pub mod agent;
pub mod browser;
pub mod cookies;
pub mod counter;
pub mod deadline;
pub mod entity_tag;
pub mod forwarded;
pub mod head;
pub(crate) mod header_text;
pub mod large_reads;
pub mod path;
pub mod peer;
pub mod permits;
pub mod pipe;
pub mod problem;
pub mod readings;
pub mod spelling;
pub mod wire;

pub use head::{Fields, Head};
pub use peer::Peer;
pub use problem::{Code, Problem};

/// An answer that Sidegate writes itself.
pub type Answer = http::Response<http_body_util::Full<bytes::Bytes>>;
