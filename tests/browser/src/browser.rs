//! A Chromium, and what a person does in it: opens pages, fills in fields, presses buttons, reads.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::chromedriver::Driver;
use crate::{PATIENCE, devtools, shots};

/// A browser, and the tab of it that is looked at.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    patience: Duration,
}

/// One entry of the test page's log.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// `POST /auth/signup`
    pub call: String,
    /// `409 Conflict`
    pub status: String,
    /// The answer's JSON.
    pub body: Value,
}

impl Browser {
    pub(crate) async fn open(driver: &Driver) -> Self {
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(driver.capabilities())
            .connect(driver.address())
            .await
            .expect("chromedriver starts a Chromium (Debian's package `chromium`)");
        Self { client, patience: PATIENCE }
    }

    /// The same browser, driven by somebody who waits longer (or less long) for what should come.
    #[must_use]
    pub fn waiting(&self, patience: Duration) -> Self {
        Self { client: self.client.clone(), patience }
    }

    pub(crate) async fn close(self) {
        // A browser that died has failed its test already.
        _ = self.client.close().await;
    }

    /// Opens an address, following redirects.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("opening {url}: {error}"));
    }

    /// Replaces what a field holds.
    pub async fn fill(&self, field: &str, text: &str) {
        let found = self.find(field).await;
        found.clear().await.unwrap_or_else(|error| panic!("clearing {field}: {error}"));
        found.send_keys(text).await.unwrap_or_else(|error| panic!("typing into {field}: {error}"));
    }

    /// Presses a button or follows a link.
    pub async fn press(&self, what: &str) {
        let found = self.find(what).await;
        found.click().await.unwrap_or_else(|error| panic!("pressing {what}: {error}"));
    }

    /// Types into an element as it is: keys of [`fantoccini::key`] among the text are pressed, nothing is cleared. For a
    /// field that takes files, the text is a file's path.
    pub async fn type_into(&self, element: &str, keys: &str) {
        let found = self.find(element).await;
        found.send_keys(keys).await.unwrap_or_else(|error| panic!("typing into {element}: {error}"));
    }

    /// Does something in a tab of its own, and comes back.
    pub async fn in_another_tab(&self, act: impl AsyncFnOnce(&Self)) {
        let here = self.client.window().await.expect("the tab has a name");
        let there = self.client.new_window(true).await.expect("a tab opens");
        self.client.switch_to_window(there.handle).await.expect("the new tab is there");
        act(self).await;
        self.client.close_window().await.expect("the new tab closes");
        self.client.switch_to_window(here).await.expect("the first tab is still there");
    }

    /// Lets a script run in each page to come, before the page's own.
    pub async fn on_each_page(&self, script: &str) {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        devtools::send(&self.client, command, json!({ "source": script })).await;
    }

    /// Waits until the window shows an address that `is_it` knows, and returns it.
    pub async fn arrives(&self, is_it: impl Fn(&str) -> bool) -> String {
        self.until("address", || self.client.current_url(), |url| is_it(url.as_str())).await.to_string()
    }

    /// Waits until an element is there and its text is `is_it`, and returns the text.
    pub async fn reads(&self, element: &str, is_it: impl Fn(&str) -> bool) -> String {
        self.until(element, || self.text(element), |text| text.as_deref().is_some_and(&is_it))
            .await
            .unwrap_or_default()
    }

    /// Whether an element is there.
    pub async fn has(&self, element: &str) -> bool {
        !self.client.find_all(Locator::Css(element)).await.expect("elements can be looked for").is_empty()
    }

    /// Presses one of the test page's buttons and waits for its entry in the log.
    pub async fn entry_after(&self, button: &str) -> Entry {
        let entries = || async { Ok(self.client.find_all(Locator::Css("#log > li")).await?.len()) };
        let before = entries().await.expect("the log can be read");
        self.press(button).await;
        self.until("the log's length", entries, |now| *now == before + 1).await;
        let newest = |part: &str| format!("#log > li:first-child {part}");
        Entry {
            call: self.reads(&newest("code"), |_| true).await,
            status: self.reads(&newest(".status"), |_| true).await,
            body: serde_json::from_str(&self.reads(&newest("pre"), |_| true).await).unwrap_or_default(),
        }
    }

    /// What a script returns.
    pub async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script's value `is_it`, and returns it.
    pub async fn gives(&self, script: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until(script, || self.client.execute(script, Vec::new()), is_it).await
    }

    /// Photographs the page where pictures were asked for.
    pub async fn shot(&self, name: &str) {
        shots::take(&self.client, name).await;
    }

    /// Waits for an element: what was pressed before may still be on its way to the page that has it.
    async fn find(&self, what: &str) -> Element {
        let look = || async { Ok(self.client.find_all(Locator::Css(what)).await?.into_iter().next()) };
        self.until(what, look, Option::is_some).await.unwrap_or_else(|| panic!("{what} is gone again"))
    }

    async fn text(&self, element: &str) -> Result<Option<String>, CmdError> {
        let found = self.client.find_all(Locator::Css(element)).await?;
        match found.first() {
            Some(element) => element.text().await.map(Some),
            None => Ok(None),
        }
    }

    /// Looks again until it is so; a page that is just being replaced may answer with an error.
    async fn until<T, F>(&self, what: &str, look: impl Fn() -> F, is_it: impl Fn(&T) -> bool) -> T
    where
        T: std::fmt::Debug,
        F: Future<Output = Result<T, CmdError>>,
    {
        let start = Instant::now();
        loop {
            let seen = look().await;
            match seen {
                Ok(seen) if is_it(&seen) => return seen,
                seen if start.elapsed() > self.patience => panic!("waited in vain for {what}: {seen:?}"),
                _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }
}
