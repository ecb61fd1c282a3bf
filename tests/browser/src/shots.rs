//! Pictures of pages, for people who judge how they look: wide and phone-sized, light and dark.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

const WIDTHS: [(&str, u32); 2] = [("wide", 1100), ("phone", 390)];

/// Does nothing unless `SIDEGATE_SHOTS` names a folder.
pub(crate) async fn take(client: &Client, name: &str) {
    let Some(folder) = crate::asked("SIDEGATE_SHOTS").map(PathBuf::from) else { return };
    for (size, width) in WIDTHS {
        for scheme in ["light", "dark"] {
            let screen =
                json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": size == "phone" });
            devtools(client, "Emulation.setDeviceMetricsOverride", screen).await;
            let wish = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            devtools(client, "Emulation.setEmulatedMedia", wish).await;
            let picture =
                devtools(client, "Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
            keep(&picture, &folder.join(format!("{name}-{size}-{scheme}.png")));
        }
    }
    devtools(client, "Emulation.clearDeviceMetricsOverride", json!({})).await;
    devtools(client, "Emulation.setEmulatedMedia", json!({ "features": [] })).await;
}

fn keep(picture: &Value, file: &Path) {
    let base64 = picture["data"].as_str().expect("a picture comes as base64");
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).expect("a picture comes as base64");
    std::fs::write(file, bytes).unwrap_or_else(|error| panic!("writing {}: {error}", file.display()));
}

async fn devtools(client: &Client, cmd: &'static str, params: Value) -> Value {
    let command = DevTools { cmd, params };
    client.issue_cmd(command).await.unwrap_or_else(|error| panic!("{cmd}: {error}"))
}

/// A command of Chromium's own protocol, handed through by chromedriver.
#[derive(Debug)]
struct DevTools {
    cmd: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/goog/cdp/execute", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.cmd, "params": self.params }).to_string()))
    }
}
