//! Certificates that change while the gate runs: new connections get the new one, running ones go on, mistakes change nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::support::papers::Papers;
use crate::support::process::Process;
use crate::support::{PATIENCE, Raw, Upstream};

const HEALTH: &str = "GET /auth/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn connect(process: &Process, papers: &Papers) -> Raw {
    Raw::connect(process.address).by_tls(papers.client(&[]), "localhost")
}

fn shown(process: &Process, papers: &Papers) -> CertificateDer<'static> {
    let mut connection = connect(process, papers);
    connection.shake_hands().unwrap().peer_certificates().unwrap()[0].clone()
}

/// More patience than elsewhere: the files have to rest first, and whoever stops both processes for a while takes of it.
fn wait_for(process: &Process, papers: &Papers, (cert, _): &(String, String)) {
    let (expected, start) = (CertificateDer::from_pem_slice(cert.as_bytes()).unwrap(), Instant::now());
    while shown(process, papers) != expected {
        assert!(start.elapsed() < 3 * PATIENCE, "the new certificate is not used");
    }
}

fn serve(papers: &Papers, folder: &tempfile::TempDir, upstream: &Upstream) -> Process {
    Process::serve(folder.path(), &upstream.url(), &papers.settings(&["gate"]))
}

#[test]
fn new_files_are_used_and_no_connection_is_dropped() {
    let (papers, folder, upstream) = (Papers::new(), tempfile::tempdir().unwrap(), Upstream::start());
    papers.file("gate", &["localhost"]);
    let process = serve(&papers, &folder, &upstream);
    let mut running = connect(&process, &papers);
    running.write(HEALTH);
    assert_eq!(running.answer().status, 200);
    let renewed = papers.issue(&["localhost"]);
    papers.write("gate", &renewed);
    wait_for(&process, &papers, &renewed);
    running.write(HEALTH);
    assert_eq!(running.answer().status, 200);
}

/// Kubernetes' way: the files are links into a folder that is itself a link, and that one is exchanged.
#[test]
fn files_behind_exchanged_links_are_followed() {
    let (papers, folder, upstream) = (Papers::new(), tempfile::tempdir().unwrap(), Upstream::start());
    let (first, second) = (papers.issue(&["localhost"]), papers.issue(&["localhost"]));
    for (version, pair) in [("v1", &first), ("v2", &second)] {
        fs::create_dir(papers.path(version)).unwrap();
        papers.write(&format!("{version}/gate"), pair);
    }
    symlink("v1", papers.path("data")).unwrap();
    symlink("data/gate.pem", papers.path("gate.pem")).unwrap();
    symlink("data/gate.key", papers.path("gate.key")).unwrap();
    let process = serve(&papers, &folder, &upstream);
    wait_for(&process, &papers, &first);
    symlink("v2", papers.path("new")).unwrap();
    fs::rename(papers.path("new"), papers.path("data")).unwrap();
    wait_for(&process, &papers, &second);
}

#[test]
fn bad_files_change_nothing_and_are_named() {
    let (papers, folder, upstream) = (Papers::new(), tempfile::tempdir().unwrap(), Upstream::start());
    let (first, other) = (papers.issue(&["localhost"]), papers.issue(&["localhost"]));
    papers.write("gate", &first);
    let process = serve(&papers, &folder, &upstream);
    let key = papers.path("gate.key");
    for (bad, says) in [
        (other.1.as_str(), "it is not the key of the certificate in"),
        ("", "there is no private key in it"),
        ("-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----\n", "it is damaged, or no PEM file"),
    ] {
        fs::write(&key, bad).unwrap();
        let line = process.line(says);
        assert!(line.contains("ERROR") && line.contains(key.to_str().unwrap()), "{line}");
        wait_for(&process, &papers, &first);
    }
    fs::remove_file(&key).unwrap();
    assert!(process.line("No such file").contains("ERROR"));
    wait_for(&process, &papers, &first);
    // And from there to good ones.
    papers.write("gate", &other);
    wait_for(&process, &papers, &other);
    process.line("new certificates are in use");
}
