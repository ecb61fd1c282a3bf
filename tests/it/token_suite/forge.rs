//! Signs whatever a test makes up with a gate's real keys, taken from its database.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use crate::support::Gate;

/// A holder of one of the gate's keys who keeps to none of its rules.
pub(super) struct Forge {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl Forge {
    /// With the key that signs the gate's access tokens.
    pub(super) fn of_access_tokens(gate: &Gate) -> Self {
        let keys = Gate::wait(gate.services().store.signing_keys()).unwrap();
        let key = keys.last().unwrap();
        let pkcs8 = key.private.reveal();
        let (key, algorithm) = match key.algorithm.as_str() {
            "EdDSA" => (EncodingKey::from_ed_der(pkcs8), Algorithm::EdDSA),
            "ES256" => (EncodingKey::from_ec_der(pkcs8), Algorithm::ES256),
            "RS256" => {
                let body = STANDARD.encode(pkcs8);
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
                (EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), Algorithm::RS256)
            }
            other => panic!("{other}"),
        };
        Self { key, algorithm }
    }

    /// With the key of the gate's refresh tokens.
    pub(super) fn of_refresh_tokens(gate: &Gate) -> Self {
        let origin = Gate::wait(gate.services().store.origin()).unwrap();
        Self::of_secret(origin.refresh_key.reveal())
    }

    /// With a secret.
    pub(super) fn of_secret(secret: &[u8]) -> Self {
        Self { key: EncodingKey::from_secret(secret), algorithm: Algorithm::HS256 }
    }

    /// A token of these texts.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

/// A token's header or claims.
pub(super) fn part(token: &str, index: usize) -> Value {
    let encoded = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// A token's signature.
pub(super) fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap()
}

/// The token with another signature.
pub(super) fn with_signature(token: &str, signature: &[u8]) -> String {
    format!("{}.{}", token.rsplit_once('.').unwrap().0, URL_SAFE_NO_PAD.encode(signature))
}
