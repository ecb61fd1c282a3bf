//! What is mailed (contract sections 4 and 5): links that prove an address or set a password, and who is told what.

mod addresses;
mod forgot;
mod invitations;
mod pages;
mod proof;
mod signup;

use serde_json::json;
use sidegate::types::UserId;

use crate::support::smtp::Smtp;
use crate::support::{Answer, Gate, PASSWORD, Upstream};

const BROWSER: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";
const FORM: &str = "application/x-www-form-urlencoded";
const NEW: &str = "a quite different one";
const JACK: &str = "jack@example.com";
/// Links are read by a person; so that a test can't pass by a request's own host.
const PUBLIC: &str = "https://app.example.com";

/// A gate with a mail server beside it.
struct House {
    gate: Gate,
    post: Smtp,
}

impl House {
    /// Where addresses have to be proven.
    fn asking() -> Self {
        Self::with("signup.email_verification = true\n")
    }

    fn with(extra: &str) -> Self {
        Self::before(Upstream::start(), extra)
    }

    fn before(upstream: Upstream, extra: &str) -> Self {
        let post = Smtp::start();
        let gate = Gate::before(upstream, &settings(&post, extra));
        Self { gate, post }
    }

    /// A link of a mail to this address, as its path and query.
    fn link(&self, address: &str, page: &str) -> String {
        let link = self.post.letter_to(address).link(page);
        link.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{link} is not of {PUBLIC}")).to_owned()
    }

    fn token(&self, address: &str, page: &str) -> String {
        self.link(address, page).split_once("?token=").unwrap().1.to_owned()
    }

    fn proof_token(&self, address: &str) -> String {
        self.token(address, "/auth/verify-email")
    }

    /// Signs somebody up and in; gives their cookies' line and the token that was mailed.
    fn unproven(&self, email: &str) -> (String, String) {
        assert_eq!(self.gate.sign_up(email).status, 200);
        let token = self.proof_token(email);
        (cookie(&self.gate.sign_in(email).header()), token)
    }

    fn verify(&self, token: &str, headers: &str) -> Answer {
        self.gate.post("/auth/email/verify", &json!({"token": token}).to_string(), headers)
    }

    fn verify_by_password(&self, token: &str, password: &str) -> Answer {
        let body = json!({"token": token, "password": password}).to_string();
        self.gate.post("/auth/email/verify", &body, "")
    }

    fn forgot(&self, email: &str) -> Answer {
        self.gate.post("/auth/password/forgot", &json!({"email": email}).to_string(), "")
    }

    fn reset(&self, token: &str, password: &str) -> Answer {
        let body = json!({"token": token, "password": password}).to_string();
        self.gate.post("/auth/password/reset", &body, "")
    }

    fn sign_in(&self, email: &str, password: &str) -> u16 {
        let body = json!({"email": email, "password": password}).to_string();
        self.gate.post("/auth/signin", &body, "").status
    }

    fn is_proven(&self, uid: u64) -> bool {
        let store = &self.gate.services().store;
        Gate::wait(store.user(UserId::new(uid).unwrap())).unwrap().unwrap().email_verified
    }
}

fn settings(post: &Smtp, extra: &str) -> String {
    // Over plain HTTP, as a proxy in front would reach it; cookies are read out of answers.
    format!(
        "server.public_url = \"{PUBLIC}\"\nserver.trusted_proxies = [\"127.0.0.1/32\"]\nemail.smtp = \"{}\"\nemail.from = \"auth@example.com\"\n{extra}",
        post.url()
    )
}

fn cookie(value: &str) -> String {
    format!("Cookie: {value}\r\n")
}

/// All of an answer that doesn't differ anyway.
fn whole(answer: &Answer) -> String {
    let head: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id")).collect();
    format!("{} {head:?} {}", answer.status, answer.text())
}

fn assert_unproven(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (403, Some("email_unverified")),
        "{answer:?}"
    );
}

fn assert_bad_token(answer: &Answer) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_verification_token")));
}

fn sign_up_body(email: &str, password: &str) -> String {
    json!({"email": email, "username": "jack", "password": password}).to_string()
}

#[test]
fn without_a_mail_server_the_endpoints_say_so_to_everybody_alike() {
    let gate = Gate::start();
    gate.sign_up(JACK);
    for path in ["/auth/password/forgot", "/auth/email/resend"] {
        let told: std::collections::BTreeSet<_> = [JACK, "nobody@example.com", "none at all"]
            .iter()
            .map(|email| whole(&gate.post(path, &json!({"email": email}).to_string(), "")))
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told.iter().all(|answer| answer.starts_with("200") && answer.contains("No mail is sent here"))
        );
    }
    assert!(gate.get("/auth/forgot", BROWSER).text().contains("No mail is sent here"));
    assert!(!gate.get("/auth/login", BROWSER).text().contains("/auth/forgot"));
    assert_eq!(gate.sign_in(JACK).access.split('.').count(), 3, "{PASSWORD}");
}
