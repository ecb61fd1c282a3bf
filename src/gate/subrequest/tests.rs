//! What a sub-request is read as, and which ones are not.

use super::*;
use crate::config::env::Fixed;

const URI: (&str, &str) = ("x-forwarded-uri", "/a?b=c");

fn subrequests(source: &str) -> Subrequests {
    let text = format!("upstream.url = \"http://127.0.0.1:9000\"\nverify.source = \"{source}\"\n");
    Subrequests::new(&crate::config::from_toml(&text, &Fixed::default()).unwrap().settings)
}

/// Method, target and host of the original request.
fn read(source: &str, headers: &[(&str, &str)]) -> Result<Read, Misfit> {
    let mut request = http::Request::builder().method("POST").uri("/auth/verify?x=y");
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let host = Some(Authority::from_static("sidegate:8000"));
    let peer = Peer { address: None, socket: None, trusted: true, secure: false, host };
    let peer = subrequests(source).original(&mut head, &peer)?;
    Ok((head.method.to_string(), head.uri.to_string(), peer.host.unwrap().to_string()))
}

type Read = (String, String, String);

fn told(method: &str, target: &str, host: &str) -> Read {
    (method.to_owned(), target.to_owned(), host.to_owned())
}

#[test]
fn the_original_request_is_what_the_configured_headers_say() {
    let forwarded =
        [("x-forwarded-method", "PUT"), URI, ("x-forwarded-host", "inner.example, app.example:8443")];
    assert_eq!(read("forwarded", &forwarded), Ok(told("PUT", "/a?b=c", "app.example:8443")));
    assert_eq!(read("forwarded", &[URI]), Ok(told(NO_METHOD, "/a?b=c", "sidegate:8000")));
    let original = [("x-original-method", "PUT"), ("x-original-url", "https://app.example/a?b=c#d")];
    assert_eq!(read("original", &original), Ok(told("PUT", "/a?b=c", "app.example")));
    assert_eq!(read("original", &[("x-original-url", "/a#b")]), Ok(told(NO_METHOD, "/a", "sidegate:8000")));
    assert_eq!(
        read("original", &[("x-original-url", "/a#/../b")]),
        Ok(told(NO_METHOD, "/a%23/../b", "sidegate:8000")),
        "what a backend may not cut is judged in both readings"
    );
    assert_eq!(
        read("original", &[("x-original-url", "http://app.example")]),
        Ok(told(NO_METHOD, "/", "app.example"))
    );
    assert_eq!(
        read("forwarded", &[("x-forwarded-uri", "//a/../b")]),
        Ok(told(NO_METHOD, "//a/../b", "sidegate:8000"))
    );
}

#[test]
fn the_other_kinds_headers_tell_nothing_by_themselves() {
    for (source, headers, missing) in [
        ("forwarded", &[("x-original-url", "/a"), ("x-original-method", "GET")][..], "X-Forwarded-Uri"),
        ("original", &[URI, ("x-forwarded-method", "GET")], "X-Original-URL"),
        ("forwarded", &[], "X-Forwarded-Uri"),
        ("forwarded", &[("x_forwarded_uri", "/a"), ("x-rewrite-url", "/a")], "X-Forwarded-Uri"),
    ] {
        assert_eq!(read(source, headers), Err(Misfit::NoPath(missing)), "{headers:?}");
    }
    // Nor does it go on as if none had been told.
    let read = read("forwarded", &[URI, ("x-original-method", "GET")]);
    assert_eq!(read, Err(Misfit::Disagree("method")));
}

#[test]
fn what_is_told_twice_has_to_agree() {
    for (headers, what) in [
        (&[URI, ("x-forwarded-uri", "/a?b=d")][..], "path"),
        (&[URI, ("x-original-url", "/a?b=d")], "path"),
        (
            &[URI, ("x-original-url", "https://app.example/a?b=c"), ("x-forwarded-host", "other.example")],
            "host",
        ),
        (&[URI, ("x-forwarded-host", "app.example"), ("x-forwarded-host", "other.example")], "host"),
        (&[URI, ("x-forwarded-method", "GET"), ("x-forwarded-method", "POST")], "method"),
        (&[URI, ("x-forwarded-method", "GET"), ("x-original-method", "POST")], "method"),
        (&[URI, ("x-forwarded-method", "GET"), ("x-original-method", "get")], "method"),
    ] {
        assert_eq!(read("forwarded", headers), Err(Misfit::Disagree(what)), "{headers:?}");
    }
    let agreed = [
        URI,
        URI,
        ("x-original-url", "https://APP.example.:443/a?b=c#d"),
        ("x-forwarded-host", "app.example"),
        ("x-forwarded-method", "GET"),
        ("x-original-method", "GET"),
    ];
    assert_eq!(read("forwarded", &agreed), Ok(told("GET", "/a?b=c", "app.example")));
}

#[test]
fn what_can_not_be_read_is_not_guessed() {
    for target in ["", "a", "*", "app.example/a", "app.example:443", "/a b", "/a\tb", "javascript:a", "#/a"] {
        let read = read("forwarded", &[("x-forwarded-uri", target)]);
        assert_eq!(read, Err(Misfit::Unreadable("path")), "{target:?}");
    }
    for target in ["https://user@app.example/a", "https://evil.example@app.example/a"] {
        assert_eq!(
            read("original", &[("x-original-url", target)]),
            Err(Misfit::Unreadable("host")),
            "{target}"
        );
    }
    // A client's `Host: x?` moves the path into the query of what its proxy puts together.
    for target in
        ["http://x?/a", "http://x:80?/a", "http://[::1]?b/a", "http://x?", "http://x#/a", "http://x\\/a"]
    {
        for (source, name) in [("original", "x-original-url"), ("forwarded", "x-forwarded-uri")] {
            let read = read(source, &[(name, target)]);
            assert_eq!(read, Err(Misfit::Unreadable("path")), "{target}");
        }
    }
    for method in ["", "GET, POST", "G\u{e9}T", "GET /"] {
        let read = read("forwarded", &[URI, ("x-forwarded-method", method)]);
        assert_eq!(read, Err(Misfit::Unreadable("method")), "{method:?}");
    }
    for host in ["", "a b", "user@app.example", "app.example,"] {
        let read = read("forwarded", &[URI, ("x-forwarded-host", host)]);
        assert_eq!(read, Err(Misfit::Unreadable("host")), "{host:?}");
    }
}

#[test]
fn the_gates_own_paths_are_not_asked_about_however_they_are_spelled() {
    for target in
        ["/auth", "/auth/login", "/%61uth/me", "/x/../auth/me", "/AUTH%2fme", "https://a.example/auth/x"]
    {
        assert_eq!(read("forwarded", &[("x-forwarded-uri", target)]), Err(Misfit::Own), "{target}");
    }
}

#[test]
fn no_rule_can_name_the_method_that_nobody_told() {
    let text = format!(
        "upstream.url = \"http://127.0.0.1:9000\"\n[[rules]]\npath = \"/a\"\nallow = \"anyone\"\nmethods = [\"{NO_METHOD}\"]"
    );
    assert!(crate::config::from_toml(&text, &Fixed::default()).is_err());
}
