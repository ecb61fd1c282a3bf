//! Rules about hosts. Weakness 11 of comparable systems is numbered where it stands.

use super::*;

/// What a request for this path of this host needs, where `Host` says so; empty: it names none.
fn needs(site: &Rules, host: &str, path: &str) -> String {
    let target = if host.is_empty() { path.to_owned() } else { format!("http://{host}{path}") };
    word(site, &Method::GET, &target)
}

const HOSTS: &str = r#"
[[rules]]
host = "admin.example.com"
path = "/*"
allow = "signed-in"
roles = ["admin"]
[[rules]]
host = ["www.example.com", "bücher.example", "[2001:db8::1]"]
path = "/*"
allow = "anyone"
[[rules]]
host = "www.example.com"
path = "/never"
allow = "deny"
[[rules]]
path = "/health"
allow = "anyone"
"#;

#[test]
fn weakness_11_hosts_compare_in_any_case_without_port_and_trailing_dot() {
    let rules = rules(HOSTS);
    for (host, path, need) in [
        ("admin.example.com", "/x", "admin"),
        ("ADMIN.Example.com", "/x", "admin"),
        ("admin.example.com.", "/x", "admin"),
        ("Admin.example.com.:8443", "/x", "admin"),
        ("admin.example.com:80", "/health", "admin"),
        ("www.example.com", "/x", "anyone"),
        ("WWW.EXAMPLE.COM:8000", "/x", "anyone"),
        ("www.example.com", "/never", "anyone"),
        ("xn--bcher-kva.example", "/x", "anyone"),
        ("[2001:DB8:0::1]:8000", "/x", "anyone"),
        ("[2001:db8::2]", "/x", "signed-in"),
        ("other.example.com", "/x", "signed-in"),
        ("other.example.com", "/health", "anyone"),
        ("www.example.com.evil.example", "/x", "signed-in"),
        ("evil-www.example.com", "/x", "signed-in"),
        ("example.com", "/x", "signed-in"),
    ] {
        assert_eq!(needs(&rules, host, path), need, "{host} {path}");
    }
}

#[test]
fn a_request_that_names_no_host_matches_no_rule_for_one() {
    let rules = rules(HOSTS);
    assert_eq!(needs(&rules, "", "/x"), "signed-in");
    assert_eq!(needs(&rules, "", "/health"), "anyone");
}

/// A backend may take such a name for another one: whatever is open by default, it is open to none of these.
#[test]
fn a_host_that_no_honest_client_sends_opens_nothing() {
    let open = rules(
        "[[rules]]\nhost = \"admin.example.com\"\npath = \"/*\"\nallow = \"deny\"\n[[rules]]\npath = \"/*\"\nallow = \"anyone\"",
    );
    assert_eq!(needs(&open, "www.example.com", "/x"), "anyone");
    for host in [
        "admin.example.com",
        "ADMIN.example.com.",
        "admin.example.com..",
        ".admin.example.com",
        "admin..example.com",
        "admin.example.com!",
        "admin.example.com~",
        "admin.example.com;x",
        "admin.example.com,www.example.com",
        "admin$example.com",
        "[v1.admin]",
    ] {
        let target = format!("http://{host}/x");
        // What is no authority is refused before any rule.
        if target.parse::<Uri>().is_ok() {
            assert_eq!(needs(&open, host, "/x"), "deny", "{host}");
        }
    }
    let names_no_host = rules("[[rules]]\npath = \"/*\"\nallow = \"anyone\"");
    assert_eq!(needs(&names_no_host, "a..b", "/x"), "anyone", "nobody asks for the host");
}

#[test]
fn no_spelling_of_a_protected_path_is_open_on_a_host_that_is() {
    let text = OPEN_SITE.replace("path = ", "host = [\"a.example\", \"b.example\"]\npath = ");
    let rules = rules(&text);
    let a = "A.Example.:80".parse().unwrap();
    let mut judged = 0;
    for target in DISGUISES {
        let Ok(uri) = target.parse::<Uri>() else { continue };
        let need = rules.need(&Method::GET, Some(&a), uri.path());
        assert_eq!(need, Need::Denied, "{target}");
        judged += 1;
    }
    assert!(judged > 100, "{judged}");
}

#[test]
fn the_strictest_reading_holds_on_each_host_by_its_own_rules() {
    let rules = rules(HOSTS);
    for (host, path, need) in [
        ("www.example.com", "/a/../b", "signed-in"),
        ("www.example.com", "/a%2Fb", "signed-in"),
        ("www.example.com", "/a/../never", "deny"),
        ("admin.example.com", "/a/../health", "admin"),
        ("other.example.com", "/a/../health", "signed-in"),
    ] {
        assert_eq!(needs(&rules, host, path), need, "{host} {path}");
    }
}
