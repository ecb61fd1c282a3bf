//! The binary as an operator meets it: exit codes, what it says at start, what it says when it can't, and what it
//! never says (contract sections 2 and 7).

use std::fs;

use crate::support::process::{Process, sidegate};
use crate::support::{Answer, PASSWORD, Upstream};

/// Runs a command to its end in an empty folder; gives its exit code and everything that it said.
fn run(arguments: &[&str], variables: &[(&str, &str)], folder: &tempfile::TempDir) -> (Option<i32>, String) {
    let output = sidegate(folder.path()).args(arguments).envs(variables.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn wrong_usage_and_wrong_configuration_are_exit_2_and_say_what_to_do() {
    for (arguments, variables, said) in [
        (&["nonsense"][..], &[][..], "unrecognized subcommand 'nonsense'"),
        (&["serve", "--nonsense"], &[], "unexpected argument '--nonsense'"),
        (&["serve"], &[], "SIDEGATE_UPSTREAM_URL=http://127.0.0.1:9000"),
        (&["serve", "--config", "gone.toml"], &[], "gone.toml"),
        (&["serve"], &[("SIDEGATE_UPSTREAM_URL", "ftp://x")], "SIDEGATE_UPSTREAM_URL"),
        (
            &["serve"],
            &[("SIDEGATE_UPSTREAM_URL", "http://x"), ("SIDEGATE_TOKENS_SECRET", "short")],
            "32 bytes",
        ),
        (&["check"], &[], "`upstream.url`"),
    ] {
        let (code, text) = run(arguments, variables, &empty());
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert!(!text.contains("panicked") && !text.contains("backtrace"), "{text}");
    }
}

#[test]
fn help_and_version_and_a_good_configuration_are_exit_0() {
    for (arguments, said) in [
        (&["--help"][..], "serve"),
        (&["serve", "--help"], "--config"),
        (&["--version"], "sidegate 0."),
        (&["check"], "http://127.0.0.1:9000"),
    ] {
        let (code, text) = run(arguments, &[("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000")], &empty());
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

#[test]
fn the_start_says_whether_sign_up_is_open_and_how_to_close_it() {
    let (upstream, folder) = (Upstream::start(), empty());
    let process = Process::serve(folder.path(), &upstream.url(), "");
    let line = process.line("sign-up is open to anybody");
    assert!(line.contains("signup.open = false"), "{line}");
    drop(process);
    let process = Process::serve(folder.path(), &upstream.url(), "signup.open = false");
    process.line("sign-up is closed");
}

#[test]
fn what_is_no_database_is_left_as_it_is_and_told_with_its_name_and_a_remedy() {
    let upstream = [
        ("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000"),
        ("SIDEGATE_SERVER_LISTEN", "127.0.0.1:0"),
        ("SIDEGATE_ADMIN_LISTEN", ""),
    ];
    let folder = empty();
    let file = folder.path().join("sidegate.redb");
    fs::write(&file, "this is somebody's shopping list, not a database".repeat(100)).unwrap();
    let before = fs::read(&file).unwrap();
    let (code, text) = run(&["serve"], &upstream, &folder);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("sidegate.redb") && text.contains("hint: "), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), before);

    let missing = [upstream.as_slice(), &[("SIDEGATE_DATABASE_URL", "redb:gone/x.redb")]].concat();
    let (code, text) = run(&["serve"], &missing, &empty());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("gone/x.redb") && text.contains("hint: "), "{text}");
}

/// Seen with `HEAD` requests before Datasette: each line said `complete=false`, as if clients had left.
#[test]
fn an_answer_to_head_is_logged_as_complete_without_its_body() {
    let (upstream, folder) = (Upstream::start(), empty());
    let mut process = Process::serve(folder.path(), &upstream.url(), "");
    let mut connection = process.connect();
    for (path, status) in [("/auth/healthz", 200), ("/page", 401)] {
        connection.write(format!("HEAD {path} HTTP/1.1\r\nHost: {}\r\n\r\n", process.address));
        assert_eq!(connection.answer_to("HEAD").status, status);
    }
    process.terminate();
    let lines = process.rest();
    let heads: Vec<&String> = lines.iter().filter(|line| line.contains("HEAD")).collect();
    assert_eq!(heads.len(), 2, "{lines:#?}");
    assert!(heads.iter().all(|line| line.contains("complete=true")), "{heads:#?}");
}

/// Everything that a client can do, at the level at which libraries would print headers.
#[test]
fn no_secret_is_ever_logged_at_any_level() {
    let (upstream, folder) = (Upstream::start(), empty());
    let extra = "log.level = \"trace\"\nlog.format = \"json\"\nlog.audit = \"audit.jsonl\"\n\
                 tokens.secret = \"the-hmac-secret-that-nobody-sees-1234\"";
    let mut process = Process::serve(folder.path(), &upstream.url(), extra);
    let mut connection = process.connect();
    let mut send = |line: &str, body: &str, headers: &str| -> Answer {
        connection.write(format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            process.address,
            body.len()
        ));
        connection.answer()
    };
    let user = format!(r#"{{"email":"a@b.c","username":"a","password":"{PASSWORD}"}}"#);
    assert_eq!(send("POST /auth/signup", &user, "").status, 200);
    assert_eq!(send("POST /auth/signin", &user.replace(PASSWORD, "wrong guess 77"), "").status, 401);
    let first = send("POST /auth/signin", &user, "").cookies();
    let cookie = format!("Cookie: {}\r\n", first.header());
    assert_eq!(send("GET /x?token=query-secret", "", &cookie).status, 200);
    assert_eq!(send("GET /x", "", &format!("Cookie: access_token={}x\r\n", first.access)).status, 401);
    let link = "bG9nZ2VkIG5vd2hlcmUsIG5vdCBldmVuIGhlcmUhISE";
    assert_eq!(send(&format!("GET /auth/reset?token={link}"), "", "").status, 200);
    let reset = format!(r#"{{"token":"{link}","password":"chosen by link 88"}}"#);
    assert_eq!(send("POST /auth/password/reset", &reset, "").status, 400);
    let second = send("POST /auth/refresh", "", &cookie).cookies();
    assert_eq!(send("POST /auth/signout", "", &format!("Cookie: {}\r\n", second.header())).status, 200);
    process.terminate();
    let lines = process.rest();
    assert!(lines.len() > 6, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("\"access\"")), "{lines:#?}");

    let audit = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert_eq!(audit.lines().count(), 4, "{audit}");
    for line in lines.iter().map(String::as_str).chain(audit.lines()) {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "not JSON: {line}");
        for secret in
            [PASSWORD, link, "chosen by link 88", "wrong guess 77", "query-secret", "the-hmac-secret"]
        {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
        for token in [&first.access, &first.refresh, &second.access, &second.refresh] {
            let signature = token.rsplit('.').next().unwrap();
            assert!(!line.contains(signature), "a token: {line}");
        }
    }
}
