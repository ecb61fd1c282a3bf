//! What is a good answer goes on as it is, to the length that it has, and both connections serve again.

use super::stage::{After, Script, Stage, Way, fields};

struct Row {
    name: &'static str,
    method: &'static str,
    sent: &'static str,
    after: After,
    /// Its head as the client may get it, in one of these ways.
    heads: &'static [&'static str],
    body: &'static str,
    /// Whether the next request has to go over the same connection to the upstream, or must not.
    again: Option<bool>,
}

const fn get(
    name: &'static str,
    sent: &'static str,
    heads: &'static [&'static str],
    body: &'static str,
    again: Option<bool>,
) -> Row {
    Row { name, method: "GET", sent, after: After::Keep, heads, body, again }
}

const fn head(name: &'static str, sent: &'static str, heads: &'static [&'static str]) -> Row {
    Row { name, method: "HEAD", sent, after: After::Keep, heads, body: "", again: Some(true) }
}

const fn closing(
    name: &'static str,
    sent: &'static str,
    heads: &'static [&'static str],
    body: &'static str,
) -> Row {
    Row { name, method: "GET", sent, after: After::Close, heads, body, again: Some(false) }
}

const OK: &str = "HTTP/1.1 200 OK";
const CHUNKED: &[&str] = &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"];
const ONE: &[&str] = &["HTTP/1.1 200 OK\r\nContent-Length: 1"];

/// Each on a line of its own, however long.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    get("a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", &["HTTP/1.1 200 OK\r\nContent-Length: 3"], "abc", Some(true)),
    get("a length of 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &["HTTP/1.1 200 OK\r\nContent-Length: 0"], "", Some(true)),
    get("a length with zeros before it", "HTTP/1.1 200 OK\r\nContent-Length: 0003\r\n\r\nabc", &["HTTP/1.1 200 OK\r\nContent-Length: 0003", "HTTP/1.1 200 OK\r\nContent-Length: 3"], "abc", Some(true)),
    get("a length with white space around it", "HTTP/1.1 200 OK\r\nContent-Length: \t3 \t\r\n\r\nabc", &["HTTP/1.1 200 OK\r\nContent-Length: 3"], "abc", Some(true)),
    // RFC 9110 section 8.6 lets them be taken for one.
    get("the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", ONE, "a", None),
    get("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", CHUNKED, "abcde", Some(true)),
    get("no chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", CHUNKED, "", Some(true)),
    get("the coding in capitals", "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n", CHUNKED, "a", Some(true)),
    get("chunk extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2 ; x=\"y\"\r\nde\r\n0;z\r\n\r\n", CHUNKED, "abcde", Some(true)),
    get("sizes in capitals and with zeros", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\nb\r\nabcdefghijk\r\n000\r\n\r\n", CHUNKED, "0123456789abcdefghijk", Some(true)),
    get("chunks that look like their framing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", CHUNKED, "\r\n0\r\n\r\n", Some(true)),
    get("trailers that nobody asked for", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 4\r\n\r\n", &["HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked"], "a", None),
    // RFC 9112 section 6.3: the chunks say how long it is.
    get("a length before a coding", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", CHUNKED, "abc", None),
    get("a length behind a coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n", CHUNKED, "abc", None),
    closing("until closed", "HTTP/1.1 200 OK\r\n\r\nuntil closed", CHUNKED, "until closed"),
    closing("nothing until closed", "HTTP/1.1 200 OK\r\n\r\n", CHUNKED, ""),
    closing("a word of closing", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", ONE, "a"),
    Row { after: After::Keep, ..closing("a word of closing that isn't kept", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\na", ONE, "a") },
    head("HEAD with a length", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", &["HTTP/1.1 200 OK\r\nContent-Length: 1000"]),
    head("HEAD with a coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &[OK, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"]),
    head("HEAD with neither", "HTTP/1.1 200 OK\r\n\r\n", &[OK]),
    head("HEAD of what is not there", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", &["HTTP/1.1 404 Not Found\r\nContent-Length: 9"]),
    get("204", "HTTP/1.1 204 No Content\r\n\r\n", &["HTTP/1.1 204 No Content"], "", Some(true)),
    // RFC 9110 section 8.6 and RFC 9112 section 6.1: a 204 has neither.
    get("204 with a length of 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", &["HTTP/1.1 204 No Content"], "", Some(true)),
    get("204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", &["HTTP/1.1 204 No Content"], "", None),
    get("204 with a coding", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", &["HTTP/1.1 204 No Content"], "", None),
    get("304", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", &["HTTP/1.1 304 Not Modified\r\nETag: \"a\""], "", Some(true)),
    get("304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", &["HTTP/1.1 304 Not Modified\r\nContent-Length: 5", "HTTP/1.1 304 Not Modified"], "", Some(true)),
    get("304 with a coding", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", &["HTTP/1.1 304 Not Modified", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked"], "", None),
    get("205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", &["HTTP/1.1 205 Reset Content\r\nContent-Length: 0"], "", Some(true)),
    get("206", "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-0/9\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/9"], "a", Some(true)),
    get("100 before it", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", ONE, "a", Some(true)),
    get("102 before it", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", ONE, "a", Some(true)),
    get("103 before it", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", ONE, "a", Some(true)),
    get("several before it", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\nContent-Length: 9\r\n\r\nHTTP/1.1 103 H\r\nX: y\r\n\r\nHTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", ONE, "a", Some(true)),
    closing("HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", ONE, "a"),
    Row { after: After::Keep, ..closing("HTTP/1.0 that doesn't close", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", ONE, "a") },
    get("HTTP/1.0 that is kept", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na", ONE, "a", None),
    closing("HTTP/1.0 until closed", "HTTP/1.0 200 OK\r\n\r\nabc", CHUNKED, "abc"),
    get("no reason", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 200 \r\nContent-Length: 1"], "a", Some(true)),
    get("neither a reason nor a space", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 200 \r\nContent-Length: 1"], "a", None),
    get("a reason of its own", "HTTP/1.1 200 Fine, \t thanks!\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 200 Fine, \t thanks!\r\nContent-Length: 1"], "a", Some(true)),
    get("a reason that isn't ASCII", "HTTP/1.1 200 Smörgås\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 200 Smörgås\r\nContent-Length: 1", "HTTP/1.1 200 \r\nContent-Length: 1"], "a", None),
    get("an unknown status", "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 299 Odd\r\nContent-Length: 1"], "a", Some(true)),
    get("a status beyond the known classes", "HTTP/1.1 600 Odd\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 600 Odd\r\nContent-Length: 1"], "a", Some(true)),
    get("the highest status", "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 999 Odd\r\nContent-Length: 1"], "a", Some(true)),
    get("empty values", "HTTP/1.1 200 OK\r\nX:\r\nY:   \r\nZ:a\r\nW: \t a  b \t \r\nContent-Length: 1\r\n\r\na", &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nW: a  b\r\nX: \r\nY: \r\nZ: a"], "a", Some(true)),
    get("bare line feeds", "HTTP/1.1 200 OK\nX: a\nContent-Length: 1\n\na", &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: a"], "a", None),
    get("odd spellings", "HTTP/1.1 200 OK\r\nX-Odd-CASE: 1\r\nx-odd-case: 2\r\ncontent-LENGTH: 1\r\nX-ODD-case: 3\r\n\r\na", &["HTTP/1.1 200 OK\r\ncontent-LENGTH: 1\r\nX-Odd-CASE: 1\r\nx-odd-case: 2\r\nX-ODD-case: 3"], "a", Some(true)),
    get("hop-by-hop fields", "HTTP/1.1 200 OK\r\nA: 1\r\nKeep-Alive: 5\r\nConnection: D, keep-alive\r\nd: 4\r\nE: 5\r\nUpgrade: h2c\r\nProxy-Authenticate: x\r\nContent-Length: 1\r\nF: 6\r\n\r\na", &["HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 1\r\nE: 5\r\nF: 6"], "a", Some(true)),
    get("a length that Connection names", "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 1\r\n\r\na", ONE, "a", Some(true)),
    get("a coding that Connection names", "HTTP/1.1 200 OK\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", CHUNKED, "a", Some(true)),
];

#[test]
fn a_good_answer_goes_on_as_it_is_and_both_connections_serve_again() {
    let scripts: Vec<_> = ROWS.iter().map(|row| Script::new(row.sent, row.after)).collect();
    for stage in Stage::on_both_ways(&scripts, "") {
        for (number, row) in ROWS.iter().enumerate() {
            let name = stage.name(row.name);
            let mut connection = stage.gate.connect();
            connection.write(stage.request(row.method, &format!("/{number}"), ""));
            let answer = connection.answer_to(row.method);
            let allowed: Vec<_> = row.heads.iter().map(|head| fields(head)).collect();
            assert!(allowed.contains(&fields(&answer.head)), "{}: {:?}", name, answer.head);
            assert_eq!(answer.text(), row.body, "{name}");
            // Only hyper's way has them, for it is asked for them: so it is shown that it was taken.
            let asked_for = stage.way == Way::Hypers && row.sent.contains("Trailer: X-Sum");
            assert_eq!(answer.trailers.len(), usize::from(asked_for), "{name}");
            stage.assert_served(&mut connection, &name);
            if let Some(again) = row.again {
                assert_eq!(stage.is_connection_used_again(), again, "{name}: the upstream's connection");
            }
        }
        assert_eq!(stage.asked(), 2 * ROWS.len(), "nothing is asked twice");
    }
}

#[test]
fn fields_come_in_the_order_in_which_they_were_sent() {
    let sent = "HTTP/1.1 200 OK\r\nZ-last: 1\r\nServer: x\r\nA-First: 2\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
                Content-Length: 1\r\nm: 3\r\nVary: a\r\nSet-Cookie: b=c\r\nSet-Cookie: a=b\r\n\r\n";
    for stage in Stage::on_both_ways(&[Script::new(format!("{sent}a"), After::Keep)], "") {
        let mut connection = stage.gate.connect();
        connection.write(stage.request("GET", "/0", ""));
        let answer = connection.answer();
        assert_eq!((answer.head.as_str(), answer.text().as_str()), (sent, "a"));
    }
}

#[test]
fn trailers_go_to_those_who_take_them_and_change_nothing_that_a_head_says() {
    let script = |trailers: &str, names: &str| {
        let sent = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: {names}\r\n\r\n1\r\na\r\n0\r\n{trailers}\r\n"
        );
        Script::new(sent, After::Keep)
    };
    let forbidden =
        "Content-Length: 5\r\nTransfer-Encoding: gzip\r\nSet-Cookie: access_token=evil\r\nX-Sum: 42\r\n";
    let scripts = vec![
        script("X-Sum: 42\r\n", "X-Sum"),
        script(forbidden, "X-Sum, Content-Length, Transfer-Encoding, Set-Cookie"),
        script("", "X-Sum"),
    ];
    let stage = Stage::playing(scripts, "", Way::Direct);
    for (path, trailers) in [("/0", 1), ("/1", 1), ("/2", 0)] {
        let mut connection = stage.gate.connect();
        connection.write(stage.request("GET", path, "TE: trailers\r\nConnection: TE\r\n"));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, "a"), "{path}");
        let trailed: Vec<_> =
            answer.trailers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
        assert_eq!(trailed, vec![("x-sum".to_owned(), "42"); trailers], "{path}");
        stage.assert_served(&mut connection, path);
    }
}
