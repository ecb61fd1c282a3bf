//! What Sidegate itself answers over HTTP/2, and what it refuses there that HTTP/1 can't even say.

use crate::support::Gate;

use super::frames::{Client, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, block, frame};

fn head<'a>(method: &'a str, path: &'a str, authority: &'a str, more: &[(&'a str, &'a str)]) -> Vec<u8> {
    let mut fields =
        vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", authority)];
    fields.extend_from_slice(more);
    block(&fields)
}

/// RFC 9110 section 9.3.2: a client takes a body for a fault of the whole connection.
#[test]
fn an_answer_to_head_ends_with_its_head_whoever_wrote_it() {
    let gate = Gate::with("[[rules]]\npath = \"/gone/*\"\nallow = \"deny\"");
    let authority = gate.address.to_string();
    let mut client = Client::begin(&gate, &[]);
    let cases = [
        ("/secret", &[][..]),
        ("/gone/x", &[]),
        ("//auth/me", &[]),
        ("/auth/me", &[]),
        ("/auth/verify", &[]),
        ("/x", &[("authorization", "Bearer a"), ("authorization", "Bearer b")]),
        ("/x", &[("host", "other.example")]),
    ];
    for (number, (path, more)) in cases.into_iter().enumerate() {
        let stream = u32::try_from(number * 2 + 1).unwrap();
        let head = head("HEAD", path, &authority, more);
        client.write(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
        let answer = loop {
            let frame = client.next().expect("the connection goes on");
            if frame.stream == stream {
                break frame;
            }
        };
        assert_eq!(answer.kind, HEADERS, "{path}: {answer:?}");
        assert_eq!(answer.flags & END_STREAM, END_STREAM, "{path}: {answer:?}");
    }
}

#[test]
fn a_target_without_its_slash_and_a_length_that_is_none_go_nowhere() {
    let gate = Gate::with(
        "[[rules]]\npath = \"/\"\nallow = \"anyone\"\n[[rules]]\npath = \"/*\"\nallow = \"anyone\"",
    );
    let authority = gate.address.to_string();
    let mut client = Client::begin(&gate, &[]);
    let cases = [
        ("?x", &[][..]),
        ("?/deny/x", &[]),
        ("/", &[("content-length", "")]),
        ("/", &[("content-length", "0"), ("content-length", "0")]),
        ("/", &[("content-length", "0"), ("content-length", "")]),
        ("/", &[("host", "")]),
    ];
    for (number, (path, more)) in cases.into_iter().enumerate() {
        let stream = u32::try_from(number * 2 + 1).unwrap();
        let head = head("GET", path, &authority, more);
        client.write(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
        let answer = loop {
            let frame = client.next().expect("the connection goes on");
            if frame.stream == stream && frame.kind != DATA {
                break frame;
            }
        };
        assert!(matches!(answer.kind, HEADERS | RST_STREAM), "{path}: {answer:?}");
    }
    assert_eq!((gate.upstream.connections(), gate.upstream.bytes()), (0, 0));
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 99, &head("GET", "/", &authority, &[])));
    client.wait_for(HEADERS, 99);
    assert_eq!(gate.upstream.requests().len(), 1);
}
