//! The gate before a backend's pages: a browser is led to sign in and back, and what it opens there goes through.

use serde_json::json;
use sidegate_browser_tests::{Browser, Demo, drive};

const PASSWORD: &str = "correct horse battery";

#[test]
fn a_page_asked_for_is_reached_by_way_of_the_login_page() {
    drive(async |browser: Browser, demo: Demo| {
        let wanted = format!("{}/?page=2&sort=up%20down", demo.gate);
        sign_up(&browser, &demo).await;

        browser.goto(&wanted).await;
        let login = browser.arrives(|url| url.starts_with(&format!("{}/auth/login?next=", demo.gate))).await;
        assert!(!login.contains("&sort"), "the query belongs to `next`: {login}");
        browser.shot("login").await;

        browser.fill("input[name=email]", "ada@example.com").await;
        browser.fill("input[name=password]", "not her password").await;
        browser.press("main form button").await;
        browser.reads("[role=alert]", |text| text == "Invalid email or password.").await;
        browser.shot("login-wrong-password").await;

        sign_in(&browser).await;
        browser.arrives(|url| url == wanted).await;
        browser.reads("#user", |text| text == "1").await;
        browser.reads("#query", |text| text == "page=2&sort=up%20down").await;
        browser.shot("demo-page").await;
    });
}

#[test]
fn a_stranger_signs_up_on_the_way_to_a_page_and_arrives_there() {
    drive(async |browser: Browser, demo: Demo| {
        let wanted = format!("{}/?page=3", demo.gate);
        browser.goto(&wanted).await;
        browser.press("a[href^='/auth/signup']").await;
        browser.arrives(|url| url.starts_with(&format!("{}/auth/signup", demo.gate))).await;
        browser.shot("signup").await;
        browser.fill("input[name=email]", "ada@example.com").await;
        browser.fill("input[name=username]", "ada").await;
        browser.fill("input[name=password]", "short").await;
        browser.press("main form button").await;
        browser.reads("[role=alert]", |text| !text.is_empty()).await;
        browser.shot("signup-refused").await;
        browser.fill("input[name=password]", PASSWORD).await;
        browser.press("main form button").await;
        browser.arrives(|url| url == wanted).await;
        browser.reads("#user", |text| text == "1").await;
    });
}

#[test]
fn a_web_socket_and_an_event_stream_go_through_the_gate_and_end_with_the_session() {
    drive(async |browser: Browser, demo: Demo| {
        sign_up(&browser, &demo).await;
        browser.goto(&format!("{}/", demo.gate)).await;
        sign_in(&browser).await;

        browser.reads("#socket-state", |text| text.starts_with("open")).await;
        browser.fill("#message", "does it come back? ✓").await;
        browser.press("#say button").await;
        browser.reads("#echoes li", |text| text == "← does it come back? ✓").await;

        let first = browser.reads("#clock", |text| text.contains(|sign: char| sign.is_ascii_digit())).await;
        browser.reads("#clock", |text| text != first).await;
        assert_eq!(
            browser.script("return document.cookie").await,
            json!(""),
            "scripts see no cookie of the gate"
        );
        browser.shot("demo-page-live").await;

        // Signed out elsewhere in the same browser: what is open here ends without being asked.
        browser.script("fetch('/auth/signout', { method: 'POST' })").await;
        browser.reads("#socket-state", |text| text == "closed").await;
        browser.reads("#events-state", |text| text == "closed").await;
    });
}

#[test]
fn the_demo_page_signs_out_by_a_plain_form() {
    drive(async |browser: Browser, demo: Demo| {
        sign_up(&browser, &demo).await;
        browser.goto(&format!("{}/", demo.gate)).await;
        sign_in(&browser).await;
        browser.press("#signout").await;
        browser.arrives(|url| url.starts_with(&format!("{}/auth/", demo.gate))).await;
        browser.shot("signed-out").await;
        browser.goto(&format!("{}/", demo.gate)).await;
        browser.arrives(|url| url.starts_with(&format!("{}/auth/login?next=", demo.gate))).await;
    });
}

/// Signs up without signing in, by the test page.
async fn sign_up(browser: &Browser, demo: &Demo) {
    browser.goto(&demo.test_page).await;
    browser.fill("#email", "ada@example.com").await;
    browser.fill("#username", "ada").await;
    browser.fill("#password", PASSWORD).await;
    assert_eq!(browser.entry_after("#signup").await.status, "200 OK");
}

async fn sign_in(browser: &Browser) {
    browser.fill("input[name=email]", "ada@example.com").await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.press("main form button").await;
}

/// A link that is whole but none of this gate's; the pages are the same.
#[test]
fn a_reset_link_shows_its_form_and_what_is_wrong_with_it() {
    drive(async |browser: Browser, demo: Demo| {
        browser.goto(&format!("{}/auth/reset?token={}", demo.gate, "A".repeat(43))).await;
        browser.shot("reset").await;
        browser.fill("input[name=password]", PASSWORD).await;
        browser.press("main form button").await;
        browser.reads("[role=alert]", |text| text.starts_with("This link is not valid")).await;
        assert!(!browser.has("input[name=password]").await, "another password would not help");
        browser.shot("reset-not-valid").await;

        browser.goto(&format!("{}/auth/login?done=reset", demo.gate)).await;
        browser.reads("[role=status]", |text| text == "Your new password is set. Sign in with it.").await;
        browser.shot("login-after-reset").await;
    });
}

/// By way of the sign-in page, as a person who has typed the address comes to it.
#[test]
fn a_person_sees_to_their_account_and_signs_out_everywhere() {
    drive(async |browser: Browser, demo: Demo| {
        sign_up(&browser, &demo).await;
        browser.goto(&format!("{}/auth/account", demo.gate)).await;
        sign_in(&browser).await;
        browser.arrives(|url| url == format!("{}/auth/account", demo.gate)).await;
        browser.reads("main li strong", |text| text == "Chrome on Linux").await;
        browser.shot("account").await;

        browser.fill("#username", "Ada L.").await;
        browser.press("section:nth-of-type(1) button").await;
        browser.reads("[role=status]", |text| text == "Your name is changed.").await;
        browser.reads("p.first strong", |text| text == "Ada L.").await;

        browser.fill("#current", "not her password").await;
        browser.fill("#new", "another horse, another battery").await;
        browser.press("section:nth-of-type(3) button").await;
        browser.reads("[role=alert]", |text| text == "The current password is wrong.").await;
        browser.shot("account-wrong-password").await;
        browser.fill("#current", PASSWORD).await;
        browser.fill("#new", "another horse, another battery").await;
        browser.press("section:nth-of-type(3) button").await;
        browser.reads("[role=status]", |text| text.starts_with("Your password is changed.")).await;
        browser.shot("account-password-changed").await;

        browser.press("section:nth-of-type(4) > form button").await;
        browser.arrives(|url| url == format!("{}/auth/login", demo.gate)).await;
        browser.goto(&format!("{}/auth/account", demo.gate)).await;
        browser.arrives(|url| url.starts_with(&format!("{}/auth/login?next=", demo.gate))).await;
    });
}

/// The demo sends no mail, and says so rather than promise one.
#[test]
fn the_pages_around_mails_can_be_seen() {
    drive(async |browser: Browser, demo: Demo| {
        browser.goto(&format!("{}/auth/forgot", demo.gate)).await;
        browser.reads("main", |text| text.contains("No mail is sent here.")).await;
        browser.shot("forgot-without-mail").await;
        browser.goto(&format!("{}/auth/verify-email?token={}", demo.gate, "A".repeat(43))).await;
        browser.shot("verify-email").await;
        browser.fill("#password", PASSWORD).await;
        browser.press("main form button").await;
        browser.reads("[role=alert]", |text| text.starts_with("This link is not valid")).await;
        assert!(!browser.has("#password").await, "another password would not help");
        browser.shot("verify-email-not-valid").await;
    });
}
