//! What the edits of a head cost: the token found among the cookies, the gate's own cookies cut out, and the upstream told
//! who asks.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sidegate::gate::Verdict;
use sidegate::gate::credential::Credentials;
use sidegate::gate::identity::IdentityHeaders;
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

criterion_group!(benches, edits);
criterion_main!(benches);
