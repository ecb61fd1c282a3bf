//! Rows: what the rules make of requests. Weaknesses 1, 5 and 17 of comparable systems are numbered where they stand.

use http::{Method, Uri};

use super::*;
use crate::config;

mod hosts;
mod routes;
mod segments;

fn rules(text: &str) -> Rules {
    let text = format!("upstream.url = \"http://127.0.0.1:9000\"\n{text}");
    let loaded = config::from_toml(&text, &config::env::Fixed::default());
    Rules::new(&loaded.unwrap_or_else(|findings| panic!("{findings:?}")).settings.rules)
}

/// What a request needs, in a word: `anyone`, `optional`, `signed-in`, the roles (`admin`, `admin+staff`) or `deny`.
fn word(site: &Rules, method: &Method, target: &str) -> String {
    // As a request's target is read: the query and the fragment are no part of its path.
    let target: Uri = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
    match site.need(method, target.authority(), target.path()) {
        Need::Nothing => "anyone".to_owned(),
        Need::Optional => "optional".to_owned(),
        Need::Denied => "deny".to_owned(),
        Need::SignedIn(roles) => {
            let sets: Vec<_> =
                roles.sets().map(|set| set.iter().map(Role::as_str).collect::<Vec<_>>().join("|")).collect();
            if sets.is_empty() { "signed-in".to_owned() } else { sets.join("+") }
        }
    }
}

const SITE: &str = r#"
[[rules]]
path = "/"
allow = "anyone"
[[rules]]
path = "/public/*"
methods = ["GET"]
allow = "anyone"
[[rules]]
path = "/maybe/*"
allow = "optional"
[[rules]]
path = "/admin"
allow = "signed-in"
roles = ["admin"]
[[rules]]
path = "/admin/*"
allow = "signed-in"
roles = ["admin"]
[[rules]]
path = "/staff/*"
allow = "signed-in"
roles = ["staff", "admin"]
[[rules]]
path = "/gone/*"
allow = "deny"
[[rules]]
path = "/a b/ü/*"
allow = "anyone"
"#;

#[test]
fn the_first_rule_that_matches_decides_and_without_one_a_request_is_signed_in() {
    let rules = rules(SITE);
    for (method, target, need) in [
        (Method::GET, "/", "anyone"),
        (Method::POST, "/", "anyone"),
        (Method::GET, "/x", "signed-in"),
        (Method::GET, "/public", "signed-in"),
        (Method::GET, "/public/", "anyone"),
        (Method::GET, "/public/a", "anyone"),
        (Method::HEAD, "/public/a", "anyone"),
        (Method::POST, "/public/a", "signed-in"),
        (Method::OPTIONS, "/public/a", "signed-in"),
        (Method::from_bytes(b"get").unwrap(), "/public/a", "signed-in"),
        (Method::GET, "/publication", "signed-in"),
        (Method::GET, "/PUBLIC/a", "signed-in"),
        (Method::GET, "/maybe/a", "optional"),
        (Method::DELETE, "/maybe/a", "optional"),
        (Method::GET, "/admin", "admin"),
        (Method::GET, "/admin/", "admin"),
        (Method::GET, "/administration", "signed-in"),
        (Method::GET, "/staff/x", "staff|admin"),
        (Method::GET, "/gone/x", "deny"),
        (Method::GET, "/gone", "signed-in"),
        (Method::GET, "/a%20b/%C3%BC/x", "anyone"),
        (Method::GET, "/a%20b/%c3%bc/x", "anyone"),
        (Method::GET, "/a%20b/u/x", "signed-in"),
        (Method::GET, "/%70ublic/x", "anyone"),
        (Method::GET, "/%70%75%62%6C%69%63/%7Ex", "anyone"),
        (Method::GET, "/public/a%20b", "anyone"),
        (Method::GET, "/public/%E2%82%AC", "anyone"),
        (Method::GET, "/public/a;v=1", "anyone"),
        (Method::GET, "/public/a%40b", "anyone"),
        (Method::GET, "/public/.well-known", "anyone"),
        (Method::GET, "/public/a..b", "anyone"),
        (Method::GET, "/public/...", "anyone"),
        (Method::GET, "/public/a%3Fb", "anyone"),
        (Method::OPTIONS, "*", "signed-in"),
    ] {
        assert_eq!(word(&rules, &method, target), need, "{method} {target}");
    }
}

#[test]
fn the_order_of_rules_is_their_meaning() {
    let deny_first =
        rules("[[rules]]\npath = \"/a/b\"\nallow = \"deny\"\n[[rules]]\npath = \"/a/*\"\nallow = \"anyone\"");
    let open_first =
        rules("[[rules]]\npath = \"/a/*\"\nallow = \"anyone\"\n[[rules]]\npath = \"/a/b\"\nallow = \"deny\"");
    assert_eq!(word(&deny_first, &Method::GET, "/a/b"), "deny");
    assert_eq!(word(&open_first, &Method::GET, "/a/b"), "anyone");
    assert_eq!(word(&deny_first, &Method::GET, "/a/c"), "anyone");
}

#[test]
fn a_method_of_its_own_gets_its_own_rule() {
    let rules = rules(
        "[[rules]]\npath = \"/*\"\nmethods = [\"PROPFIND\", \"HEAD\"]\nallow = \"anyone\"\n\
         [[rules]]\npath = \"/*\"\nmethods = [\"GET\"]\nallow = \"deny\"",
    );
    for (method, need) in [("PROPFIND", "anyone"), ("HEAD", "anyone"), ("GET", "deny"), ("POST", "signed-in")]
    {
        assert_eq!(word(&rules, &method.parse().unwrap(), "/x"), need, "{method}");
    }
}

/// Seen: `post` passed a rule that denied `POST`, and backends that write methods in capitals took it for one.
#[test]
fn a_method_in_small_letters_is_judged_as_in_capitals_too() {
    let rules = rules(
        "[[rules]]\npath = \"/m/*\"\nmethods = [\"POST\"]\nallow = \"deny\"\n\
         [[rules]]\npath = \"/g/*\"\nmethods = [\"GET\"]\nallow = \"anyone\"\n\
         [[rules]]\npath = \"/m/*\"\nallow = \"anyone\"",
    );
    for (method, target, need) in [
        ("POST", "/m/x", "deny"),
        ("post", "/m/x", "deny"),
        ("pOsT", "/m/x", "deny"),
        ("PUT", "/m/x", "anyone"),
        ("put", "/m/x", "anyone"),
        ("get", "/g/x", "signed-in"),
        ("head", "/g/x", "signed-in"),
    ] {
        assert_eq!(word(&rules, &method.parse().unwrap(), target), need, "{method} {target}");
    }
}

/// Seen: URL parsers took the first segment after two slashes for a host, and what was judged was another path.
#[test]
fn what_follows_two_slashes_may_be_a_host() {
    let rules = rules(OPEN_SITE);
    for target in [
        "//x/admin",
        "//x/admin/y",
        "///x/admin/y",
        "////x/admin/y",
        "//x:80/admin/y",
        "//u@x/admin/y",
        "/\\x/admin/y",
        "/\\/x/admin/y",
        "/%2fx/admin/y",
        "/%2F%2fx/%61dmin/y",
        "/%5cx/admin/y",
        "/%252fx/admin/y",
        "//x//y/admin/z",
        "//h%2fx%5cadmin/y",
        "/\\h%2fx%5cadmin/y",
        "//h%5cx%5cadmin/y",
        "//h%2fx/admin/y",
        "//h%5c%5cadmin/y",
        "/a/..//x/admin/y",
    ] {
        assert_eq!(word(&rules, &Method::GET, target), "deny", "{target}");
    }
    assert_eq!(word(&self::rules(SITE), &Method::GET, "//x"), "signed-in");
    assert_eq!(word(&self::rules(SITE), &Method::GET, "//x/admin/y"), "admin");
}

/// Everything is open but what is named: the hardest case, since a reading that is missed opens.
const OPEN_SITE: &str = r#"
[[rules]]
path = "/admin"
allow = "deny"
[[rules]]
path = "/admin/*"
allow = "deny"
[[rules]]
path = "/*"
allow = "anyone"
"#;

/// Each a way to spell `/admin`, `/admin/x` or something below for some backend.
const DISGUISES: &[&str] = &[
    "/admin",
    "/admin/",
    "/admin/x",
    "/admin?x=/public",
    "/admin#/public",
    "/admin/x#y",
    "/admin?a#b",
    "/admin/..",
    // Escapes of unreserved characters, once.
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/%61%64%6D%69%6E/x",
    "/admi%6e/x",
    "/admin/%78",
    // Twice.
    "/%2561dmin",
    "/%2561%2564min/x",
    "/%2561dmin/%2578",
    "/admin%252Fx",
    "/admin%252fx",
    // Slashes.
    "//admin",
    "//admin/x",
    "///admin",
    "/admin//",
    "/admin//x",
    "//admin//x//",
    "/x/..//admin",
    "/./admin",
    "/././admin/x",
    "/admin%2F",
    "/admin%2fx",
    "/%2Fadmin",
    "/%2fadmin/x",
    "%2Fadmin",
    "/.%2Fadmin",
    "/%2F%2Fadmin",
    // Dot segments.
    "/public/../admin",
    "/public/../admin/x",
    "/public/./../admin/x",
    "/public/x/../../admin",
    "/../admin",
    "/../../admin/x",
    "/admin/.",
    "/admin/./x",
    "/admin/x/..",
    "/admin/x/../y",
    "/admin/../admin",
    "/public/%2e%2e/admin",
    "/public/%2E%2E/admin/x",
    "/public/.%2e/admin",
    "/public/%2e./admin/x",
    "/%2e/admin",
    "/%2e%2e/admin",
    "/public/%252e%252e/admin",
    "/public/..%2fadmin",
    "/public/..%2Fadmin/x",
    "/public%2f..%2fadmin",
    "/public%2F..%2Fadmin%2Fx",
    "/public/%2e%2e%2fadmin",
    "/public/%2e%2e%2Fadmin/x",
    "/public/..%252fadmin",
    "/public/%252e%252e%252fadmin/x",
    "/public/..//admin",
    "/public//../admin",
    "/public//..//../admin",
    "/a/b/../../admin/x",
    "/a/%2e%2e/../admin",
    "/a/../%2e%2e/admin/x",
    "/admin/%2e",
    "/admin/%2e%2e/admin/x",
    "/.//admin",
    // Backslashes.
    "/\\admin",
    "/public\\..\\admin",
    "/public/..\\admin/x",
    "/public/..%5cadmin",
    "/public/..%5Cadmin/x",
    "/%5cadmin",
    "/%5Cadmin%5Cx",
    "/admin\\x",
    "/admin%5cx",
    "/admin%5C",
    "/public/%2e%2e%5cadmin",
    "/public/..%255cadmin/x",
    "/%255cadmin",
    "\\admin",
    "/.\\admin",
    "/public%5c..%5cadmin",
    "/public/..\\..\\admin",
    // Parameters.
    "/admin;",
    "/admin;/x",
    "/admin;a=b",
    "/admin;a=b/x",
    "/admin/;x",
    "/admin/x;jsessionid=1",
    "/admin%3B",
    "/admin%3Ba=b/x",
    "/public/..;/admin",
    "/public/..;/admin/x",
    "/public/..;a=b/admin",
    "/public/.;/../admin",
    "/public/..%3b/admin",
    "/public/..%3Ba/admin/x",
    "/public;/../admin",
    "/public;a/..;b/admin;c/x",
    "/;/admin",
    "/;a/admin/x",
    "/;/../admin",
    "/..;/admin",
    "/public/%2e%2e;/admin",
    "/public/%2e%2e%3b/admin",
    "/public/..%253b/admin",
    "/admin%253b/x",
    "/%61dmin;/x",
    "/./;/admin",
    "/admin;%2f",
    "/x/..;/..;/admin",
    // Delimiters that were escaped.
    "/admin%3F",
    "/admin%3fx=1",
    "/admin%23",
    "/admin%23/public",
    "/admin/x%3F/../public",
    "/admin%253f",
    "/admin%2523x",
    "/public/../admin%3Fx",
    "/admin/%23",
    "/admin%3f/public",
    // Control characters and what is no text.
    "/admin%00",
    "/admin%00.png",
    "/admin/x%00/public",
    "/admin%0a",
    "/admin%0d%0a",
    "/admin%09",
    "/adm%00in",
    "/ad%0amin/x",
    "/%00admin",
    "/admin%2500",
    "/admin%7F",
    "/adm%FFin",
    "/admin%FF",
    "/admin%C0%AFx",
    "/%C0%AFadmin",
    "/public/%C0%AE%C0%AE/admin",
    "/%C1%A1dmin",
    "/public/%c0%2e%c0%2e/../admin",
    "/admin%C2%85",
    "/admin\u{7f}",
    "/%e0dmin/../admin",
    "/adm%C2%80in/x",
    // Several at once.
    "//public/..;/%61dmin//x",
    "/public%2f%2e%2e;x%2fadmin",
    "/public/%252e%252e%255cadmin",
    "/\\/admin",
    "/%2e%2f/admin/x",
    "/public/..%5c;/admin",
    "/public\\..;/admin/x",
    "/public/%2e%2e%00/../admin",
    "/;x//./admin;y//x",
    "/%252e/%2561dmin",
    "/public/..%2f;x/..%5cadmin",
    "/%2561dmin;x%252fy",
    "//;//admin",
    "/admin%2f%2e%2e%2fadmin",
    "/a;/..;/admin%3fx",
    "/public/./..//admin/./x",
    "/%5c%2e%2e%5cadmin",
    "/..%2f..%2f..%2fadmin/x",
    "/..%5c..%5cadmin",
    "/public/..%252f..%252fadmin",
    "/public//%2e%2e//admin//",
    "/x/%2e%2e%3bv=1/admin/x",
    "/admin/%2e%2e;/admin",
];

#[test]
fn no_spelling_of_a_protected_path_is_open() {
    let rules = rules(OPEN_SITE);
    assert!(DISGUISES.len() >= 150, "{}", DISGUISES.len());
    let mut open = Vec::new();
    for target in DISGUISES {
        // What is no target at all is refused before any rule.
        let Ok(uri) = target.parse::<Uri>() else { continue };
        for method in [Method::GET, Method::HEAD, Method::POST] {
            if rules.need(&method, None, uri.path()) != Need::Denied {
                open.push(*target);
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn no_odd_path_is_open_not_even_below_what_is() {
    let rules = rules(SITE);
    for target in DISGUISES.iter().chain(&[
        "/public//",
        "/public//a",
        "/public/./a",
        "/public/a/../b",
        "/public/a%2fb",
        "/public/a%25b",
        "/public/%",
        "/public/%zz",
        "/public/a\\b",
        "/public/a%5cb",
        "/public/%00",
        "/public/%ff",
        "/maybe//a",
        "/maybe/a%2Fb",
        "//",
        "/.",
        "/a%20b/%C3%BC//",
        "/public/..;/public/a",
        "/public/../public/a",
    ]) {
        let Ok(uri) = target.parse::<Uri>() else { continue };
        let need = rules.need(&Method::GET, None, uri.path());
        assert!(!matches!(need, Need::Nothing | Need::Optional), "{target}: {need:?}");
    }
}

#[test]
fn weakness_1_a_rule_never_sees_the_query() {
    let rules = rules(SITE);
    for target in ["/admin?x=/public/a", "/admin?/public/", "/admin/?/../public/a", "/admin?#/public/a"] {
        assert_eq!(word(&rules, &Method::GET, target), "admin", "{target}");
    }
    assert_eq!(word(&rules, &Method::GET, "/public/a?x=/admin/../..;%00//"), "anyone");
}

#[test]
fn weakness_5_a_fragment_is_cut_before_judging_and_an_escaped_one_is_read_both_ways() {
    let rules = rules(SITE);
    for (target, need) in [
        ("/admin#/public/a", "admin"),
        ("/admin%23/public/a", "admin"),
        ("/admin/x%2523/public/a", "admin"),
        ("/public/a#/../admin", "anyone"),
        ("/public/a%23/b", "anyone"),
        ("/public%23/a", "signed-in"),
        ("/public%23/../admin", "admin"),
    ] {
        assert_eq!(word(&rules, &Method::GET, target), need, "{target}");
    }
}

#[test]
fn weakness_17_the_strictest_reading_of_an_odd_path_holds() {
    let rules = rules(SITE);
    for (target, need) in [
        ("/x/../public/a", "signed-in"),
        ("/public/../admin/x", "admin"),
        ("/public/../gone/x", "deny"),
        ("/admin/../public/a", "admin"),
        // One backend reads the one, another one the other: who passes has to be let in by both.
        ("/admin/../staff/x", "admin+staff|admin"),
        ("/staff/..;/admin/x", "staff|admin+admin"),
        ("/staff/../admin/../gone/x", "deny"),
        ("//gone/x", "deny"),
        ("/gone%2Fx", "deny"),
        ("/%67one/x", "deny"),
        ("/gone;v/x", "deny"),
        ("/admin;v", "admin"),
    ] {
        assert_eq!(word(&rules, &Method::GET, target), need, "{target}");
    }
    let hostile = "/%c0%ae;%5c%252e%253b//x/./..%00".repeat(100);
    assert_eq!(rules.need(&Method::GET, None, &hostile), Need::Denied, "what can't be read is not let in");
}

#[test]
fn a_gate_without_rules_looks_at_no_path() {
    let none = rules("");
    for path in ["/", "/a/../b", "/%ff"] {
        assert_eq!(none.need(&Method::GET, None, path), Need::SignedIn(Roles::default()), "{path}");
    }
}
