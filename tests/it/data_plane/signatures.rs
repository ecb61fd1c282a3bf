//! `Date`, `Server`, `Via` and `Location` are the upstream's words: as it wrote them, and where it wrote none, none is put
//! there (but a `Date`, which a server has to add, RFC 9110 section 6.6.1). Behind `h2c:` see `h2_upstream/forwarding`.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};

use crate::support::{Gate, Upstream, http2};

/// Each with its values in their order. `Location` names the upstream's own address, which is nobody else's business.
const WRITTEN: [(&str, &[&str]); 4] = [
    ("date", &["Thu, 01 Jan 1970 00:00:00 GMT"]),
    ("server", &["Garden/1.0 (old; like \"this\")"]),
    ("via", &["1.0 fred, 1.1 p.example.net", "HTTP/2 other"]),
    ("location", &["http://127.0.0.1:9/there?a=b%20c#d"]),
];

fn before_upstream() -> Gate {
    let written: String = WRITTEN
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {value}\r\n")))
        .collect();
    let upstream = Upstream::answering(move |exchange| {
        let fields = if exchange.seen.line().contains("/signed") { written.as_str() } else { "" };
        exchange.write(format!("HTTP/1.1 302 Found\r\n{fields}Content-Length: 0\r\n\r\n"));
        true
    });
    Gate::before(upstream, "")
}

/// The values of a name, in their order.
type Values<'a> = dyn Fn(&str) -> Vec<String> + 'a;

fn assert_signed(way: &str, values: &Values<'_>) {
    for (name, written) in WRITTEN {
        assert_eq!(values(name), written, "{way}: {name}");
    }
}

fn assert_unsigned(way: &str, values: &Values<'_>) {
    for name in ["server", "via", "location"] {
        assert_eq!(values(name), [""; 0], "{way}: {name}");
    }
    assert!(values("date").len() <= 1, "{way}: {:?}", values("date"));
}

#[test]
fn over_http_1_they_are_the_upstreams_words() {
    let gate = before_upstream();
    let cookie = gate.signed_in();
    let chunked = "Transfer-Encoding: chunked\r\n";
    // The direct way, then hyper's: chunks, trailers that are wanted, an older version.
    for (line, version, fields, body) in [
        ("GET", "1.1", "", ""),
        ("HEAD", "1.1", "", ""),
        ("POST", "1.1", "Content-Length: 1\r\n", "x"),
        ("POST", "1.1", chunked, "1\r\nx\r\n0\r\n\r\n"),
        ("GET", "1.1", "TE: trailers\r\nConnection: TE\r\n", ""),
        ("GET", "1.0", "", ""),
    ] {
        for path in ["/signed", "/unsigned"] {
            let way = format!("{line} {path} HTTP/{version} {fields}");
            let mut connection = gate.connect();
            connection.write(format!(
                "{line} {path} HTTP/{version}\r\nHost: {}\r\n{cookie}{fields}\r\n{body}",
                gate.address
            ));
            let answer = connection.answer_to(line);
            assert_eq!(answer.status, 302, "{way}");
            let values = |name: &str| answer.all(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
            if path == "/signed" { assert_signed(&way, &values) } else { assert_unsigned(&way, &values) }
        }
    }
}

#[test]
fn over_http_2_they_are_the_upstreams_words() {
    let gate = before_upstream();
    let cookie = gate.member("jack@example.com").header();
    Gate::wait(async {
        let mut sender = http2::connect(&gate).await;
        // The short way, then hyper's.
        for (method, te, body) in [("GET", None, ""), ("GET", Some("trailers"), ""), ("POST", None, "x")] {
            for path in ["/signed", "/unsigned"] {
                let way = format!("{method} {path} {te:?}");
                let mut asked = Request::builder().method(method).header("cookie", &cookie);
                asked = asked.uri(format!("http://{}{path}", gate.address));
                if let Some(te) = te {
                    asked = asked.header("te", te);
                }
                let asked = asked.body(Full::new(Bytes::from(body))).unwrap();
                let (head, body) = sender.send_request(asked).await.unwrap().into_parts();
                body.collect().await.unwrap();
                assert_eq!(head.status, 302, "{way}");
                let values = |name: &str| all(&head.headers, name);
                if path == "/signed" { assert_signed(&way, &values) } else { assert_unsigned(&way, &values) }
            }
        }
    });
}

fn all(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}
