//! What the benches stand on: settings, keys, one user's session, and a browser's request.

use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, COOKIE, HOST, HeaderName, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Request};
use sidegate::config::env::Fixed;
use sidegate::config::{self, Settings};
use sidegate::gate::Gate;
use sidegate::sessions::Revocations;
use sidegate::store::{Origin, Session, User};
use sidegate::tokens::{Tokens, keys};
use sidegate::types::{Clock, Email, Secret, Timestamp, UserId, Username};
use sidegate::web::Peer;

/// The time. It stands still.
pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Settings, and the tokens that are made under them.
pub struct Stage {
    settings: Settings,
    /// Makes and verifies.
    pub tokens: Tokens,
    session: Session,
    user: User,
}

// Each bench is a program of its own and needs a part of this.
#[allow(dead_code, reason = "shared by several programs")]
impl Stage {
    /// With this algorithm and, beside it, the defaults.
    pub fn new(algorithm: &str) -> Self {
        Self::with(algorithm, "")
    }

    /// The same with more configuration.
    pub fn with(algorithm: &str, more: &str) -> Self {
        let secret =
            if algorithm == "HS256" { "secret = \"a secret of more than thirty-two bytes\"" } else { "" };
        let text = format!(
            "upstream.url = \"http://127.0.0.1:9\"\n[tokens]\nalgorithm = \"{algorithm}\"\n{secret}\n{more}"
        );
        let settings = config::from_toml(&text, &Fixed::default()).expect("it is constant").settings;
        let origin = Origin {
            issuer: "urn:sidegate:bench".to_owned(),
            session_key: Secret::new(vec![1; Origin::KEY]),
            refresh_key: Secret::new(vec![2; Origin::KEY]),
        };
        // HS256 has its secret and no key.
        let keys: Vec<_> = keys::generate(settings.tokens.algorithm, NOW).into_iter().collect();
        let tokens = Tokens::new(&settings.tokens, &origin, &keys).expect("the keys are its own");
        let id = UserId::new(7).expect("it is not 0");
        let user = User {
            id,
            email: Email::parse("jack@example.com").expect("it is an address"),
            username: Username::parse("jack").expect("it is a name"),
            password: None,
            active: true,
            roles: Vec::new(),
            email_verified: false,
            created: NOW,
            updated: NOW,
        };
        let session = Session {
            id: tokens.new_session_id(id),
            user: id,
            started: NOW,
            generation: 1,
            issued: NOW,
            expires: NOW.plus(settings.tokens.refresh_ttl),
            presented: Vec::new(),
            address: None,
            agent: String::new(),
        };
        Self { settings, tokens, session, user }
    }

    /// A new access token.
    pub fn access_token(&self) -> String {
        let minted = self.tokens.mint_access(&self.session, &self.user, NOW).expect("the keys sign");
        minted.token.reveal().clone()
    }

    /// A new access token of a session of its own.
    pub fn next_access_token(&self) -> String {
        let session = Session { id: self.tokens.new_session_id(self.user.id), ..self.session.clone() };
        let minted = self.tokens.mint_access(&session, &self.user, NOW).expect("the keys sign");
        minted.token.reveal().clone()
    }

    /// A gate with nothing revoked.
    pub fn gate(&self) -> Gate {
        Gate::new(&self.settings, self.tokens.clone(), Revocations::default(), Clock::manual(NOW))
    }

    /// What the upstream is told, and by which headers.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// A browser's request for data, with these cookies.
#[allow(dead_code, reason = "shared by several programs")]
pub fn browser_request(cookies: &str) -> Parts {
    let mut request = Request::get("/api/items/42?page=3").body(()).expect("it is constant");
    let headers = request.headers_mut();
    for (name, value) in [
        (HOST, "app.example.com"),
        (USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        (ACCEPT, "application/json"),
        (ACCEPT_LANGUAGE, "en-US,en;q=0.5"),
        (ACCEPT_ENCODING, "gzip, deflate, br, zstd"),
        (REFERER, "https://app.example.com/items"),
        (HeaderName::from_static("sec-fetch-dest"), "empty"),
        (HeaderName::from_static("sec-fetch-mode"), "cors"),
        (HeaderName::from_static("sec-fetch-site"), "same-origin"),
        (HeaderName::from_static("priority"), "u=0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(COOKIE, HeaderValue::try_from(cookies).expect("it is a header's value"));
    request.into_parts().0
}

/// Whoever calls.
#[allow(dead_code, reason = "shared by several programs")]
pub fn peer() -> Peer {
    Peer {
        address: Some([192, 0, 2, 7].into()),
        socket: Some([192, 0, 2, 7].into()),
        trusted: false,
        secure: false,
        host: Some("app.example.com".parse().expect("it is an authority")),
    }
}
