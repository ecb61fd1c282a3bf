//! `sidegate serve`: runs the gate until a signal ends it.

use std::path::Path;
use std::process::ExitCode;

use super::signals::Signals;
use super::{USAGE, logging};
use crate::app;
use crate::config::{self, Settings, env::System, report, settings::Listen};
use crate::types::Clock;

pub(super) fn run(config: Option<&Path>) -> ExitCode {
    let loaded = match config::load(config, &System, Path::new(".")) {
        Ok(loaded) => loaded,
        Err(findings) => {
            super::complain(&findings);
            return ExitCode::from(USAGE);
        }
    };
    // The last word is dropped last: what the gate says while it stops is written too.
    let (_last_word, log) = match logging::start(&loaded.settings.log) {
        Ok(started) => started,
        Err(error) => return super::fail(&format!("the system refuses a thread for the log: {error}")),
    };
    for warning in &loaded.warnings {
        tracing::warn!("{}", report::line(warning));
    }
    let settings = loaded.settings;
    let (welcome, by_tls) = (welcome(&settings), settings.server.tls.is_some());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(&format!("the system refuses a runtime: {error}")),
    };
    let signals = match runtime.block_on(async { Signals::listen() }) {
        Ok(signals) => signals,
        Err(error) => return super::fail(&format!("signals can't be listened for: {error}")),
    };
    match app::start(settings, Clock::system(), log) {
        Ok(running) => {
            for address in running.addresses() {
                match address {
                    Listen::Tcp(address) if by_tls => tracing::info!("listening on https://{address}"),
                    address => tracing::info!("listening on {address}"),
                }
            }
            if let Some(address) = running.admin_address() {
                tracing::info!("health and metrics at http://{address}/healthz, /readyz, /metrics");
            }
            for line in &welcome {
                tracing::info!("{line}");
            }
            let signal = runtime.block_on(signals.first());
            tracing::info!("{signal}: finishing what runs");
            running.stop();
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => super::fail(&error.to_string()),
    }
}

/// What an operator has to know of a gate that just started.
fn welcome(settings: &Settings) -> Vec<String> {
    let origin = settings.server.public_url.origin();
    let mut lines = vec![format!("sign in at {origin}/auth/login")];
    lines.push(if !settings.signup.open {
        "sign-up is closed".to_owned()
    } else if settings.signup.allowed_domains.is_empty() {
        "sign-up is open to anybody who can reach this gate; close it with `signup.open = false` \
         (SIDEGATE_SIGNUP_OPEN=false)"
            .to_owned()
    } else {
        let domains = settings.signup.allowed_domains.join(", ");
        format!("sign-up is open to anybody who gives an address of {domains}; close it with `signup.open = false`")
    });
    lines
}
