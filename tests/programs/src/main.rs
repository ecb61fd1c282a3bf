//! The gate before programs that no one here wrote: a person signs up, in and out in Chromium and uses them in between;
//! gRPC's own client calls its own server, git's its own, and curl a WebDAV server.
//!
//! `scripts/real-programs` installs what this needs and runs it; `docs/real-programs.md` says what each program has to
//! be told. The result is a table; the exit code is 0 when every program worked.

mod datasette;
mod git;
mod gradio;
mod grpc;
mod jupyterlab;
mod person;
mod ports;
mod process;
mod prometheus;
mod raw;
mod site;
mod streamlit;
mod tap;
mod visit;
mod webdav;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use visit::{Program, visit};

/// Where the programs are, as the script installed them.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// The virtual environment with the programs that are written in Python.
    pub(crate) venv: PathBuf,
    /// Where what the programs say is kept, to be read when one fails.
    pub(crate) logs: PathBuf,
}

/// One line of the table.
struct Row {
    name: &'static str,
    version: String,
    seconds: f64,
    /// What was done, or why it went wrong.
    outcome: Result<Vec<String>, String>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(venv), Some(logs)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: sidegate-real-programs VENV LOGS [PROGRAM…]");
        return ExitCode::from(2);
    };
    let tools = Tools { venv, logs };
    let asked: Vec<PathBuf> = arguments.collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked.as_os_str() == name);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event loop");
    let rows = runtime.block_on(async {
        let mut rows = Vec::new();
        rows.extend(row(jupyterlab::JupyterLab, &tools, &wanted).await);
        rows.extend(row(streamlit::Streamlit, &tools, &wanted).await);
        rows.extend(row(gradio::Gradio, &tools, &wanted).await);
        rows.extend(row(datasette::Datasette, &tools, &wanted).await);
        rows.extend(row(prometheus::Prometheus, &tools, &wanted).await);
        for way in grpc::WAYS {
            if wanted(way.name) {
                rows.push(timed(way.name, grpc::version(&tools), grpc::called(way, &tools)).await);
            }
        }
        if wanted(git::NAME) {
            rows.push(timed(git::NAME, git::version(), git::used(&tools)).await);
        }
        if wanted(webdav::NAME) {
            rows.push(timed(webdav::NAME, webdav::version(&tools), webdav::used(&tools)).await);
        }
        rows
    });
    print(&rows);
    if !rows.is_empty() && rows.iter().all(|row| row.outcome.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn row(program: impl Program, tools: &Tools, wanted: &impl Fn(&str) -> bool) -> Option<Row> {
    let name = program.name();
    if !wanted(name) {
        return None;
    }
    let version = program.version(tools);
    Some(timed(name, version, visit(program, tools)).await)
}

async fn timed(
    name: &'static str,
    version: String,
    done: impl Future<Output = Result<Vec<String>, String>>,
) -> Row {
    let begun = Instant::now();
    let outcome = done.await;
    Row { name, version, seconds: begun.elapsed().as_secs_f64(), outcome }
}

fn print(rows: &[Row]) {
    println!("\n{:<12} {:<9} {:>4}  what was done", "program", "version", "s");
    for Row { name, version, seconds, outcome } in rows {
        let (first, rest) = match outcome {
            Ok(done) => {
                done.split_first().map_or((String::new(), &[][..]), |(first, rest)| (first.clone(), rest))
            }
            Err(why) => (format!("FAILED: {why}"), &[][..]),
        };
        println!("{name:<12} {version:<9} {seconds:>4.0}  {first}");
        for line in rest {
            println!("{:<28} {line}", "");
        }
    }
    let failed = rows.iter().filter(|row| row.outcome.is_err()).count();
    println!("\n{} passed, {failed} failed", rows.len() - failed);
}
