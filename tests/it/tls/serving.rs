//! Clients by TLS: what is spoken, which certificate they get, what the gate makes of it, and who gets no further.

use std::io::Write as _;

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{secured, secured_before};
use crate::support::papers::Papers;
use crate::support::process::{Process, sidegate};
use crate::support::{Gate, PASSWORD, Raw, Upstream};

fn first_certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// The certificate that a client gets who asks for this name.
fn shown(gate: &Gate, papers: &Papers, name: &str) -> std::io::Result<CertificateDer<'static>> {
    let mut connection = Raw::connect(gate.address).by_tls(papers.client(&[]), name);
    Ok(connection.shake_hands()?.peer_certificates().unwrap()[0].clone())
}

#[test]
fn what_alpn_agrees_on_is_spoken() {
    let (gate, papers) = secured("");
    for (offered, chosen) in [
        (&["http/1.1"][..], Some(&b"http/1.1"[..])),
        (&["h2", "http/1.1"], Some(b"h2")),
        (&["http/1.1", "h2"], Some(b"h2")),
        (&["http/1.0"], Some(b"http/1.0")),
        (&[], None),
    ] {
        let mut connection = Raw::connect(gate.address).by_tls(papers.client(offered), "localhost");
        assert_eq!(connection.shake_hands().unwrap().alpn_protocol(), chosen, "{offered:?}");
    }
    let mut other = Raw::connect(gate.address).by_tls(papers.client(&["spdy/1"]), "localhost");
    assert!(other.shake_hands().is_err());
}

#[test]
fn who_agreed_on_the_one_does_not_get_away_with_the_other() {
    let (gate, papers) = secured("");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let request = format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address);
    let mut connection = Raw::connect(gate.address).by_tls(papers.client(&["http/1.1"]), "localhost");
    connection.write(preface);
    assert!(!connection.rest().starts_with(b"\0\0"), "that was HTTP/2");
    let mut connection = Raw::connect(gate.address).by_tls(papers.client(&["h2"]), "localhost");
    connection.write(&request);
    assert!(!connection.rest().starts_with(b"HTTP/1.1 200"));
    // Who agreed on nothing may speak either.
    let mut connection = gate.connect();
    connection.write(preface);
    assert_eq!(connection.exactly(4)[3], 4, "a SETTINGS frame");
    let mut connection = gate.connect();
    connection.write(&request);
    assert_eq!(connection.answer().status, 200);
}

#[test]
fn a_client_gets_the_certificate_for_the_name_it_asks_for() {
    let papers = Papers::new();
    let (one, other) = (papers.issue(&["one.example"]), papers.issue(&["*.other.example", "other.example"]));
    papers.write("one", &one);
    papers.write("other", &other);
    let gate = Gate::with(&papers.settings(&["one", "other"]));
    for (name, expected) in
        [("one.example", &one), ("other.example", &other), ("a.other.example", &other), ("ONE.example", &one)]
    {
        assert_eq!(shown(&gate, &papers, name).unwrap(), first_certificate(&expected.0), "{name}");
    }
    // The first one, which is not for that: the client says so.
    for name in ["nobody.example", "b.a.other.example", "127.0.0.1"] {
        let error = shown(&gate, &papers, name).unwrap_err().to_string();
        assert!(error.contains("one.example") || error.contains("NotValidForName"), "{name}: {error}");
    }
}

#[test]
fn a_key_may_come_in_each_of_its_forms() {
    let papers = Papers::new();
    for (name, key) in [
        ("p384", KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem()),
        ("sec1", include_str!("../../data/tls/sec1.key").to_owned()),
        ("pkcs1", include_str!("../../data/tls/pkcs1.key").to_owned()),
    ] {
        let cert = match name {
            "p384" => {
                let key = KeyPair::from_pem(&key).unwrap();
                let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
                params.self_signed(&key).unwrap().pem()
            }
            "sec1" => include_str!("../../data/tls/sec1.pem").to_owned(),
            _ => include_str!("../../data/tls/pkcs1.pem").to_owned(),
        };
        papers.write(name, &(cert.clone(), key));
        let gate = Gate::with(&papers.settings(&[name]));
        let mut connection = Raw::connect(gate.address).by_tls(papers.client(&[]), "localhost");
        // Nobody vouches for these, which the client finds only once it has seen them.
        let error = connection.shake_hands().unwrap_err().to_string();
        assert!(error.contains("certificate"), "{name}: {error}");
    }
}

#[test]
fn cookies_are_secure_and_the_backend_hears_of_https() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    // What browsers are told, for once, is no https: the connection itself says it.
    let settings = papers.settings(&["gate"]).replace("https://", "http://");
    let mut gate = Gate::with(&settings);
    gate.tls = Some((papers.client(&[]), "localhost".to_owned()));
    assert_eq!(gate.sign_up("a@b.c").status, 200);
    let body = format!(r#"{{"email":"a@b.c","password":"{PASSWORD}"}}"#);
    let answer = gate.post("/auth/signin", &body, "");
    for cookie in answer.all("set-cookie") {
        assert!(cookie.contains("; Secure"), "{cookie}");
    }
    let cookie = format!("Cookie: {}\r\n", answer.cookies().header());
    assert_eq!(gate.get("/a", &format!("{cookie}X-Forwarded-Proto: http\r\n")).status, 200);
    assert_eq!(gate.upstream.last().header("x-forwarded-proto").as_deref(), Some("https"));
    assert!(gate.upstream.last().header("forwarded").unwrap().contains("proto=https"));
}

/// Seen: it was sent to the TLS port by plain http.
#[test]
fn a_browser_that_strayed_to_localhost_is_sent_to_https() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    // The port of the URL has to be the one that is listened on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings =
        papers.settings(&["gate"]).replace("https://localhost", &format!("https://127.0.0.1:{port}"));
    let mut gate = Gate::with(&format!("{settings}server.listen = \"127.0.0.1:{port}\"\n"));
    gate.tls = Some((papers.client(&[]), "localhost".to_owned()));
    let answer =
        gate.send(format!("GET /a HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Mode: navigate\r\n\r\n"));
    let to = format!("https://127.0.0.1:{port}/a");
    assert_eq!((answer.status, answer.header("location")), (307, Some(to.as_str())));
}

/// It knows what its own client speaks, and may speak TLS to the gate all the same.
#[test]
fn a_trusted_proxys_word_counts_by_tls_too() {
    let papers = Papers::new();
    papers.file("gate", &["localhost"]);
    let settings = papers.settings(&["gate"]).replace("https://", "http://");
    let mut gate = Gate::with(&format!("{settings}server.trusted_proxies = [\"127.0.0.1\"]\n"));
    gate.tls = Some((papers.client(&[]), "localhost".to_owned()));
    let cookie = gate.signed_in();
    for (told, proto) in [("", "https"), ("X-Forwarded-Proto: http\r\n", "http")] {
        assert_eq!(gate.get("/", &format!("{cookie}{told}")).status, 200);
        assert_eq!(gate.upstream.last().header("x-forwarded-proto").as_deref(), Some(proto), "{told:?}");
    }
}

#[test]
fn plain_http_is_told_to_speak_tls_and_anything_else_is_let_go() {
    let (gate, _papers) = secured("");
    let mut plain = Raw::connect(gate.address);
    plain.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
    let answer = plain.answer();
    assert_eq!((answer.status, answer.detail().as_str()), (400, "This port speaks TLS: use https."));
    plain.end();
    assert!(plain.is_closed());
    for garbage in [
        &b"\0"[..],
        b"\x16\x03\x01\0\x05hello",
        b"\x16\xff\xff\xff\xff\xff",
        b"\r\n\r\n",
        &[0x80, 0x2e, 1, 3],
    ] {
        let mut connection = Raw::connect(gate.address);
        connection.write(garbage);
        let rest = connection.rest();
        assert!(rest.is_empty() || rest[0] == 21, "no more than an alert: {rest:?}");
    }
    assert_eq!(gate.get("/auth/healthz", "").status, 200);
}

#[test]
fn a_handshake_that_does_not_come_is_not_waited_for() {
    let (gate, papers) = secured("limits.header_timeout = \"200ms\"");
    for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x02\0\x01"] {
        let mut connection = Raw::connect(gate.address);
        connection.write(begun);
        assert!(connection.is_closed(), "{begun:?}");
    }
    // Nor is a head after it.
    for begun in ["", "GET / HTTP/1.1\r\nHost: a\r\nX"] {
        let mut connection = Raw::connect(gate.address).by_tls(papers.client(&[]), "localhost");
        connection.shake_hands().unwrap();
        connection.write(begun);
        assert!(connection.is_closed(), "{begun:?}");
    }
}

#[test]
fn connections_count_from_before_the_handshake_and_those_beyond_get_a_503() {
    let (gate, papers) = secured("limits.connections = 2");
    let silent = Raw::connect(gate.address);
    let mut held = gate.connect();
    let health = format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address);
    held.write(&health);
    assert_eq!(held.answer().status, 200);
    // Also a client that would speak HTTP/2 rather.
    for offered in [&[][..], &["h2", "http/1.1"]] {
        let mut beyond = Raw::connect(gate.address).by_tls(papers.client(offered), "localhost");
        beyond.shake_hands().unwrap();
        let answer = beyond.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert!(beyond.is_closed());
    }
    drop(silent);
    loop {
        let mut another = gate.connect();
        another.write(&health);
        if another.next_answer().is_some_and(|answer| answer.status == 200) {
            return;
        }
    }
}

#[test]
fn an_idle_connection_ends_in_order_and_a_cut_answer_does_not() {
    let (gate, _papers) = secured("server.keep_alive = \"300ms\"");
    let mut idle = gate.connect();
    idle.write(format!("GET /auth/healthz HTTP/1.1\r\nHost: {}\r\n\r\n", gate.address));
    assert_eq!(idle.answer().status, 200);
    assert_eq!(idle.end_of(), Ok(()), "a close_notify comes first");

    // HTTP/1.0 knows an answer's end by that of the connection.
    let upstream = Upstream::answering(|exchange| {
        exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        false
    });
    let (gate, _papers) = secured_before(upstream, "");
    let cookie = gate.signed_in();
    let mut connection = gate.connect();
    connection.write(format!("GET / HTTP/1.0\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    assert!(connection.end_of().is_err(), "it looks like a whole answer");
}

/// Health is asked for elsewhere, and whoever administers need not be allowed to read the key.
#[test]
fn a_healthcheck_and_administration_are_no_affair_of_tls() {
    let (papers, folder, upstream) = (Papers::new(), tempfile::tempdir().unwrap(), Upstream::start());
    papers.file("gate", &["localhost"]);
    let process = Process::serve(folder.path(), &upstream.url(), &papers.settings(&["gate"]));
    std::fs::remove_file(papers.path("gate.key")).unwrap();
    for arguments in [&["healthcheck"][..], &["users", "list"]] {
        let output = sidegate(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let output = sidegate(folder.path()).arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    drop(process);
}

#[test]
fn a_client_that_breaks_off_in_a_record_harms_nobody() {
    let (gate, papers) = secured("");
    let mut connection = Raw::connect(gate.address).by_tls(papers.client(&[]), "localhost");
    connection.shake_hands().unwrap();
    connection.stream().write_all(b"\x17\x03\x03\x40\x00half a record").unwrap();
    drop(connection);
    let mut forged = Raw::connect(gate.address).by_tls(papers.client(&[]), "localhost");
    forged.shake_hands().unwrap();
    forged.stream().write_all(b"\x17\x03\x03\x00\x20abcdefghijklmnopqrstuvwxyz012345").unwrap();
    assert!(forged.end_of().is_err());
    assert_eq!(gate.get("/auth/healthz", "").status, 200);
}
