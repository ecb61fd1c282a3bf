//! The gate before programs that no one here wrote: a person signs up, in and out in Chromium and uses them in between;
//! gRPC's own client calls its own server, git's its own, and curl a WebDAV server. A mail server is mailed to, and a
//! validator reads the OpenAPI document.
//!
//! `scripts/real-programs` installs what this needs and runs it; `docs/real-programs.md` says what each program has to
//! be told. The result is a table; the exit code is 0 when every program worked.

mod datasette;
mod front;
mod git;
mod gradio;
mod grpc;
mod jupyterlab;
mod mail;
mod openapi;
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
use std::sync::Arc;
use std::time::Instant;

use front::Front;
use site::{Backend, Plan, Site};
use visit::{Program, visit};

/// Where the programs are, as the script installed them.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// The virtual environment with the programs that are written in Python.
    pub(crate) venv: PathBuf,
    /// Where what the programs say is kept, to be read when one fails.
    pub(crate) logs: PathBuf,
    /// What stands before the gate, one after the other.
    pub(crate) fronts: Vec<Option<Front>>,
}

/// One line of the table.
struct Row {
    name: &'static str,
    front: Option<Front>,
    version: String,
    seconds: f64,
    /// What was done, or why it went wrong.
    outcome: Result<Vec<String>, String>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(venv), Some(logs)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: sidegate-real-programs VENV LOGS [FRONT…] [PROGRAM…]");
        return ExitCode::from(2);
    };
    let asked: Vec<PathBuf> = arguments.collect();
    let is_front =
        |asked: &PathBuf| Front::ALL.iter().find(|front| asked.as_os_str() == front.name()).copied();
    let mut fronts: Vec<_> = asked.iter().filter_map(is_front).map(Some).collect();
    let programs: Vec<_> = asked.iter().filter(|asked| is_front(asked).is_none()).collect();
    if fronts.is_empty() {
        fronts.push(None);
    }
    let tools = Tools { venv, logs, fronts };
    let wanted = |name: &str| programs.is_empty() || programs.iter().any(|asked| asked.as_os_str() == name);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event loop");
    let rows = runtime.block_on(async {
        let mut rows = Vec::new();
        if wanted("jupyterlab") {
            rows.extend(visited(jupyterlab::JupyterLab, &tools).await);
        }
        if wanted("streamlit") {
            rows.extend(visited(streamlit::Streamlit, &tools).await);
        }
        if wanted("gradio") {
            rows.extend(visited(gradio::Gradio, &tools).await);
        }
        if wanted("datasette") {
            rows.extend(visited(datasette::Datasette, &tools).await);
        }
        if wanted("prometheus") {
            rows.extend(visited(prometheus::Prometheus, &tools).await);
        }
        for way in grpc::WAYS {
            if wanted(way.name) {
                let called = async |site: Arc<Site>| grpc::called(&site, &tools).await;
                rows.extend(by_each_front(grpc::plan(way, &tools), &tools, called).await);
            }
        }
        if wanted(git::NAME) {
            rows.extend(by_each_front(git::plan(), &tools, async |site| git::used(&site).await).await);
        }
        if wanted(webdav::NAME) {
            rows.extend(
                by_each_front(webdav::plan(&tools), &tools, async |site| webdav::used(&site).await).await,
            );
        }
        // Nothing of these goes by way of a front proxy.
        if wanted(mail::NAME) && (tools.fronts.contains(&None) || !programs.is_empty()) {
            rows.push(mail::mailed(&tools).await);
        }
        if wanted(openapi::NAME) && (tools.fronts.contains(&None) || !programs.is_empty()) {
            rows.push(openapi::judged(&tools));
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

async fn visited(program: impl Program, tools: &Tools) -> Vec<Row> {
    by_each_front(visit::plan(program, tools), tools, async |site| visit(program, site).await).await
}

/// Starts a program, and has it used by way of each front proxy.
async fn by_each_front(
    plan: Plan,
    tools: &Tools,
    is_used: impl AsyncFn(Arc<Site>) -> Result<Vec<String>, String>,
) -> Vec<Row> {
    let mut begun = Instant::now();
    let backend = Arc::new(Backend::start(&plan, tools).await);
    let mut rows = Vec::new();
    for front in tools.fronts.clone() {
        if !rows.is_empty() {
            (plan.lays_out)(backend.folder());
        }
        let (tools, behind) = (tools.clone(), Arc::clone(&backend));
        // In a task of its own: what can't be started is that row's affair.
        let site = tokio::spawn(async move { Site::before(behind, front, &tools).await }).await;
        let outcome = match site {
            Ok(site) => {
                // Until the browser has gone: a proxy that ends waits for those who are connected.
                let kept = Arc::new(site);
                is_used(Arc::clone(&kept)).await
            }
            Err(failed) => Err(why(failed)),
        };
        let (name, version, seconds) = (plan.name, plan.version.clone(), begun.elapsed().as_secs_f64());
        let row = Row { name, front, version, seconds, outcome };
        if let Err(failed) = &row.outcome {
            // Told at once: what is to come may take minutes.
            eprintln!("{name} by {}: {failed}", row.way());
        }
        rows.push(row);
        begun = Instant::now();
    }
    rows
}

/// What a task said when it panicked.
pub(crate) fn why(failed: tokio::task::JoinError) -> String {
    let why = failed.into_panic();
    let text = why.downcast_ref::<String>().cloned();
    text.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

impl Row {
    fn way(&self) -> &'static str {
        self.front.map_or("the gate", Front::name)
    }
}

fn print(rows: &[Row]) {
    println!("\n{:<12} {:<9} {:<9} {:>4}  what was done", "program", "version", "by way of", "s");
    for row @ Row { name, version, seconds, outcome, .. } in rows {
        let (first, rest) = match outcome {
            Ok(done) => {
                done.split_first().map_or((String::new(), &[][..]), |(first, rest)| (first.clone(), rest))
            }
            Err(why) => (format!("FAILED: {why}"), &[][..]),
        };
        println!("{name:<12} {version:<9} {:<9} {seconds:>4.0}  {first}", row.way());
        for line in rest {
            println!("{:<38} {line}", "");
        }
    }
    let failed = rows.iter().filter(|row| row.outcome.is_err()).count();
    println!("\n{} passed, {failed} failed", rows.len() - failed);
}
