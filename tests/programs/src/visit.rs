//! What holds for every program: shut without a session, open to a person who signed in, shut again after sign-out.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sidegate_browser_tests::{Browser, with_browser};

use crate::site::{Plan, Site};
use crate::{Tools, raw, why};

/// How long a page may take until it shows something: JupyterLab is megabytes of script.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is open ends with its session within a second (contract section 5); the rest is this test's own way.
const SHUT: Duration = Duration::from_secs(2);

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// Keeps every WebSocket and event stream of a page where the test can look at it.
const KEEP_SOCKETS: &str = "(() => { const kept = window.keptSockets = []; \
    for (const kind of ['WebSocket', 'EventSource']) window[kind] = class extends window[kind] { \
    constructor(...a) { super(...a); kept.push(this); } }; \
    const real = window.fetch; window.fetch = async (...a) => { const answer = await real(...a); \
    if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer; \
    const stream = { readyState: 1 }, [read, given] = answer.body.tee(); kept.push(stream); \
    (async () => { const reader = read.getReader(); while (!(await reader.read()).done); })()\
    .catch(() => {}).finally(() => stream.readyState = 2); return new Response(given, answer); }; })()";
const OPEN_SOCKETS: &str = "return window.keptSockets.filter(socket => socket.readyState === 1).length";

/// One that no one here wrote.
pub(crate) trait Program: Copy + Send + Sync + 'static {
    /// Its name, good for a host name.
    fn name(&self) -> &'static str;
    /// Its version.
    fn version(&self, tools: &Tools) -> String;
    /// Puts into `folder` what it is to show, as if nobody had been there.
    fn lays_out(&self, tools: &Tools, folder: &Path);
    /// Starts it in `folder`, on a port of 127.0.0.1.
    fn command(&self, tools: &Tools, folder: &Path, port: u16) -> Command;
    /// The page that a person opens.
    fn home(&self) -> &'static str;
    /// What must not come through without a session: `GET /path`, `WEBSOCKET /path`.
    fn doors(&self) -> &'static [&'static str];
    /// How many WebSockets and event streams its page has open at least.
    fn sockets(&self) -> u64;
    /// What the gate is told beside the usual, as variables.
    fn settings(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// Waits until the home page is there.
    fn shows_home(browser: &Browser) -> impl Future<Output = ()> + Send;
    /// Uses it as a person would; says what was done.
    fn is_used(browser: &Browser, site: &Site) -> impl Future<Output = Vec<String>> + Send;
    /// Waits until the program itself has noticed the sign-out, where it shows that.
    fn notices_the_end(_: &Site) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// How a program is started.
pub(crate) fn plan(program: impl Program, tools: &Tools) -> Plan {
    let (tools, also) = (tools.clone(), tools.clone());
    Plan {
        name: program.name(),
        version: program.version(&tools),
        scheme: "http",
        settings: program.settings(),
        lays_out: Box::new(move |folder| program.lays_out(&also, folder)),
        command: Box::new(move |folder, port| program.command(&tools, folder, port)),
    }
}

/// Goes through all of it, and gives what was done, or why it went wrong.
pub(crate) async fn visit(program: impl Program, site: Arc<Site>) -> Result<Vec<String>, String> {
    let by = site.front.map_or_else(String::new, |front| format!("-{front}"));
    let name = format!("{}{by}", program.name());
    let visited = with_browser(|browser| async move {
        let browser = browser.waiting(PATIENCE);
        // In a task of its own: where it panics, the page at which it did is photographed before all ends.
        let visited = tokio::spawn(whole(program, browser.clone(), name.clone(), site)).await;
        browser.shot(&format!("{name}-{}", if visited.is_ok() { "end" } else { "failed" })).await;
        visited
    });
    visited.await.and_then(|visited| visited).map_err(why)
}

async fn whole<P: Program>(program: P, browser: Browser, name: String, site: Arc<Site>) -> Vec<String> {
    is_shut(&program, &browser, &site, "nobody signed in").await;
    assert_eq!(site.heard(), 0, "bytes came through before anybody had signed in");
    sign_up(&browser, &site, program.home()).await;
    P::shows_home(&browser).await;
    let mut done = P::is_used(&browser, &site).await;
    browser.shot(&format!("{name}-used")).await;
    let cookies = browser.script("return document.cookie").await.to_string();
    assert!(!cookies.contains("_token"), "scripts see the gate's cookies: {cookies}");

    done.push(sign_out(&program, &browser).await);
    P::notices_the_end(&site).await;
    let heard = site.heard();
    is_shut(&program, &browser, &site, "signed out").await;
    assert_eq!(site.heard(), heard, "bytes came through after the sign-out");
    sign_in(&browser, &site, program.home()).await;
    P::shows_home(&browser).await;
    done
}

/// A browser is led to the login page, anything else gets a 401.
async fn is_shut(program: &impl Program, browser: &Browser, site: &Site, when: &str) {
    for door in program.doors() {
        assert_eq!(raw::status(site.port, &site.host, door).await, 401, "{door}, {when}");
    }
    browser.goto(&site.url(program.home())).await;
    browser.arrives(|url| url.starts_with(&site.url("/auth/login?next="))).await;
}

/// From the login page, where a stranger is led, by the sign-up page to what was asked for.
async fn sign_up(browser: &Browser, site: &Site, home: &str) {
    browser.on_each_page(KEEP_SOCKETS).await;
    browser.press("a[href^='/auth/signup']").await;
    browser.arrives(|url| url.starts_with(&site.url("/auth/signup"))).await;
    browser.fill("input[name=email]", EMAIL).await;
    browser.fill("input[name=username]", "ada").await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.press("main form button").await;
    browser.arrives(|url| !url.contains("/auth/") && url.starts_with(&site.url(path(home)))).await;
}

/// By the login page, to what was asked for.
async fn sign_in(browser: &Browser, site: &Site, home: &str) {
    browser.fill("input[name=email]", EMAIL).await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.press("main form button").await;
    browser.arrives(|url| !url.contains("/auth/") && url.starts_with(&site.url(path(home)))).await;
}

/// In another tab, while the program's page and its WebSockets and event streams are open; these end without being asked.
async fn sign_out(program: &impl Program, browser: &Browser) -> String {
    let open = browser.script(OPEN_SOCKETS).await.as_u64().expect("a count");
    assert!(open >= program.sockets(), "{open} WebSockets and event streams are open");
    let login = browser.script("return location.origin + '/auth/login'").await;
    let login = login.as_str().expect("an address").to_owned();
    browser
        .in_another_tab(async |browser| {
            browser.goto(&login).await;
            browser.press("form[action='/auth/signout'] button").await;
            browser.reads("main form[action='/auth/signin'] button", |_| true).await;
            browser.gives("return document.querySelector('.note')", serde_json::Value::is_null).await;
        })
        .await;
    let begun = Instant::now();
    browser.waiting(SHUT).gives(OPEN_SOCKETS, |open| open == 0).await;
    let took = begun.elapsed().as_millis();
    match open {
        0 => "signed out: shut at once; in again by the login page".to_owned(),
        _ => format!(
            "signed out: shut at once, {open} WebSockets or event streams ended in {took} ms; in again by the login page"
        ),
    }
}

/// What of an address is the server's business: programs write into queries and fragments.
fn path(home: &str) -> &str {
    home.split('?').next().unwrap_or(home)
}
