//! What tests in a browser stand on: a running demo, a chromedriver, and a Chromium that is driven through pages.
//!
//! Nothing is skipped: without `chromium` and `chromedriver` every test fails and says what to install.
//! With `SIDEGATE_SHOTS=DIR` each page met is also photographed: wide and phone-sized, light and dark.

mod binary;
mod browser;
mod chromedriver;
mod demo;
mod devtools;
mod shots;

pub use binary::binary;
pub use browser::{Browser, Entry};
pub use demo::Demo;

use std::ffi::OsString;
use std::panic::resume_unwind;
use std::time::Duration;

use tokio::task::JoinError;

/// Nothing that a test waits for takes longer; where it does, the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `test` with a demo and a browser of its own, and ends both, also when it panics.
pub fn drive<F>(test: impl FnOnce(Browser, Demo) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event loop");
    runtime.block_on(async {
        let demo = Demo::start();
        if let Err(failed) = with_browser(|browser| test(browser, demo)).await {
            resume_unwind(failed.into_panic());
        }
    });
}

/// Runs `test` with a browser of its own, and ends the browser, also when the test panics.
pub async fn with_browser<F>(test: impl FnOnce(Browser) -> F) -> Result<F::Output, JoinError>
where
    F: Future<Output: Send> + Send + 'static,
{
    let driver = chromedriver::Driver::start();
    let browser = Browser::open(&driver).await;
    let outcome = tokio::spawn(test(browser.clone())).await;
    // Chromium is chromedriver's child: it ends by this alone.
    browser.close().await;
    outcome
}

/// What the person who runs the tests asks for.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the product's")]
fn asked(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
