//! `sidegate demo`: the main job on one screen.

use std::path::PathBuf;
use std::process::ExitCode;

use super::signals::Signals;
use crate::demo::{self, Options};

/// The demo's flags.
#[derive(clap::Args, Debug)]
pub(super) struct Flags {
    /// The gate's port
    #[arg(long, value_name = "N", default_value_t = 8000)]
    port: u16,
    /// The test page's port
    #[arg(long, value_name = "N", default_value_t = 5500)]
    page_port: u16,
    /// The demo upstream's port [default: any free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    upstream_port: u16,
    /// Keep the demo's users in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(flags: Flags) -> ExitCode {
    let options = Options {
        gate_port: flags.port,
        page_port: flags.page_port,
        upstream_port: flags.upstream_port,
        data: flags.data,
    };
    let stop = async {
        match Signals::listen() {
            Ok(signals) => _ = signals.first().await,
            // Without them the process still ends by the signal itself.
            Err(_) => std::future::pending().await,
        }
    };
    match demo::run(&options, &mut std::io::stdout(), stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::fail(&error.to_string()),
    }
}
