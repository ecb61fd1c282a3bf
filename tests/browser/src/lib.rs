//! What the browser tests stand on: a running demo, a chromedriver, and a Chromium that is driven through pages.
//!
//! Nothing is skipped: without `chromium` and `chromedriver` every test fails and says what to install.
//! With `SIDEGATE_SHOTS=DIR` each page met is also photographed: wide and phone-sized, light and dark.

mod browser;
mod chromedriver;
mod demo;
mod shots;

pub use browser::{Browser, Entry};
pub use demo::Demo;

use std::ffi::OsString;
use std::panic::resume_unwind;
use std::time::Duration;

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
        let driver = chromedriver::Driver::start();
        let browser = Browser::open(&driver).await;
        let outcome = tokio::spawn(test(browser.clone(), demo)).await;
        // Chromium is chromedriver's child: it ends by this alone.
        browser.close().await;
        if let Err(failed) = outcome {
            resume_unwind(failed.into_panic());
        }
    });
}

/// What the person who runs the tests asks for.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the product's")]
fn asked(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
