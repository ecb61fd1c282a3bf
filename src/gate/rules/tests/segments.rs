//! Rules whose path leaves a segment open.

use super::*;

const SEGMENTS: &str = r#"
[[rules]]
path = "/api/*/admin"
allow = "deny"
[[rules]]
path = "/api/*/admin/*"
allow = "deny"
[[rules]]
path = "/api/*/public"
allow = "anyone"
[[rules]]
path = "/files/*/shared/*"
allow = "optional"
[[rules]]
path = "/*/health"
methods = ["GET"]
allow = "anyone"
"#;

#[test]
fn a_star_is_one_segment_that_is_not_empty() {
    let rules = rules(SEGMENTS);
    for (target, need) in [
        ("/api/1/public", "anyone"),
        ("/api/%C3%BC/public", "anyone"),
        ("/api/a%20b/public", "anyone"),
        ("/api/%31/public", "anyone"),
        ("/api/1/public?x", "anyone"),
        ("/api/1/2/public", "signed-in"),
        ("/api/public", "signed-in"),
        ("/api//public", "signed-in"),
        ("/api/1/public/", "signed-in"),
        ("/api/1/admin", "deny"),
        ("/api/1/admin/", "deny"),
        ("/api/1/admin/x/y", "deny"),
        ("/files/a/shared/", "optional"),
        ("/files/a/shared/b/c", "optional"),
        ("/files/a/b/shared/c", "signed-in"),
        ("/files/a/shared", "signed-in"),
        ("/x/health", "anyone"),
        ("/health", "signed-in"),
        ("//health", "signed-in"),
        // Never a rule's matter: the gate's own answers come first.
        ("/auth/health", "anyone"),
    ] {
        assert_eq!(word(&rules, &Method::GET, target), need, "{target}");
    }
    assert_eq!(word(&rules, &Method::POST, "/x/health"), "signed-in");
}

#[test]
fn the_strictest_reading_holds_around_an_open_segment() {
    let rules = rules(SEGMENTS);
    for (target, need) in [
        ("/api/1;v=2/public", "signed-in"),
        ("/api/;v/public", "signed-in"),
        ("/api/1/public;v", "signed-in"),
        ("/api/1%2Fadmin/public", "deny"),
        ("/api/1%2Fx/public", "signed-in"),
        ("/api/../public", "signed-in"),
        ("/api/%2e%2e/public", "signed-in"),
        ("/api/./public", "signed-in"),
        ("/api/x/../1/public", "signed-in"),
        ("/api/x/../1/admin", "deny"),
        ("/api/1/public/../admin", "deny"),
        ("/api/1//admin", "deny"),
        ("//api/1/admin", "deny"),
        ("/api/1%2fadmin", "deny"),
        ("/api/1/%61dmin", "deny"),
        ("/api/1;x/admin;y", "deny"),
        ("/api/1\\admin", "deny"),
        ("/api/1/admin%23/public", "deny"),
        ("/files/a/shared/../../../api/1/admin", "deny"),
        ("/files/a/shared/..%2f..%2f..%2fapi/1/admin", "deny"),
        ("/files/a/shared/../x", "signed-in"),
    ] {
        assert_eq!(word(&rules, &Method::GET, target), need, "{target}");
    }
}

/// Everything is open but what has `admin` for its second segment.
#[test]
fn no_spelling_of_a_path_below_an_open_segment_is_open() {
    let rules = rules(
        "[[rules]]\npath = \"/*/admin\"\nallow = \"deny\"\n[[rules]]\npath = \"/*/admin/*\"\nallow = \"deny\"\n\
         [[rules]]\npath = \"/*\"\nallow = \"anyone\"",
    );
    for target in DISGUISES {
        let below = format!("/x{target}");
        let Ok(uri) = below.parse::<Uri>() else { continue };
        // What leads out of `/x` is no business of these rules.
        let leaves = target.contains("..") || target.contains("%2e%2e") || target.contains("%2E%2E");
        let need = rules.need(&Method::GET, None, uri.path());
        assert!(
            need == Need::Denied || leaves && need != Need::Nothing || !target.starts_with('/'),
            "{below}: {need:?}"
        );
    }
}
