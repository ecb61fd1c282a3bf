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

/// Headers with a meaning of their own, for HTTP, for what stands around a backend or for the gate: an identity in them would
/// break the forwarding or be taken for something else.
const RESERVED: [&str; 59] = [
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "baggage",
    "cache-control",
    "cdn-loop",
    "clear-site-data",
    "connection",
    "cookie",
    "date",
    "dnt",
    "early-data",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "idempotency-key",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-client-ip",
    "x-frame-options",
    "x-method-override",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "x-rewrite-url",
    "x-sendfile",
];

/// What several such begin with.
const RESERVED_BEGINNINGS: [&str; 11] = [
    "accept",
    "access-control-",
    "content-",
    "grpc-",
    "if-",
    "proxy-",
    "sec-",
    "x-accel-",
    "x-forwarded-",
    "x-http-method",
    "x-original-",
];

impl Value for IdentityHeader {
    const LOOKS: &'static str = "a header's name";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"X-User-Id\"`";
        let name = HeaderName::try_from(text)
            .map_err(|_| Fault::new(format!("`{text}` is not a header's name")).hint(hint))?;
        // However it is spelled: backends that hand on headers as variables know no difference.
        let plain = name.as_str().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
        let begins = RESERVED_BEGINNINGS.iter().any(|beginning| plain.starts_with(beginning));
        if begins || RESERVED.contains(&plain.as_str()) {
            return Err(Fault::new(format!("`{text}` has a meaning of its own"))
                .hint("choose a name that nothing else uses, like `\"X-User-Id\"`"));
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
        for good in ["X-User-Id", "Remote-User", "X-Auth-Request-Email", "X_Webauth_User", "Tenant-Host"] {
            assert!(IdentityHeader::parse(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "X User",
            "X:Y",
            "Host",
            "cookie",
            "Connection",
            "Authorization",
            "Content-Length",
            "Content_Type",
            "Location",
            "Referer",
            "User-Agent",
            "Range",
            "If-None-Match",
            "X-Forwarded-For",
            "X_Forwarded_For",
            "X.Real.IP",
            "X-Original-URL",
            "X-HTTP-Method-Override",
            "X-Accel-Redirect",
            "Sec-Fetch-Site",
            "grpc-timeout",
        ] {
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
