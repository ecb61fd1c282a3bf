//! An `https:` upstream: it is believed or it is a 502, and what holds for a plain one holds over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::streaming::shouting;
use crate::support::papers::Papers;
use crate::support::process::Process;
use crate::support::{Gate, PATIENCE, Upstream};

/// How a connection by TLS ends when the upstream behind it closes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Said,
    Unsaid,
}

/// Puts TLS in front of a plain upstream, with this certificate; `asks`: clients have to have one of this issuer, too.
fn front(plain: SocketAddr, (cert, key): &(String, String), asks: Option<&Papers>, end: End) -> SocketAddr {
    let provider = Arc::new(default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match asks {
        Some(papers) => {
            let ca = std::fs::read(papers.path("ca.pem")).unwrap();
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(&ca).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => config.with_no_client_auth(),
    };
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        Gate::wait(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut secured) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect(plain).await.unwrap();
                    if end == End::Said {
                        let _ = tokio::io::copy_bidirectional(&mut secured, &mut behind).await;
                        return;
                    }
                    let (mut from, mut to) = tokio::io::split(secured);
                    let (mut back, mut forth) = behind.split();
                    tokio::select! {
                        () = async {
                            let _ = tokio::io::copy(&mut back, &mut to).await;
                            let _ = tokio::io::AsyncWriteExt::flush(&mut to).await;
                        } => {}
                        _ = tokio::io::copy(&mut from, &mut forth) => {}
                    }
                });
            }
        });
    });
    address.recv_timeout(PATIENCE).unwrap()
}

/// A gate before an upstream by TLS, whose issuer it is told.
fn gate(upstream: Upstream, papers: &Papers, names: &[&str], extra: &str) -> Gate {
    let front = front(upstream.address, &papers.issue(names), None, End::Said);
    before(upstream, papers, front, extra)
}

fn before(upstream: Upstream, papers: &Papers, front: SocketAddr, extra: &str) -> Gate {
    let ca = papers.quoted("ca.pem");
    let url = format!("https://localhost:{}", front.port());
    let settings = format!("upstream.url = \"{url}\"\nupstream.ca_file = {ca}\nserver.workers = 1\n{extra}");
    Gate::before(upstream, &settings)
}

#[test]
fn an_upstream_by_tls_is_asked_like_any_other_and_its_connection_is_used_again() {
    let papers = Papers::new();
    let gate = gate(Upstream::start(), &papers, &["localhost"], "");
    let cookie = gate.signed_in();
    for number in 0..4 {
        let answer = gate.get(&format!("/{number}"), &cookie);
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello from upstream"));
        let seen = gate.upstream.last();
        assert_eq!(seen.line(), format!("GET /{number} HTTP/1.1"));
        assert_eq!(seen.header("x-user-id").as_deref(), Some("1"));
        assert_eq!(seen.header("host"), Some(gate.address.to_string()));
        // What the client speaks is told, not what the gate does.
        assert_eq!(seen.header("x-forwarded-proto").as_deref(), Some("http"));
    }
    assert_eq!(gate.upstream.connections(), 1);
}

#[test]
fn the_upstreams_own_host_is_told_with_its_port_or_without_443() {
    let papers = Papers::new();
    let gate = gate(Upstream::start(), &papers, &["localhost"], "upstream.host_header = \"upstream\"\n");
    let cookie = gate.signed_in();
    assert_eq!(gate.get("/", &cookie).status, 200);
    let host = gate.upstream.last().header("host").unwrap();
    assert!(host.starts_with("localhost:"), "{host}");
}

#[test]
fn its_certificate_has_to_be_for_its_name_or_for_the_one_it_should_have() {
    let papers = Papers::new();
    for (names, extra, status) in [
        (&["other.example"][..], "", 502),
        (&["other.example"], "upstream.server_name = \"other.example\"\n", 200),
        (&["localhost"], "upstream.server_name = \"other.example\"\n", 502),
        (&["127.0.0.1"], "upstream.server_name = \"127.0.0.1\"\n", 200),
        (&["127.0.0.1"], "", 502),
    ] {
        let gate = gate(Upstream::start(), &papers, names, extra);
        let cookie = gate.signed_in();
        let answer = gate.get("/", &cookie);
        assert_eq!(answer.status, status, "{names:?} {extra:?}: {}", answer.text());
        assert_eq!(gate.upstream.requests().len(), usize::from(status == 200), "{names:?} {extra:?}");
    }
}

#[test]
fn a_certificate_that_can_not_be_believed_is_a_502_that_the_log_explains_and_the_metrics_count() {
    let (papers, others) = (Papers::new(), Papers::new());
    for (pair, why, kind) in [
        (others.issue(&["localhost"]), "its certificate's issuer is unknown", "certificate"),
        (
            papers.issue_as(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 1)),
            "its certificate has expired",
            "certificate",
        ),
        (
            papers.issue_as(&["localhost"], |params| params.not_before = date_time_ymd(4000, 1, 1)),
            "its certificate is not valid yet",
            "certificate",
        ),
        (
            papers.issue(&["other.example", "b.example"]),
            "is for `other.example`, `b.example`, not for `localhost`",
            "certificate",
        ),
        (
            papers.issue_as(&["localhost"], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "its certificate can't be believed",
            "certificate",
        ),
        (
            papers
                .issue_as(&["localhost"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            "its certificate is an issuer's",
            "certificate",
        ),
    ] {
        let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
        let front = front(upstream.address, &pair, None, End::Said);
        let settings =
            format!("upstream.ca_file = {}\nadmin.listen = \"127.0.0.1:0\"\n", papers.quoted("ca.pem"));
        let url = format!("https://localhost:{}", front.port());
        let process = Process::serve(folder.path(), &url, &settings);
        let metrics = process.line("health and metrics at http://");
        let mut connection = process.connect();
        let cookie = connection.signed_in();
        connection.write(format!("GET / HTTP/1.1\r\nHost: a\r\n{cookie}\r\n"));
        let answer = connection.answer();
        assert_eq!(answer.status, 502, "{why}");
        assert!(!answer.text().contains("certificate"), "that is the operator's affair: {}", answer.text());
        let line = process.line("the upstream failed");
        assert!(line.contains(why), "{why}: {line}");
        let admin = metrics.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        let counted = crate::support::ask(admin, "GET /metrics").text();
        assert!(
            counted.contains(&format!("sidegate_upstream_errors_total{{kind=\"{kind}\"}} 1")),
            "{why}: {counted}"
        );
        assert_eq!(upstream.bytes(), 0, "{why}");
    }
}

#[test]
fn what_is_no_tls_is_a_502() {
    let (upstream, papers) = (Upstream::start(), Papers::new());
    let plain = upstream.address;
    let gate = before(
        upstream,
        &papers,
        plain,
        "admin.listen = \"127.0.0.1:0\"\nupstream.connect_timeout = \"2s\"\n",
    );
    // It waits for the end of a head, the gate for a ServerHello.
    let cookie = gate.signed_in();
    let answer = gate.get("/", &cookie);
    assert!(matches!(answer.status, 502 | 504), "{}", answer.status);
    assert!(gate.upstream.requests().is_empty());
}

#[test]
fn a_certificate_is_shown_to_an_upstream_that_asks_for_one() {
    let papers = Papers::new();
    papers.file("own", &["gate"]);
    let own = format!(
        "upstream.client_cert = {}\nupstream.client_key = {}\n",
        papers.quoted("own.pem"),
        papers.quoted("own.key")
    );
    for (settings, status) in [(own.as_str(), 200), ("", 502)] {
        let upstream = Upstream::start();
        let front = front(upstream.address, &papers.issue(&["localhost"]), Some(&papers), End::Said);
        let gate = before(upstream, &papers, front, settings);
        let cookie = gate.signed_in();
        assert_eq!(gate.get("/", &cookie).status, status, "{settings}");
        assert_eq!(gate.upstream.requests().len(), usize::from(status == 200));
    }
}

#[test]
fn a_safe_request_that_meets_a_dead_connection_is_sent_again_and_no_other_is() {
    for (method, status, seen) in [("GET", 200, 3), ("POST", 502, 2)] {
        let count = AtomicUsize::new(0);
        let upstream = Upstream::answering(move |exchange| {
            // The second request finds its connection closed.
            if count.fetch_add(1, Ordering::SeqCst) == 1 {
                return false;
            }
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            true
        });
        let papers = Papers::new();
        let gate = gate(upstream, &papers, &["localhost"], "");
        let cookie = gate.signed_in();
        assert_eq!(gate.get("/first", &cookie).status, 200);
        let answer = gate.send(format!(
            "{method} /second HTTP/1.1\r\nHost: {}\r\n{cookie}Content-Length: 0\r\n\r\n",
            gate.address
        ));
        assert_eq!((answer.status, gate.upstream.requests().len()), (status, seen), "{method}");
    }
}

#[test]
fn tunnels_and_large_bodies_go_through() {
    let papers = Papers::new();
    let gate1 = gate(shouting(), &papers, &["localhost"], "");
    let cookie = gate1.signed_in();
    let mut tunnel = gate1.tunnel(&cookie);
    tunnel.write("hello");
    assert_eq!(tunnel.exactly(5), b"HELLO");
    drop(tunnel);

    let upstream = Upstream::answering(|exchange| {
        let body = std::mem::take(&mut exchange.seen.body);
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
        exchange.write(body);
        true
    });
    let gate2 = gate(upstream, &papers, &["localhost"], "");
    let cookie = gate2.signed_in();
    let body = "y".repeat(8 * 1024 * 1024 + 3);
    let answer = gate2.post("/", &body, &cookie);
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
}

/// Whoever cuts a connection can make any answer look whole that only its end would have ended.
#[test]
fn an_answer_that_ends_without_a_word_from_tls_is_none() {
    for (end, is_whole) in [(End::Said, true), (End::Unsaid, false)] {
        let upstream = Upstream::answering(|exchange| {
            exchange.write("HTTP/1.1 200 OK\r\n\r\nto the end");
            false
        });
        let papers = Papers::new();
        let front = front(upstream.address, &papers.issue(&["localhost"]), None, end);
        let gate = before(upstream, &papers, front, "");
        let cookie = gate.signed_in();
        let mut connection = gate.connect();
        connection
            .write(format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}\r\n", gate.address));
        let rest = String::from_utf8(connection.rest()).unwrap();
        assert_eq!(rest.ends_with("\r\n0\r\n\r\n"), is_whole, "{rest}");
    }
}
