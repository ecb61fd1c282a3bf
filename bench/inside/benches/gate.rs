//! What the gate's decision costs: over a token that it has verified before, with and without rules, and over none.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sidegate::gate::Verdict;

#[path = "common/stage.rs"]
mod stage;

use stage::{Stage, browser_request, peer};

/// Ten rules, of which none is about what is asked for.
fn rules() -> String {
    let rule = |number| format!("[[rules]]\npath = \"/area{number}/*\"\nallow = \"anyone\"\n");
    (0..10).map(rule).collect()
}

fn decisions(criterion: &mut Criterion) {
    for (name, more) in [("no rules", String::new()), ("ten rules", rules())] {
        let stage = Stage::with("EdDSA", &more);
        let (gate, peer) = (stage.gate(), peer());
        let signed_in =
            browser_request(&format!("theme=dark; access_token={}; lang=en", stage.access_token()));
        assert!(matches!(gate.decide(&signed_in, &peer), Verdict::Forward(_)));
        criterion.bench_function(&format!("decide/known token, {name}"), |bencher| {
            bencher.iter(|| gate.decide(black_box(&signed_in), &peer));
        });
        let stranger = browser_request("theme=dark; lang=en");
        assert!(matches!(gate.decide(&stranger, &peer), Verdict::Refuse(_)));
        criterion.bench_function(&format!("decide/no token, {name}"), |bencher| {
            bencher.iter(|| gate.decide(black_box(&stranger), &peer));
        });
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
