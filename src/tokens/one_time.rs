//! One-time tokens: random bytes that are shown once, in a link. What is kept is a hash of them and their purpose.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::store::{Purpose, TokenHash};
use crate::types::Secret;

/// 256 bits: nobody guesses one, so a plain hash keeps it as well as a slow or a keyed one would.
const LEN: usize = 32;

/// Keeps these hashes apart from any other that SHA-256 is used for.
const DOMAIN: &[u8] = b"sidegate one-time token\0";

/// What a link carries.
pub struct OneTimeToken(Zeroizing<[u8; LEN]>);

impl OneTimeToken {
    /// A new one.
    pub fn random() -> Self {
        Self(Zeroizing::new(super::random()))
    }

    /// Reads the text form, of which there is one for each token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; LEN]);
        match URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()) {
            Ok(LEN) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// The text form: base64url, 43 characters.
    pub fn text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// What a store knows it by, if it is of this purpose: to any other it has another hash.
    pub fn hash(&self, purpose: Purpose) -> TokenHash {
        let mut context = Context::new(&SHA256);
        context.update(DOMAIN);
        context.update(&[purpose.number()]);
        context.update(self.0.as_slice());
        let mut hash = [0; TokenHash::LEN];
        hash.copy_from_slice(context.finish().as_ref());
        TokenHash::from_bytes(hash)
    }
}

impl fmt::Debug for OneTimeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_has_one_spelling() {
        let token = OneTimeToken::random();
        let text = token.text();
        let hash = |text: &str| OneTimeToken::parse(text).map(|token| token.hash(Purpose::PasswordReset));
        assert_eq!(text.reveal().len(), 43);
        assert_eq!(hash(text.reveal()), Some(token.hash(Purpose::PasswordReset)));
        let zeros = "A".repeat(43);
        assert!(hash(&zeros).is_some());
        for bad in [
            "",
            "AAAA",
            &"A".repeat(42),
            &"A".repeat(44),
            &format!("{zeros}="),
            &format!(" {zeros}"),
            &zeros.replacen('A', "+", 1),
            // The two bits that are left over would be a second spelling.
            &format!("{}B", "A".repeat(42)),
        ] {
            assert_eq!(hash(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn no_two_tokens_are_alike_and_a_hash_is_not_the_token() {
        let tokens: Vec<_> = (0..1000).map(|_| OneTimeToken::random()).collect();
        let hashes: std::collections::HashSet<_> =
            tokens.iter().map(|token| token.hash(Purpose::PasswordReset)).collect();
        assert_eq!(hashes.len(), 1000);
        assert!(tokens.iter().all(|token| !hashes.contains(&TokenHash::from_bytes(*token.0))));
        assert_eq!(format!("{:?}", tokens[0]), "OneTimeToken(…)");
    }
}
