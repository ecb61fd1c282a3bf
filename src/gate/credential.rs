//! What a request presents to prove who it is from. Three answers, not an `Option`.

use std::fmt;

use http::header::AUTHORIZATION;

use crate::config::settings::{Delivery, Settings};
use crate::web::cookies::{self, Found};
use crate::web::{Code, Fields, head};

/// A token as it was presented, not yet looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// None came.
    Absent,
    /// Two that differ came: treated as none (contract section 5).
    Ambiguous,
    /// One came.
    Presented(&'a str),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Ambiguous => "Ambiguous",
            Self::Presented(_) => "Presented(…)",
        })
    }
}

impl<'a> Credential<'a> {
    /// The token, where there is exactly one.
    pub const fn token(self) -> Option<&'a str> {
        match self {
            Self::Presented(token) => Some(token),
            Self::Absent | Self::Ambiguous => None,
        }
    }

    /// An empty cookie is a cleared one: nothing was presented.
    fn from_cookie(found: Found<'a>) -> Self {
        match found {
            Found::Absent | Found::One("") => Self::Absent,
            Found::One(token) => Self::Presented(token),
            Found::Ambiguous => Self::Ambiguous,
        }
    }
}

/// Where tokens are looked for.
#[derive(Clone, Debug)]
pub struct Credentials {
    delivery: Delivery,
    renews: bool,
    access: Box<str>,
    refresh: Box<str>,
    device: Option<Box<str>>,
    /// All of them.
    names: Box<[Box<str>]>,
}

impl Credentials {
    /// As the settings have it.
    pub fn new(settings: &Settings) -> Self {
        let cookies = &settings.cookies;
        let names = [Some(&cookies.access), Some(&cookies.refresh), cookies.device.as_ref()];
        Self {
            delivery: settings.tokens.delivery,
            // In body delivery an answer has no place for the new access token, and each request would renew again.
            renews: settings.tokens.silent_refresh && settings.tokens.delivery == Delivery::Cookie,
            access: cookies.access.as_str().into(),
            refresh: cookies.refresh.as_str().into(),
            device: cookies.device.as_deref().map(Into::into),
            names: names.into_iter().flatten().map(|name| name.as_str().into()).collect(),
        }
    }

    /// The access token: of its cookie, or in body delivery of `Authorization: Bearer`. Never of both.
    pub fn access<'a>(&self, headers: &'a impl Fields) -> Credential<'a> {
        match self.delivery {
            Delivery::Cookie => Credential::from_cookie(cookies::find(headers, &self.access)),
            Delivery::Body => bearer(headers),
        }
    }

    /// The refresh token of its cookie.
    pub fn refresh<'a>(&self, headers: &'a impl Fields) -> Credential<'a> {
        Credential::from_cookie(cookies::find(headers, &self.refresh))
    }

    /// The device token of its cookie, where there is such a cookie.
    pub fn device<'a>(&self, headers: &'a impl Fields) -> Credential<'a> {
        let found = self.device.as_deref().map_or(Found::Absent, |name| cookies::find(headers, name));
        Credential::from_cookie(found)
    }

    /// The refresh token by which a request that has no good access token, `because` of this, is renewed in passing.
    /// What was revoked or forged is not renewed, and of two access cookies the renewal would replace one only.
    pub fn renewal<'a>(&self, headers: &'a impl Fields, because: Code) -> Option<&'a str> {
        let lapsed = matches!(because, Code::TokenExpired | Code::NotAuthenticated);
        let renewable = self.renews && lapsed && self.access(headers) != Credential::Ambiguous;
        if renewable { self.refresh(headers).token() } else { None }
    }

    /// The scheme that a 401 names (contract section 6).
    pub const fn challenge(&self) -> &'static str {
        match self.delivery {
            Delivery::Cookie => "Cookie",
            Delivery::Body => "Bearer",
        }
    }

    /// Whether the gate's own bearer has to be kept from the upstream, as its cookies are.
    pub const fn owns_authorization(&self) -> bool {
        matches!(self.delivery, Delivery::Body)
    }

    /// The names of the gate's cookies.
    pub fn cookie_names(&self) -> &[Box<str>] {
        &self.names
    }
}

/// Whether a request has more than one `Authorization` header: 400 (contract section 5).
pub fn doubled_authorization(headers: &impl Fields) -> bool {
    headers.all(AUTHORIZATION).nth(1).is_some()
}

/// RFC 6750 section 2.1; the scheme compares without case (RFC 9110 section 11.1).
fn bearer(headers: &impl Fields) -> Credential<'_> {
    let mut values = headers.all(AUTHORIZATION);
    let Some(value) = values.next() else { return Credential::Absent };
    if values.next().is_some() {
        return Credential::Ambiguous;
    }
    match head::text(value).and_then(|text| text.split_once([' ', '\t'])) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Credential::Presented(token.trim()),
        _ => Credential::Absent,
    }
}
