//! JupyterLab, from PyPI: a cell computes in a kernel over a WebSocket, the notebook is saved, a large file goes up.

use std::path::Path;
use std::process::Command;

use fantoccini::key::Key;
use serde_json::json;
use sidegate_browser_tests::Browser;

use crate::site::Site;
use crate::visit::Program;
use crate::{Tools, process};

/// A notebook with an empty cell, and one that computes for longer than access tokens last and than one that was
/// replaced is still answered (10 s).
const NOTEBOOK: &str = r#"{ "cells": [{ "cell_type": "code", "id": "one", "execution_count": null, "metadata": {},
    "outputs": [], "source": [] }, { "cell_type": "code", "id": "two", "execution_count": null, "metadata": {},
    "outputs": [], "source": ["import time\n", "for step in range(24):\n", "    time.sleep(0.5)\n",
    "print('done after', step)"] }], "metadata": { "kernelspec": { "display_name": "Python 3 (ipykernel)",
    "language": "python", "name": "python3" } }, "nbformat": 4, "nbformat_minor": 5 }"#;

const CELL: &str = ".jp-Notebook .jp-CodeCell .cm-content";
const SLOW_CELL: &str = ".jp-Notebook [data-windowed-list-index='1'] .cm-content";
const SLOW_OUTPUT: &str = ".jp-Notebook [data-windowed-list-index='1'] .jp-OutputArea-output";

/// Asks for much at once, again and again, as JupyterLab does when it starts, and writes; keeps what came.
const ASK: &str = "window.asked = []; const token = document.cookie.match(/_xsrf=([^;]*)/)[1]; \
    const read = ['contents', 'kernels', 'sessions', 'kernelspecs', 'terminals', 'status', 'me', 'contents/sums.ipynb']; \
    const write = n => fetch(`/api/contents/${n}.txt`, { method: 'PUT', headers: { 'X-XSRFToken': token }, \
        body: JSON.stringify({ type: 'file', format: 'text', content: 'n' }) }); \
    (async () => { while (!window.enough) { \
        const all = [...read.map(path => fetch('/api/' + path)), write(1), write(2)]; \
        const round = all.map(one => one.then(answer => answer.ok || answer.status, String)); \
        window.asked.push(...await Promise.all(round)); await new Promise(next => setTimeout(next, 300)); } })()";
const SESSIONS: &str =
    "return fetch('/api/status').then(() => fetch('/auth/sessions')).then(answer => answer.json())";

#[derive(Clone, Copy)]
pub(crate) struct JupyterLab;

impl Program for JupyterLab {
    fn name(&self) -> &'static str {
        "jupyterlab"
    }

    fn version(&self, tools: &Tools) -> String {
        process::version(&tools.venv.join("bin/jupyter-lab"))
    }

    fn lays_out(&self, _: &Tools, folder: &Path) {
        std::fs::write(folder.join("sums.ipynb"), NOTEBOOK).expect("its notebook can be written");
        // Of who was there before.
        _ = std::fs::remove_file(folder.join("up.txt"));
    }

    fn command(&self, tools: &Tools, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(tools.venv.join("bin/jupyter-lab"));
        command
            // Its own token is off, the gate stands there; the gate's public name is one that it may be called by.
            .args(["--IdentityProvider.token=", "--ServerApp.allow_remote_access=True"])
            .args(["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", "--no-browser", "--allow-root"])
            .arg(format!("--ServerApp.port={port}"))
            .arg(format!("--ServerApp.root_dir={}", folder.display()));
        command
    }

    /// Access tokens end many times while a notebook is open.
    fn settings(&self) -> &'static [(&'static str, &'static str)] {
        &[("SIDEGATE_TOKENS_ACCESS_TTL", "3s")]
    }

    fn home(&self) -> &'static str {
        "/lab/tree/sums.ipynb"
    }

    fn doors(&self) -> &'static [&'static str] {
        &[
            "GET /api/contents",
            "GET /api/kernels",
            "POST /api/kernels",
            "DELETE /api/contents/sums.ipynb",
            "WEBSOCKET /api/events/subscribe",
            "WEBSOCKET /api/kernels/00000000-0000-0000-0000-000000000000/channels",
        ]
    }

    fn sockets(&self) -> u64 {
        // The kernel's, and the one of events.
        2
    }

    async fn shows_home(browser: &Browser) {
        browser.reads(".jp-Notebook .jp-CodeCell", |_| true).await;
    }

    async fn is_used(browser: &Browser, site: &Site) -> Vec<String> {
        let mut done = Vec::new();
        // A cell that is run before its kernel answers makes JupyterLab ask which kernel to use.
        browser.reads("#jp-main-statusbar", |text| text.contains("| Idle")).await;
        let run = String::from_iter([Key::Shift, Key::Enter, Key::Null].map(char::from));
        browser.type_into(CELL, &format!("sum(n * n for n in range(10)){run}")).await;
        browser.reads(".jp-OutputArea-output", |text| text.trim() == "285").await;
        done.push("a notebook's cell computed in a kernel (WebSocket)".to_owned());

        if site.front.is_some() {
            done.push(writes(browser, site).await);
            return done;
        }
        let before = session(browser).await;
        browser.script(ASK).await;
        browser.type_into(SLOW_CELL, &run).await;
        done.push(writes(browser, site).await);
        browser.reads(SLOW_OUTPUT, |text| text.trim() == "done after 23").await;
        let asked = browser.script("window.enough = true; return window.asked").await;
        let asked = asked.as_array().expect("what was asked");
        assert!(asked.len() >= 60, "{} answers only", asked.len());
        assert!(asked.iter().all(|answer| answer == true), "requests failed: {asked:?}");
        assert_eq!(session(browser).await, before, "the session was another");
        let asked = asked.len();
        done.push(format!(
            "a cell computed for 12 s, access tokens lasted 3 s: {asked} requests went through"
        ));
        done
    }
}

/// Saves the notebook and sends a large file up.
async fn writes(browser: &Browser, site: &Site) -> String {
    browser.type_into(CELL, &String::from_iter([Key::Control.into(), 's', Key::Null.into()])).await;
    let saved = "return fetch('/api/contents/sums.ipynb').then(answer => answer.json())\
             .then(answer => answer.content.cells[0].outputs[0]?.data['text/plain'])";
    browser.gives(saved, |output| output == "285").await;
    // As its own upload does it: its token against forged requests comes from a cookie that scripts may read.
    let upload = "const token = document.cookie.match(/_xsrf=([^;]*)/)[1]; const content = 'u'.repeat(8000000); \
             return fetch('/api/contents/up.txt', { method: 'PUT', headers: { 'X-XSRFToken': token }, \
             body: JSON.stringify({ type: 'file', format: 'text', content }) }).then(answer => answer.status)";
    assert_eq!(browser.script(upload).await, json!(201));
    let size = std::fs::metadata(site.folder.join("up.txt")).expect("the file that went up").len();
    assert_eq!(size, 8_000_000);
    "the notebook was saved and 8 MB went up (PUT, with its own token)".to_owned()
}

/// The user's one session.
async fn session(browser: &Browser) -> String {
    let sessions = browser.script(SESSIONS).await;
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");
    sessions[0]["id"].as_str().expect("a session has an id").to_owned()
}
