//! All upstreams of one worker, each with connections and time limits of its own. The permit says which one it is for.

use std::time::Duration;

use super::{Proxy, Troubles, Tunnels};
use crate::config::settings::{self, Settings};
use crate::gate::Pass;
use crate::web::deadline::Deadlines;
use crate::web::pipe::Pipes;

/// The upstreams: `[upstream]` first, then the named ones in the order of the settings, as a permit's way counts them.
pub struct Upstreams(Vec<Proxy>);

impl Upstreams {
    /// As the settings have them, with the worker's time limits, its open tunnels and its pipes, and what all workers know of
    /// troubles.
    pub fn new(
        settings: &Settings,
        deadlines: &Deadlines,
        tunnels: &Tunnels,
        troubles: &Troubles,
        pipes: &Pipes,
    ) -> Self {
        let proxy = |upstream: &settings::Upstream| {
            let (deadlines, tunnels, troubles) = (deadlines.clone(), tunnels.clone(), troubles.clone());
            Proxy::new(settings, upstream.clone(), deadlines, tunnels, troubles, pipes)
        };
        Self(settings.all_upstreams().map(proxy).collect())
    }

    /// The one that a permit is for.
    pub fn of(&self, pass: &Pass) -> &Proxy {
        // Rules and upstreams are of the same settings: a way to none of these can't be made.
        &self.0[pass.way().upstream]
    }

    /// Whether requests to any of them can go the direct way.
    pub fn go_directly(&self) -> bool {
        self.0.iter().any(Proxy::goes_directly)
    }

    /// Looks after the addresses and the connections that wait, for as long as it is polled.
    pub fn tending(&self) -> impl Future<Output = ()> + use<> {
        let all: Vec<_> = self.0.iter().map(Proxy::tending).collect();
        async move {
            futures_util::future::join_all(all).await;
        }
    }
}

/// How long the most patient of all upstreams waits for a silent body.
pub fn patience(settings: &Settings) -> Duration {
    settings.all_upstreams().map(|upstream| upstream.idle_timeout).fold(Duration::ZERO, Ord::max)
}
