//! What a token costs: made, and verified without the gate's cache, by each algorithm; and looked up in the cache.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sidegate::gate::Verdict;

#[path = "common/stage.rs"]
mod stage;

fn tokens(criterion: &mut Criterion) {
    for algorithm in ["HS256", "EdDSA", "ES256", "RS256"] {
        let stage = stage::Stage::new(algorithm);
        let token = stage.access_token();
        criterion.bench_function(&format!("verify/{algorithm}"), |bencher| {
            bencher.iter(|| stage.tokens.verify_access(black_box(&token), stage::NOW));
        });
        criterion.bench_function(&format!("mint/{algorithm}"), |bencher| {
            bencher.iter(|| stage.access_token());
        });
    }
}

/// In a cache of one, and of as many as are online in `bench/run --only users`.
fn cache(criterion: &mut Criterion) {
    let stage = stage::Stage::new("EdDSA");
    for online in [1, 10_000] {
        let gate = stage.gate();
        let tokens: Vec<String> = (0..online).map(|_| stage.next_access_token()).collect();
        for token in &tokens {
            let request = stage::browser_request(&format!("access_token={token}"));
            assert!(matches!(gate.decide(&request, &stage::peer()), Verdict::Forward(_)));
            assert!(gate.has_seen(token));
        }
        let mut turns = tokens.iter().cycle();
        criterion.bench_function(&format!("cache/{online} known"), |bencher| {
            bencher.iter(|| turns.next().is_some_and(|token| gate.has_seen(black_box(token))));
        });
    }
}

criterion_group!(benches, tokens, cache);
criterion_main!(benches);
