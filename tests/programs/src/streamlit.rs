//! Streamlit, from PyPI: a widget moves and the page reacts over a WebSocket; a file goes up.

use std::path::Path;
use std::process::Command;

use fantoccini::key::Key;
use sidegate_browser_tests::Browser;

use crate::site::Site;
use crate::visit::Program;
use crate::{Tools, process};

/// A page as a user of Streamlit writes it. It shows whom the gate named to it, too.
const PAGE: &str = r#"
import streamlit as st
st.title("Squares")
number = st.slider("Number", 0, 20, 3)
st.text(f"{number} squared is {number * number}")
st.text(f"for user {st.context.headers.get('X-User-Id')}")
given = st.file_uploader("A file")
if given:
    st.text(f"{given.name} has {len(given.getvalue())} bytes")
"#;

/// Of the file that goes up: more than any buffer on the way.
const UPLOAD: usize = 5_000_000;

#[derive(Clone, Copy)]
pub(crate) struct Streamlit;

impl Program for Streamlit {
    fn name(&self) -> &'static str {
        "streamlit"
    }

    fn version(&self, tools: &Tools) -> String {
        process::version(&tools.venv.join("bin/streamlit"))
    }

    fn lays_out(&self, _: &Tools, folder: &Path) {
        std::fs::write(folder.join("squares.py"), PAGE).expect("its page can be written");
    }

    fn command(&self, tools: &Tools, _: &Path, port: u16) -> Command {
        let mut command = Command::new(tools.venv.join("bin/streamlit"));
        command.args([
            "run",
            "squares.py",
            "--server.address",
            "127.0.0.1",
            "--server.port",
            &port.to_string(),
        ]);
        command.args(["--server.headless", "true", "--browser.gatherUsageStats", "false"]);
        command
    }

    fn home(&self) -> &'static str {
        "/"
    }

    fn doors(&self) -> &'static [&'static str] {
        &[
            "GET /_stcore/health",
            "GET /_stcore/host-config",
            "WEBSOCKET /_stcore/stream",
            "PUT /_stcore/upload_file/a/b",
        ]
    }

    fn sockets(&self) -> u64 {
        1
    }

    async fn shows_home(browser: &Browser) {
        browser.reads("h1", |text| text == "Squares").await;
    }

    async fn is_used(browser: &Browser, site: &Site) -> Vec<String> {
        let mut done = Vec::new();
        says(browser, "3 squared is 9").await;
        browser
            .type_into(
                "[data-testid=stSlider] input[type=range], [role=slider]",
                &String::from_iter([Key::Right; 4].map(char::from)),
            )
            .await;
        says(browser, "7 squared is 49").await;
        says(browser, "for user 1").await;
        done.push("a slider moved, the page reacted (WebSocket); it knew the user".to_owned());

        let file = site.folder.join("up.bin");
        std::fs::write(&file, vec![b'u'; UPLOAD]).expect("a file can be written");
        browser.type_into("input[type=file]", &file.display().to_string()).await;
        says(browser, &format!("up.bin has {UPLOAD} bytes")).await;
        done.push("5 MB went up (its own token)".to_owned());
        done
    }
}

async fn says(browser: &Browser, text: &str) {
    let script = "return [...document.querySelectorAll('[data-testid=stText]')].map(text => text.innerText)";
    browser
        .gives(script, |texts| texts.as_array().is_some_and(|texts| texts.iter().any(|one| one == text)))
        .await;
}
