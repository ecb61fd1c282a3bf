//! How names are written: words that a key chooses from, cookies, headers.

use http::HeaderName;

use super::raw::{Fault, Raw, Value, quote};
use super::settings::{Algorithm, Delivery, HostHeader, LogFormat, SameSite, SecureCookies, VerifySource};

/// A type that is one of a few words.
macro_rules! words {
    ($($type:ty { $first:literal => $default:path $(, $word:literal => $variant:path)* $(,)? })+) => { $(
        impl Value for $type {
            const LOOKS: &'static str = concat!("one of `\"", $first, "\"`" $(, ", `\"", $word, "\"`")*);

            fn parse(text: &str) -> Result<Self, Fault> {
                match text {
                    $first => Ok($default),
                    $($word => Ok($variant),)*
                    other => Err(unknown_word(other, &[$first $(, $word)*])),
                }
            }

            fn show(&self) -> String {
                match *self { $default => quote($first), $($variant => quote($word),)* }
            }
        }
    )+ };
}

words! {
    HostHeader { "preserve" => HostHeader::Preserve, "upstream" => HostHeader::Upstream }
    Algorithm {
        "EdDSA" => Algorithm::EdDsa,
        "ES256" => Algorithm::Es256,
        "RS256" => Algorithm::Rs256,
        "HS256" => Algorithm::Hs256,
    }
    Delivery { "cookie" => Delivery::Cookie, "body" => Delivery::Body }
    SameSite { "lax" => SameSite::Lax, "strict" => SameSite::Strict, "none" => SameSite::None }
    LogFormat { "text" => LogFormat::Text, "json" => LogFormat::Json }
    VerifySource { "forwarded" => VerifySource::Forwarded, "original" => VerifySource::Original }
    tracing::Level {
        "error" => tracing::Level::ERROR,
        "warn" => tracing::Level::WARN,
        "info" => tracing::Level::INFO,
        "debug" => tracing::Level::DEBUG,
        "trace" => tracing::Level::TRACE,
    }
}

fn unknown_word(text: &str, words: &[&str]) -> Fault {
    let listed: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
    Fault::new(format!("`{text}` is not a choice")).hint(format!("write one of {}", listed.join(", ")))
}

/// A switch that may be left to `public_url`'s scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auto {
    /// Strict when `public_url` is https.
    Auto,
    /// On or off, whatever it is.
    Fixed(bool),
}

impl Value for Auto {
    const LOOKS: &'static str = "`true`, `false` or `\"auto\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "auto" => Ok(Self::Auto),
            "true" => Ok(Self::Fixed(true)),
            "false" => Ok(Self::Fixed(false)),
            other => {
                Err(Fault::new(format!("`{other}` is not a choice")).hint(format!("write {}", Self::LOOKS)))
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Auto => quote("auto"),
            Self::Fixed(on) => on.to_string(),
        }
    }

    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Flag(flag) => Ok(Self::Fixed(*flag)),
            Raw::Text(text) | Raw::Variable(text) => Self::parse(text).map_err(|fault| vec![fault]),
            other => Err(vec![Fault::wrong_type(Self::LOOKS, other)]),
        }
    }
}

impl From<Auto> for SecureCookies {
    fn from(auto: Auto) -> Self {
        match auto {
            Auto::Auto => Self::Auto,
            Auto::Fixed(true) => Self::Always,
            Auto::Fixed(false) => Self::Never,
        }
    }
}

/// A cookie's name: a token of RFC 6265 section 4.1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CookieName(pub(super) String);

impl Value for CookieName {
    const LOOKS: &'static str = "a cookie's name";

    fn parse(text: &str) -> Result<Self, Fault> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !(1..=128).contains(&text.len()) || !text.bytes().all(token) {
            return Err(Fault::new(format!("`{text}` is not a cookie's name"))
                .hint("write letters, digits, `-` and `_`, like `\"access_token\"`"));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        quote(&self.0)
    }
}

/// The name of a header that tells the upstream who is asking, as the operator spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdentityHeader {
    spelled: String,
    /// The name.
    pub(super) name: HeaderName,
}

/// Headers with a meaning of their own: an identity in them would break the forwarding or be taken for something else.
const RESERVED: [&str; 22] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

impl Value for IdentityHeader {
    const LOOKS: &'static str = "a header's name";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"X-User-Id\"`";
        let name = HeaderName::try_from(text)
            .map_err(|_| Fault::new(format!("`{text}` is not a header's name")).hint(hint))?;
        let lower = name.as_str();
        let meant = ["x-forwarded-", "sec-", "proxy-"].iter().any(|prefix| lower.starts_with(prefix));
        if meant || RESERVED.contains(&lower) {
            return Err(Fault::new(format!("`{text}` has a meaning of its own")).hint(hint));
        }
        Ok(Self { spelled: text.to_owned(), name })
    }

    fn show(&self) -> String {
        quote(&self.spelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookies_name_is_a_token() {
        assert!(CookieName::parse("__Host-access_token").is_ok());
        for bad in ["", "a b", "a=b", "a;b", "a,b", "a\"b", "ä", "a\n"] {
            assert!(CookieName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_identity_header_is_none_that_means_something_else() {
        assert!(IdentityHeader::parse("X-User-Id").is_ok());
        for bad in ["", "X User", "Host", "cookie", "X-Forwarded-For", "Connection", "Sec-Fetch-Site", "X:Y"]
        {
            assert!(IdentityHeader::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_word_is_one_of_those_listed() {
        assert_eq!(Algorithm::parse("ES256"), Ok(Algorithm::Es256));
        let fault = Algorithm::parse("none").unwrap_err();
        assert_eq!(
            fault.hint.as_deref(),
            Some("write one of `\"EdDSA\"`, `\"ES256\"`, `\"RS256\"`, `\"HS256\"`")
        );
    }
}
