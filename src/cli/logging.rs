//! Where log lines go and how they look: standard error, as text or as one JSON object a line.

use std::io;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::settings::{Log, LogFormat};
use crate::log::{AccessLog, LastWord, Lines};

/// What the libraries below say is of interest only when it is bad: at finer levels they print headers, and with
/// them tokens.
const LIBRARIES: Level = Level::WARN;

/// Turns logging on for the process. Gives what writes the last lines when it is dropped, and where requests are logged.
pub(super) fn start(log: &Log) -> io::Result<(LastWord, AccessLog)> {
    let level = LevelFilter::from_level(log.level);
    let access = if log.access { level } else { LevelFilter::OFF };
    let targets = Targets::new()
        .with_default(LevelFilter::from_level(LIBRARIES.min(log.level)))
        .with_target("sidegate", level)
        .with_target("audit", level)
        .with_target("access", access);
    let registry = tracing_subscriber::registry().with(targets);
    let out = Lines::new(io::stderr());
    out.write_in_time()?;
    let last_word = out.last_word();
    let layer = tracing_subscriber::fmt::layer().with_writer(out.clone());
    let coloured = log.format == LogFormat::Text && io::IsTerminal::is_terminal(&io::stderr());
    let started = match log.format {
        LogFormat::Text => registry.with(layer.with_ansi(coloured)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    let access = if access < LevelFilter::INFO {
        AccessLog::Off
    } else if coloured || started.is_err() {
        // A second start in one process keeps the first one's log.
        AccessLog::Traced
    } else {
        AccessLog::Lines(out, log.format)
    };
    Ok((last_word, access))
}
