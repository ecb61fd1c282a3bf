//! Where what passes goes: one rule decides over both, and what could go two ways goes none.

use super::*;

const SITE: &str = r#"
[upstreams.api]
url = "http://127.0.0.1:9001"
[upstreams.files]
url = "http://127.0.0.1:9002"
[[rules]]
path = "/api/internal/*"
allow = "deny"
[[rules]]
path = "/api/*"
upstream = "api"
strip_prefix = "/api"
allow = "signed-in"
[[rules]]
path = "/api"
upstream = "api"
strip_prefix = "/api"
allow = "anyone"
[[rules]]
path = "/files/*"
upstream = "files"
allow = "anyone"
[[rules]]
path = "/files/*"
upstream = "api"
allow = "signed-in"
[[rules]]
path = "/a b/*/c/*"
strip_prefix = "/a b"
allow = "optional"
"#;

/// The word and where it goes: `signed-in api -4`.
fn whither(site: &Rules, method: &str, target: &str) -> String {
    let target: Uri = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
    let method: Method = method.parse().unwrap();
    let Judged { need, way } = site.judge(&method, None, target.path());
    let need = match need {
        Need::Denied => return "deny".to_owned(),
        Need::Nothing => "anyone",
        Need::Optional => "optional",
        Need::SignedIn(_) => "signed-in",
    };
    // Named upstreams are numbered by their names' order.
    let name = ["upstream", "api", "files"][way.upstream];
    format!("{need} {name} -{}", way.stripped)
}

#[test]
fn the_rule_that_decides_over_the_access_decides_over_the_upstream() {
    let rules = rules(SITE);
    for (target, expected) in [
        ("/", "signed-in upstream -0"),
        ("/apix", "signed-in upstream -0"),
        ("/api", "anyone api -4"),
        ("/api?x=/y", "anyone api -4"),
        ("/api/", "signed-in api -4"),
        ("/api/x/y", "signed-in api -4"),
        ("/api/internal/x", "deny"),
        ("/files/x", "anyone files -0"),
        ("/files/a;b", "anyone files -0"),
        ("/files/a%3Fb", "anyone files -0"),
        ("/api/a%3Fb", "signed-in api -4"),
        ("/a%20b/x/c/", "optional upstream -6"),
        ("/a%20b/x/d", "signed-in upstream -0"),
    ] {
        assert_eq!(whither(&rules, "GET", target), expected, "{target}");
    }
}

#[test]
fn what_could_go_to_two_backends_goes_to_none() {
    let rules = rules(SITE);
    for target in [
        "/api/../x",
        "/x/../api/y",
        "/api/..%2fx",
        "/api/%2e%2e/files/x",
        "/files/../api/x",
        "//api/x",
        "/%2561pi/x",
        "/api;v/x",
        "/api%2Fx",
        "/api%3Fx",
        // An odd path matches no rule that opens: not the first of its rules, but the second one's backend is another.
        "/files//x",
        "/files/%2fx",
    ] {
        assert_eq!(whither(&rules, "GET", target), "deny", "{target}");
    }
    // Where all readings go one way, the strictest need holds as ever.
    assert_eq!(whither(&rules, "GET", "/x/../y"), "signed-in upstream -0");
}

#[test]
fn nothing_is_taken_from_a_path_that_does_not_spell_the_prefix_or_can_be_read_in_several_ways() {
    let rules = rules(SITE);
    for target in [
        "/%61pi/x",
        "/ap%69/x",
        "/a%20b/x%2Fy/c/d",
        "/api//x",
        "/api/./x",
        "/api/x/../y",
        "/api/x%2Fy",
        "/api/x\\y",
        "/api/%00",
        "/api/%ff",
    ] {
        assert_eq!(whither(&rules, "GET", target), "deny", "{target}");
    }
}

#[test]
fn a_method_that_is_read_in_two_ways_goes_one_way_or_none() {
    let rules = rules(
        "[upstreams.api]\nurl = \"http://127.0.0.1:9001\"\n[[rules]]\npath = \"/*\"\nmethods = [\"POST\"]\n\
         upstream = \"api\"\nallow = \"anyone\"",
    );
    assert_eq!(whither(&rules, "POST", "/x"), "anyone api -0");
    assert_eq!(whither(&rules, "GET", "/x"), "signed-in upstream -0");
    assert_eq!(whither(&rules, "post", "/x"), "deny");
}
