//! `GET /auth/healthz` and `GET /auth/jwks.json`

use super::{Auth, reply};
use crate::web::Answer;

impl Auth {
    /// The gate runs, or this would not be answered.
    pub(super) fn health() -> Answer {
        reply::json_text(r#"{"status":"ok"}"#)
    }

    /// The public keys of access tokens.
    pub(super) fn key_set(&self) -> Answer {
        reply::json_text(self.services.tokens.jwks().to_owned())
    }
}
