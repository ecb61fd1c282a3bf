//! How the values of a rule are written.

use http::Method;

use crate::config::raw::{Fault, Value, quote};
use crate::types::host::RuleHostError;
use crate::types::rule_path::RulePathError;
use crate::types::{PathPrefix, Role, RuleHost, RulePath};

/// What `allow` chooses from.
pub(super) const CHOICES: &str = "`\"anyone\"`, `\"optional\"`, `\"signed-in\"`, `\"deny\"`";

/// How alike two words must be for one to be the other's slip, from 0 to 1.
const ALIKE: f64 = 0.85;

pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let nearest = known.iter().copied().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    nearest.filter(|nearest| alike(nearest) >= ALIKE)
}

/// `allow` as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Anyone,
    Optional,
    SignedIn,
    Deny,
}

impl Value for Word {
    const LOOKS: &'static str = "one of `\"anyone\"`, `\"optional\"`, `\"signed-in\"`, `\"deny\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "anyone" => Ok(Self::Anyone),
            "optional" => Ok(Self::Optional),
            "signed-in" => Ok(Self::SignedIn),
            "deny" => Ok(Self::Deny),
            other => {
                let hint = match nearest(other, &["anyone", "optional", "signed-in", "deny"]) {
                    Some(word) => format!("did you mean `\"{word}\"`?"),
                    None => format!("write one of {CHOICES}"),
                };
                Err(Fault::new(format!("`{other}` is not a choice")).hint(hint))
            }
        }
    }

    fn show(&self) -> String {
        quote(match self {
            Self::Anyone => "anyone",
            Self::Optional => "optional",
            Self::SignedIn => "signed-in",
            Self::Deny => "deny",
        })
    }
}

impl Value for RulePath {
    const LOOKS: &'static str = "a path such as `\"/public/*\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|error| {
            let example = "write it like `\"/public\"`, or `\"/public/*\"` for everything below";
            match error {
                RulePathError::NoSlash => {
                    let hint = format!("write `{}`", quote(&format!("/{text}")));
                    Fault::new(format!("`{text}` does not begin with `/`")).hint(if text.is_empty() {
                        example.to_owned()
                    } else {
                        hint
                    })
                }
                RulePathError::Star => Fault::new(format!("`{text}` has a `*` that is not a whole segment"))
                    .hint("write it like `\"/api/*/public\"` (any one segment), or `\"/public/*\"` for everything below"),
                RulePathError::BeyondPath(sign) => {
                    let what = if sign == '?' { "a query" } else { "a fragment" };
                    let path = text.split(sign).next().unwrap_or_default();
                    Fault::new(format!("`{text}` has {what}, and rules see the path alone"))
                        .hint(format!("write `{}`", quote(path)))
                }
                RulePathError::Escape => {
                    let meant = percent_encoding::percent_decode_str(text).decode_utf8();
                    // An escaped slash is none.
                    let same = |meant: &str| meant.matches('/').count() == text.matches('/').count();
                    let meant = meant.ok().filter(|meant| same(meant) && Self::parse(meant).is_ok());
                    let hint = meant.map_or_else(
                        || "write the characters themselves".to_owned(),
                        |meant| format!("write `{}`", quote(&meant)),
                    );
                    Fault::new(format!("`{text}` has an escape, and rules are written without")).hint(hint)
                }
                RulePathError::Odd(what) => Fault::new(format!(
                    "`{}` has {what}: such a path can be read in several ways",
                    text.escape_debug()
                ))
                .hint("write the path that the backend takes it for"),
                RulePathError::Gates => Fault::new(format!(
                    "`{text}` is the gate's own: rules are about the backend's paths alone"
                ))
                .hint("remove the rule; what `/auth/*` does is set by `[signup]`, `[pages]` and `[limits]`"),
            }
        })
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}

/// The name of an `[upstreams.NAME]`.
pub(super) struct UpstreamName(pub(super) String);

impl Value for UpstreamName {
    const LOOKS: &'static str = "an upstream's name";

    fn parse(text: &str) -> Result<Self, Fault> {
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        quote(&self.0)
    }
}

impl Value for PathPrefix {
    const LOOKS: &'static str = "a path such as `\"/api\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|_| {
            Fault::new(format!("`{}` is not the beginning of a path", text.escape_debug()))
                .hint("write whole segments without `*`, escapes and a slash at the end, like `\"/api\"`")
        })
    }

    fn show(&self) -> String {
        quote(self.written())
    }
}

impl Value for RuleHost {
    const LOOKS: &'static str = "a host such as `\"app.example.com\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|error| {
            let shown = text.escape_debug();
            let example = "write the host alone, like `\"app.example.com\"`";
            match error {
                RuleHostError::Url => Fault::new(format!("`{shown}` is more than a host")).hint(example),
                RuleHostError::Port => {
                    Fault::new(format!("`{shown}` has a port, and rules are about a host whatever the port"))
                        .hint(example)
                }
                RuleHostError::Star => {
                    Fault::new(format!("`{shown}` has a `*`, and hosts are named one by one"))
                        .hint("write a list, like `[\"a.example.com\", \"b.example.com\"]`")
                }
                RuleHostError::NoHost => {
                    Fault::new(format!("`{shown}` is not a host's name or address")).hint(example)
                }
            }
        })
    }

    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

/// Those that are in use (IANA's registry, less what never reaches a backend), to know a slip from a method of somebody's own.
const METHODS: [&str; 38] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "VERSION-CONTROL",
];

impl Value for Method {
    const LOOKS: &'static str = "a method such as `\"GET\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        if METHODS.contains(&text) {
            return Self::try_from(text).map_err(|_| Fault::new(format!("`{text}` is not a method")));
        }
        if text == "CONNECT" {
            return Err(Fault::new("`CONNECT` is never forwarded").hint("remove it"));
        }
        // Methods are compared with their case (RFC 9110 section 9.1).
        if let Some(near) = nearest(text, &METHODS) {
            return Err(Fault::new(format!("`{text}` is not a known method"))
                .hint(format!("did you mean `\"{near}\"`?")));
        }
        let own = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
        match Self::try_from(text) {
            Ok(method) if own => Ok(method),
            _ => {
                Err(Fault::new(format!("`{text}` is not a method"))
                    .hint("write it in capitals, like `\"GET\"`"))
            }
        }
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}

impl Value for Role {
    const LOOKS: &'static str = "a role's name";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).ok_or_else(|| {
            Fault::new(format!("`{}` is not a role's name", text.escape_debug()))
                .hint("write 1 to 64 letters, digits, `-`, `_`, `.` or `:`")
        })
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}
