//! Gradio, from PyPI: a function's results arrive one by one through its queue's event stream; a file goes up.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sidegate_browser_tests::Browser;

use crate::site::Site;
use crate::visit::Program;
use crate::{Tools, process};

/// An app as a user of Gradio writes it. It shows whom the gate named to it, and notes when a page was left.
const APP: &str = r#"
import pathlib, sys, time
import gradio as gr

def grow(plant, request: gr.Request):
    for height in range(1, 4):
        yield f"{plant} grew to {height} for user {request.headers.get('x-user-id')}"
        time.sleep(0.2)

def clock():
    for tick in range(3000):
        yield str(tick)
        time.sleep(0.1)

def size(file):
    return f"{pathlib.Path(file).name} has {pathlib.Path(file).stat().st_size} bytes"

with gr.Blocks(title="Garden", analytics_enabled=False) as app:
    plant = gr.Textbox(label="Plant", elem_id="plant")
    grown = gr.Textbox(label="Grown", elem_id="grown")
    gr.Button("Grow", elem_id="grow").click(grow, plant, grown)
    time_now = gr.Textbox(label="Time", elem_id="time")
    gr.Button("Start the clock", elem_id="start").click(clock, None, time_now)
    given = gr.File(label="A file", elem_id="given")
    measured = gr.Textbox(label="Measured", elem_id="measured")
    given.upload(size, given, measured)
    app.unload(lambda: pathlib.Path("left").touch())

app.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), share=False)
"#;

/// Of the file that goes up: more than any buffer on the way.
const UPLOAD: usize = 5_000_000;

#[derive(Clone, Copy)]
pub(crate) struct Gradio;

impl Program for Gradio {
    fn name(&self) -> &'static str {
        "gradio"
    }

    fn version(&self, tools: &Tools) -> String {
        process::version_of_package("gradio", tools)
    }

    fn lays_out(&self, _: &Tools, folder: &Path) {
        std::fs::write(folder.join("garden.py"), APP).expect("its app can be written");
        // Of who was there before.
        _ = std::fs::remove_file(folder.join("left"));
    }

    fn command(&self, tools: &Tools, _: &Path, port: u16) -> Command {
        let mut command = Command::new(tools.venv.join("bin/python"));
        command.args(["garden.py", &port.to_string()]);
        command
    }

    fn home(&self) -> &'static str {
        "/"
    }

    fn doors(&self) -> &'static [&'static str] {
        &[
            "GET /config",
            "GET /gradio_api/info",
            "POST /gradio_api/queue/join",
            "GET /gradio_api/queue/data?session_hash=a",
            "GET /gradio_api/heartbeat/a",
            "POST /gradio_api/upload",
        ]
    }

    fn sockets(&self) -> u64 {
        // The one of the page's life, and the one of the queue: the clock runs.
        2
    }

    async fn shows_home(browser: &Browser) {
        browser.reads("#grow", |text| text == "Grow").await;
    }

    async fn is_used(browser: &Browser, site: &Site) -> Vec<String> {
        let mut done = Vec::new();
        browser.fill("#plant textarea, #plant input", "a rose").await;
        browser.press("#grow").await;
        shows(browser, "grown", |text| text == "a rose grew to 3 for user 1").await;
        done.push("a function answered bit by bit (queue, event stream); it knew the user".to_owned());

        let file = site.folder.join("up.bin");
        std::fs::write(&file, vec![b'u'; UPLOAD]).expect("a file can be written");
        browser.type_into("#given input[type=file]", &file.display().to_string()).await;
        shows(browser, "measured", |text| text == format!("up.bin has {UPLOAD} bytes")).await;
        done.push("5 MB went up".to_owned());

        browser.press("#start").await;
        shows(browser, "time", |text| text.parse().is_ok_and(|tick: u64| tick > 2)).await;
        done
    }

    /// Not in the browser alone: Gradio ends what a page had when the stream of its life does.
    async fn notices_the_end(site: &Site) {
        let begun = Instant::now();
        while !site.folder.join("left").exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "Gradio does not know that its page was left");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn shows(browser: &Browser, field: &str, is_it: impl Fn(&str) -> bool) {
    let script = format!("return document.querySelector('#{field} textarea, #{field} input')?.value ?? null");
    browser.gives(&script, |value| value.as_str().is_some_and(&is_it)).await;
}
