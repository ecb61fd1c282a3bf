//! `[[rules]]`: what a rule is about, who may pass and where it goes then.

use http::Method;

use crate::config::finding::Place;
use crate::types::{AskedHost, PathPrefix, Role, RuleHost, RulePath};

/// One of `[[rules]]`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which paths it is about.
    pub path: RulePath,
    /// Which hosts it is about; `None`: any, and requests that name none.
    pub hosts: Option<Vec<RuleHost>>,
    /// Which methods it is about; `None`: any.
    pub methods: Option<Vec<Method>>,
    /// Who may pass.
    pub allow: Allow,
    /// Which upstream gets what passes; see [`Settings::upstreams`].
    pub upstream: usize,
    /// What is taken from the beginning of its path first.
    pub strip_prefix: Option<PathPrefix>,
    /// Where it stands in the file.
    pub place: Place,
}

impl Rule {
    /// Whether it is about a host.
    pub fn is_for(&self, host: AskedHost<'_>) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|known| known.is(host)))
    }

    /// Whether it is about every host that another one is about.
    pub fn is_for_all_of(&self, other: &Self) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        other.hosts.as_ref().is_some_and(|others| others.iter().all(|host| hosts.contains(host)))
    }

    /// Whether it is about a method; GET covers HEAD.
    pub fn is_about(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            methods.contains(method) || *method == Method::HEAD && methods.contains(&Method::GET)
        })
    }
}

/// Who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Everybody, and nobody is looked at.
    Anyone,
    /// Everybody; who is signed in is told to the upstream.
    Optional,
    /// Who is signed in and has one of these roles; empty: any or none.
    SignedIn(Vec<Role>),
    /// Nobody.
    Deny,
}
