//! What the upstream is told about who is asking: set by the gate, or else removed; there is no third case.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Pass;
use crate::config::settings;
use crate::web::spelling::Spellings;

/// The names that are the gate's by default, also where a header is turned off.
const DEFAULTS: [&str; 5] = ["x-user-id", "x-user-email", "x-user-name", "x-user-roles", "x-user-token"];

/// The identity headers of the settings.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    user_id: HeaderName,
    email: Option<HeaderName>,
    username: Option<HeaderName>,
    roles: Option<HeaderName>,
    token: Option<HeaderName>,
    claimed: Spellings,
}

impl IdentityHeaders {
    /// As the settings have it.
    pub fn new(settings: &settings::Identity) -> Self {
        let optional = [&settings.email, &settings.username, &settings.roles, &settings.token];
        let names = optional.into_iter().flatten().chain([&settings.user_id]).map(HeaderName::as_str);
        Self {
            user_id: settings.user_id.clone(),
            email: settings.email.clone(),
            username: settings.username.clone(),
            roles: settings.roles.clone(),
            token: settings.token.clone(),
            claimed: Spellings::of(names.chain(DEFAULTS)),
        }
    }

    /// Whether a field is one in which only the gate speaks, however it is spelled.
    pub fn owns(&self, name: &[u8]) -> bool {
        self.claimed.has(name)
    }

    /// Removes whatever the client claims to be, in every spelling.
    pub fn strip(&self, fields: &mut HeaderMap) {
        self.claimed.remove_from(fields);
    }

    /// Says who it is, if anybody. Has to come after the client's claims and the hop-by-hop headers are gone, or
    /// `Connection: X-User-Id` would take away what is set here.
    pub fn say(&self, pass: &Pass, mut set: impl FnMut(&HeaderName, &HeaderValue)) {
        let Some(known) = pass.known() else { return };
        set(&self.user_id, &known.user_id);
        if let (Some(name), Some(email)) = (&self.email, &known.email) {
            set(name, &email.value);
        }
        if let (Some(name), Some(username)) = (&self.username, &known.username) {
            set(name, &username.value);
        }
        if let Some(roles) = &self.roles {
            set(roles, &known.roles);
        }
        if let (Some(name), Some(token)) = (&self.token, &known.token) {
            set(name, token);
        }
    }
}
