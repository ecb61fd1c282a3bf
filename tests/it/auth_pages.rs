//! The sign-in and sign-up pages (contract sections 4 and 5): forms that work without script.

use std::time::Duration;

use crate::support::{Answer, Gate};

const BROWSER: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";
const FORM: &str = "application/x-www-form-urlencoded";

fn submit(gate: &Gate, path: &str, form: &str) -> Answer {
    gate.post_as(FORM, path, form, BROWSER)
}

fn submit_with(gate: &Gate, path: &str, form: &str, cookies: &str) -> Answer {
    gate.post_as(FORM, path, form, &format!("{BROWSER}Cookie: {cookies}\r\n"))
}

fn assert_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let policy = answer.header("content-security-policy").expect("a page has a policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!answer.text().contains("<script"));
}

#[test]
fn both_pages_are_there_for_anybody_and_strictly_kept() {
    let gate = Gate::start();
    for (path, fields) in [
        (
            "/auth/login",
            &["action=\"/auth/signin\"", "autocomplete=\"username\"", "autocomplete=\"current-password\""],
        ),
        (
            "/auth/signup",
            &["action=\"/auth/signup\"", "autocomplete=\"email\"", "autocomplete=\"new-password\""],
        ),
    ] {
        let answer = gate.get(path, BROWSER);
        assert_eq!(answer.status, 200);
        assert_page(&answer);
        for field in fields {
            assert!(answer.text().contains(field), "{path} {field}");
        }
    }
}

#[test]
fn the_style_is_the_one_that_the_policy_names() {
    use base64::Engine as _;
    let gate = Gate::start();
    let answer = gate.get("/auth/login", BROWSER);
    let page = answer.text();
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    assert!(
        answer.header("content-security-policy").unwrap().contains(&format!("style-src 'sha256-{hash}'"))
    );
}

#[test]
fn without_pages_there_are_none() {
    let gate = Gate::with("pages.enabled = false\n");
    assert_eq!(gate.get("/auth/login", BROWSER).status, 404);
    assert_eq!(gate.get("/auth/signup", BROWSER).header("allow"), Some("POST"));
    let answer = submit(&gate, "/auth/signin", "email=a%40b.example&password=x");
    assert_eq!((answer.status, answer.detail().as_str()), (401, "Invalid email or password."));
}

#[test]
fn a_person_signs_in_and_is_led_on() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let form = "email=jack%40example.com&password=correct+horse+battery&next=%2Freports%3Fyear%3D2026";
    let answer = submit(&gate, "/auth/signin", form);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/reports?year=2026")));
    let cookies = answer.cookies().header();
    assert_eq!(gate.get("/reports", &format!("Cookie: {cookies}\r\n")).status, 200);
}

#[test]
fn a_wrong_password_shows_the_form_again_with_all_but_the_password() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let answer =
        submit(&gate, "/auth/signin", "email=jack%40example.com&password=Secret-Guess&next=%2Freports");
    assert_eq!(answer.status, 401);
    assert_page(&answer);
    let page = answer.text();
    assert!(page.contains("role=\"alert\">Invalid email or password."), "{page}");
    assert!(
        page.contains("value=\"jack@example.com\"") && page.contains("name=\"next\" value=\"/reports\""),
        "{page}"
    );
    assert!(!page.contains("Secret-Guess"));
    assert_eq!(answer.all("set-cookie").len(), 0);
}

#[test]
fn what_was_typed_is_text_on_the_page() {
    let gate = Gate::start();
    let answer = submit(&gate, "/auth/signup", "email=%22%3E%3Cb%3E&username=%3Cscript%3E&password=x");
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(!page.contains("<b>") && !page.contains("<script>"), "{page}");
    assert!(page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn next_leads_nowhere_but_to_this_site() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    for next in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2Fauth%2Fsignout",
        "x",
        "",
    ] {
        let form = format!("email=jack%40example.com&password=correct+horse+battery&next={next}");
        assert_eq!(submit(&gate, "/auth/signin", &form).header("location"), Some("/"), "{next}");
        let page = gate.get(&format!("/auth/login?next={next}"), BROWSER).text();
        assert!(!page.contains("evil"), "{next}");
    }
}

#[test]
fn the_two_pages_hand_next_to_each_other() {
    let gate = Gate::start();
    let login = gate.get("/auth/login?next=/reports%3Fa=b%26c", BROWSER).text();
    let signup = gate.get("/auth/signup?next=/reports%3Fa=b%26c", BROWSER).text();
    for (page, other) in [(login, "/auth/signup"), (signup, "/auth/login")] {
        let link = format!("href=\"{other}?next=/reports%3Fa%3Db%26c\"");
        assert!(page.contains(&link), "{page}");
    }
}

#[test]
fn a_person_signs_up_and_is_signed_in() {
    let gate = Gate::start();
    let form = "email=jack%40example.com&username=Jack&password=correct+horse+battery&next=%2Freports";
    let answer = submit(&gate, "/auth/signup", form);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/reports")));
    let cookies = answer.cookies().header();
    assert_eq!(gate.get("/auth/me", &format!("Cookie: {cookies}\r\n")).json()["username"], "Jack");
    let again = submit(&gate, "/auth/signup", form);
    assert_eq!(again.status, 409);
    assert_page(&again);
    assert!(again.text().contains("Email already registered.") && again.text().contains("value=\"Jack\""));
}

#[test]
fn a_sign_up_from_a_page_ends_the_session_that_it_replaces() {
    let gate = Gate::start();
    let old = gate.member("old@example.com");
    let form = "email=new%40example.com&username=New&password=correct+horse+battery";
    assert_eq!(submit_with(&gate, "/auth/signup", form, &old.header()).status, 303);
    assert_eq!(gate.get("/auth/me", &format!("Cookie: {}\r\n", old.header())).status, 401);
}

#[test]
fn every_refusal_can_be_read_on_the_page() {
    let gate = Gate::with("limits.signin_failures = \"1/15m\"\nlimits.body = \"1KiB\"\n");
    let wrong = "email=jack%40example.com&password=wrong";
    for (path, form, status, text) in [
        ("/auth/signin", "email=&password=", 400, "Email and password are required."),
        ("/auth/signup", "email=a", 400, "Email, username, and password are required."),
        ("/auth/signup", "email=a%40b.example&username=a&password=short", 422, "at least 8 characters"),
        ("/auth/signin", wrong, 401, "Invalid email or password."),
        ("/auth/signin", wrong, 429, "Too many attempts."),
        ("/auth/signin", &"x".repeat(2000), 413, "The request body is too large."),
    ] {
        let answer = submit(&gate, path, form);
        assert_eq!(answer.status, status, "{path} {form:.40}");
        assert_page(&answer);
        assert!(answer.text().contains(text), "{}", answer.text());
        assert_eq!(answer.header("retry-after").is_some(), status == 429);
    }
    let foreign = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n";
    let answer = gate.post_as(FORM, "/auth/signin", wrong, foreign);
    assert_eq!(answer.status, 403);
    assert_page(&answer);
}

#[test]
fn a_closed_sign_up_shows_no_form_and_no_link_to_it() {
    let gate = Gate::with("signup.open = false\n");
    assert!(!gate.get("/auth/login", BROWSER).text().contains("/auth/signup"));
    let page = gate.get("/auth/signup", BROWSER).text();
    assert!(page.contains("Sign-up is closed.") && !page.contains("action=\"/auth/signup\""), "{page}");
    let form = "email=jack%40example.com&username=Jack&password=correct+horse+battery";
    assert_eq!(submit(&gate, "/auth/signup", form).status, 403);
}

#[test]
fn who_is_signed_in_is_told_so_and_can_sign_out() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com").header();
    let login = gate.get("/auth/login", &format!("{BROWSER}Cookie: {cookies}\r\n"));
    assert_eq!(login.status, 200);
    let page = login.text();
    assert!(
        page.contains("signed in as <strong>jack</strong>") && page.contains("action=\"/auth/signout\""),
        "{page}"
    );
    let out = submit_with(&gate, "/auth/signout", "", &cookies);
    assert_eq!((out.status, out.header("location")), (303, Some("/auth/login")));
    assert_eq!(out.cookie("access_token").as_deref(), Some(""));
    assert_eq!(gate.get("/auth/me", &format!("Cookie: {cookies}\r\n")).status, 401);
    assert!(
        !gate.get("/auth/login", &format!("{BROWSER}Cookie: {cookies}\r\n")).text().contains("signed in as")
    );
}

#[test]
fn a_doubled_cookie_is_named_and_cleared_and_nothing_goes_round_in_circles() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let doubled = format!("access_token={}; access_token=other", cookies.access);
    let page = gate.get("/auth/login?next=/", &format!("{BROWSER}Cookie: {doubled}\r\n"));
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("access_token") && !page.text().contains("refresh_token"),
        "{}",
        page.text()
    );
    let cleared: Vec<_> = page.all("set-cookie");
    assert!(
        !cleared.is_empty() && cleared.iter().all(|cookie| cookie.starts_with("access_token=; ")),
        "{cleared:?}"
    );
    for path in ["Path=/;", "Path=/auth;"] {
        assert!(cleared.iter().any(|cookie| cookie.contains(path)), "{cleared:?}");
    }
    let form = "email=jack%40example.com&password=correct+horse+battery";
    assert_eq!(submit_with(&gate, "/auth/signin", form, &doubled).status, 303);
}

#[test]
fn a_navigation_goes_by_the_login_page_to_where_it_wanted_to() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let asked = gate.get("/reports?a=b&c", "Sec-Fetch-Mode: navigate\r\n");
    assert_eq!(asked.status, 303);
    let login = gate.get(asked.header("location").unwrap(), BROWSER);
    assert!(login.text().contains("name=\"next\" value=\"/reports?a=b&amp;c\""), "{}", login.text());
    let wrong =
        submit(&gate, "/auth/signin", "email=jack%40example.com&password=x&next=%2Freports%3Fa%3Db%26c");
    assert!(wrong.text().contains("value=\"/reports?a=b&amp;c\""));
    let form = "email=jack%40example.com&password=correct+horse+battery&next=%2Freports%3Fa%3Db%26c";
    let answer = submit(&gate, "/auth/signin", form);
    assert_eq!(answer.header("location"), Some("/reports?a=b&c"));
    let back = gate.get("/reports?a=b&c", &format!("Cookie: {}\r\n", answer.cookies().header()));
    assert_eq!(back.text(), "hello from upstream");
    gate.clock.advance(Duration::from_mins(1));
}

#[test]
fn the_login_page_renews_a_lapsed_session_in_passing() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    gate.clock.advance(std::time::Duration::from_mins(16));
    let page =
        gate.get("/auth/login", &format!("Cookie: {}\r\nSec-Fetch-Mode: navigate\r\n", cookies.header()));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("jack"), "{}", page.text());
    let renewed = page.cookies();
    assert_eq!(gate.get("/", &format!("Cookie: access_token={}\r\n", renewed.access)).status, 200);
}
