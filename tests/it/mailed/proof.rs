//! Proving an address: what is open before, what a link is good for, and for whom.

use std::time::Duration;

use super::*;

#[test]
fn before_the_proof_a_sign_in_opens_auth_alone() {
    let rules = "[[rules]]\npath = \"/open\"\nallow = \"anyone\"\n[[rules]]\npath = \"/maybe\"\nallow = \"optional\"\n\
                 [[rules]]\npath = \"/shut\"\nallow = \"deny\"\n";
    let house = House::with(&format!("signup.email_verification = true\n{rules}"));
    let (jack, _) = house.unproven(JACK);
    assert_eq!(house.gate.get("/auth/me", &jack).status, 200);
    assert_eq!(house.gate.get("/auth/sessions", &jack).status, 200);
    assert_unproven(&house.gate.get("/", &jack));
    assert_unproven(&house.gate.post("/", "{}", &jack));
    let upgrade = format!("{jack}Connection: Upgrade\r\nUpgrade: websocket\r\n");
    assert_unproven(&house.gate.get("/", &upgrade));
    let grpc = house.gate.post_as("application/grpc", "/", "", &jack);
    assert_eq!((grpc.status, grpc.header("grpc-status")), (403, Some("7")));
    let page = house.gate.get("/a?b=c", &format!("{jack}{BROWSER}"));
    assert_eq!((page.status, page.header("location")), (303, Some("/auth/verify-email?next=%2Fa%3Fb%3Dc")));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(house.gate.get("/shut", &jack).status, 403);
    assert_eq!(house.gate.upstream.requests().len(), 0, "no byte of it reached the upstream");
    for path in ["/open", "/maybe"] {
        assert_eq!(house.gate.get(path, &jack).status, 200);
        assert_eq!(house.gate.upstream.last().header("x-user-id"), None, "{path}: they are nobody");
    }
    // Nor does a renewal open more, be it asked for or in passing.
    let refreshed = house.gate.post("/auth/refresh", "", &jack);
    assert_eq!(refreshed.status, 200);
    assert_unproven(&house.gate.get("/", &cookie(&refreshed.cookies().header())));
    let refresh = cookie(&format!("refresh_token={}", refreshed.cookies().refresh));
    assert_unproven(&house.gate.get("/", &refresh));
}

#[test]
fn a_front_proxy_is_told_no_before_the_proof_and_yes_after_it() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    let original = format!(
        "{jack}X-Forwarded-Method: GET\r\nX-Forwarded-Host: app.example.com\r\nX-Forwarded-Uri: /a\r\n"
    );
    assert_eq!(house.gate.get("/auth/verify", &original).status, 403);
    assert_eq!(house.gate.get("/auth/verify", &format!("{original}{BROWSER}")).status, 403);
    assert_eq!(house.verify(&token, &jack).status, 200);
    let yes = house.gate.get("/auth/verify", &original);
    assert_eq!((yes.status, yes.header("x-user-id")), (200, Some("1")));
}

#[test]
fn a_link_together_with_the_session_proves_and_the_next_request_passes() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    let answer = house.verify(&token, &jack);
    assert_eq!(answer.json(), json!({"status": "ok", "message": "The address is confirmed."}));
    let passed = house.gate.get("/", &jack);
    assert_eq!(passed.status, 200);
    // The token that denied it is out of date, and was renewed in passing.
    assert!(passed.cookie("access_token").is_some());
    let refreshed = cookie(&passed.cookies().header());
    let again = house.gate.get("/", &refreshed);
    assert_eq!((again.status, again.cookie("access_token")), (200, None));
    assert!(house.is_proven(1));
}

#[test]
fn a_link_together_with_the_password_proves_without_a_session() {
    let house = House::asking();
    house.gate.sign_up(JACK);
    let token = house.proof_token(JACK);
    let wrong = house.verify_by_password(&token, "wrong");
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (400, Some("wrong_password")));
    let right = house.verify_by_password(&token, PASSWORD);
    assert_eq!((right.status, right.all("set-cookie").len()), (200, 0));
    assert!(house.is_proven(1));
    assert_eq!(house.gate.get("/", &cookie(&house.gate.sign_in(JACK).header())).status, 200);
}

#[test]
fn a_link_alone_or_with_anothers_session_proves_nothing_and_is_not_used_up() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    let (jill, _) = house.unproven("jill@example.com");
    assert_eq!(house.verify(&token, "").detail(), "Not authenticated");
    assert_bad_token(&house.verify(&token, &jill));
    for opened in [
        house.gate.get(&format!("/auth/verify-email?token={token}"), BROWSER),
        house.gate.get(&format!("/auth/verify-email?token={token}"), &format!("{jack}{BROWSER}")),
    ] {
        assert_eq!(opened.status, 200, "programs that look for malice open links, too");
    }
    assert!(!house.is_proven(1) && !house.is_proven(2));
    assert_eq!(house.verify(&token, &jack).status, 200);
}

#[test]
fn a_link_works_once_for_24_hours_and_a_newer_one_takes_its_place() {
    let house = House::asking();
    let (jack, first) = house.unproven(JACK);
    assert_eq!(house.gate.post("/auth/email/resend", "", &jack).status, 200);
    let second = house.proof_token(JACK);
    assert_bad_token(&house.verify(&first, &jack));
    house.gate.clock.advance(Duration::from_hours(24));
    let jack = cookie(&house.gate.sign_in(JACK).header());
    assert_bad_token(&house.verify(&second, &jack));
    house.gate.post("/auth/email/resend", &json!({"email": JACK}).to_string(), "");
    let third = house.proof_token(JACK);
    house.gate.clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    let jack = cookie(&house.gate.sign_in(JACK).header());
    assert_eq!(house.verify(&third, &jack).status, 200);
    assert_bad_token(&house.verify(&third, &jack));
}

/// Weakness 16: of one purpose alone.
#[test]
fn weakness_16_a_proofs_token_sets_no_password_and_a_resets_token_is_no_proof() {
    let house = House::asking();
    let (jack, proof) = house.unproven(JACK);
    assert_eq!(house.reset(&proof, NEW).status, 400);
    house.forgot(JACK);
    let reset = house.token(JACK, "/auth/reset");
    assert_bad_token(&house.verify(&reset, &jack));
    assert_eq!(house.sign_in(JACK, PASSWORD), 200);
    assert!(!house.is_proven(1));
}

#[test]
fn wrong_passwords_with_a_link_are_failed_sign_ins_and_bad_tokens_are_counted() {
    let house = House::with("signup.email_verification = true\nlimits.signin_failures = \"3/15m\"\n");
    house.gate.sign_up(JACK);
    let token = house.proof_token(JACK);
    for _ in 0..3 {
        assert_eq!(house.verify_by_password(&token, "wrong").status, 400);
    }
    let limited = house.verify_by_password(&token, PASSWORD);
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").is_some());
    assert_eq!(house.sign_in(JACK, PASSWORD), 429);
    for _ in 0..30 {
        assert_bad_token(&house.verify_by_password(&"A".repeat(43), "wrong"));
    }
    assert_eq!(house.verify_by_password(&"A".repeat(43), "wrong").status, 429);
}

#[test]
fn more_mails_than_a_person_asks_for_are_not_sent_and_only_their_owner_is_told() {
    let house = House::with("signup.email_verification = true\nlimits.signup = \"12/1h\"\n");
    let (jack, _) = house.unproven(JACK);
    let ask = |email: &str| house.gate.post("/auth/email/resend", &json!({"email": email}).to_string(), "");
    let mut told: Vec<_> = (0..8).map(|_| whole(&ask(JACK))).collect();
    told.extend((0..4).map(|_| whole(&ask("nobody@example.com"))));
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
    assert_eq!(ask(JACK).status, 429, "as many as sign-ups from one network");
    assert_eq!(ask("nobody@example.com").status, 429);
    for _ in 0..5 {
        house.post.letter_to(JACK);
    }
    assert_eq!(house.gate.post("/auth/email/resend", "", &jack).status, 429);
    house.gate.clock.advance(Duration::from_mins(10));
    assert_eq!(house.gate.post("/auth/email/resend", "", &jack).status, 200);
    house.post.letter_to(JACK);
    house.post.none_for(JACK);
}

#[test]
fn who_has_proven_it_is_mailed_no_other_link() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    assert_eq!(house.verify(&token, &jack).status, 200);
    let jack = cookie(&house.gate.sign_in(JACK).header());
    assert_eq!(house.gate.post("/auth/email/resend", "", &jack).status, 200);
    assert_eq!(house.gate.post("/auth/email/resend", &json!({"email": JACK}).to_string(), "").status, 200);
    house.gate.sign_up("last@example.com");
    house.post.letter_to("last@example.com");
    house.post.none_for(JACK);
}

/// Switched on later: nobody has proven anything, and tokens from before don't say so.
#[test]
fn tokens_from_before_it_was_asked_for_open_nothing_to_the_unproven() {
    let mut house = House::with("");
    let jack = cookie(&house.gate.member(JACK).header());
    assert_eq!(house.gate.get("/", &jack).status, 200);
    house.gate.restart_with(&settings(&house.post, "signup.email_verification = true\n"));
    assert_unproven(&house.gate.get("/", &jack));
    let access = jack.split(';').next().unwrap();
    assert_eq!(house.gate.get("/", &format!("{access}\r\n")).detail(), "Token has expired");
    assert_eq!(house.gate.post("/auth/email/resend", &json!({"email": JACK}).to_string(), "").status, 200);
    let token = house.proof_token(JACK);
    assert_eq!(house.verify_by_password(&token, PASSWORD).status, 200);
    assert_eq!(house.gate.get("/", &jack).status, 200);
    // And off again.
    house.gate.restart_with(&settings(&house.post, ""));
    assert_eq!(house.gate.get("/", &jack).status, 200);
}

#[test]
fn in_body_delivery_a_bearer_is_unproven_until_it_is_renewed() {
    let house = House::with("signup.email_verification = true\ntokens.delivery = \"body\"\n");
    house.gate.sign_up(JACK);
    let token = house.proof_token(JACK);
    let body = json!({"email": JACK, "password": PASSWORD}).to_string();
    let signed_in = house.gate.post("/auth/signin", &body, "");
    let bearer = |answer: &Answer| {
        format!("Authorization: Bearer {}\r\n", answer.json()["access_token"].as_str().unwrap())
    };
    let jack = bearer(&signed_in);
    assert_unproven(&house.gate.get("/", &jack));
    assert_eq!(house.verify(&token, &jack).status, 200);
    assert_eq!(house.gate.get("/", &jack).detail(), "Token has expired");
    let refresh = signed_in.cookie("refresh_token").unwrap();
    let refreshed = house.gate.post("/auth/refresh", "", &cookie(&format!("refresh_token={refresh}")));
    assert_eq!(house.gate.get("/", &bearer(&refreshed)).status, 200);
}

#[test]
fn a_proof_survives_a_restart_and_is_audited() {
    let mut house = House::asking();
    let (jack, token) = house.unproven(JACK);
    assert_eq!(house.verify(&token, &jack).status, 200);
    house.gate.restart();
    assert_eq!(house.gate.get("/", &jack).status, 200);
    assert!(house.is_proven(1));
}

#[test]
fn an_explanation_says_what_the_gate_does_with_the_unproven() {
    use sidegate::gate::explain::{Asked, Asker, explain};
    use sidegate::types::{Email, Username};
    let (post, folder) = (Smtp::start(), tempfile::tempdir().unwrap());
    let asker = |proven| Asker {
        user: UserId::new(1).unwrap(),
        roles: Vec::new(),
        email: Email::parse(JACK).unwrap(),
        username: Username::parse("jack").unwrap(),
        active: true,
        proven,
    };
    let rule = "[[rules]]\npath = \"/maybe\"\nallow = \"optional\"\n";
    for (extra, path, proven, said) in [
        ("", "/", false, "jack@example.com (uid 1): forwarded\nthe upstream is told, of who"),
        (
            "signup.email_verification = true\n",
            "/",
            false,
            "(uid 1, address not confirmed): 403, and a browser is led to /auth/verify-email\n",
        ),
        ("signup.email_verification = true\n", "/", true, "jack@example.com (uid 1): forwarded\n"),
        (
            "signup.email_verification = true\n",
            "/maybe",
            false,
            "address not confirmed): forwarded\nthe upstream is told: of nobody",
        ),
    ] {
        let settings = settings(&post, &format!("{extra}{rule}"));
        let settings = crate::support::settings(&settings, &folder, "http://127.0.0.1:9");
        let told = explain(&settings, &Asked::parse(&format!("GET {path}")).unwrap(), Some(&asker(proven)));
        assert!(told.contains(said), "{extra}{path} {proven}: {told}");
    }
}

/// Seen: what a renewal had read before a change counted as looked at after it, and a tunnel that it opened was never cut.
#[test]
fn a_renewal_that_was_overtaken_by_a_change_does_not_pass() {
    use sidegate::gate::{Gate as Door, Verdict};
    use sidegate::store::UserChange;
    use sidegate::types::Email;
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    assert_eq!(house.verify(&token, &jack).status, 200);
    let cookies = house.gate.sign_in(JACK);
    let services = house.gate.services();
    let settings = settings(&house.post, "signup.email_verification = true\n");
    let settings = crate::support::settings(&settings, &house.gate.folder, "http://127.0.0.1:9");
    let (revocations, clock) = (services.sessions.revocations(), house.gate.clock.clone());
    let door = Door::new(&settings, services.tokens.clone(), revocations, clock);
    let request = http::Request::get("/").header("host", "x");
    let request = request.header("cookie", format!("refresh_token={}", cookies.refresh)).body(()).unwrap();
    let (head, ()) = request.into_parts();
    let peer = sidegate::web::Peer { address: None, socket: None, trusted: false, secure: false, host: None };
    let Verdict::Renew(renewal) = door.decide(&head, &peer) else { panic!("there is no access token") };
    let issued = Gate::wait(services.sessions.refresh(renewal.token(), None)).unwrap();
    // The address is another one by the time that the request goes on.
    let change = UserChange { email: Email::parse("new@example.com"), ..UserChange::default() };
    Gate::wait(services.accounts.change(UserId::new(1).unwrap(), change)).unwrap();
    assert!(door.renewed(renewal, &issued, &head, &peer).is_err());
}

#[test]
fn another_password_leaves_the_link_good() {
    let house = House::asking();
    let (jack, token) = house.unproven(JACK);
    let body = json!({"current": PASSWORD, "new": NEW}).to_string();
    assert_eq!(house.gate.post("/auth/password", &body, &jack).status, 200);
    assert_eq!(house.verify_by_password(&token, PASSWORD).status, 400);
    assert_eq!(house.verify_by_password(&token, NEW).status, 200);
}
