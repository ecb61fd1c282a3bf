//! `/metrics`: what moves, by how much, and that no label grows with what clients send (contract section 7).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::support::{Gate, PASSWORD, PATIENCE, Upstream};

const ON: &str = "admin.listen = \"127.0.0.1:0\"";

/// A page of metrics: each sample with its labels as they are written.
struct Page(BTreeMap<String, String>);

impl Page {
    /// Reads Prometheus' text, and holds its rules: each family has its help, its type and then its samples, once.
    fn parse(text: &str) -> Self {
        let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
        let (mut family, mut kind, mut helped) = ("", "", "");
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                helped = help.split_once(' ').unwrap().0;
            } else if let Some(declared) = line.strip_prefix("# TYPE ") {
                (family, kind) = declared.split_once(' ').unwrap();
                assert_eq!(family, helped, "a type without its help");
                assert!(families.insert(family), "{family} twice");
                assert_eq!(family.ends_with("_total"), kind == "counter", "{line}");
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let name = sample.split('{').next().unwrap();
                let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} after {family}"));
                let suffixes: &[&str] =
                    if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.contains(&suffix), "{line}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(samples.insert(sample.to_owned(), value.to_owned()).is_none(), "{sample} twice");
            }
        }
        let page = Self(samples);
        page.check_histograms(text);
        page
    }

    fn check_histograms(&self, text: &str) {
        for name in ["sidegate_gate_duration_seconds", "sidegate_upstream_duration_seconds"] {
            let bucket = format!("{name}_bucket{{le=\"");
            let buckets: Vec<(f64, u64)> = text
                .lines()
                .filter_map(|line| line.strip_prefix(&bucket)?.split_once("\"} "))
                .map(|(bound, count)| (bound.parse().unwrap(), count.parse().unwrap()))
                .collect();
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{buckets:?}");
            assert!(buckets.last().is_some_and(|(bound, _)| bound.is_infinite()));
            assert_eq!(buckets.last().unwrap().1, self.of(&format!("{name}_count")));
        }
    }

    /// A number that counts something.
    fn of(&self, sample: &str) -> u64 {
        self.0.get(sample).unwrap_or_else(|| panic!("no {sample} in {:#?}", self.0)).parse().unwrap()
    }

    fn seconds(&self, sample: &str) -> f64 {
        self.0[sample].parse().unwrap()
    }

    /// What has moved since an earlier page among the counters whose name begins so, as `sample by-how-much`.
    fn moved(&self, since: &Self, beginning: &str) -> Vec<String> {
        let ours = self.0.keys().filter(|sample| sample.starts_with(beginning));
        let more = ours.map(|sample| (sample, self.of(sample) - since.of(sample)));
        more.filter(|(_, more)| *more > 0).map(|(sample, more)| format!("{sample} {more}")).collect()
    }
}

fn scrape(gate: &Gate) -> Page {
    let answer = gate.admin("GET /metrics");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Page::parse(&answer.text())
}

/// Scrapes until a sample has a value.
fn scrape_until(gate: &Gate, sample: &str, value: u64) {
    let begun = Instant::now();
    while scrape(gate).of(sample) != value {
        assert!(begun.elapsed() < PATIENCE, "{sample} is {}, not {value}", scrape(gate).of(sample));
    }
}

#[test]
fn every_metric_of_the_contract_is_there_from_the_start() {
    let gate = Gate::with(ON);
    let page = scrape(&gate);
    let names: BTreeSet<&str> = page.0.keys().map(|sample| sample.split('{').next().unwrap()).collect();
    let expected = BTreeSet::from([
        "process_start_time_seconds",
        "sidegate_build_info",
        "sidegate_connections",
        "sidegate_gate_duration_seconds_bucket",
        "sidegate_gate_duration_seconds_count",
        "sidegate_gate_duration_seconds_sum",
        "sidegate_hash_queue_depth",
        "sidegate_requests_total",
        "sidegate_sessions",
        "sidegate_signins_total",
        "sidegate_store_commits_total",
        "sidegate_upstream_duration_seconds_bucket",
        "sidegate_upstream_duration_seconds_count",
        "sidegate_upstream_duration_seconds_sum",
        "sidegate_upstream_errors_total",
    ]);
    assert_eq!(names, expected);
    assert_eq!(page.0["process_start_time_seconds"], "1800000000.000");
    assert_eq!(page.of("sidegate_hash_queue_depth"), 0);
}

#[test]
fn each_request_is_counted_once_by_what_became_of_it() {
    let gate = Gate::with(ON);
    let cookie = gate.signed_in();
    let before = scrape(&gate);
    for (line, headers, status) in [
        ("/auth/healthz", "", 200),
        ("/auth/nothing", "", 404),
        ("/x", cookie.as_str(), 200),
        ("/y", cookie.as_str(), 200),
        ("/z", cookie.as_str(), 200),
        ("/x", "", 401),
        ("/x", "Accept: text/html\r\n", 303),
    ] {
        assert_eq!(gate.get(line, headers).status, status, "{line}");
    }
    let after = scrape(&gate);
    assert_eq!(
        after.moved(&before, "sidegate_requests_total"),
        [
            "sidegate_requests_total{outcome=\"forwarded\"} 3",
            "sidegate_requests_total{outcome=\"own\"} 2",
            "sidegate_requests_total{outcome=\"refused\"} 2",
        ]
    );
    let counted = |name: &str| after.of(name) - before.of(name);
    assert_eq!(counted("sidegate_gate_duration_seconds_count"), 5, "verdicts");
    assert_eq!(counted("sidegate_upstream_duration_seconds_count"), 3, "answers of the upstream");
    for sum in ["sidegate_gate_duration_seconds_sum", "sidegate_upstream_duration_seconds_sum"] {
        assert!(after.seconds(sum) > before.seconds(sum), "{sum}");
    }
    assert!(after.moved(&before, "sidegate_upstream_errors").is_empty());
}

#[test]
fn each_failure_of_the_upstream_is_counted_by_its_kind() {
    let answering = |answer: &'static str| {
        Upstream::answering(move |exchange| {
            exchange.write(answer);
            false
        })
    };
    let silent = Upstream::answering(|exchange| {
        let _ = std::io::Read::read(&mut exchange.stream, &mut [0]);
        false
    });
    for (upstream, kind, outcome) in [
        (answering(""), "broken_off", "upstream_failed"),
        (answering("nonsense\r\n\r\n"), "bad_answer", "upstream_failed"),
        (silent, "head_timeout", "upstream_failed"),
        (answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), "body_broken_off", "forwarded"),
    ] {
        let gate = Gate::before(upstream, &format!("{ON}\nupstream.response_timeout = \"200ms\""));
        let cookie = gate.signed_in();
        let before = scrape(&gate);
        let mut client = gate.connect();
        client
            .write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}Connection: close\r\n\r\n", gate.address));
        client.rest();
        let after = scrape(&gate);
        let expected = format!("sidegate_upstream_errors_total{{kind=\"{kind}\"}} 1");
        assert_eq!(after.moved(&before, "sidegate_upstream_errors_total"), [expected]);
        let expected = format!("sidegate_requests_total{{outcome=\"{outcome}\"}} 1");
        assert_eq!(after.moved(&before, "sidegate_requests_total"), [expected], "{kind}");
    }
}

#[test]
fn an_upstream_that_is_not_there_is_counted() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gate = Gate::with(&format!("{ON}\nupstream.url = \"http://{nobody}\""));
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).status, 502);
    let page = scrape(&gate);
    assert_eq!(page.of("sidegate_upstream_errors_total{kind=\"connect\"}"), 1);
    assert_eq!(page.of("sidegate_requests_total{outcome=\"upstream_failed\"}"), 1);
    assert_eq!(page.of("sidegate_upstream_duration_seconds_count"), 0);
}

#[test]
fn a_client_that_leaves_before_its_answer_is_counted_as_such() {
    let upstream = Upstream::answering(|exchange| {
        let _ = std::io::Read::read(&mut exchange.stream, &mut [0]);
        false
    });
    let gate = Gate::before(upstream, ON);
    let cookie = gate.signed_in();
    let mut client = gate.connect();
    client.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    gate.upstream.wait_for(1);
    drop(client);
    scrape_until(&gate, "sidegate_requests_total{outcome=\"abandoned\"}", 1);
}

#[test]
fn sign_ins_are_counted_by_what_became_of_them() {
    let gate = Gate::with(&format!("{ON}\nlimits.signin_failures = \"1/15m\""));
    gate.sign_up("jack@example.com");
    let attempt = |password: &str| {
        gate.post("/auth/signin", &format!(r#"{{"email":"jack@example.com","password":"{password}"}}"#), "")
    };
    let before = scrape(&gate);
    assert_eq!(attempt(PASSWORD).status, 200);
    assert_eq!(attempt("wrong").status, 401);
    assert_eq!(attempt("wrong").status, 429);
    assert_eq!(attempt("wrong").status, 429);
    assert_eq!(
        scrape(&gate).moved(&before, "sidegate_signins_total"),
        [
            "sidegate_signins_total{outcome=\"limited\"} 2",
            "sidegate_signins_total{outcome=\"ok\"} 1",
            "sidegate_signins_total{outcome=\"wrong\"} 1",
        ]
    );
}

#[test]
fn sessions_and_commits_are_the_stores() {
    let mut gate = Gate::with(ON);
    let before = scrape(&gate);
    let cookies = gate.member("jack@example.com");
    gate.member("jill@example.com");
    let during = scrape(&gate);
    assert_eq!(during.of("sidegate_sessions"), 2);
    let commits = |page: &Page| page.of("sidegate_store_commits_total");
    assert_eq!(commits(&during) - commits(&before), 6, "two sign-ups, each with its count, and two sign-ins");
    gate.restart();
    assert_eq!(scrape(&gate).of("sidegate_sessions"), 2);
    gate.post("/auth/signout", "", &format!("Cookie: {}\r\n", cookies.header()));
    assert_eq!(scrape(&gate).of("sidegate_sessions"), 1);
}

#[test]
fn connections_are_those_that_are_open_and_those_too_many_are_counted() {
    let gate = Gate::with(&format!("{ON}\nlimits.connections = 2"));
    let first = gate.connect();
    let second = gate.connect();
    scrape_until(&gate, "sidegate_connections", 2);
    assert_eq!(gate.get("/auth/healthz", "").status, 503);
    let page = scrape(&gate);
    assert_eq!(page.of("sidegate_requests_total{outcome=\"turned_away\"}"), 1);
    assert_eq!(page.of("sidegate_connections"), 2);
    drop((first, second));
    scrape_until(&gate, "sidegate_connections", 0);
}

#[test]
fn no_label_grows_with_what_clients_send() {
    let gate = Gate::with(ON);
    let samples = |page: Page| page.0.into_keys().collect::<Vec<_>>();
    let before = samples(scrape(&gate));
    let cookie = gate.signed_in();
    for number in 0..20 {
        gate.send(format!(
            "M{number} /p{number}?q={number} HTTP/1.1\r\nHost: h{number}\r\nUser-Agent: u{number}\r\n\
             X-Request-Id: r{number}\r\n{cookie}\r\n"
        ));
    }
    assert_eq!(samples(scrape(&gate)), before);
}
