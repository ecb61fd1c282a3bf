//! Pictures of pages, for people who judge how they look: wide and phone-sized, light and dark.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use fantoccini::Client;
use serde_json::{Value, json};

use crate::devtools::send as devtools;

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
