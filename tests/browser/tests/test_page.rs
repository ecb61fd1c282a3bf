//! The test page in a real browser: from another origin, with cookies, as a frontend would call the gate.

use serde_json::json;
use sidegate_browser_tests::{Browser, Demo, Entry, drive};

#[test]
fn a_person_signs_up_signs_in_calls_the_upstream_and_signs_out() {
    drive(async |browser: Browser, demo: Demo| {
        browser.goto(&demo.test_page).await;
        browser.shot("test-page-empty").await;
        browser.fill("#email", "jack@example.com").await;
        browser.fill("#username", "jack").await;
        browser.fill("#password", "correct horse battery").await;

        let entry = browser.entry_after("#signup").await;
        assert_eq!((&*entry.call, &*entry.status), ("POST /auth/signup", "200 OK"));
        assert_eq!(entry.body, json!({ "status": "ok", "message": "Signup successful.", "uid": 1 }));

        let entry = browser.entry_after("#signup").await;
        assert_eq!(told(&entry), ("409 Conflict", "Email already registered."));

        let entry = browser.entry_after("#me").await;
        assert_eq!(told(&entry), ("401 Unauthorized", "Not authenticated"));

        let entry = browser.entry_after("#signin").await;
        assert_eq!((&*entry.call, &*entry.status), ("POST /auth/signin", "200 OK"));
        assert_eq!(
            entry.body,
            json!({ "status": "ok", "email": "jack@example.com", "username": "jack", "uid": 1 })
        );

        let entry = browser.entry_after("#me").await;
        assert_eq!((&*entry.call, &*entry.status), ("GET /auth/me", "200 OK"));
        assert_eq!((&entry.body["uid"], &entry.body["username"]), (&json!(1), &json!("jack")));

        let entry = browser.entry_after("#upstream").await;
        assert_eq!((&*entry.call, &*entry.status), ("GET /echo/hello", "200 OK"));
        assert_eq!(entry.body["headers"]["x-user-id"], "1");
        assert_eq!(
            entry.body["headers"].get("cookie"),
            None,
            "the gate's cookies are no business of the backend"
        );
        browser.shot("test-page-signed-in").await;

        let entry = browser.entry_after("#signout").await;
        assert_eq!((&*entry.call, &*entry.status), ("POST /auth/signout", "200 OK"));
        assert_eq!(entry.body, json!({ "status": "ok", "message": "Signed out." }));

        let entry = browser.entry_after("#me").await;
        assert_eq!(told(&entry), ("401 Unauthorized", "Not authenticated"));
        let entry = browser.entry_after("#upstream").await;
        assert_eq!((&*entry.call, &*entry.status), ("GET /echo/hello", "401 Unauthorized"));
        browser.shot("test-page-signed-out").await;
    });
}

#[test]
fn localhost_leads_to_the_address_where_cookies_work() {
    drive(async |browser: Browser, demo: Demo| {
        browser.goto(&demo.test_page.replace("127.0.0.1", "localhost")).await;
        browser.arrives(|url| url == demo.test_page).await;
    });
}

/// What a refusal says: its status, and the text that FastAPI's clients show.
fn told(entry: &Entry) -> (&str, &str) {
    (&entry.status, entry.body["detail"].as_str().unwrap_or_default())
}
