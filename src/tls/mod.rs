//! TLS, to both sides: the gate's own certificates (read again when their files change), and whom it trusts upstream
//! (likewise) and elsewhere.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

mod certificates;
mod files;
mod outward;
mod roots;
mod watch;

pub use certificates::{Certificates, H2, HTTP_1_1};
pub use files::{FileFault, Pair, Part, Why, is_open_to_all};
pub use outward::{
    Keys, Offer, Outward, OutwardError, certificate_fault, is_agreed_http2, no_common_protocol,
};
pub use roots::{RootsError, roots};

/// The one library that all of it is made with. Nothing is installed for the whole process: each configuration says
/// what it uses.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
