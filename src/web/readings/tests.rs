//! Rows: how paths are read.

use super::*;

fn readings(path: &str) -> Vec<String> {
    match Readings::of(path) {
        Readings::One(reading) => vec![reading.into_owned()],
        Readings::Several(readings) | Readings::Odd(readings) => readings,
        Readings::TooMany => panic!("{path}"),
    }
}

#[test]
fn an_ordinary_path_has_one_reading_in_the_common_spelling() {
    for (path, reading) in [
        ("/", "/"),
        ("/a/b.c/", "/a/b.c/"),
        ("/.well-known/x", "/.well-known/x"),
        ("/a..b/...", "/a..b/..."),
        ("/%70ublic/%7e%2D", "/public/~-"),
        ("/a%20b", "/a%20b"),
        ("/%c3%bc", "/%C3%BC"),
        ("/%C3%BC/%E2%82%AC/%F0%9F%98%80", "/%C3%BC/%E2%82%AC/%F0%9F%98%80"),
        ("/\u{fc}", "/%C3%BC"),
        ("/{a}|\"b\"^`[c]", "/%7Ba%7D%7C%22b%22%5E%60%5Bc%5D"),
        ("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="),
    ] {
        assert!(matches!(Readings::of(path), Readings::One(_)), "{path} {:?}", Readings::of(path));
        assert_eq!(readings(path), [reading], "{path}");
    }
    for plain in ["/", "/a/b.c/", "/a%20b", "/%C3%BC/x", "/*"] {
        assert!(is_plain(plain.as_bytes()), "{plain}");
        assert!(matches!(Readings::of(plain), Readings::One(Cow::Borrowed(_))), "{plain}");
    }
}

#[test]
fn an_odd_path_is_one_that_the_contract_lists() {
    for path in [
        "/a/../b",
        "/a/./b",
        "/..",
        "/.",
        "/a/..",
        "/a/..;/b",
        "/a/..;x=y/b",
        "/a/.;/b",
        "/a/%2e%2E/b",
        "/a/.%2e",
        "/a/..%3b/b",
        "//",
        "//a",
        "/a//b",
        "/a/;/b",
        "/a/;x=y/b",
        "/a/%3b/b",
        "/a//",
        "/a%2fb",
        "/a%2Fb",
        "/a%25b",
        "/a%5cb",
        "/a%5Cb",
        "/a\\b",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%u002f",
        "/a%00",
        "/a%0a",
        "/a%1F",
        "/a%7F",
        "/a\u{7f}",
        "/a%FF",
        "/a%C3",
        "/a%C0%AF",
        "/a%ED%A0%80",
        "/a%C2%85",
        "*",
        "",
    ] {
        assert!(matches!(Readings::of(path), Readings::Odd(_)), "{path:?} {:?}", Readings::of(path));
        assert!(!is_plain(path.as_bytes()), "{path:?}");
    }
}

#[test]
fn parameters_and_escaped_delimiters_are_honest_but_read_both_ways() {
    for (path, other) in [
        ("/admin;a=b/x", "/admin/x"),
        ("/admin;", "/admin"),
        ("/admin%3Bx", "/admin"),
        ("/admin%3Fx", "/admin"),
        ("/admin%23x", "/admin"),
        ("/a%40b", "/a@b"),
        ("/a%2ab", "/a*b"),
        ("/a;b/c;d", "/a/c"),
        ("/a;b/c;d", "/a"),
    ] {
        assert!(matches!(Readings::of(path), Readings::Several(_)), "{path} {:?}", Readings::of(path));
        assert!(readings(path).contains(&other.to_owned()), "{path} {:?}", readings(path));
    }
}

#[test]
fn an_odd_path_is_read_in_every_way_that_a_backend_may() {
    for (path, other) in [
        ("/public/../admin/x", "/admin/x"),
        ("/public/..;/admin/x", "/admin/x"),
        ("/public/..%3b/admin/x", "/admin/x"),
        ("/public/%2e%2e/admin/x", "/admin/x"),
        ("/public/%252e%252e/admin/x", "/admin/x"),
        ("/public%2f..%2fadmin%2fx", "/admin/x"),
        ("/public/..%252fadmin/x", "/admin/x"),
        ("/public/..%5cadmin/x", "/admin/x"),
        ("/public/..\\admin\\x", "/admin/x"),
        ("/public/..%255cadmin/x", "/admin/x"),
        ("//admin/x", "/admin/x"),
        ("/.//admin/x", "/admin/x"),
        ("/%61dmin%2fx", "/admin/x"),
        ("/%2561dmin/x", "/admin/x"),
        ("/admin/./x", "/admin/x"),
        ("/admin/x/.", "/admin/x"),
        ("/admin/x//", "/admin/x"),
        ("/admin/x/y/..", "/admin/x"),
        ("/admin;p/..;q/admin/x", "/admin/x"),
        ("/a/%2e%2e/../admin/x", "/admin/x"),
        ("/x/%2e/../admin/x", "/x/admin/x"),
        ("/admin/x%00.png", "/admin/x"),
        ("/admin/x%0a", "/admin/x"),
        ("/adm%FFin/x", "/admin/x"),
        ("/admin%c0%afx", "/admin/x"),
        ("/x/%c0%ae%c0%ae/admin/x", "/admin/x"),
        ("/admin/x%253fy", "/admin/x"),
        ("/admin/x%2523y", "/admin/x"),
        ("/admin//x%3fy", "/admin/x"),
    ] {
        assert!(readings(path).contains(&other.to_owned()), "{path} {:#?}", readings(path));
    }
}

#[test]
fn what_is_made_of_a_path_is_bounded() {
    for honest in [
        "/proxy/https%3A%2F%2Fexample.com%2F%2Fa%20b%3Fx%3D1%26y%3D2%23frag;x=1/..;/b",
        "//a/../b/%2e%2e/c;d/..%3b/e%5cf",
        &format!("/proxy/{}", "https%3A%2F%2Fexample.com%2F".repeat(100)),
    ] {
        assert!(matches!(Readings::of(honest), Readings::Odd(_)), "{honest}");
    }
    let hostile = "/%c0%ae;%5c%252e%253b//x/./..%00".repeat(100);
    assert!(matches!(Readings::of(&hostile), Readings::TooMany));
}
