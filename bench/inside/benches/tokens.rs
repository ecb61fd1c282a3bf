//! What a token costs: made, and verified without the gate's cache, by each algorithm.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

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

criterion_group!(benches, tokens);
criterion_main!(benches);
