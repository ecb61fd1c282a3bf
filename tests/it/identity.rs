//! What the upstream is told of who asks (contract sections 3 and 6): the address and the name, too, where headers are
//! named for them, as they are at that moment, in a value that says one thing.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sidegate::store::UserChange;
use sidegate::types::{Email, UserId, Username};

use crate::support::{Answer, Cookies, Gate, PASSWORD, Raw, Upstream};

const TOLD: &str = "identity.email = \"X-User-Email\"\nidentity.username = \"X-User-Name\"";

/// What the upstream was told last: number, address, name.
fn told(gate: &Gate) -> [Option<String>; 3] {
    let seen = gate.upstream.last();
    ["x-user-id", "x-user-email", "x-user-name"].map(|name| seen.header(name))
}

fn jack() -> [Option<String>; 3] {
    ["1", "jack@example.com", "jack"].map(|text| Some(text.to_owned()))
}

fn change(gate: &Gate, email: Option<&str>, username: Option<&str>) {
    let change = UserChange {
        email: email.map(|text| Email::parse(text).unwrap()),
        username: username.map(|text| Username::parse(text).unwrap()),
        roles: None,
    };
    Gate::wait(gate.services().accounts.change(UserId::new(1).unwrap(), change)).unwrap();
}

/// Asks over a connection of its own, so that it is one worker whose cache answers.
fn ask(gate: &Gate, connection: &mut Raw, cookies: &Cookies) -> Answer {
    let cookie = cookies.header();
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", gate.address));
    connection.answer()
}

/// Every way through the gate: without hyper, with it (chunks, an upgrade), and HTTP/2.
fn every_way(gate: &Gate, fields: &str, look: &dyn Fn(&str)) {
    assert_eq!(gate.get("/", fields).status, 200);
    look("direct");
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\n{fields}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        gate.address
    );
    assert_eq!(gate.send(chunked).status, 200);
    look("chunked");
    let upgrade = format!("{fields}Connection: Upgrade\r\nUpgrade: shout\r\n");
    assert_eq!(gate.get("/", &upgrade).status, 200);
    look("upgrade");
    Gate::wait(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (mut client, connection) = http2::Builder::new(TokioExecutor::new())
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = http::Request::get(format!("http://{}/", gate.address));
        for (name, value) in fields.lines().filter_map(|line| line.split_once(": ")) {
            if name != "Connection" {
                request = request.header(name, value);
            }
        }
        let answer = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    });
    look("HTTP/2");
}

#[test]
fn the_upstream_is_told_the_address_and_the_name_on_every_way() {
    let gate = Gate::with(TOLD);
    let cookie = gate.signed_in();
    every_way(&gate, &cookie, &|way| assert_eq!(told(&gate), jack(), "{way}"));
    assert_eq!(gate.upstream.requests().len(), 4);
}

#[test]
fn what_a_client_claims_in_any_spelling_is_gone_on_every_way() {
    let claims = "X-User-Email: root@example.com\r\nx-user-email: a@b\r\nX_User_Email: a@b\r\nX.User.Email: a@b\r\n\
                  X-User-Name: root\r\nX_User-Name: root\r\nx~user!name: root\r\nX-USER-NAME: root\r\n\
                  Remote_Email: a@b\r\nremote.email: a@b\r\nRemote-Email: a@b\r\nRemote_User: root\r\n\
                  Connection: X-User-Email, X-User-Name, Remote-Email, keep-alive\r\n";
    let elsewhere = "identity.email = \"Remote-Email\"\nidentity.username = \"Remote-User\"";
    for (settings, names) in
        [(TOLD, ["x-user-email", "x-user-name"]), (elsewhere, ["remote-email", "remote-user"])]
    {
        let gate = Gate::with(settings);
        let ours = |line: &&str| settings == elsewhere || !line.to_lowercase().starts_with("remote");
        let claims: String = claims.split_inclusive("\r\n").filter(ours).collect();
        let fields = claims + &gate.signed_in();
        // A field that names others in `Connection` goes hyper's way; so both are asked.
        for fields in [fields.clone(), fields.replace("X-User-Email, X-User-Name, Remote-Email, ", "")] {
            every_way(&gate, &fields, &|way| {
                let seen = gate.upstream.last();
                let values = names.map(|name| seen.header(name));
                assert_eq!(values, [Some("jack@example.com".to_owned()), Some("jack".to_owned())], "{way}");
                let head = seen.head.to_ascii_lowercase();
                for trace in ["root", "a@b", "x_user", "x.user", "x~user", "remote_", "remote."] {
                    assert!(!head.contains(trace), "{way}: {trace}: {head}");
                }
            });
        }
    }
}

#[test]
fn of_who_is_not_signed_in_nothing_is_told() {
    let gate = Gate::with(&format!(
        "{TOLD}\n[[rules]]\npath = \"/open/*\"\nallow = \"anyone\"\n[[rules]]\npath = \"/maybe/*\"\nallow = \"optional\""
    ));
    let cookie = gate.signed_in();
    let claims = "X-User-Email: a@b\r\nX_User_Name: root\r\n";
    for (path, cookie, expected) in [
        ("/open/x", "", [None, None, None]),
        ("/open/x", &*cookie, [None, None, None]),
        ("/maybe/x", "", [None, None, None]),
        ("/maybe/x", &*cookie, jack()),
        ("/x", &*cookie, jack()),
    ] {
        assert_eq!(gate.get(path, &format!("{claims}{cookie}")).status, 200);
        assert_eq!(told(&gate), expected, "{path} {cookie:?}");
        assert!(!gate.upstream.last().head.contains("root"));
    }
}

#[test]
fn who_has_another_name_or_address_is_told_anew_at_the_next_request_and_stays_signed_in() {
    let gate = Gate::with(TOLD);
    let mut cookies = gate.member("jack@example.com");
    let mut connection = gate.connect();
    let changes: [&dyn Fn(&Cookies); 4] = [
        &|cookies| {
            let fields = format!("Cookie: {}\r\n", cookies.header());
            let renamed = gate.call("PATCH", "/auth/me", r#"{"username":"Jacques"}"#, &fields);
            assert_eq!(renamed.status, 200, "{renamed:?}");
        },
        &|cookies| {
            let fields = format!("Cookie: {}\r\n", cookies.header());
            let body = format!(r#"{{"email":"jacques@example.com","password":"{PASSWORD}"}}"#);
            assert_eq!(gate.call("PATCH", "/auth/me", &body, &fields).status, 200);
        },
        &|_| change(&gate, None, Some("Jake")),
        // The same address to the gate, and another text to the backend.
        &|_| change(&gate, Some("Jacques@example.com"), None),
    ];
    let now_told = [
        ["jack@example.com", "Jacques"],
        ["jacques@example.com", "Jacques"],
        ["jacques@example.com", "Jake"],
        ["Jacques@example.com", "Jake"],
    ];
    for (make, [email, name]) in changes.iter().zip(now_told) {
        // Verified and cached by this connection's worker.
        assert!(ask(&gate, &mut connection, &cookies).all("set-cookie").is_empty());
        make(&cookies);
        let access = format!("Cookie: access_token={}\r\n", cookies.access);
        assert_eq!(gate.get("/", &access).detail(), "Token has expired");
        let renewed = ask(&gate, &mut connection, &cookies);
        let expected = ["1", email, name].map(|text| Some(text.to_owned()));
        assert_eq!((renewed.status, told(&gate)), (200, expected.clone()));
        cookies = renewed.cookies();
        let after = ask(&gate, &mut connection, &cookies);
        assert_eq!((after.status, told(&gate)), (200, expected));
        assert!(after.all("set-cookie").is_empty(), "renewed once: {after:?}");
    }
    assert_eq!(Gate::wait(gate.services().sessions.count()).unwrap(), 1);
}

#[test]
fn another_name_outlives_a_restart_and_needs_no_token_of_before() {
    let mut gate = Gate::with(TOLD);
    let cookies = gate.member("jack@example.com");
    change(&gate, None, Some("Jacques"));
    gate.restart();
    let access = format!("Cookie: access_token={}\r\n", cookies.access);
    assert_eq!(gate.get("/", &access).detail(), "Token has expired");
    let both = format!("Cookie: {}\r\n", cookies.header());
    assert_eq!(gate.get("/", &both).status, 200);
    assert_eq!(told(&gate)[2].as_deref(), Some("Jacques"));
}

#[test]
fn another_name_leaves_open_tunnels_open() {
    let upstream = Upstream::answering_heads(|exchange| {
        exchange.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = std::io::Read::read(&mut exchange.stream, &mut bytes) {
            let bytes = bytes[..count].to_owned();
            exchange.write(bytes);
        }
        false
    });
    let gate = Gate::before(upstream, TOLD);
    let mut tunnel = gate.tunnel(&gate.signed_in());
    change(&gate, Some("jacques@example.com"), Some("Jacques"));
    // Longer than it takes a tunnel to notice that its session is over.
    let deadline = std::time::Instant::now() + Duration::from_millis(1500);
    while std::time::Instant::now() < deadline {
        tunnel.write("ping");
        assert_eq!(tunnel.exactly(4), b"ping");
    }
}

#[test]
fn a_token_from_before_the_headers_were_named_is_renewed_in_passing() {
    let mut gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    let both = format!("Cookie: {}\r\n", cookies.header());
    assert_eq!(gate.get("/", &both).status, 200);
    assert_eq!(told(&gate), [Some("1".to_owned()), None, None]);
    for settings in ["identity.email = \"X-User-Email\"", TOLD] {
        gate.restart_with(settings);
        let access = format!("Cookie: access_token={}\r\n", cookies.access);
        assert_eq!(gate.get("/", &access).detail(), "Token has expired");
        assert_eq!(gate.get("/auth/me", &access).detail(), "Token has expired");
        let renewed = gate.get("/", &both);
        assert_eq!((renewed.status, renewed.all("set-cookie").len()), (200, 2));
        let name = settings.contains("username").then(|| "jack".to_owned());
        assert_eq!(told(&gate), [jack()[0].clone(), jack()[1].clone(), name]);
        let next = format!("Cookie: {}\r\n", renewed.cookies().header());
        assert!(gate.get("/", &next).all("set-cookie").is_empty());
    }
    // And back: what is no longer told is no reason to renew.
    let newest = gate.sign_in("jack@example.com");
    gate.restart_with("");
    change(&gate, None, Some("Jacques"));
    let answer = gate.get("/", &format!("Cookie: {}\r\n", newest.header()));
    assert!(answer.status == 200 && answer.all("set-cookie").is_empty(), "{answer:?}");
    assert_eq!(told(&gate), [Some("1".to_owned()), None, None]);
}

#[test]
fn where_nobody_is_told_tokens_do_not_say_it() {
    let claims = |gate: &Gate| {
        use base64::Engine as _;
        let token = gate.member("jack@example.com").access;
        let part = token.split('.').nth(1).unwrap().to_owned();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    let silent = claims(&Gate::start());
    assert!(silent.get("email").is_none() && silent.get("preferred_username").is_none(), "{silent}");
    let telling = claims(&Gate::with(TOLD));
    assert_eq!(
        (&telling["email"], &telling["preferred_username"]),
        (&"jack@example.com".into(), &"jack".into())
    );
}

#[test]
fn no_name_splits_or_forges_a_header_and_each_is_decoded_to_itself() {
    let gate = Gate::with(TOLD);
    let mut cookies = gate.member("jack@example.com");
    for (name, value) in [
        ("Jack \"the, one\"; a=b", "Jack \"the, one\"; a=b"),
        ("100% Jack", "100%25 Jack"),
        ("%0d%0aX-User-Id: 7", "%250d%250aX-User-Id: 7"),
        ("Jürgen Größe", "J%C3%BCrgen Gr%C3%B6%C3%9Fe"),
        ("😀", "%F0%9F%98%80"),
        ("\u{202e}toor\u{2028}X-User-Id: 7", "%E2%80%AEtoor%E2%80%A8X-User-Id: 7"),
        ("\u{feff}\u{ff0d}x", "%EF%BB%BF%EF%BC%8Dx"),
    ] {
        change(&gate, None, Some(name));
        let both = format!("Cookie: {}\r\n", cookies.header());
        every_way(&gate, &both, &|way| {
            assert_eq!(
                told(&gate),
                ["1", "jack@example.com", value].map(|text| Some(text.to_owned())),
                "{way}"
            );
        });
        cookies = gate.sign_in("jack@example.com");
    }
    change(&gate, Some("jürgen@bücher.example"), None);
    assert_eq!(gate.get("/", &format!("Cookie: {}\r\n", cookies.header())).status, 200);
    assert_eq!(told(&gate)[1].as_deref(), Some("j%C3%BCrgen@b%C3%BCcher.example"));
}

#[test]
fn the_api_takes_no_name_that_has_a_line_break() {
    let gate = Gate::with(TOLD);
    let cookie = gate.signed_in();
    for name in [r"a\r\nX-User-Id: 7", r"a\nb", r"a\u0000b", r"a\u0085b"] {
        let answer = gate.call("PATCH", "/auth/me", &format!(r#"{{"username":"{name}"}}"#), &cookie);
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
    }
    assert_eq!(gate.get("/", &cookie).status, 200);
    assert_eq!(told(&gate), jack());
}
