//! The environment as a parameter, and the variables that are keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::finding::{Finding, Place};
use super::nearest;
use super::raw::Raw;
use super::reader::{Entry, Layer};

/// Where environment variables come from.
pub trait Env {
    /// All of them.
    fn variables(&self) -> Vec<(OsString, OsString)>;

    /// Whether this process runs in a container of Docker, Podman and the like.
    fn in_container(&self) -> bool;
}

/// The process's own environment.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Env for System {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the process's environment")]
    fn variables(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().collect()
    }

    /// Docker leaves the one file, Podman the other.
    fn in_container(&self) -> bool {
        ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
    }
}

/// Variables given one by one, for tests and the demo.
#[derive(Clone, Default)]
pub struct Fixed {
    variables: Vec<(OsString, OsString)>,
    in_container: bool,
}

impl Fixed {
    /// These variables and no others.
    pub fn new<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self::from(variables.map(|(name, value)| (name.into(), value.into())).to_vec())
    }

    /// The same in a container.
    #[must_use]
    pub fn in_container(self) -> Self {
        Self { in_container: true, ..self }
    }
}

impl From<Vec<(OsString, OsString)>> for Fixed {
    fn from(variables: Vec<(OsString, OsString)>) -> Self {
        Self { variables, in_container: false }
    }
}

impl Env for Fixed {
    fn variables(&self) -> Vec<(OsString, OsString)> {
        self.variables.clone()
    }

    fn in_container(&self) -> bool {
        self.in_container
    }
}

/// The variable that names the configuration file; it is no key.
pub(super) const CONFIG: &str = "SIDEGATE_CONFIG";

/// One variable. It may be a secret: no `Debug`.
pub(super) struct Variable {
    /// Its value; `None`: not UTF-8.
    pub(super) value: Option<String>,
    /// Where it was given.
    pub(super) place: Place,
}

/// All variables that matter by their names: the environment's, and under them `.env`'s.
pub(super) type Variables = BTreeMap<String, Variable>;

/// The environment's variables.
pub(super) fn variables(env: &dyn Env) -> Variables {
    let named = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        let variable = Variable { value: value.into_string().ok(), place: Place::Variable(name.clone()) };
        Some((name, variable))
    };
    env.variables().into_iter().filter_map(named).collect()
}

/// What `localhost` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Localhost {
    /// The machine, or the pod: a backend can be there.
    Shared,
    /// A container alone.
    Container,
}

/// What `localhost` is for this process. The containers of a Kubernetes pod share theirs, which is how a sidecar meets
/// its backend; Kubernetes gives each of them this variable.
pub(super) fn localhost(env: &dyn Env, variables: &Variables) -> Localhost {
    let pod = variables.contains_key("KUBERNETES_SERVICE_HOST");
    if env.in_container() && !pod { Localhost::Container } else { Localhost::Shared }
}

/// The keys that variables give, and what is wrong with `SIDEGATE_…` variables that are none.
pub(super) fn layer(variables: &mut Variables, findings: &mut Vec<Finding>) -> Layer {
    let mut layer = Layer::new();
    let names = nearest::variables();
    let given: Vec<_> =
        variables.keys().filter(|name| name.starts_with("SIDEGATE_") && *name != CONFIG).cloned().collect();
    for name in given {
        let Some(Variable { value, place }) = variables.remove(&name) else { continue };
        match (names.get(&name), value) {
            (None, _) => {
                let finding = Finding::warning(Some(place), "no key has this variable; it is ignored");
                findings.push(if is_service_link(&name) {
                    finding.hint(
                        "Kubernetes sets such variables for a service of this name; \
                         `enableServiceLinks: false` in the pod keeps them out",
                    )
                } else if let Some(close) = nearest::close_variable(&name, names.keys()) {
                    finding.hint(format!("did you mean `{close}`?"))
                } else {
                    finding.hint("`docs/configuration.md` lists every variable")
                });
            }
            (Some(path), None) => findings.push(
                Finding::error(Some(place), format!("bad value for `{path}`: it is not UTF-8"))
                    .hint("write it in UTF-8"),
            ),
            (Some(path), Some(value)) => {
                layer.insert(path.clone(), Entry { raw: Raw::Variable(value), place });
            }
        }
    }
    layer
}

/// Whether Kubernetes may have made this variable for a service called `sidegate` or `sidegate-…`:
/// `SIDEGATE_SERVICE_HOST`, `SIDEGATE_PORT_8000_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    let port = |rest: &str| {
        let mut words = rest.split('_');
        let number = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        number && words.next().is_some_and(|word| ["TCP", "UDP", "SCTP"].contains(&word))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.match_indices("_PORT_").any(|(place, sign)| port(&name[place + sign.len()..]))
}
