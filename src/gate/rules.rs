//! What a request needs to pass: the first rule that matches decides, and where none does it has to be signed in. A path
//! that can be read in several ways needs what the strictest reading needs (contract section 6).

use http::Method;
use http::uri::Authority;

use super::Way;
use crate::config::settings::{Allow, Rule};
use crate::types::path_prefix::is_below;
use crate::types::{AskedHost, PathPrefix, Role};
use crate::web::readings::Readings;

/// What a request needs to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need<'r> {
    /// Nothing: nobody is looked at.
    Nothing,
    /// Nothing, and who is signed in is told to the upstream.
    Optional,
    /// A session, and its user a role of each of these sets; an empty set asks for none.
    SignedIn(Roles<'r>),
    /// What nobody has.
    Denied,
}

/// Sets of roles, of each of which one is needed. Ordinary paths have one set at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles<'r> {
    first: &'r [Role],
    /// What other readings of the path ask for.
    others: Vec<&'r [Role]>,
}

impl<'r> Roles<'r> {
    /// Whether somebody with these roles has what is needed.
    pub fn are_met_by(&self, has: impl Fn(&Role) -> bool) -> bool {
        self.sets().all(|set| set.is_empty() || set.iter().any(&has))
    }

    /// The sets that ask for something.
    pub fn sets(&self) -> impl Iterator<Item = &'r [Role]> {
        [self.first].into_iter().chain(self.others.iter().copied()).filter(|set| !set.is_empty())
    }

    fn with(mut self, other: &Self) -> Self {
        for set in other.sets() {
            if self.first.is_empty() {
                self.first = set;
            } else if self.sets().all(|known| known != set) {
                self.others.push(set);
            }
        }
        self
    }
}

impl Need<'_> {
    /// The stricter of two: deny, then signed in with what both ask for, then optional, then nothing.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Denied, _) | (_, Self::Denied) => Self::Denied,
            (Self::SignedIn(one), Self::SignedIn(other)) => Self::SignedIn(one.with(&other)),
            (Self::SignedIn(roles), _) | (_, Self::SignedIn(roles)) => Self::SignedIn(roles),
            (Self::Optional, _) | (_, Self::Optional) => Self::Optional,
            (Self::Nothing, Self::Nothing) => Self::Nothing,
        }
    }
}

/// Stands for the method of a request of which nobody told the method. No rule that names methods is about it: they can't be
/// written with this sign (`config::rules`). And it is no safe one, nor a navigation's.
pub const NO_METHOD: &str = "_";

/// The rules of the settings.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Whether any is about a host.
    name_hosts: bool,
}

impl Rules {
    /// As the settings have them.
    pub fn new(rules: &[Rule]) -> Self {
        Self { rules: rules.to_vec(), name_hosts: rules.iter().any(|rule| rule.hosts.is_some()) }
    }

    /// What a request for this path of this host needs.
    pub fn need(&self, method: &Method, host: Option<&Authority>, path: &str) -> Need<'_> {
        self.judge(method, host, path).need
    }

    /// The same, and where it goes.
    pub(super) fn judge(&self, method: &Method, host: Option<&Authority>, path: &str) -> Judged<'_> {
        // Most gates have no rules: then no path has to be read.
        if self.rules.is_empty() {
            return Judged { need: Need::SignedIn(Roles::default()), way: Way::default() };
        }
        let host = self.asked(host);
        // A backend may take it for any of the hosts that rules name.
        if host == AskedHost::Odd {
            return Judged::DENIED;
        }
        let besides = Besides { method, host };
        let sentence = match in_capitals(method) {
            None => self.sentence(&besides, path),
            Some(capitals) => {
                let in_capitals = Besides { method: &capitals, ..besides };
                self.sentence(&besides, path).and(self.sentence(&in_capitals, path))
            }
        };
        sentence.judged(path)
    }

    /// The host that a request is for, as far as rules ask for hosts.
    pub(super) fn asked<'a>(&self, host: Option<&'a Authority>) -> AskedHost<'a> {
        if self.name_hosts { AskedHost::of(host) } else { AskedHost::None }
    }

    /// Whether any sends what it lets pass elsewhere than to `[upstream]`, as it came.
    pub(super) fn route(&self) -> bool {
        self.rules.iter().any(|rule| rule.upstream > 0 || rule.strip_prefix.is_some())
    }

    pub(super) const fn name_hosts(&self) -> bool {
        self.name_hosts
    }

    fn sentence(&self, asked: &Besides<'_>, path: &str) -> Sentence<'_> {
        match Readings::of(path) {
            Readings::One(reading) => self.decides(asked, &reading, Doubt::None).sentence(),
            Readings::Several(readings) => self.strictest(asked, &readings, Doubt::None),
            Readings::Odd(readings) => self.strictest(asked, &readings, Doubt::Odd),
            Readings::TooMany => Sentence::DENIED,
        }
    }

    fn strictest(&self, asked: &Besides<'_>, readings: &[String], doubt: Doubt) -> Sentence<'_> {
        let sentences = readings.iter().map(|reading| {
            let sentence = self.decides(asked, reading, doubt).sentence();
            if doubt == Doubt::None {
                return sentence;
            }
            // A rule that opens does not match, and yet says whose the path is; and nothing is taken from a path of
            // which nobody knows where it begins.
            let route = self.decides(asked, reading, Doubt::None).sentence().route;
            if route == sentence.route && route.prefix.is_none() { sentence } else { Sentence::DENIED }
        });
        // A path has a reading at least; were there none, nobody should pass.
        sentences.reduce(Sentence::and).unwrap_or(Sentence::DENIED)
    }

    /// The rule that decides over one reading of a path.
    pub(super) fn decides(&self, asked: &Besides<'_>, reading: &str, doubt: Doubt) -> Judgement<'_> {
        let opens = |rule: &Rule| matches!(rule.allow, Allow::Anyone | Allow::Optional);
        let mut rules = self.rules.iter().enumerate();
        let decides = rules.find(|(_, rule)| {
            rule.path.covers(reading)
                && rule.is_about(asked.method)
                && rule.is_for(asked.host)
                && !(doubt == Doubt::Odd && opens(rule))
        });
        Judgement(decides)
    }
}

/// What rules ask of a request besides its path.
#[derive(Clone, Copy)]
pub(super) struct Besides<'a> {
    pub(super) method: &'a Method,
    pub(super) host: AskedHost<'a>,
}

/// A method that has small letters, as a backend that takes no notice of case reads it (RFC 9110 section 9.1 says that
/// methods are case-sensitive, and many backends write them in capitals first).
pub(super) fn in_capitals(method: &Method) -> Option<Method> {
    let small = method.as_str().bytes().any(|byte| byte.is_ascii_lowercase());
    small.then(|| Method::from_bytes(method.as_str().to_ascii_uppercase().as_bytes()).ok()).flatten()
}

/// Whether a path is odd: then no rule that opens matches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    Odd,
}

/// The rule that decides, with its place among the rules; none where no rule matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement<'r>(pub(super) Option<(usize, &'r Rule)>);

/// What a request needs, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged<'r> {
    pub(super) need: Need<'r>,
    pub(super) way: Way,
}

impl Judged<'_> {
    const DENIED: Self = Self { need: Need::Denied, way: Way { upstream: 0, stripped: 0 } };
}

/// The same as the rules say it, before the path is looked at for what is to be taken from it.
struct Sentence<'r> {
    need: Need<'r>,
    route: Route<'r>,
}

/// Where a rule sends what it lets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Route<'r> {
    upstream: usize,
    prefix: Option<&'r str>,
}

impl<'r> Sentence<'r> {
    const DENIED: Self = Self { need: Need::Denied, route: Route { upstream: 0, prefix: None } };

    /// The stricter of two. What would go two ways goes none: one backend's rules say nothing of another's paths.
    fn and(self, other: Self) -> Self {
        if self.route != other.route {
            return Self::DENIED;
        }
        Self { need: self.need.and(other.need), route: self.route }
    }

    /// Finds what is to be taken from the path as it was sent; spelled in another way nothing can be taken from it.
    fn judged(self, path: &str) -> Judged<'r> {
        let Self { need, route: Route { upstream, prefix } } = self;
        match prefix {
            None => Judged { need, way: Way { upstream, stripped: 0 } },
            Some(prefix) if is_below(path, prefix) => {
                Judged { need, way: Way { upstream, stripped: prefix.len() } }
            }
            Some(_) => Judged::DENIED,
        }
    }
}

impl<'r> Judgement<'r> {
    fn sentence(self) -> Sentence<'r> {
        let route = self.0.map(|(_, rule)| Route {
            upstream: rule.upstream,
            prefix: rule.strip_prefix.as_ref().map(PathPrefix::as_str),
        });
        Sentence { need: self.need(), route: route.unwrap_or_default() }
    }

    pub(super) fn need(self) -> Need<'r> {
        match self.0.map(|(_, rule)| &rule.allow) {
            Some(Allow::Anyone) => Need::Nothing,
            Some(Allow::Optional) => Need::Optional,
            Some(Allow::SignedIn(roles)) => Need::SignedIn(Roles { first: roles, others: Vec::new() }),
            Some(Allow::Deny) => Need::Denied,
            None => Need::SignedIn(Roles::default()),
        }
    }
}

#[cfg(test)]
mod tests;
