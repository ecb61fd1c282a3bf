//! Where log lines go and how they look: standard error, as text or as one JSON object a line.

use std::io;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::lines::{LastWord, Lines};
use crate::config::settings::{Log, LogFormat};

/// What the libraries below say is of interest only when it is bad: at finer levels they print headers, and with
/// them tokens.
const LIBRARIES: Level = Level::WARN;

/// Turns logging on for the process. What it gives writes the last lines when it is dropped.
pub(super) fn start(log: &Log) -> io::Result<LastWord<io::Stderr>> {
    let level = LevelFilter::from_level(log.level);
    let access = if log.access { level } else { LevelFilter::OFF };
    let targets = Targets::new()
        .with_default(LevelFilter::from_level(LIBRARIES.min(log.level)))
        .with_target("sidegate", level)
        .with_target("audit", level)
        .with_target("access", access);
    let registry = tracing_subscriber::registry().with(targets);
    let out = Lines::new(io::stderr());
    if log.access {
        out.write_in_time()?;
    }
    let last_word = out.last_word();
    // A second start in one process keeps the first one's log.
    let _ = match log.format {
        LogFormat::Text => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            let lines = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(out);
            registry.with(lines).try_init()
        }
        LogFormat::Json => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(out);
            registry.with(lines).try_init()
        }
    };
    Ok(last_word)
}
