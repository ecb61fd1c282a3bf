//! `[[rules]]` over a socket: what a rule opens is told of nobody that nobody proved to be, and what it closes never
//! reaches the upstream (contract section 6).

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use sidegate::store::UserChange;
use sidegate::types::{Role, UserId};

use crate::support::process::{Process, sidegate};
use crate::support::{Gate, Upstream};

const RULES: &str = r#"identity.roles = "X-User-Roles"
[[rules]]
path = "/public/*"
methods = ["GET"]
allow = "anyone"
[[rules]]
path = "/open/*"
allow = "anyone"
[[rules]]
path = "/maybe/*"
allow = "optional"
[[rules]]
path = "/admin/*"
allow = "signed-in"
roles = ["admin", "owner"]
[[rules]]
path = "/gone/*"
allow = "deny""#;

const CLAIMS: &str =
    "X-User-Id: 1\r\nX_User_Id: 1\r\nX-User-Email: a@b\r\nX-User-Roles: admin\r\nx.user.token: t\r\n";

fn set_roles(gate: &Gate, uid: u64, names: &[&str]) {
    let roles = names.iter().map(|name| Role::parse(name).unwrap()).collect();
    let change = UserChange { roles: Some(roles), ..UserChange::default() };
    Gate::wait(gate.services().accounts.change(UserId::new(uid).unwrap(), change)).unwrap();
}

/// The identity headers and cookies that the upstream saw last.
fn told(gate: &Gate) -> Vec<String> {
    let seen = gate.upstream.last();
    let lines = seen.head.split("\r\n").map(str::to_ascii_lowercase);
    lines
        .filter(|line| line.contains("user") || line.starts_with("cookie") || line.starts_with("auth"))
        .collect()
}

#[test]
fn what_is_open_to_anyone_is_told_of_nobody() {
    let gate = Gate::with(RULES);
    let cookies = gate.member("jack@example.com");
    for cookie in [
        String::new(),
        format!("Cookie: a=1; {}; b=2\r\n", cookies.header()),
        "Cookie: a=1; access_token=nonsense; b=2\r\n".to_owned(),
        format!("Cookie: a=1; access_token={0}; access_token=x; b=2\r\n", cookies.access),
        format!("Cookie: a=1; refresh_token={}; b=2\r\n", cookies.refresh),
    ] {
        let answer = gate.get("/public/x?y=1", &format!("{CLAIMS}{cookie}"));
        assert_eq!((answer.status, answer.header("set-cookie")), (200, None), "{cookie}");
        let left: &[&str] = if cookie.is_empty() { &[] } else { &["cookie: a=1; b=2"] };
        assert_eq!(told(&gate), left, "{cookie}");
        assert_eq!(gate.upstream.last().line(), "GET /public/x?y=1 HTTP/1.1");
    }
    gate.clock.advance(Duration::from_mins(16));
    let expired = gate.get("/public/x", &format!("Cookie: {}\r\n", cookies.header()));
    assert_eq!(
        (expired.status, expired.cookie("access_token")),
        (200, None),
        "nobody is looked at, nothing renewed"
    );
    assert_eq!(gate.get("/public/x", "Authorization: Basic a\r\nAuthorization: Basic b\r\n").status, 400);

    let foreign = gate.post(
        "/open/x",
        "{}",
        &format!("Cookie: {}\r\nSec-Fetch-Site: cross-site\r\n", cookies.header()),
    );
    assert_eq!(foreign.status, 200, "no identity is carried");
    assert_eq!(told(&gate), [] as [&str; 0]);
}

#[test]
fn what_is_optional_is_told_of_who_is_signed_in_and_of_nobody_else() {
    let gate = Gate::with(RULES);
    let cookies = gate.member("jack@example.com");
    let signed_in = format!("Cookie: {}\r\n", cookies.header());
    let ambiguous = format!("Cookie: access_token={}; access_token=x\r\n", cookies.access);
    for (headers, identity) in [
        ("", &[][..]),
        (&signed_in, &["x-user-id: 1", "x-user-roles: "]),
        ("Cookie: access_token=nonsense\r\n", &[]),
        ("Cookie: refresh_token=nonsense\r\n", &[]),
        (&ambiguous, &[]),
    ] {
        let answer = gate.get("/maybe/x", &format!("{CLAIMS}{headers}"));
        assert_eq!((answer.status, answer.header("set-cookie")), (200, None), "{headers}");
        let told: Vec<_> = told(&gate).iter().map(|line| line.trim().to_owned()).collect();
        let identity: Vec<_> = identity.iter().map(|line| line.trim().to_owned()).collect();
        assert_eq!(told, identity, "{headers}");
    }

    gate.clock.advance(Duration::from_mins(16));
    let renewed = gate.get("/maybe/x", &signed_in);
    assert_eq!((renewed.status, renewed.header("cache-control")), (200, Some("no-store")));
    assert_eq!(told(&gate).first().map(String::as_str), Some("x-user-id: 1"));
    let renewed = format!("Cookie: {}\r\n", renewed.cookies().header());
    let only_access = format!("Cookie: access_token={}\r\n", cookies.access);
    assert_eq!(gate.get("/maybe/x", &only_access).status, 200);
    assert_eq!(told(&gate), [] as [&str; 0], "an expired token alone is nobody's");

    assert_eq!(gate.post("/auth/signout", "", &renewed).status, 200);
    assert_eq!(gate.get("/maybe/x", &renewed).status, 200);
    assert_eq!(told(&gate), [] as [&str; 0], "a session that was ended is nobody's");
}

#[test]
fn an_identity_is_not_carried_across_sites_where_it_is_optional() {
    let gate = Gate::with(RULES);
    let cookies = gate.member("jack@example.com");
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    let by_access = format!("Cookie: {}\r\n{foreign}", cookies.header());
    let by_refresh = format!("Cookie: refresh_token={}\r\n{foreign}", cookies.refresh);
    for headers in [by_access.as_str(), &by_refresh] {
        assert_eq!(gate.post("/maybe/x", "{}", headers).status, 403, "{headers}");
        let upgrade = format!("{headers}Connection: Upgrade\r\nUpgrade: websocket\r\n");
        assert_eq!(gate.get("/maybe/x", &upgrade).status, 403, "{headers}");
    }
    assert_eq!(gate.upstream.connections(), 0);
    assert_eq!(gate.get("/maybe/x", &by_access).status, 200, "a read changes nothing");
    assert_eq!(gate.post("/maybe/x", "{}", foreign).status, 200, "nobody's identity is carried");
    assert_eq!(told(&gate), [] as [&str; 0]);
}

#[test]
fn a_role_is_asked_for_at_each_request() {
    let gate = Gate::with(RULES);
    let mut cookies = gate.member("jack@example.com");
    let headers = |cookies: &crate::support::Cookies| format!("Cookie: {}\r\n", cookies.header());
    // Both workers have verified the token for another path.
    (0..8).for_each(|_| assert_eq!(gate.get("/", &headers(&cookies)).status, 200));
    let reached = gate.upstream.bytes();
    for _ in 0..8 {
        let answer = gate.get("/admin/x", &headers(&cookies));
        assert_eq!((answer.status, answer.detail().as_str()), (403, "You may not open this."));
        assert_eq!(
            (answer.header("cache-control"), answer.header("www-authenticate")),
            (Some("no-store"), None)
        );
    }
    assert_eq!(gate.upstream.bytes(), reached);

    for (roles, status) in
        [(&["editor", "owner"][..], 200), (&["administrator"], 403), (&["admin"], 200), (&[], 403)]
    {
        set_roles(&gate, 1, roles);
        let answer = gate.get("/admin/x", &headers(&cookies));
        assert_eq!(answer.status, status, "{roles:?}");
        // Other roles come with a renewal, whose tokens the answer carries also where it refuses.
        cookies = answer.cookies();
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(gate.get("/admin/x", &headers(&cookies)).status, status, "{roles:?}");
    }
    assert_eq!(gate.get("/admin/x", "").status, 401);
    let navigation = gate.get("/admin/x?y", "Sec-Fetch-Mode: navigate\r\n");
    assert_eq!(navigation.header("location"), Some("/auth/login?next=%2Fadmin%2Fx%3Fy"));
}

#[test]
fn what_is_denied_is_denied_to_everybody_and_nothing_of_it_reaches_the_upstream() {
    let gate = Gate::with(RULES);
    let cookie = gate.signed_in();
    set_roles(&gate, 1, &["admin"]);
    for headers in ["", &cookie, "Sec-Fetch-Site: cross-site\r\n"] {
        for answer in [gate.get("/gone/x", headers), gate.post("/gone/x", "{}", headers)] {
            assert_eq!(
                (answer.status, answer.detail().as_str()),
                (403, "You may not open this."),
                "{headers}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let upgrade = format!("{cookie}Connection: Upgrade\r\nUpgrade: websocket\r\n");
    assert_eq!(gate.get("/gone/x", &upgrade).status, 403);
    for page in [
        gate.get("/gone/x", "Sec-Fetch-Mode: navigate\r\n"),
        gate.post_as("application/x-www-form-urlencoded", "/gone/x", "a=b", "Accept: text/html\r\n"),
    ] {
        assert_eq!((page.status, page.header("cache-control")), (403, Some("no-store")));
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "a person waits for a page");
    }
    let grpc = gate.post_as("application/grpc", "/gone/x", "", "TE: trailers\r\n");
    assert_eq!((grpc.status, grpc.header("grpc-status"), grpc.body.as_slice()), (403, Some("7"), &b""[..]));
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0));
}

#[test]
fn a_rule_is_about_its_own_methods() {
    let gate = Gate::with(RULES);
    let mut connection = gate.connect();
    connection.write(format!("HEAD /public/x HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
    assert_eq!(connection.answer_to("HEAD").status, 200, "GET covers HEAD");
    let reached = gate.upstream.bytes();
    for method in ["POST", "OPTIONS", "PROPFIND", "get"] {
        let request =
            format!("{method} /public/x HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", gate.address);
        assert_eq!(gate.send(request).status, 401, "{method}");
    }
    let overridden = gate.post("/public/x", "", "X-HTTP-Method-Override: GET\r\n");
    assert_eq!(overridden.status, 401);
    assert_eq!(gate.upstream.bytes(), reached);
}

/// The weaknesses are numbered in the table of those that comparable systems had.
#[test]
fn weaknesses_1_5_and_17_no_spelling_of_a_path_gets_more_than_its_strictest_reading() {
    let gate = Gate::with(RULES);
    for target in [
        "/admin/x?y=/public/z",
        "/admin/x#/public/z",
        "/admin/x%23/public/z",
        "/public/../admin/x",
        "/public/%2e%2e/admin/x",
        "/public/..%2fadmin/x",
        "/public/..;/admin/x",
        "/public/..\\admin/x",
        "/public//x",
        "/public/x%00",
        "/public%2fx",
        "/%2570ublic/x",
        "/public",
    ] {
        assert_eq!(gate.get(target, "").status, 401, "{target}");
    }
    for target in ["/gone//x", "/public/../gone/x", "/gone%2fx", "/gone;a/x", "/%67one/x", "/gone/x#/public/"]
    {
        assert_eq!(gate.get(target, "").status, 403, "{target}");
    }
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0));

    // What is let through is forwarded byte for byte, but for the fragment.
    let cookie = gate.signed_in();
    for (target, forwarded) in [
        ("/a/../b//c%2Fd?e=/../f", "/a/../b//c%2Fd?e=/../f"),
        ("/public/../x", "/public/../x"),
        ("/x#/y", "/x"),
        ("/x?y#z", "/x?y"),
    ] {
        assert_eq!(gate.get(target, &cookie).status, 200, "{target}");
        assert_eq!(gate.upstream.last().line(), format!("GET {forwarded} HTTP/1.1"));
    }
    for (target, forwarded) in [
        ("/%70ublic/x", "/%70ublic/x"),
        ("/public/%C3%BC%20?a", "/public/%C3%BC%20?a"),
        ("/public/x#y", "/public/x"),
    ] {
        assert_eq!(gate.get(target, "").status, 200, "{target}");
        assert_eq!(gate.upstream.last().line(), format!("GET {forwarded} HTTP/1.1"));
    }
}

#[test]
fn a_rule_for_the_whole_site_leaves_the_gates_paths_to_the_gate() {
    let gate = Gate::with("[[rules]]\npath = \"/*\"\nallow = \"anyone\"");
    assert_eq!(gate.get("/", "").status, 200);
    let reached = gate.upstream.bytes();
    assert_eq!(gate.get("/auth/me", "").status, 401);
    assert_eq!(gate.get("/auth/nothing", "").status, 404);
    for target in
        ["/%61uth/me", "//auth/me", "/x/../auth/me", "/auth%2Fme", "/auth;x/me", "/auth%3Fx", "/%2561uth/me"]
    {
        assert_eq!(gate.get(target, "").status, 404, "{target}");
    }
    assert_eq!(gate.upstream.bytes(), reached);
}

#[test]
fn a_tunnel_opens_for_nobody_where_a_rule_opens_it() {
    let upstream = Upstream::answering_heads(|exchange| {
        exchange.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        let mut bytes = [0; 64];
        while let Ok(got @ 1..) = exchange.stream.read(&mut bytes) {
            exchange.write(bytes[..got].to_ascii_uppercase());
        }
        false
    });
    let gate = Gate::before(upstream, RULES);
    for path in ["/public/ws", "/maybe/ws"] {
        let mut tunnel = gate.connect();
        tunnel.write(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{CLAIMS}Connection: Upgrade\r\nUpgrade: shout\r\n\r\n",
            gate.address
        ));
        assert_eq!(tunnel.answer().status, 101, "{path}");
        tunnel.write("hello");
        assert_eq!(tunnel.exactly(5), b"HELLO", "{path}");
        assert_eq!(told(&gate), [] as [&str; 0], "{path}");
    }
}

/// Runs `sidegate check` with these arguments beside a file with [`RULES`].
fn check(folder: &tempfile::TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let output = sidegate(folder.path()).arg("check").args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn with_rules() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("upstream.url = \"http://127.0.0.1:9000\"\n{RULES}\n");
    std::fs::write(folder.path().join("sidegate.toml"), text).unwrap();
    folder
}

#[test]
fn check_shows_the_rules_in_their_order() {
    let (code, said) = check(&with_rules(), &[]);
    assert_eq!(code, Some(0), "{said}");
    let rules = said.find("\n[[rules]]").map(|at| &said[at..]).unwrap();
    let first = "\n[[rules]]                                # rule 1, sidegate.toml:3:1\n\
                 path = \"/public/*\"\nmethods = [\"GET\"]\nallow = \"anyone\"\n";
    assert!(rules.starts_with(first), "{rules}");
    let fourth = "# rule 4, sidegate.toml:13:1\npath = \"/admin/*\"\nallow = \"signed-in\"\nroles = [\"admin\", \"owner\"]\n";
    assert!(rules.contains(fourth), "{rules}");
}

#[test]
fn check_explains_which_rule_decides() {
    let folder = with_rules();
    for (request, said) in [
        (
            "GET /public/a?b",
            "GET /public/a\nquery: no rule sees it\nrule: rule 1 (sidegate.toml:3:1, `/public/*`) → anyone\n\
             not signed in: forwarded\nthe upstream is told: of nobody, and what a client claims is removed\n",
        ),
        (
            "POST /public/a",
            "POST /public/a\nrule: no rule matches → signed-in\nnot signed in: 401, and a browser is led to /auth/login\n\
             signed in: forwarded\nthe upstream is told, of who is signed in:\n  x-user-id: (the uid)\n  x-user-roles: (the roles)\n",
        ),
        (
            "GET /gone/x",
            "GET /gone/x\nrule: rule 5 (sidegate.toml:17:1, `/gone/*`) → deny\nnot signed in: 403\n",
        ),
        (
            "GET /public/..%2fgone/x",
            "GET /public/..%2fgone/x\n\
             path: it can be read in several ways: no rule that opens matches it, and the strictest holds\n  \
             /public/..%2Fgone/x  no rule matches → signed-in\n  \
             /public/../gone/x    no rule matches → signed-in\n  \
             /gone/x              rule 5 (sidegate.toml:17:1, `/gone/*`) → deny\n\
             not signed in: 403\n",
        ),
        ("GET *", "GET *\nrule: none, `*` is a target of OPTIONS alone\nanswer: 400\n"),
        (
            "OPTIONS *",
            "OPTIONS *\npath: it can be read in several ways: no rule that opens matches it, and the strictest holds\n  \
             *   no rule matches → signed-in\n  /*  no rule matches → signed-in\nnot signed in: 401, and a browser is led to /auth/login\n\
             signed in: forwarded\nthe upstream is told, of who is signed in:\n  x-user-id: (the uid)\n  x-user-roles: (the roles)\n",
        ),
        ("GET /auth/me", "GET /auth/me\nrule: none, the path is the gate's own\nanswer: the gate's\n"),
        (
            "GET //auth/me",
            "GET //auth/me\nrule: none, a backend may read the path as one of the gate's own\nanswer: 404\n",
        ),
    ] {
        assert_eq!(check(&folder, &["--explain", request]), (Some(0), said.to_owned()), "{request}");
    }
    for request in ["", "GET", "/public/a", "GET public", "G(T /"] {
        let (code, said) = check(&folder, &["--explain", request]);
        assert_eq!(code, Some(2), "{request}: {said}");
        assert!(said.contains("hint: write a method and a path"), "{said}");
    }
    assert_eq!(check(&folder, &["--user", "jack@example.com"]).0, Some(2), "--user is for --explain");
}

#[test]
fn check_explains_what_the_upstream_would_be_told_of_a_user() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("identity.email = \"X-User-Email\"\nidentity.username = \"X-User-Name\"\n{RULES}");
    let _gate = Process::serve(folder.path(), "http://127.0.0.1:9000", &settings);
    let administer = |arguments: &[&str]| {
        let mut child = sidegate(folder.path()).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let add = [
        "users",
        "add",
        "jack@example.com",
        "--username",
        "Jäck, 100%",
        "--role",
        "owner",
        "--password-stdin",
    ];
    administer(&add);

    let ask = |request: &str| check(&folder, &["--explain", request, "--user", "jack@example.com"]);
    let told = "the upstream is told, of who is signed in:\n  x-user-id: 1\n  x-user-email: jack@example.com\n  \
                x-user-name: J%C3%A4ck, 100%25\n  x-user-roles: owner\n";
    let rule = "rule: rule 4 (sidegate.toml:21:1, `/admin/*`) → signed-in with one of admin, owner\n";
    assert_eq!(
        ask("GET /admin/x"),
        (Some(0), format!("GET /admin/x\n{rule}jack@example.com (uid 1): forwarded\n{told}"))
    );
    administer(&["users", "set", "1", "--roles", "editor"]);
    assert_eq!(
        ask("GET /admin/x"),
        (
            Some(0),
            format!("GET /admin/x\n{rule}jack@example.com (uid 1): 403, without one of admin, owner\n")
        )
    );
    administer(&["users", "disable", "1"]);
    assert_eq!(
        ask("GET /admin/x"),
        (
            Some(0),
            format!(
                "GET /admin/x\n{rule}jack@example.com (uid 1, disabled): 401, and a browser is led to /auth/login\n"
            )
        )
    );
    let (code, said) = check(&folder, &["--explain", "GET /", "--user", "nobody@example.com"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nobody@example.com"), "{said}");
}
