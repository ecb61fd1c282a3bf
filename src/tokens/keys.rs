//! The keys that sign and verify: made, named (RFC 7638), read from the store, and their public halves published.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use aws_lc_rs::{digest, error::Unspecified, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey};

use super::TokensError;
use super::claims::HeaderOut;
use crate::config::settings::Algorithm;
use crate::store::SigningKey;
use crate::types::{Secret, Timestamp};

/// A new key for `algorithm`, in PKCS#8; its `kid` is the thumbprint of its public half. HS256 has none:
/// its key is the operator's secret.
pub fn generate(algorithm: Algorithm, now: Timestamp) -> Result<SigningKey, TokensError> {
    let pkcs8 = match algorithm {
        // Version 1 of PKCS#8: jsonwebtoken knows an Ed25519 key by its 48 bytes.
        Algorithm::EdDsa => {
            Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map(|doc| doc.as_ref().to_vec())
        }
        Algorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map(|doc| doc.as_ref().to_vec())
        }
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).and_then(|pair| {
            let der: Pkcs8V1Der<'_> = pair.as_der()?;
            Ok(der.as_ref().to_vec())
        }),
        Algorithm::Hs256 => Err(Unspecified),
    };
    let private = Secret::new(pkcs8.map_err(|_| TokensError::Crypto("make a signing key"))?);
    let kid = public_half(algorithm, &private)
        .and_then(|jwk| jwk.thumbprint(ThumbprintHash::SHA256))
        .map_err(|_| TokensError::Crypto("name a signing key"))?;
    Ok(SigningKey { kid, algorithm: algorithm.name().to_owned(), private, created: now, retired: None })
}

/// The public keys as they are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    /// The JWK set (RFC 7517 section 5).
    pub json: String,
    /// Its strong entity tag, quotes included (RFC 9110 section 8.8.3): another set has another one, on every node.
    pub etag: String,
}

impl KeySet {
    fn new(keys: &JwkSet) -> Result<Self, TokensError> {
        let json = serde_json::to_string(keys).map_err(|_| TokensError::Crypto("write the key set"))?;
        let hash = digest::digest(&digest::SHA256, json.as_bytes());
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
        Ok(Self { json, etag })
    }
}

/// The keys of one kind of token: one signs, all verify, and all are of one algorithm, so that no token can
/// choose how it is verified (RFC 8725 section 3.1).
pub(super) struct Keys {
    algorithm: jsonwebtoken::Algorithm,
    /// The algorithm's name as it has to stand in `alg`.
    name: &'static str,
    typ: &'static str,
    signing: EncodingKey,
    /// The name of the key that signs.
    kid: String,
    /// The header of each token that is signed here, encoded.
    header: String,
    accepted: Vec<(String, DecodingKey)>,
    jwks: Arc<KeySet>,
}

impl Keys {
    /// HS256 under one secret, which is never published.
    pub(super) fn symmetric(secret: &[u8], typ: &'static str) -> Result<Self, TokensError> {
        if secret.len() < 32 {
            return Err(TokensError::WeakSecret);
        }
        let kid = secret_kid(secret);
        let accepted = vec![(kid.clone(), DecodingKey::from_secret(secret))];
        let none = JwkSet { keys: Vec::new() };
        Self::build(Algorithm::Hs256, typ, &kid, EncodingKey::from_secret(secret), accepted, &none)
    }

    /// The database's keys of `algorithm`, which are given oldest first; those of other algorithms are passed over.
    /// They are published and tried newest first: nearly all tokens are the newest key's.
    pub(super) fn asymmetric(
        algorithm: Algorithm,
        keys: &[SigningKey],
        typ: &'static str,
    ) -> Result<Self, TokensError> {
        let of_ours = || keys.iter().filter(|key| key.algorithm == algorithm.name());
        let bad = |key: &SigningKey| TokensError::BadKey(key.kid.clone());
        let mut accepted = Vec::new();
        let mut published = JwkSet { keys: Vec::new() };
        for key in of_ours().rev() {
            let mut jwk = public_half(algorithm, &key.private).map_err(|_| bad(key))?;
            jwk.common.key_id = Some(key.kid.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            accepted.push((key.kid.clone(), DecodingKey::from_jwk(&jwk).map_err(|_| bad(key))?));
            published.keys.push(jwk);
        }
        let newest = signing_one(algorithm, keys).ok_or(TokensError::NoKey(algorithm.name()))?;
        let signing = private_half(algorithm, &newest.private).map_err(|_| bad(newest))?;
        Self::build(algorithm, typ, &newest.kid, signing, accepted, &published)
    }

    fn build(
        algorithm: Algorithm,
        typ: &'static str,
        kid: &str,
        signing: EncodingKey,
        accepted: Vec<(String, DecodingKey)>,
        published: &JwkSet,
    ) -> Result<Self, TokensError> {
        let header = HeaderOut { alg: algorithm.name(), typ, kid };
        let header =
            serde_json::to_vec(&header).map_err(|_| TokensError::Crypto("write a token's header"))?;
        Ok(Self {
            algorithm: library_name(algorithm),
            name: algorithm.name(),
            typ,
            signing,
            kid: kid.to_owned(),
            header: URL_SAFE_NO_PAD.encode(header),
            accepted,
            jwks: Arc::new(KeySet::new(published)?),
        })
    }

    /// The compact form (RFC 7515 section 3.1) of these claims under the signing key.
    pub(super) fn sign(&self, claims: &impl serde::Serialize) -> Result<Secret<String>, TokensError> {
        let claims = serde_json::to_vec(claims).map_err(|_| TokensError::Crypto("write a token's claims"))?;
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 400);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = jsonwebtoken::crypto::sign(token.as_bytes(), &self.signing, self.algorithm)
            .map_err(|_| TokensError::Crypto("sign a token"))?;
        token.push('.');
        token.push_str(&signature);
        Ok(Secret::new(token))
    }

    /// One public key of a test's, called `vector`, that signs nothing.
    #[cfg(test)]
    pub(super) fn verifying(algorithm: Algorithm, key: DecodingKey) -> Self {
        let (accepted, none) = (vec![("vector".to_owned(), key)], JwkSet { keys: Vec::new() });
        let signing = EncodingKey::from_secret(&[]);
        Self::build(algorithm, "at+jwt", "vector", signing, accepted, &none).expect("it is made of constants")
    }

    /// Signs whatever a test makes up.
    #[cfg(test)]
    pub(super) fn sign_raw(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.signing, self.algorithm);
        format!("{message}.{}", signature.expect("the key is good"))
    }

    /// Whether `signature` (still encoded) is that of `message` under the key that `kid` names; `None`: there is no such key.
    pub(super) fn verify(&self, kid: &str, message: &[u8], signature: &str) -> Option<bool> {
        let (_, key) = self.accepted.iter().find(|(known, _)| known == kid)?;
        Some(jsonwebtoken::crypto::verify(signature, message, key, self.algorithm).unwrap_or(false))
    }

    pub(super) const fn alg(&self) -> &'static str {
        self.name
    }

    pub(super) const fn typ(&self) -> &'static str {
        self.typ
    }

    pub(super) const fn jwks(&self) -> &Arc<KeySet> {
        &self.jwks
    }

    /// Whether [`Self::asymmetric`] would make the same of these.
    pub(super) fn are(&self, algorithm: Algorithm, keys: &[SigningKey]) -> bool {
        let of_ours = keys.iter().rev().filter(|key| key.algorithm == algorithm.name());
        of_ours.map(|key| &key.kid).eq(self.accepted.iter().map(|(kid, _)| kid))
            && signing_one(algorithm, keys).is_some_and(|key| key.kid == self.kid)
    }
}

/// The newest key of `algorithm` that has not retired.
fn signing_one(algorithm: Algorithm, keys: &[SigningKey]) -> Option<&SigningKey> {
    keys.iter().rev().find(|key| key.algorithm == algorithm.name() && key.retired.is_none())
}

/// Names a secret without telling it: a MAC of a constant, cut to 8 bytes.
fn secret_kid(secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    URL_SAFE_NO_PAD.encode(&hmac::sign(&key, b"\0sidegate kid").as_ref()[..8])
}

fn public_half(algorithm: Algorithm, private: &Secret<Vec<u8>>) -> jsonwebtoken::errors::Result<Jwk> {
    Jwk::from_encoding_key(&private_half(algorithm, private)?, library_name(algorithm))
}

fn private_half(
    algorithm: Algorithm,
    private: &Secret<Vec<u8>>,
) -> jsonwebtoken::errors::Result<EncodingKey> {
    let pkcs8 = private.reveal();
    match algorithm {
        Algorithm::EdDsa => Ok(EncodingKey::from_ed_der(pkcs8)),
        Algorithm::Es256 => Ok(EncodingKey::from_ec_der(pkcs8)),
        // As DER the library takes PKCS#1 alone; as PEM it unwraps PKCS#8 by itself.
        Algorithm::Rs256 => {
            let body = Secret::new(STANDARD.encode(pkcs8));
            let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", body.reveal());
            EncodingKey::from_rsa_pem(Secret::new(pem).reveal().as_bytes())
        }
        Algorithm::Hs256 => Ok(EncodingKey::from_secret(pkcs8)),
    }
}

const fn library_name(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
    }
}
