//! What the edits of a head cost: the token found among the cookies, the gate's own cookies cut out, the upstream told who
//! asks; a browser's request edited whole, both ways; and an answer's head.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::HeaderValue;
use sidegate::gate::Verdict;
use sidegate::gate::credential::Credentials;
use sidegate::gate::identity::IdentityHeaders;
use sidegate::proxy::{RequestEditor, Shape, edit_answer};
use sidegate::web::cookies::{self, Found};

#[path = "common/stage.rs"]
mod stage;

use stage::{Stage, browser_request, peer};

fn edits(criterion: &mut Criterion) {
    let stage = Stage::new("EdDSA");
    let settings = stage.settings();
    let (credentials, identity) = (Credentials::new(settings), IdentityHeaders::new(&settings.identity));
    let request = browser_request(&format!("theme=dark; access_token={}; lang=en", stage.access_token()));
    let Verdict::Forward(pass) = stage.gate().decide(&request, &peer()) else {
        panic!("the token is good");
    };
    criterion.bench_function("cookies/find", |bencher| {
        bencher.iter(|| cookies::find(black_box(&request.headers), "access_token") == Found::Absent);
    });
    criterion.bench_function("cookies/cut", |bencher| {
        bencher.iter_batched_ref(
            || request.headers.clone(),
            |headers| cookies::cut(headers, credentials.cookie_names()),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("identity/apply", |bencher| {
        bencher.iter_batched_ref(
            || request.headers.clone(),
            |headers| {
                identity.strip(headers);
                identity.say(&pass, |name, value| {
                    headers.insert(name, value.clone());
                });
            },
            BatchSize::SmallInput,
        );
    });
}

/// A whole request's head: written on the direct way, edited in place on the other one.
fn requests(criterion: &mut Criterion) {
    let stage = Stage::new("EdDSA");
    let settings = stage.settings();
    let (editor, peer) = (RequestEditor::new(settings, &settings.upstream), peer());
    let request = browser_request(&format!("theme=dark; access_token={}; lang=en", stage.access_token()));
    let Verdict::Forward(pass) = stage.gate().decide(&request, &peer) else {
        panic!("the token is good");
    };
    let id = HeaderValue::from_static("01j8x6k2v7c3n4p5q6r7s8t9va");
    let mut wire = Vec::with_capacity(4096);
    criterion.bench_function("request/write", |bencher| {
        bencher.iter(|| {
            wire.clear();
            editor.write(black_box(&request), &pass, &peer, &id, &mut wire);
            wire.len()
        });
    });
    assert!(!wire.windows(12).any(|part| part == b"access_token"));
    criterion.bench_function("request/edit", |bencher| {
        let shape = Shape { body: false, upgrade: false };
        bencher.iter_batched_ref(
            || request.clone(),
            |request| editor.edit(request, &pass, &peer, &id, shape).is_ok(),
            BatchSize::SmallInput,
        );
    });
}

/// What a backend in Python or Node.js answers with.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: uvicorn\r\nDate: Thu, 26 Nov 2026 17:00:00 GMT\r\n\
    Content-Type: application/json\r\nContent-Length: 1024\r\nCache-Control: no-store\r\nVary: Accept-Encoding\r\n\
    Set-Cookie: theme=dark; Path=/\r\nConnection: keep-alive\r\n\r\n";

fn answers(criterion: &mut Criterion) {
    let credentials = Credentials::new(Stage::new("EdDSA").settings());
    let mut out = Vec::with_capacity(4096);
    criterion.bench_function("answer/edit", |bencher| {
        bencher.iter(|| {
            out.clear();
            edit_answer(black_box(ANSWER), credentials.cookie_names(), &mut out)
        });
    });
    assert!(out.starts_with(b"HTTP/1.1 200 OK\r\n") && !out.windows(10).any(|part| part == b"keep-alive"));
}

criterion_group!(benches, edits, requests, answers);
criterion_main!(benches);
