//! Targets and headers that two readers may read in two ways, as tables: none opens a protected path, and none says who asks.

use crate::support::{Answer, Gate};

const RULES: &str = r#"identity.roles = "X-User-Roles"
identity.email = "X-Mail"
[[rules]]
path = "/admin/*"
allow = "deny"
[[rules]]
host = "open.example"
path = "/hosted/*"
allow = "anyone"
[[rules]]
path = "/public/*"
allow = "anyone"
[[rules]]
path = "/api/*/open"
allow = "optional""#;

/// What some reader takes for a step up.
const STEPS: [&str; 17] = [
    "..",
    "%2e%2e",
    ".%2e",
    "%2E.",
    "..;",
    "..;a=b",
    "%2e%2e;",
    ".%2e%3b",
    "%252e%252e",
    "%252E.",
    "..%00",
    "..%2f.",
    "..%5c.",
    "%c0%ae%c0%ae",
    "%c0%2e%c0%2e",
    "..%09",
    "%u002e%u002e",
];

/// Where it stands; `{}` is the step.
const PLACES: [&str; 10] = [
    "/public/{}/admin/x",
    "/public/a/{}/{}/admin/x",
    "/public/{}/{}/admin/x",
    "/public//{}/admin/x",
    "/public/%2f{}/admin/x",
    "/public/{}%2fadmin/x",
    "/public/{}%5cadmin/x",
    "/public/{}\\admin\\x",
    "/public;a/{}/admin/x",
    "/api/{}/open",
];

/// Beside those made of steps.
const TARGETS: [&str; 34] = [
    "/public",
    "/public?/public/x",
    "/publicx/y",
    "/PUBLIC/x",
    "/Public/x",
    "/public%2fx",
    "/public%2Fx",
    "/public%5cx",
    "/public\\x",
    "/public;/x",
    "/public;a=b/x",
    "/public%3b/x",
    "/public%00/x",
    "/public//x",
    "//public/x",
    "///public/x",
    "/./public/x",
    "/.//public/x",
    "/public/./x",
    "/public/x%00",
    "/public/x%0d%0aX-User-Id:1",
    "/public/%",
    "/public/%2",
    "/public/%zz",
    "/public/%ff",
    "/%2570ublic/x",
    "/x?/public/x",
    "/x#/public/x",
    "/x%23/public/x",
    "/api//open",
    "/api/a/b/open",
    "/api/a%2fb/open",
    "/api/open",
    "/hosted/x",
];

/// On both ways: an `Expect` is hyper's.
fn ask(gate: &Gate, target: &str, host: &str, fields: &str) -> [Answer; 2] {
    ["", "Expect: 100-continue\r\n"]
        .map(|way| gate.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{way}{fields}\r\n")))
}

#[test]
fn weaknesses_1_5_and_17_no_target_of_two_readings_opens_what_is_closed() {
    let gate = Gate::with(RULES);
    let made = PLACES.iter().flat_map(|place| STEPS.map(|step| place.replace("{}", step)));
    let targets: Vec<_> = made.chain(TARGETS.map(str::to_owned)).collect();
    assert!(targets.len() >= 150);
    for target in &targets {
        for answer in ask(&gate, target, "a.example", "") {
            assert!([400, 401, 403, 404].contains(&answer.status), "{target}: {answer:?}");
        }
    }
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0));
    // The rules are not dead.
    for (target, host) in
        [("/public/x", "a.example"), ("/api/a/open", "a.example"), ("/hosted/x", "open.example")]
    {
        for answer in ask(&gate, target, host, "") {
            assert_eq!(answer.status, 200, "{target}");
        }
    }
}

#[test]
fn weaknesses_3_11_and_19_no_spelling_of_a_host_opens_another_hosts_path() {
    let gate = Gate::with(RULES);
    for host in [
        "open.example.evil.example",
        "xopen.example",
        "open.exampl",
        "openexample",
        "open.example.evil",
        "a.open.example",
        "open.example..",
        ".open.example",
        "open..example",
        "open.example,a.example",
        "open.example a.example",
        "a.example,open.example",
        "open.example@a.example",
        "open.example%00",
        "open%2eexample",
        "open.example/",
        "open.example#",
        "open.example?",
        "open.example\\",
        "open.example:x",
        "open.example:80:80",
        "[open.example]",
        "\u{ff4f}pen.example",
        "open\u{3002}example",
        "",
    ] {
        for answer in ask(&gate, "/hosted/x", host, "") {
            assert!([400, 401, 403].contains(&answer.status), "{host}: {answer:?}");
        }
    }
    // The upstream would get the empty one.
    assert_eq!(gate.send("GET http://open.example/hosted/x HTTP/1.1\r\nHost:\r\n\r\n").status, 400);
    for fields in [
        "X-Forwarded-Host: open.example\r\n",
        "Forwarded: host=open.example\r\n",
        "X-Host: open.example\r\n",
        "X-Original-URL: http://open.example/hosted/x\r\n",
        "X-Rewrite-URL: /public/x\r\n",
        "X-Forwarded-Uri: /public/x\r\n",
        "X-Forwarded-Method: OPTIONS\r\n",
        "X-HTTP-Method-Override: OPTIONS\r\n",
        "Host: open.example\r\n",
        "User-Agent: kube-probe/1.30\r\n",
    ] {
        for answer in ask(&gate, "/hosted/x", "a.example", fields) {
            assert!([400, 401, 403].contains(&answer.status), "{fields}: {answer:?}");
        }
    }
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0));
    for host in [
        "open.example",
        "OPEN.Example",
        "open.example.",
        "open.example:",
        "open.example:8000",
        "open.example.:80",
    ] {
        for answer in ask(&gate, "/hosted/x", host, "") {
            assert_eq!(answer.status, 200, "{host}");
        }
    }
}

#[test]
fn weaknesses_2_and_20_no_header_says_who_asks() {
    let gate = Gate::with(RULES);
    let cookie = gate.signed_in();
    let names =
        ["user-id", "user-email", "user-name", "user-roles", "user-token"].map(|name| format!("X-{name}"));
    let spell = |name: &str, sign: &str| name.replace('-', sign);
    let mut fields: Vec<String> = ["X-Mail", "x.mail", "X_Mail", "X~Mail"].map(str::to_owned).to_vec();
    for name in &names {
        for sign in ["-", "_", ".", "!", "~", "|", "'", "*", "+", "^", "`", "#", "$", "%", "&"] {
            fields.push(spell(name, sign));
            fields.push(spell(name, sign).to_ascii_uppercase());
        }
    }
    assert!(fields.len() >= 150);
    for names in fields.chunks(fields.len().div_ceil(2)) {
        let claims = names.join(": 7\r\n") + ": 7\r\n";
        for connection in ["", "Connection: X-User-Id, x-mail, close\r\n", "Connection: x_user_id\r\n"] {
            for (target, who) in [("/x", &*cookie), ("/public/x", ""), ("/api/a/open", "")] {
                let fields = format!("{claims}{connection}{who}");
                for answer in ask(&gate, target, "a.example", &fields) {
                    assert_eq!(answer.status, 200, "{target} {connection}: {answer:?}");
                    let seen = gate.upstream.last();
                    let told: Vec<_> = seen
                        .head
                        .lines()
                        .map(str::to_ascii_lowercase)
                        .filter(|line| {
                            line.ends_with(": 7") || line.contains("user") || line.contains("mail:")
                        })
                        .collect();
                    let expected: &[&str] =
                        if who.is_empty() { &[] } else { &["x-mail: ", "x-user-id: 1", "x-user-roles: "] };
                    assert_eq!(told.len(), expected.len(), "{target} {connection}: {told:?}");
                    for part in expected {
                        assert!(told.iter().any(|line| line.starts_with(part)), "{told:?}");
                    }
                }
            }
        }
    }
}
