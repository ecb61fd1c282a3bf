//! The configuration's messages, whole, and what is made from the table of keys.

mod sources;

use std::path::Path;

use sidegate::cli::check;
use sidegate::config::env::Fixed;
use sidegate::config::{self, Finding, Loaded, Settings, example, report};

const UPSTREAM: &str = "[upstream]\nurl = \"http://127.0.0.1:9000\"\n";
const LONG: &str = "0123456789abcdef0123456789abcdef";

fn none() -> Fixed {
    Fixed::default()
}

/// What a file's text gives, after the one key that it must have.
fn with_upstream(text: &str) -> Result<Loaded, Vec<Finding>> {
    config::from_toml(&format!("{UPSTREAM}{text}"), &none())
}

fn findings(result: Result<Loaded, Vec<Finding>>) -> String {
    let findings = result.map_or_else(|findings| findings, |loaded| loaded.warnings);
    let lines: Vec<_> = findings.iter().map(|finding| finding.to_string() + "\n").collect();
    lines.concat()
}

fn settings(text: &str) -> Settings {
    with_upstream(text).unwrap_or_else(|findings| panic!("{}", report::findings(&findings))).settings
}

/// A file's text and the whole of what is said of it.
#[track_caller]
fn says(text: &str, message: &str) {
    assert_eq!(findings(with_upstream(text)), message, "{text}");
}

#[test]
fn an_upstream_is_all_that_is_needed() {
    let loaded = config::from_toml(UPSTREAM, &none()).expect("it loads");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let by_variable = Fixed::new([("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000")]);
    let folder = tempfile::tempdir().unwrap();
    assert!(config::load(None, &by_variable, folder.path()).expect("it loads").warnings.is_empty());
}

#[test]
fn without_an_upstream_the_message_says_how_to_give_it() {
    assert_eq!(
        findings(config::from_toml("", &none())),
        "error: `upstream.url` is missing: where is the backend?\n\
         hint: set `SIDEGATE_UPSTREAM_URL=http://127.0.0.1:9000`, or `url` in the file's `[upstream]`\n"
    );
}

#[test]
fn an_unknown_key_names_the_nearest() {
    assert_eq!(
        findings(config::from_toml("[upstream]\nurl = \"http://127.0.0.1:9000\"\n  urll = 1\n", &none())),
        "error: sidegate.toml:3:3: unknown key `upstream.urll`\nhint: did you mean `upstream.url`?\n"
    );
    assert_eq!(
        findings(config::from_toml(
            "access_ttl = \"5m\"\n[upstream]\nurl = \"http://127.0.0.1:9000\"",
            &none()
        )),
        "error: sidegate.toml:1:1: unknown key `access_ttl`\nhint: did you mean `tokens.access_ttl`?\n"
    );
    says(
        "[log]\nzzz = 1\n",
        "error: sidegate.toml:4:1: unknown key `log.zzz`\n\
         hint: the nearest known key is `log.audit`; `config.example.toml` lists them all\n",
    );
}

#[test]
fn an_unknown_section_names_the_nearest() {
    says("[sever]\n", "error: sidegate.toml:3:2: unknown section `sever`\nhint: did you mean `[server]`?\n");
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    for (text, message) in [
        (
            "[tokens]\nsilent_refresh = \"yes\"\n",
            "4:18: bad value for `tokens.silent_refresh`: expected `true` or `false`, found a string",
        ),
        (
            "[server]\nworkers = \"4\"\n",
            "4:11: bad value for `server.workers`: expected a number, found a string",
        ),
        (
            "[server]\nkeep_alive = 1.5\n",
            "4:14: bad value for `server.keep_alive`: expected a duration such as `\"15m\"`, found a float",
        ),
        (
            "[cors]\norigins = [\"http://a\", 3]\n",
            "4:24: bad value for `cors.origins`: expected an origin such as `\"https://example.com\"`, found an integer",
        ),
        (
            "[tokens]\nsecret = 12345\n",
            "4:10: bad value for `tokens.secret`: expected a string, found an integer",
        ),
    ] {
        says(text, &format!("error: sidegate.toml:{message}\n"));
    }
    assert_eq!(
        findings(config::from_toml(
            "server = 1",
            &Fixed::new([("SIDEGATE_UPSTREAM_URL", "unix:/run/b.sock")])
        )),
        "error: sidegate.toml:1:1: `server` is a section, found an integer\nhint: write `[server]` on a line of its own\n"
    );
}

#[test]
fn a_bad_value_says_what_to_write() {
    for (text, message) in [
        (
            "[server]\nkeep_alive = 75\n",
            "4:14: bad value for `server.keep_alive`: `75` has no unit\nhint: write it like `\"75s\"`, `\"75m\"` or `\"75h\"`",
        ),
        (
            "[server]\nkeep_alive = \"soon\"\n",
            "4:14: bad value for `server.keep_alive`: `soon` is not a duration\nhint: write it like `\"15m\"`, `\"1h30m\"` or `\"90d\"`",
        ),
        (
            "[limits]\nbody = \"1Mib/s\"\n",
            "4:8: bad value for `limits.body`: `1Mib/s` is not a size\nhint: write it like `\"64KiB\"` or `\"1MiB\"`",
        ),
        (
            "[limits]\nsignup = \"20\"\n",
            "4:10: bad value for `limits.signup`: `20` is not a rate\nhint: write how many in how long, like `\"10/15m\"`",
        ),
        (
            "[server]\ntrusted_proxies = [\n  \"10.0.0.0/8\",\n  \"10.0.0.1/8\",\n]\n",
            "6:3: bad value for `server.trusted_proxies`: `10.0.0.1/8` has bits set beyond its prefix\nhint: write `\"10.0.0.0/8\"` for the network or `\"10.0.0.1\"` for the address",
        ),
        (
            "[server]\nlisten = \":8000\"\n",
            "4:10: bad value for `server.listen`: `:8000` is not an address with a port\nhint: write `\"127.0.0.1:8000\"`, or `\"[::]:8000\"` for every interface",
        ),
        (
            "[server]\npublic_url = \"https://example.com/app\"\n",
            "4:14: bad value for `server.public_url`: this URL takes no path, query or fragment\nhint: write it like `\"https://example.com\"`",
        ),
        (
            "[cors]\norigins = [\"*\"]\n",
            "4:12: bad value for `cors.origins`: `*` would let any site act as the signed-in user\nhint: name each origin, like `\"https://app.example.com\"`",
        ),
        (
            "[tokens]\nalgorithm = \"none\"\n",
            "4:13: bad value for `tokens.algorithm`: `none` is not a choice\nhint: write one of `\"EdDSA\"`, `\"ES256\"`, `\"RS256\"`, `\"HS256\"`",
        ),
        (
            "[cookies]\naccess = \"a b\"\n",
            "4:10: bad value for `cookies.access`: `a b` is not a cookie's name\nhint: write letters, digits, `-` and `_`, like `\"access_token\"`",
        ),
        (
            "[identity]\nemail = \"Cookie\"\n",
            "4:9: bad value for `identity.email`: `Cookie` has a meaning of its own\nhint: write it like `\"X-User-Id\"`",
        ),
    ] {
        says(text, &format!("error: sidegate.toml:{message}\n"));
    }
    assert_eq!(
        findings(config::from_toml("[upstream]\nurl = \"http://me:hunter2@127.0.0.1\"", &none())),
        "error: sidegate.toml:2:7: bad value for `upstream.url`: user information has no place in this URL\n\
         hint: write it like `\"http://127.0.0.1:9000\"` or `\"unix:/run/backend.sock\"`\n"
    );
}

#[test]
fn a_weak_secret_is_refused_without_being_repeated() {
    const MAKE: &str = "hint: make one with `openssl rand -base64 48`\n";
    says(
        "[tokens]\nsecret = \"hunter2\"\n",
        &format!(
            "error: sidegate.toml:4:10: `tokens.secret` is too short: HS256 needs 32 bytes or more\n{MAKE}"
        ),
    );
    says(
        "[tokens]\nalgorithm = \"HS256\"\n",
        &format!(
            "error: sidegate.toml:4:13: `tokens.algorithm` is `HS256`, which needs `tokens.secret`\n{MAKE}"
        ),
    );
    says(
        &format!("[tokens]\nalgorithm = \"ES256\"\nsecret = \"{LONG}\"\n"),
        "error: sidegate.toml:5:10: `tokens.secret` is for `HS256` alone, but `tokens.algorithm` is `ES256`\nhint: remove one of them\n",
    );
    let published = "[tokens]\nsecret = \"dev_secret_key_change_me_123456!\"\n";
    says(
        published,
        &format!(
            "warning: sidegate.toml:4:10: `tokens.secret` is published: anybody can sign tokens with it\n{MAKE}"
        ),
    );
    says(
        &format!("{published}[server]\npublic_url = \"https://example.com\"\n"),
        &format!(
            "error: sidegate.toml:4:10: `tokens.secret` is published: anybody can sign tokens with it\n{MAKE}"
        ),
    );
}

#[test]
fn all_mistakes_come_at_once_in_the_files_order() {
    let text = "[tokens]\naccess_ttl = 15\nscret = \"x\"\n[server]\nlisten = \"8000\"\n[nonsense]\n";
    let env = Fixed::new([("SIDEGATE_LOG_LEVEL", "loud"), ("SIDEGATE_PORT", "tcp://10.0.0.1:80")]);
    assert_eq!(
        findings(config::from_toml(text, &env)),
        "error: sidegate.toml:2:14: bad value for `tokens.access_ttl`: `15` has no unit\n\
         hint: write it like `\"15s\"`, `\"15m\"` or `\"15h\"`\n\
         error: sidegate.toml:3:1: unknown key `tokens.scret`\n\
         hint: did you mean `tokens.secret`?\n\
         error: sidegate.toml:5:10: bad value for `server.listen`: `8000` is not an address with a port\n\
         hint: write `\"127.0.0.1:8000\"`, or `\"[::]:8000\"` for every interface\n\
         error: sidegate.toml:6:2: unknown section `nonsense`\n\
         hint: the sections are `server`, `upstream`, `database`, `tokens`, `cookies`, `identity`, `verify`, `cors`, \
         `signup`, `passwords`, `limits`, `email`, `pages`, `admin`, `log`\n\
         error: SIDEGATE_LOG_LEVEL: bad value for `log.level`: `loud` is not a choice\n\
         hint: write one of `\"error\"`, `\"warn\"`, `\"info\"`, `\"debug\"`, `\"trace\"`\n\
         warning: SIDEGATE_PORT: `SIDEGATE_PORT` is not a key's variable and is ignored\n\
         error: `upstream.url` is missing: where is the backend?\n\
         hint: set `SIDEGATE_UPSTREAM_URL=http://127.0.0.1:9000`, or `url` in the file's `[upstream]`\n"
    );
}

#[test]
fn what_is_no_toml_is_shown_by_place_and_never_by_line() {
    let text = findings(config::from_toml("[tokens]\nsecret = hunter2hunter2\n", &none()));
    assert_eq!(
        text,
        "error: sidegate.toml:2:10: not TOML: string values must be quoted, expected literal string\n"
    );
}

#[test]
fn what_this_version_does_not_build_is_refused() {
    says(
        "[server.tls]\ncert = \"c\"\n",
        "error: sidegate.toml:3:9: `[server.tls]` is not in this version\nhint: remove it\n",
    );
    says(
        "[[rules]]\npath = \"/\"\n",
        "error: sidegate.toml:3:3: `[[rules]]` is not in this version\nhint: remove it\n",
    );
    says(
        "[signup]\nemail_verification = true\n",
        "error: sidegate.toml:4:22: `signup.email_verification` is not in this version\nhint: set it to `false`\n",
    );
    says(
        "[identity]\nemail = \"X-User-Email\"\nusername = \"X-User-Name\"\n",
        "error: sidegate.toml:4:9: `identity.email` is not in this version\n\
         hint: remove it; `identity.user_id` is always told\n\
         error: sidegate.toml:5:12: `identity.username` is not in this version\n\
         hint: remove it; `identity.user_id` is always told\n",
    );
    says(
        "[email]\nsmtp = \"smtp://localhost:1025\"\nfrom = \"auth@example.com\"\n",
        "warning: sidegate.toml:4:8: `[email]` is read, but this version sends no mail\n",
    );
    assert_eq!(
        findings(config::from_toml(UPSTREAM, &Fixed::new([("SIDEGATE_SERVER_TLS_CERT", "c.pem")]))),
        "error: SIDEGATE_SERVER_TLS_CERT: `[server.tls]` is not in this version\nhint: remove it\n"
    );
    assert_eq!(
        findings(config::from_toml("[upstream]\nurl = \"https://backend\"", &none())),
        "error: sidegate.toml:2:7: bad value for `upstream.url`: `https:` upstreams are not in this version\n\
         hint: use `http:` or `unix:`\n"
    );
}

#[test]
fn rules_between_keys_are_kept() {
    for (text, message) in [
        (
            "[server]\nlisten = \"127.0.0.1:9000\"\n",
            "error: sidegate.toml:2:7: `upstream.url` is the gate's own address, it would call itself\nhint: write the backend's address here, or another one in `server.listen`",
        ),
        (
            "[server]\npublic_url = \"http://example.com\"\n",
            "warning: sidegate.toml:4:14: `server.public_url` is plain http: passwords and tokens can be read on the way\nhint: put TLS in front of the gate and write the URL with `https://`",
        ),
        (
            "[tokens]\naccess_ttl = \"2h\"\nrefresh_ttl = \"1h\"\n",
            "error: sidegate.toml:4:14: `tokens.access_ttl` (`2h`) is longer than `tokens.refresh_ttl` (`1h`)\nhint: the access token's lifetime comes first, then the refresh token's, then the session's",
        ),
        (
            "[cookies]\nsame_site = \"none\"\n",
            "error: sidegate.toml:4:13: `cookies.same_site` is `none`, which browsers take from secure cookies alone\nhint: set `cookies.secure = true`, or give `server.public_url` with `https://`",
        ),
        (
            "[cookies]\nhost_prefix = true\n",
            "error: sidegate.toml:4:15: `cookies.host_prefix` needs secure cookies and an https `server.public_url`",
        ),
        (
            "[cookies]\nrefresh = \"access_token\"\n",
            "error: sidegate.toml:4:11: `cookies.refresh` is the same as `cookies.access`\nhint: give the two cookies different names",
        ),
        (
            "[identity]\nroles = \"X_User_Id\"\n",
            "error: sidegate.toml:4:9: `identity.roles` names the same header as `identity.user_id`",
        ),
        (
            "[identity]\nuser_id = \"\"\n",
            "error: sidegate.toml:4:11: `identity.user_id` can't be turned off\nhint: write it like `\"X-User-Id\"`",
        ),
        (
            "[passwords]\nmemory = \"8KiB\"\nparallelism = 4\n",
            "error: sidegate.toml:4:10: `passwords.memory` must be from 32KiB to 1GiB",
        ),
        (
            "[passwords]\nmin_length = 0\n",
            "error: sidegate.toml:4:14: `passwords.min_length` must be from 1 to 1024",
        ),
        (
            "[admin]\nlisten = \"127.0.0.1:8000\"\n",
            "error: sidegate.toml:4:10: `admin.listen` is also in `server.listen`\nhint: give it another port",
        ),
    ] {
        says(text, &format!("{message}\n"));
    }
}

#[test]
fn lifetimes_that_nobody_gave_follow_the_shorter_one() {
    let tokens = settings("[tokens]\nsession_ttl = \"5m\"\n").tokens;
    assert_eq!(
        [tokens.access_ttl, tokens.refresh_ttl, tokens.session_ttl].map(|ttl| ttl.as_secs()),
        [300; 3]
    );
    let tokens = settings("[tokens]\nrefresh_ttl = \"2m\"\n").tokens;
    assert_eq!([tokens.access_ttl, tokens.refresh_ttl].map(|ttl| ttl.as_secs()), [120; 2]);
    let tokens = settings("[tokens]\nrefresh_ttl = \"120d\"\n").tokens;
    assert_eq!([tokens.refresh_ttl, tokens.session_ttl].map(|ttl| ttl.as_secs() / 86_400), [120; 2]);
}

#[test]
fn auto_is_strict_with_https() {
    assert!(!settings("").passwords.block_common);
    let https = settings("[server]\npublic_url = \"https://example.com\"\n[cookies]\nhost_prefix = true\n");
    assert!(https.passwords.block_common);
    assert_eq!(https.cookies.access, "__Host-access_token");
}

#[test]
fn the_admin_socket_is_beside_the_database() {
    let settings = settings("[database]\nurl = \"redb:/data/gate.redb\"\n");
    assert_eq!(settings.admin.socket, Path::new("/data/gate.redb.sock"));
    let long = "d".repeat(110);
    let text = findings(with_upstream(&format!("[database]\nurl = \"redb:{long}\"\n")));
    assert!(text.starts_with("error: `admin.socket` is too long"), "{text}");
}

#[test]
fn no_secret_is_ever_shown() {
    let env = Fixed::new([
        ("SIDEGATE_TOKENS_SECRET", "hunter2hunter2hunter2hunter2hunter2"),
        ("SIDEGATE_EMAIL_SMTP", "smtp://me:hunter2@localhost"),
        ("SIDEGATE_EMAIL_FROM", "auth@example.com"),
        ("SIDEGATE_EMAIL_PASSWORD", "hunter2"),
    ]);
    let loaded = config::from_toml(UPSTREAM, &env).expect("it loads");
    let shown =
        format!("{loaded:?}{}{}", report::effective(&loaded.effective), report::findings(&loaded.warnings));
    assert!(!shown.contains("hunter2"), "{shown}");
    for (name, value) in [
        ("SIDEGATE_DATABASE_URL", "postgres://u:hunter2@h/db"),
        ("SIDEGATE_DATABASE_URL", "hunter2"),
        ("SIDEGATE_EMAIL_SMTP", "hunter2"),
        ("SIDEGATE_TOKENS_SECRET", "hunter2"),
    ] {
        let result = config::from_toml(UPSTREAM, &Fixed::new([(name, value)]));
        let text = format!("{:?}", result.expect_err("refused"));
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn check_shows_what_holds_or_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let run = |env: &Fixed| {
        let mut out = Vec::new();
        let code = check::run(None, env, folder.path(), &mut out);
        (code, String::from_utf8(out).unwrap())
    };
    let (code, text) = run(&none());
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::from(2)));
    assert!(text.ends_with("\n1 error\n"), "{text}");
    let (code, text) = run(&Fixed::new([
        ("SIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000"),
        ("SIDEGATE_TOKENS_SECRET", LONG),
    ]));
    assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.contains(&"url = \"http://127.0.0.1:9000\"            # SIDEGATE_UPSTREAM_URL"), "{text}");
    assert!(
        lines.contains(&"algorithm = \"HS256\"                      # follows `tokens.secret`"),
        "{text}"
    );
    assert!(lines.contains(&"secret = \"(hidden)\"                      # SIDEGATE_TOKENS_SECRET"), "{text}");
    assert!(lines.contains(&"keep_alive = \"75s\"                       # default"), "{text}");
}

/// `UPDATE=1 cargo test --test it config` renews the file.
#[test]
#[expect(clippy::disallowed_methods, reason = "the variable asks this test to renew its file")]
fn the_example_file_is_made_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, example::text()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, example::text(), "renew it with `UPDATE=1 cargo test --test it config`");
}

#[test]
fn the_example_file_loads_and_so_does_each_of_its_keys() {
    let text = example::text();
    let loaded = config::from_toml(&text, &none())
        .unwrap_or_else(|findings| panic!("{}", report::findings(&findings)));
    assert!(loaded.warnings.is_empty());
    // With every key of this version switched on, too.
    let later = [
        "cert =",
        "key =",
        "path =",
        "methods =",
        "allow =",
        "roles = []",
        "secret =",
        "[server.tls]",
        "[[rules]]",
    ];
    let on: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key)
                if ["email = \"X-", "username = \"X-"]
                    .iter()
                    .any(|untold| key.trim_start().starts_with(untold)) =>
            {
                String::new()
            }
            Some(key) if later.iter().any(|later| key.starts_with(later)) => String::new(),
            Some(key) if key.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let loaded =
        config::from_toml(&on, &none()).unwrap_or_else(|findings| panic!("{}", report::findings(&findings)));
    let left: Vec<_> = loaded
        .effective
        .iter()
        .filter(|key| key.source == config::Source::Default)
        .map(|key| key.name)
        .collect();
    assert_eq!(left, ["secret", "email", "username"], "every other key is in the file");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
}
