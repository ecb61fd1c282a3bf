//! The command line: one file a command, and the exit codes (0 fine, 1 failed, 2 wrong usage or configuration).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::env::System;
use crate::types::UserRef;

mod backup;
pub mod check;
mod demo;
mod door;
mod explain;
mod exporting;
mod healthcheck;
mod importing;
mod keys;
mod logging;
mod openapi;
mod progress;
mod prompt;
mod serve;
mod sessions;
mod show;
mod signals;
mod table;
mod target;
mod users;

/// Sign-up, sign-in and sessions in front of a backend that has none.
#[derive(Parser, Debug)]
#[command(name = "sidegate", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the gate
    Serve(Config),
    /// Show what it does: a demo upstream, the gate and a test page, without any configuration
    Demo(demo::Flags),
    /// Read the configuration and say what is wrong with it, or what is in force
    Check(Check),
    /// Ask the running gate whether it is ready: exit 0 if it is
    Healthcheck(Config),
    /// Print the OpenAPI 3.1 document of `/auth/*`
    Openapi(Config),
    /// Make, show, change and remove users, while the gate runs or not
    Users(Administration<users::Users>),
    /// Show sessions and end them
    Sessions(Administration<sessions::Sessions>),
    /// Show and rotate the keys that sign access tokens
    Keys(Administration<keys::Keys>),
    /// Copy the whole database to a file, while the gate runs or not
    Backup {
        #[command(flatten)]
        backup: backup::Backup,
        #[command(flatten)]
        general: General,
    },
}

/// A group of commands about what the database holds.
#[derive(clap::Args, Debug)]
struct Administration<C: Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    general: General,
}

/// What every command of administration takes.
#[derive(clap::Args, Debug)]
struct General {
    /// The configuration file [default: `$SIDEGATE_CONFIG`, ./sidegate.toml, /etc/sidegate/sidegate.toml]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print JSON: one object, or an array for lists
    #[arg(long, global = true)]
    json: bool,
}

impl General {
    fn form(&self) -> show::Form {
        if self.json { show::Form::Json } else { show::Form::Text }
    }
}

#[derive(clap::Args, Debug)]
struct Config {
    /// The configuration file [default: `$SIDEGATE_CONFIG`, ./sidegate.toml, /etc/sidegate/sidegate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Check {
    #[command(flatten)]
    config: Config,
    /// Say which rule decides over a request, like "GET /path", and what the upstream would be told
    #[arg(long, value_name = "REQUEST")]
    explain: Option<String>,
    /// Who asks, by their address or number
    #[arg(long, value_name = "EMAIL", requires = "explain", value_parser = users::text::<UserRef>)]
    user: Option<UserRef>,
}

/// Wrong usage or configuration.
const USAGE: u8 = 2;

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    say_panics_in_a_line();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is there to be told that standard error is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command {
        Command::Serve(config) => serve::run(config.config.as_deref()),
        Command::Demo(flags) => demo::run(flags),
        Command::Check(Check { config, explain: Some(request), user }) => {
            explain::run(config.config.as_deref(), &request, user)
        }
        Command::Check(Check { config, .. }) => {
            check::run(config.config.as_deref(), &System, Path::new("."), &mut std::io::stdout())
        }
        Command::Healthcheck(config) => healthcheck::run(config.config.as_deref()),
        Command::Openapi(config) => openapi::run(config.config.as_deref()),
        Command::Users(Administration { command, general }) => users::run(command, &general),
        Command::Sessions(Administration { command, general }) => sessions::run(command, &general),
        Command::Keys(Administration { command, general }) => keys::run(&command, &general),
        Command::Backup { backup, general } => backup::run(&backup, &general),
    }
}

/// A panic is a bug of ours: one line for the report, no backtrace for the operator. Those that are caught on purpose
/// (a damaged database) are told by who caught them as well.
#[expect(clippy::print_stderr, reason = "the log may be what has failed")]
fn say_panics_in_a_line() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let why = panic.payload_as_str().unwrap_or("no reason given");
        eprintln!("error: internal error at {place}: {why}");
    }));
}

/// Says what went wrong, for a person.
#[expect(clippy::print_stderr, reason = "the command line speaks to people")]
fn fail(text: &str) -> ExitCode {
    eprintln!("error: {text}");
    ExitCode::FAILURE
}

/// Says everything that is wrong with a configuration.
#[expect(clippy::print_stderr, reason = "the command line speaks to people")]
fn complain(findings: &[crate::config::Finding]) {
    eprint!("{}", crate::config::report::findings(findings));
}
