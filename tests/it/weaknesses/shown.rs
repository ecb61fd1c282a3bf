//! What is shown to whom: line 24.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::process::Process;
use crate::support::{Answer, Cookies, Gate, PASSWORD, Upstream};

/// Everything of an answer but what the gate sets as cookies.
fn shown(answer: &Answer) -> String {
    let lines =
        answer.head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("set-cookie:"));
    lines.collect::<Vec<_>>().join("\n") + &answer.text()
}

/// The parts of tokens that nobody may read: signatures, and the whole of each.
fn secrets(cookies: &[Cookies]) -> Vec<String> {
    let tokens = cookies.iter().flat_map(|cookies| [&cookies.access, &cookies.refresh]);
    tokens.map(|token| token.rsplit('.').next().unwrap().to_owned()).collect()
}

/// Pomerium CVE-2024-39315: a page for the user showed their tokens, so that a script on it could read what the cookie
/// hides. Here it would be a page, a body, an error, a header or a line of the log.
#[test]
fn weakness_24_tokens_are_echoed_nowhere_and_logged_at_no_level() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    for format in ["text", "json"] {
        let folder = folder.path().join(format);
        std::fs::create_dir(&folder).unwrap();
        let settings = format!(
            "log.level = \"trace\"\nlog.format = \"{format}\"\nlog.audit = \"audit.jsonl\"\n\
             server.public_url = \"http://127.0.0.1:8000\"\n"
        );
        let mut process = Process::serve(&folder, &upstream.url(), &settings);
        let mut answers = Vec::new();
        let mut ask = |line: &str, headers: &str, body: &str| {
            let mut connection = process.connect();
            connection.write(format!(
                "{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
                process.address,
                body.len()
            ));
            let answer = connection.answer();
            answers.push(answer.clone());
            answer
        };
        let kind = "Content-Type: application/json\r\n";
        let person =
            json!({"email": "jack@example.com", "username": "jack", "password": PASSWORD}).to_string();
        assert_eq!(ask("POST /auth/signup", kind, &person).status, 200);
        let first = ask("POST /auth/signin", kind, &person).cookies();
        let browser = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";
        let cookie = format!("Cookie: {}\r\n", first.header());
        let second = ask("POST /auth/refresh", &cookie, "").cookies();
        let third = ask("GET /", &format!("Cookie: refresh_token={}\r\n", second.refresh), "").cookies();
        let tokens = [first, second, third];
        for own in &tokens {
            let doubled = format!("{}; access_token=x; refresh_token=y", own.header());
            let spoilt = format!("access_token={}A; refresh_token={}A", own.access, own.refresh);
            for cookies in [own.header(), spoilt, doubled] {
                let cookie = format!("Cookie: {cookies}\r\n");
                for line in [
                    "GET /auth/me",
                    "GET /auth/login",
                    "GET /auth/signup",
                    "GET /auth/reset?token=x",
                    "GET /auth/nothing",
                    "GET /auth/jwks.json",
                    "DELETE /auth/me",
                    "GET /",
                ] {
                    ask(line, &cookie, "");
                    ask(line, &format!("{cookie}{browser}"), "");
                }
                ask("POST /auth/signin", &format!("{cookie}{kind}"), "{bad");
                if cookies.contains("A; ") {
                    ask("POST /auth/refresh", &cookie, "");
                }
                ask("POST /", &format!("{cookie}Sec-Fetch-Site: cross-site\r\n"), "x");
            }
            // Where they don't belong they are refused without being repeated.
            for token in [&own.access, &own.refresh] {
                ask(
                    "POST /auth/password/reset",
                    kind,
                    &json!({"token": token, "password": "x".repeat(9)}).to_string(),
                );
                ask("POST /auth/signin", kind, &json!({"email": token, "password": token}).to_string());
                ask("GET /", &format!("Authorization: Bearer {token}\r\n"), "");
            }
        }
        ask("POST /auth/signout", &format!("Cookie: {}\r\n", tokens[2].header()), "");
        process.terminate();
        let log = process.rest().join("\n") + &std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
        assert!(log.contains("DEBUG") && log.contains("wrong signature"), "it was logged finely: {log}");
        for secret in secrets(&tokens).iter().map(String::as_str).chain([PASSWORD]) {
            assert!(!log.contains(secret), "{format}: the log holds {secret}");
            for answer in &answers {
                assert!(!shown(answer).contains(secret), "{format}: {secret} in {answer:?}");
            }
        }
    }
}

/// Sends one line to the admin socket, whatever it says; gives the answer's status and the rest.
fn command(gate: &Gate, command: &str) -> (u16, String) {
    let mut socket = UnixStream::connect(gate.folder.path().join("t.redb.sock")).unwrap();
    let length = command.len();
    write!(
        socket,
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{command}"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// Kratos CVE-2026-33503: a page token that anybody could make up went into the database's query. Here the pages of a
/// list are read by the gate alone, from one key to the next: there is no cursor that could be sent.
#[test]
fn weakness_24_no_list_is_steered_by_a_cursor_that_somebody_made_up() {
    let gate = Gate::start();
    gate.member("jack@example.com");
    gate.member("jill@example.com");
    for list in ["list_users", "list_sessions"] {
        let good = json!({ "command": list }).to_string();
        let (status, whole) = command(&gate, &good);
        assert_eq!(status, 200, "{whole}");
        assert!(whole.contains("jack@example.com") && whole.contains("jill@example.com"), "{whole}");
        for (member, value) in [
            ("after", json!("AAAA")),
            ("after", json!(1)),
            ("cursor", json!("' OR 1=1 --")),
            ("page_token", json!("00000000-0000-0000-0000-000000000000")),
            ("page", json!({"$gt": ""})),
            ("limit", json!(u64::MAX)),
        ] {
            let mut steered: Value = serde_json::from_str(&good).unwrap();
            steered[member] = value;
            let (status, said) = command(&gate, &steered.to_string());
            // What a command doesn't know is refused, or makes no difference.
            let lists = |text: &str| text.matches("@example.com").count();
            let unmoved = if status == 200 { lists(&whole) } else { 0 };
            assert_eq!(lists(&said), unmoved, "{steered}: {said}");
            assert!(status == 200 || (400..500).contains(&status), "{steered}: {said}");
        }
    }
}
