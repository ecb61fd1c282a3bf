//! `sidegate check --explain`: which rule decides over a request, what becomes of it, and what the upstream would be told.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use http::{Method, Uri};

use super::Way;
use super::rules::{self, Doubt, Judged, Judgement, Need, Roles, Rules, in_capitals};
use crate::config::settings::{Identity, Settings};
use crate::types::{AskedHost, Email, Role, RuleHost, UserId, Username};
use crate::web::header_text;
use crate::web::path::{Owner, owner};
use crate::web::readings::Readings;

/// A request as an operator writes it: `GET /path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    method: Method,
    uri: Uri,
}

/// The text is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request is a method, a space and a path or a URL")]
pub struct NotARequest;

impl Asked {
    /// Reads `GET /path` or `GET http://host/path`. A query and a fragment may follow; rules see neither.
    pub fn parse(text: &str) -> Result<Self, NotARequest> {
        let (method, target) = text.trim().split_once(' ').ok_or(NotARequest)?;
        let (method, target) = (method.parse().map_err(|_| NotARequest)?, in_ascii(target.trim())?);
        let uri: Uri = target.parse().map_err(|_| NotARequest)?;
        let is_url = uri.scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !target.starts_with('/') && target != "*" && !is_url {
            return Err(NotARequest);
        }
        Ok(Self { method, uri })
    }
}

/// A URL with its host as browsers send it, in IDNA's ASCII form; anything else as it is.
fn in_ascii(target: &str) -> Result<Cow<'_, str>, NotARequest> {
    let url = target.split_once("://").filter(|_| !target.starts_with('/'));
    let Some((scheme, rest)) = url else { return Ok(target.into()) };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.is_ascii() {
        return Ok(target.into());
    }
    let (host, port) = authority.split_at(authority.rfind(':').unwrap_or(authority.len()));
    let host = RuleHost::parse(host).map_err(|_| NotARequest)?;
    Ok(format!("{scheme}://{host}{port}{path}").into())
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Their number.
    pub user: UserId,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Their address.
    pub email: Email,
    /// Their name.
    pub username: Username,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether their address is proven.
    pub proven: bool,
}

/// Explains what the gate does with a request. Without an asker, for who is not signed in and for who is.
pub fn explain(settings: &Settings, request: &Asked, asker: Option<&Asker>) -> String {
    let path = request.uri.path();
    let mut text = String::new();
    // Writing to a String can't fail.
    let host = request.uri.authority();
    let _ = match host {
        Some(host) => writeln!(text, "{} {path} of {host}", request.method),
        None => writeln!(text, "{} {path}", request.method),
    };
    if request.uri.query().is_some() {
        let _ = writeln!(text, "query: no rule sees it");
    }
    // RFC 9112 section 3.2.4.
    if path == "*" && request.method != Method::OPTIONS {
        return text + "rule: none, `*` is a target of OPTIONS alone\nanswer: 400\n";
    }
    match owner(path) {
        Owner::Gate => return text + "rule: none, the path is the gate's own\nanswer: the gate's\n",
        Owner::GateInDisguise => {
            return text + "rule: none, a backend may read the path as one of the gate's own\nanswer: 404\n";
        }
        Owner::Upstream => {}
    }
    let rules = Rules::new(&settings.rules);
    let besides = rules::Besides { method: &request.method, host: rules.asked(host) };
    let is_odd = besides.host == AskedHost::Odd;
    if is_odd {
        text += "host: no honest client sends such a one, and a backend may take it for any → deny\n";
    } else {
        if host.is_none() && rules.name_hosts() {
            text +=
                "host: none, and no rule for a host matches; write `GET http://host/path` to ask for one\n";
        }
        readings(&rules, besides, path, &mut text);
    }
    if let Some(capitals) = in_capitals(&request.method).filter(|_| !is_odd) {
        let _ = writeln!(text, "a backend may take the method for {capitals}, and the stricter holds:");
        readings(&rules, rules::Besides { method: &capitals, ..besides }, path, &mut text);
    }
    let Judged { need, way } = rules.judge(&request.method, host, path);
    if rules.route() {
        route(settings, &need, way, &request.uri, &mut text);
    }
    if let Some(asker) = asker {
        for_somebody(settings, &need, asker, &mut text);
    } else {
        for_anybody(settings, &need, &mut text);
    }
    text
}

/// Where what passes goes, and what is asked for there.
fn route(settings: &Settings, need: &Need<'_>, way: Way, asked: &Uri, text: &mut String) {
    if *need == Need::Denied {
        *text += "upstream: none; what is denied goes nowhere, nor what could go several ways, nor a path whose prefix \
                  can't be taken away\n";
        return;
    }
    let name = way.upstream.checked_sub(1).and_then(|index| settings.upstreams.get(index));
    let name = name.map_or_else(|| "[upstream]".to_owned(), |named| format!("[upstreams.{}]", named.name));
    let (slash, rest) = way.target(asked);
    let _ = writeln!(text, "upstream: {name}, asked for {slash}{rest}");
}

fn for_somebody(settings: &Settings, need: &Need<'_>, asker: &Asker, text: &mut String) {
    let is_unproven = settings.signup.email_verification && !asker.proven;
    // Who may not sign in is nobody to the gate, and so is who has yet to prove their address.
    let signed_in = Some(asker).filter(|asker| asker.active && !is_unproven);
    let (state, outcome) = match (asker.active, need) {
        (false, _) => (", disabled", outcome(need, signed_in)),
        (true, Need::SignedIn(_)) if is_unproven => {
            (UNPROVEN, "403, and a browser is led to /auth/verify-email".to_owned())
        }
        (true, _) => (if is_unproven { UNPROVEN } else { "" }, outcome(need, signed_in)),
    };
    let _ = writeln!(text, "{} (uid {}{state}): {outcome}", asker.email, asker.user);
    if signed_in.is_some() {
        told(settings, need, signed_in, text);
    } else if matches!(need, Need::Nothing | Need::Optional) {
        *text += NOBODY;
    }
}

const UNPROVEN: &str = ", address not confirmed";

fn for_anybody(settings: &Settings, need: &Need<'_>, text: &mut String) {
    let _ = writeln!(text, "not signed in: {}", outcome(need, None));
    match need {
        Need::SignedIn(roles) => {
            let held = if roles.sets().next().is_some() { " with these roles" } else { "" };
            let _ = writeln!(text, "signed in{held}: forwarded");
        }
        Need::Optional => *text += "signed in: forwarded\n",
        Need::Nothing | Need::Denied => {}
    }
    told(settings, need, None, text);
}

/// Each reading of the path with the rule that decides over it.
fn readings(rules: &Rules, besides: rules::Besides<'_>, path: &str, text: &mut String) {
    let say = |reading: &str, doubt| {
        let judgement = rules.decides(&besides, reading, doubt);
        format!("{} → {}", Rule(judgement), Word(&judgement.need()))
    };
    let _ = match Readings::of(path) {
        Readings::One(reading) => writeln!(text, "rule: {}", say(&reading, Doubt::None)),
        Readings::Several(all) => {
            several(text, "it can be read in several ways, and the strictest holds", &all, |one| {
                say(one, Doubt::None)
            })
        }
        Readings::Odd(all) => several(
            text,
            "it can be read in several ways: no rule that opens matches it, and the strictest holds",
            &all,
            |one| say(one, Doubt::Odd),
        ),
        Readings::TooMany => writeln!(text, "path: it can be read in more ways than are looked at → deny"),
    };
}

fn several(text: &mut String, why: &str, all: &[String], mut say: impl FnMut(&str) -> String) -> fmt::Result {
    writeln!(text, "path: {why}")?;
    let width = all.iter().map(String::len).max().unwrap_or_default().min(48);
    all.iter().try_for_each(|reading| writeln!(text, "  {reading:<width$}  {}", say(reading)))
}

fn outcome(need: &Need<'_>, asker: Option<&Asker>) -> String {
    match (need, asker) {
        (Need::Denied, _) => "403".to_owned(),
        (Need::Nothing | Need::Optional, _) => "forwarded".to_owned(),
        (Need::SignedIn(_), None) => "401, and a browser is led to /auth/login".to_owned(),
        (Need::SignedIn(roles), Some(asker)) if has(asker, roles) => "forwarded".to_owned(),
        (Need::SignedIn(roles), Some(_)) => format!("403, without {}", Sets(roles)),
    }
}

fn has(asker: &Asker, roles: &Roles<'_>) -> bool {
    roles.are_met_by(|role| asker.roles.contains(role))
}

const NOBODY: &str = "the upstream is told: of nobody, and what a client claims is removed\n";

/// The identity headers of what is forwarded; a client's own are removed in every case.
fn told(settings: &Settings, need: &Need<'_>, asker: Option<&Asker>, text: &mut String) {
    let who = match (need, asker) {
        (Need::Denied, _) => return,
        (Need::SignedIn(roles), Some(asker)) if !has(asker, roles) => return,
        (Need::Nothing, _) => None,
        (Need::Optional | Need::SignedIn(_), asker) => Some(asker),
    };
    let Some(asker) = who else {
        *text += NOBODY;
        return;
    };
    let Identity { user_id, email, username, roles, token } = &settings.identity;
    let mut lines =
        vec![(user_id, asker.map_or_else(|| "(the uid)".to_owned(), |asker| asker.user.to_string()))];
    if let Some(name) = email {
        let text = asker.map(|asker| asker.email.as_str());
        lines.push((name, text.map_or_else(|| "(the address)".to_owned(), in_header)));
    }
    if let Some(name) = username {
        let text = asker.map(|asker| asker.username.as_str());
        lines.push((name, text.map_or_else(|| "(the name)".to_owned(), in_header)));
    }
    if let Some(name) = roles {
        let held = |asker: &Asker| asker.roles.iter().map(Role::as_str).collect::<Vec<_>>().join(",");
        lines.push((name, asker.map_or_else(|| "(the roles)".to_owned(), held)));
    }
    if let Some(name) = token {
        lines.push((name, "(the access token)".to_owned()));
    }
    let _ = writeln!(text, "the upstream is told, of who is signed in:");
    for (name, value) in lines {
        let _ = writeln!(text, "  {name}: {value}");
    }
}

fn in_header(text: &str) -> String {
    String::from_utf8_lossy(header_text::encoded(text).as_bytes()).into_owned()
}

/// `rule 2 (sidegate.toml:7:1, `/admin/*`)`
struct Rule<'r>(Judgement<'r>);

impl Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0 {
            Some((index, rule)) => write!(f, "rule {} ({}, `{}`)", index + 1, rule.place, rule.path),
            None => f.write_str("no rule matches"),
        }
    }
}

struct Word<'n>(&'n Need<'n>);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Need::Nothing => f.write_str("anyone"),
            Need::Optional => f.write_str("optional"),
            Need::Denied => f.write_str("deny"),
            Need::SignedIn(roles) if roles.sets().next().is_none() => f.write_str("signed-in"),
            Need::SignedIn(roles) => write!(f, "signed-in with {}", Sets(roles)),
        }
    }
}

/// `one of admin, staff`, for each set.
struct Sets<'n>(&'n Roles<'n>);

impl Display for Sets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, set) in self.0.sets().enumerate() {
            let names: Vec<_> = set.iter().map(Role::as_str).collect();
            let of = if names.len() > 1 { "one of " } else { "" };
            write!(f, "{}{of}{}", if index > 0 { " and " } else { "" }, names.join(", "))?;
        }
        Ok(())
    }
}
