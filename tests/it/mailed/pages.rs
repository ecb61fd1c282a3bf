//! The pages around mails, and the one of one's own account: forms that work without script.

use std::time::Duration;

use super::*;

fn submit(house: &House, path: &str, form: &str, cookies: &str) -> Answer {
    house.gate.post_as(FORM, path, form, &format!("{BROWSER}{cookies}"))
}

fn show(house: &House, path: &str, cookies: &str) -> Answer {
    house.gate.get(path, &format!("{BROWSER}{cookies}"))
}

fn assert_leads(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{}", answer.text());
}

#[test]
fn who_forgot_their_password_asks_and_sets_a_new_one() {
    let house = House::with("");
    house.gate.sign_up(JACK);
    assert!(show(&house, "/auth/login", "").text().contains("href=\"/auth/forgot\""));
    assert!(show(&house, "/auth/forgot", "").text().contains("action=\"/auth/password/forgot\""));
    for email in ["jack%40example.com", "nobody%40example.com"] {
        assert_leads(
            &submit(&house, "/auth/password/forgot", &format!("email={email}"), ""),
            "/auth/forgot?done=sent",
        );
    }
    assert!(show(&house, "/auth/forgot?done=sent", "").text().contains("is on its way"));
    let missing = submit(&house, "/auth/password/forgot", "email=", "");
    assert_eq!(missing.status, 400);
    assert!(missing.text().contains("Email is required.") && missing.text().contains("<form"));
    let link = house.link(JACK, "/auth/reset");
    assert!(show(&house, &link, "").text().contains("action=\"/auth/password/reset\""));
    let token = link.split_once("token=").unwrap().1;
    let form = format!("token={token}&password=a+quite+different+one");
    assert_leads(&submit(&house, "/auth/password/reset", &form, ""), "/auth/login?done=reset");
    assert_eq!(house.sign_in(JACK, NEW), 200);
}

#[test]
fn who_signs_up_confirms_with_their_password_and_is_led_on() {
    let house = House::asking();
    let form = "email=jack%40example.com&username=Jack&password=correct+horse+battery&next=%2Fapp";
    assert_leads(&submit(&house, "/auth/signup", form, ""), "/auth/verify-email?done=sent&next=/app");
    assert!(show(&house, "/auth/verify-email?done=sent&next=/app", "").text().contains("is on its way"));
    let link = house.link(JACK, "/auth/verify-email");
    let page = show(&house, &link, "");
    assert!(page.text().contains("autocomplete=\"current-password\"") && !page.text().contains(JACK));
    let token = link.split_once("token=").unwrap().1;
    let wrong = submit(&house, "/auth/email/verify", &format!("token={token}&password=wrong"), "");
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains(token) && wrong.text().contains("password is wrong"), "{}", wrong.text());
    let none = submit(&house, "/auth/email/verify", &format!("token={token}"), "");
    assert_eq!(none.status, 401);
    let right =
        submit(&house, "/auth/email/verify", &format!("token={token}&password=correct+horse+battery"), "");
    assert_leads(&right, "/");
    assert_eq!(house.gate.get("/", &cookie(&right.cookies().header())).status, 200);
    let used =
        submit(&house, "/auth/email/verify", &format!("token={token}&password=correct+horse+battery"), "");
    assert_eq!(used.status, 400);
    assert!(used.text().contains("This link is not valid") && !used.text().contains(token));
}

#[test]
fn who_is_signed_in_confirms_by_a_button_and_goes_where_they_wanted() {
    let house = House::asking();
    let (jack, first) = house.unproven(JACK);
    assert_leads(&show(&house, "/app", &jack), "/auth/verify-email?next=%2Fapp");
    let page = show(&house, "/auth/verify-email?next=%2Fapp", &jack);
    assert!(page.text().contains(JACK) && page.text().contains("value=\"/app\""), "{}", page.text());
    assert_leads(
        &submit(&house, "/auth/email/resend", "next=%2Fapp", &jack),
        "/auth/verify-email?done=sent&next=/app",
    );
    let token = house.proof_token(JACK);
    assert_ne!(token, first);
    let page = show(&house, &format!("/auth/verify-email?token={token}"), &jack);
    assert!(page.text().contains("Confirm</button>") && !page.text().contains("type=\"password\""));
    assert_leads(&submit(&house, "/auth/email/verify", &format!("token={token}&next=%2Fapp"), &jack), "/app");
    assert_leads(&show(&house, "/auth/verify-email?next=%2Fapp", &jack), "/app");
    assert_eq!(show(&house, "/app", &jack).status, 200);
}

#[test]
fn an_account_is_seen_to_without_script() {
    let house = House::with("");
    assert_leads(&show(&house, "/auth/account", ""), "/auth/login?next=%2Fauth%2Faccount");
    let jack = cookie(&house.gate.member(JACK).header());
    let other = cookie(&house.gate.sign_in(JACK).header());
    let page = show(&house, "/auth/account", &jack);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("(this one)") && page.text().contains("value=\"jack@example.com\""));
    assert_leads(
        &submit(&house, "/auth/account", "do=name&username=Jacky", &jack),
        "/auth/account?done=name",
    );
    assert!(show(&house, "/auth/account?done=name", &jack).text().contains("Your name is changed."));
    let wrong = submit(&house, "/auth/account", "do=email&email=new%40example.com&password=wrong", &jack);
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("password is wrong") && wrong.text().contains("Your account"));
    let right = "do=email&email=new%40example.com&password=correct+horse+battery";
    assert_leads(&submit(&house, "/auth/account", right, &jack), "/auth/account?done=email");
    // Another browser's session, by its id as the page shows it.
    let page = show(&house, "/auth/account", &jack).text();
    let ids: Vec<_> = page.split("name=\"id\" value=\"").skip(1).map(|part| part[..32].to_owned()).collect();
    assert_eq!(ids.len(), 2);
    let sessions = house.gate.get("/auth/sessions", &jack).json();
    let its = sessions.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let form = format!("do=end-session&id={}", its["id"].as_str().unwrap());
    assert_leads(&submit(&house, "/auth/account", &form, &jack), "/auth/account?done=session");
    assert_eq!(house.gate.get("/auth/me", &other).status, 401);
    assert_eq!(submit(&house, "/auth/account", &form, &jack).status, 404);
    for bad in ["do=everything", "", "do=name&username=", "do=end-session&id=x"] {
        let answer = submit(&house, "/auth/account", bad, &jack);
        assert!((400..=422).contains(&answer.status), "{bad}");
        assert!(answer.text().contains("role=\"alert\""), "{bad}");
    }
    let form = "current=correct+horse+battery&new=a+quite+different+one";
    assert_leads(&submit(&house, "/auth/password", form, &jack), "/auth/account?done=password");
    assert_eq!(house.sign_in("new@example.com", NEW), 200);
    let out = submit(&house, "/auth/signout/all", "", &jack);
    assert_leads(&out, "/auth/login");
    assert_eq!(house.gate.get("/auth/me", &jack).status, 401);
    assert_eq!(submit(&house, "/auth/account", "do=name&username=x", &jack).status, 401);
}

#[test]
fn ones_own_session_ended_from_the_list_signs_out() {
    let house = House::with("");
    let jack = cookie(&house.gate.member(JACK).header());
    let sessions = house.gate.get("/auth/sessions", &jack).json();
    let form = format!("do=end-session&id={}", sessions[0]["id"].as_str().unwrap());
    let answer = submit(&house, "/auth/account", &form, &jack);
    assert_leads(&answer, "/auth/login");
    assert_eq!(answer.cookie("access_token").as_deref(), Some(""));
    assert_eq!(house.gate.get("/auth/me", &jack).status, 401);
}

#[test]
fn another_site_can_post_none_of_these_forms() {
    let house = House::with("");
    let jack = cookie(&house.gate.member(JACK).header());
    for (path, form) in [
        ("/auth/account", "do=name&username=evil"),
        ("/auth/password", "current=correct+horse+battery&new=a+quite+different+one"),
        ("/auth/signout/all", ""),
        ("/auth/email/verify", "token=x&password=y"),
        ("/auth/password/forgot", "email=jack%40example.com"),
    ] {
        let headers =
            format!("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\nAccept: text/html\r\n{jack}");
        assert_eq!(house.gate.post_as(FORM, path, form, &headers).status, 403, "{path}");
    }
    assert_eq!(house.gate.get("/auth/me", &jack).json()["username"], "jack");
}

/// The page was open for longer than its access token is good.
#[test]
fn a_form_renews_the_session_in_passing() {
    let house = House::with("");
    let jack = cookie(&house.gate.member(JACK).header());
    house.gate.clock.advance(Duration::from_mins(16));
    let answer = submit(&house, "/auth/account", "do=name&username=Jacky", &jack);
    assert_leads(&answer, "/auth/account?done=name");
    let renewed = cookie(&answer.cookies().header());
    assert_eq!(house.gate.get("/auth/me", &renewed).json()["username"], "Jacky");
    // A program is told, and renews by itself.
    assert_eq!(
        house.gate.call("PATCH", "/auth/me", r#"{"username":"x"}"#, &jack).detail(),
        "Token has expired"
    );
}

#[test]
fn what_a_page_shows_of_a_session_is_escaped() {
    let house = House::with("");
    house.gate.sign_up(JACK);
    let body = json!({"email": JACK, "password": PASSWORD}).to_string();
    let agent = "User-Agent: <script>alert(1)</script>\r\n";
    let jack = cookie(&house.gate.post("/auth/signin", &body, agent).cookies().header());
    let body = json!({"username": "<b>\"'"}).to_string();
    assert_eq!(house.gate.call("PATCH", "/auth/me", &body, &jack).status, 200);
    let page = show(&house, "/auth/account", &jack).text();
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    assert!(page.contains("&lt;b&gt;&quot;&#39;"), "{page}");
}

/// Contract section 5. Seen: the form was shown again, and its page renewed the session.
#[test]
fn a_form_refused_as_cross_site_spends_no_token() {
    let house = House::with("");
    let jack = cookie(&house.gate.member(JACK).header());
    house.gate.clock.advance(Duration::from_mins(16));
    for (path, form) in [
        ("/auth/account", "do=name&username=x"),
        ("/auth/password", "current=a&new=b"),
        ("/auth/signout/all", ""),
        ("/auth/email/verify", "token=x"),
        ("/auth/email/resend", ""),
    ] {
        for site in ["same-site", "cross-site"] {
            let headers = format!(
                "{jack}Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: {site}\r\nOrigin: https://evil.example.com\r\nAccept: text/html\r\n"
            );
            let answer = house.gate.post_as(FORM, path, form, &headers);
            assert_eq!((answer.status, answer.all("set-cookie").len()), (403, 0), "{path} {site}");
        }
    }
}

#[test]
fn a_link_that_was_cut_is_told_so() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    for cookies in ["", jack.as_str()] {
        let page = show(&house, &format!("/auth/verify-email?token={}", &token[..40]), cookies);
        assert_eq!(page.status, 200);
        assert!(page.text().contains("This link is not complete."), "{}", page.text());
    }
}
