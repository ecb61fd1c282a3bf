//! Prometheus, from Debian: a query answers in its own page, by GET and by POST, and it can be told to load anew.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use sidegate_browser_tests::Browser;

use crate::site::Site;
use crate::visit::Program;
use crate::{Tools, process};

#[derive(Clone, Copy)]
pub(crate) struct Prometheus;

impl Program for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn version(&self, _: &Tools) -> String {
        process::version(Path::new("prometheus"))
    }

    fn lays_out(&self, _: &Tools, _: &Path) {}

    fn command(&self, _: &Tools, folder: &Path, port: u16) -> Command {
        // It watches itself, straight: the gate is for people.
        let settings = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: itself\n    static_configs:\n      \
             - targets: ['127.0.0.1:{port}']\n"
        );
        std::fs::write(folder.join("prometheus.yml"), settings).expect("its settings can be written");
        let mut command = Command::new("prometheus");
        command
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.enable-lifecycle"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command
    }

    fn home(&self) -> &'static str {
        "/classic/graph"
    }

    fn doors(&self) -> &'static [&'static str] {
        &["GET /", "GET /metrics", "GET /api/v1/query?query=up", "POST /-/reload", "POST /api/v1/query"]
    }

    fn sockets(&self) -> u64 {
        0
    }

    async fn shows_home(browser: &Browser) {
        browser.reads("input.execute_btn", |_| true).await;
    }

    async fn is_used(browser: &Browser, _: &Site) -> Vec<String> {
        let watched = "return fetch('/api/v1/query?query=up').then(answer => answer.json())\
             .then(answer => answer.data.result.length)";
        browser.gives(watched, |series| series == 1).await;
        browser.fill("textarea[name=expr]", "count(up{job=\"itself\"}) * 42").await;
        browser.press("input.execute_btn").await;
        browser.reads(".console_table tbody td:nth-child(2)", |text| text == "42").await;

        let post = "return fetch('/api/v1/query', { method: 'POST', body: new URLSearchParams({ query: '6 * 7' }) })\
             .then(answer => answer.json()).then(answer => answer.data.result[1])";
        assert_eq!(browser.script(post).await, json!("42"));
        let reload = "return fetch('/-/reload', { method: 'POST' }).then(answer => answer.status)";
        assert_eq!(browser.script(reload).await, json!(200));
        vec!["a query answered in its page and by POST; told to load its settings anew (POST)".to_owned()]
    }
}
