//! JupyterLab, from PyPI: a cell computes in a kernel over a WebSocket, the notebook is saved, a large file goes up.

use std::path::Path;
use std::process::Command;

use fantoccini::key::Key;
use serde_json::json;
use sidegate_browser_tests::Browser;

use crate::site::Site;
use crate::visit::Program;
use crate::{Tools, process};

/// A notebook with one empty cell.
const NOTEBOOK: &str = r#"{ "cells": [{ "cell_type": "code", "id": "one", "execution_count": null, "metadata": {},
    "outputs": [], "source": [] }], "metadata": { "kernelspec": { "display_name": "Python 3 (ipykernel)",
    "language": "python", "name": "python3" } }, "nbformat": 4, "nbformat_minor": 5 }"#;

const CELL: &str = ".jp-Notebook .jp-CodeCell .cm-content";

pub(crate) struct JupyterLab;

impl Program for JupyterLab {
    fn name(&self) -> &'static str {
        "jupyterlab"
    }

    fn version(&self, tools: &Tools) -> String {
        process::version(&tools.venv.join("bin/jupyter-lab"))
    }

    fn command(&self, tools: &Tools, folder: &Path, port: u16) -> Command {
        std::fs::write(folder.join("sums.ipynb"), NOTEBOOK).expect("its notebook can be written");
        let mut command = Command::new(tools.venv.join("bin/jupyter-lab"));
        command
            // Its own token is off, the gate stands there; the gate's public name is one that it may be called by.
            .args(["--IdentityProvider.token=", "--ServerApp.allow_remote_access=True"])
            .args(["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", "--no-browser", "--allow-root"])
            .arg(format!("--ServerApp.port={port}"))
            .arg(format!("--ServerApp.root_dir={}", folder.display()));
        command
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
        let shift_enter = String::from_iter([Key::Shift, Key::Enter, Key::Null].map(char::from));
        browser.type_into(CELL, &format!("sum(n * n for n in range(10)){shift_enter}")).await;
        browser.reads(".jp-OutputArea-output", |text| text.trim() == "285").await;
        done.push("a notebook's cell computed in a kernel (WebSocket)".to_owned());

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
        done.push("the notebook was saved and 8 MB went up (PUT, with its own token)".to_owned());
        done
    }
}
