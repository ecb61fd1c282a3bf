//! Chromium's own protocol, handed through by chromedriver: what WebDriver has no word for.

use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// Sends one command and gives its result.
pub(crate) async fn send(client: &Client, cmd: &'static str, params: Value) -> Value {
    let command = DevTools { cmd, params };
    client.issue_cmd(command).await.unwrap_or_else(|error| panic!("{cmd}: {error}"))
}

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
