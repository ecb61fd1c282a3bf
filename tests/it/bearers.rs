//! Body delivery: which bearers are the gate's and stay with it, and which are a backend's own (contract section 5).

use crate::support::Gate;

const SETTINGS: &str = r#"tokens.delivery = "body"
[[rules]]
path = "/public/*"
methods = ["GET"]
allow = "anyone"
[[rules]]
path = "/maybe/*"
allow = "optional"
[[rules]]
path = "/admin/*"
allow = "signed-in"
roles = ["admin", "owner"]"#;

#[test]
fn the_gates_own_bearer_is_optional_too_and_never_forwarded() {
    let gate = Gate::with(SETTINGS);
    gate.sign_up("jack@example.com");
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    let answer = gate.post("/auth/signin", &body, "");
    let bearer = format!("Authorization: Bearer {}\r\n", answer.json()["access_token"].as_str().unwrap());
    // Seen: with a tab in the place of the blank the gate did not know its own, and passed it on.
    let tabbed = bearer.replace("Bearer ", "Bearer\t");
    for (path, headers, identity) in [
        ("/maybe/x", bearer.as_str(), Some("1")),
        ("/public/x", &bearer, None),
        ("/public/x", &tabbed, None),
        ("/maybe/x", &tabbed, Some("1")),
    ] {
        assert_eq!(gate.get(path, headers).status, 200, "{path} {headers}");
        let seen = gate.upstream.last();
        assert_eq!(
            (seen.header("x-user-id").as_deref(), seen.header("authorization")),
            (identity, None),
            "{path}"
        );
    }
    assert_eq!(gate.get("/admin/x", &bearer).status, 403);
}

#[test]
fn a_backends_own_bearer_reaches_it_where_the_rules_open() {
    let gate = Gate::with(SETTINGS);
    gate.sign_up("jack@example.com");
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    let answer = gate.post("/auth/signin", &body, "");
    let (access, refresh) =
        (answer.json()["access_token"].as_str().unwrap().to_owned(), answer.cookie("refresh_token").unwrap());
    let seen = |path: &str, value: &str, more: &str| {
        assert_eq!(
            gate.get(path, &format!("Authorization: {value}\r\n{more}")).status,
            200,
            "{path} {value}"
        );
        let seen = gate.upstream.last();
        assert_eq!(seen.header("x-user-id"), None);
        seen.header("authorization")
    };
    let (head, rest) = access.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    // A backend's own JWT has another issuer, and perhaps the same form.
    let others = {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let mut claims: serde_json::Value = serde_json::from_slice(&base64.decode(claims).unwrap()).unwrap();
        claims["iss"] = "https://backend.example".into();
        claims["sid"] = "A".repeat(claims["sid"].as_str().unwrap().len()).into();
        format!("{head}.{}.{signature}", base64.encode(claims.to_string()))
    };
    let theirs =
        ["Bearer nonsense", "bearer opaque-1234", "Basic YTpi", "Bearer a.b.c", &format!("Bearer {others}")];
    for path in ["/public/x", "/maybe/x"] {
        for more in ["", "TE: trailers\r\n"] {
            for value in theirs {
                assert_eq!(seen(path, value, more).as_deref(), Some(value), "{path}");
            }
        }
    }
    assert_eq!(gate.get("/private", "Authorization: Bearer nonsense\r\n").status, 401);
    // The gate's own never does: as it is, run out, spoilt, or of an ended session; nor does a refresh token.
    let spoilt = format!("{head}.{claims}.{}", "A".repeat(signature.len()));
    let never = |when: &str| {
        // Seen: what stood behind another word than `Bearer`, or behind none, was passed on.
        for value in ["", "Token ", "Bearer:", "Bearer x, Bearer ", "DPoP x.y.z.", "Basic YTpi, Bearer\u{a0}"]
        {
            let sent = [b"Authorization: ", value.as_bytes(), access.as_bytes(), b"\r\n"].concat();
            let sent = [
                format!("GET /public/x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", gate.address)
                    .as_bytes(),
                &sent,
                b"\r\n",
            ]
            .concat();
            assert_eq!(gate.send(sent).status, 200);
            assert_eq!(gate.upstream.last().header("authorization"), None, "{when}: {value}");
        }
        for token in [&access, &spoilt, &refresh] {
            for more in ["", "TE: trailers\r\n"] {
                assert_eq!(
                    gate.get("/public/x", &format!("Authorization: Bearer {token}\r\n{more}")).status,
                    200
                );
                assert_eq!(gate.upstream.last().header("authorization"), None, "{when}: {token}");
                assert_eq!(
                    gate.get("/maybe/x", &format!("Authorization: Bearer {token}\r\n{more}")).status,
                    200
                );
                assert_eq!(gate.upstream.last().header("authorization"), None, "{when}: {token}");
            }
        }
    };
    never("good");
    gate.clock.advance(std::time::Duration::from_hours(1));
    never("run out");
    assert_eq!(gate.post("/auth/signout", "", &format!("Authorization: Bearer {access}\r\n")).status, 200);
    never("ended");
}
