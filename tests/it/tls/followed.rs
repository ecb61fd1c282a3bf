//! Files that upstreams are reached with by TLS and that change while the gate runs: new connections are made with the new
//! ones, running ones go on, mistakes change nothing.

use std::fs;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::support::front::{Front, Terms};
use crate::support::papers::Papers;
use crate::support::process::Process;
use crate::support::{PATIENCE, Upstream};

const NEW: &str = "new files for TLS to the upstream `localhost` are in use";

/// A gate before an upstream by TLS that asks for a certificate.
struct Site {
    process: Process,
    front: Front,
    papers: Papers,
    cookie: String,
    _upstream: Upstream,
    _folder: tempfile::TempDir,
}

impl Site {
    /// Before `[upstream]`, or before a named one.
    fn start(is_named: bool) -> Self {
        let (papers, upstream, folder) = (Papers::new(), Upstream::start(), tempfile::tempdir().unwrap());
        papers.file("own", &["gate"]);
        let terms = Terms {
            pair: papers.issue(&["localhost"]),
            asks: Some(papers.ca().to_owned()),
            protocols: &["http/1.1"],
        };
        let front = Front::start(terms, upstream.address, upstream.address);
        let keys = ["ca_file", "client_cert", "client_key"].into_iter().zip(["ca.pem", "own.pem", "own.key"]);
        let line = |(key, file)| format!("{key} = {}\n", papers.quoted(file));
        let process = if is_named {
            let named = format!("[upstreams.api]\nurl = \"{}\"\n", front.url());
            let rule = "[[rules]]\npath = \"/*\"\nupstream = \"api\"\nallow = \"signed-in\"\n";
            let settings = named + &keys.map(line).collect::<String>() + rule;
            Process::serve(folder.path(), "http://127.0.0.1:1", &settings)
        } else {
            let settings = keys.map(line).map(|line| format!("upstream.{line}")).collect::<Vec<_>>().concat();
            Process::serve(folder.path(), &front.url(), &settings)
        };
        let cookie = process.connect().signed_in();
        Self { process, front, papers, cookie, _upstream: upstream, _folder: folder }
    }

    fn status(&self) -> u16 {
        let mut connection = self.process.connect();
        connection.write(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", self.cookie));
        connection.answer().status
    }

    /// The same over a new connection.
    fn status_anew(&self) -> u16 {
        self.front.cut();
        self.status()
    }

    fn shown(&self) -> Option<CertificateDer<'static>> {
        self.front.hellos().last().unwrap().shown.clone()
    }
}

fn parsed((cert, _): &(String, String)) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(cert.as_bytes()).ok()
}

#[test]
fn a_new_client_certificate_is_shown_by_new_connections_and_ends_no_running_one() {
    for is_named in [false, true] {
        let site = Site::start(is_named);
        let first = fs::read_to_string(site.papers.path("own.pem")).unwrap();
        let mut running = site.process.connect();
        running.write(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{}\r\nhe", site.cookie));
        site.front.until("it comes in", |front| front.hellos().last().is_some_and(|hello| hello.done));
        assert_eq!(site.shown(), parsed(&(first, String::new())));
        let renewed = site.papers.issue(&["gate"]);
        site.papers.write("own", &renewed);
        site.process.line(NEW);
        running.write("llo");
        assert_eq!((running.answer().status, site.front.hellos().len()), (200, 1), "named: {is_named}");
        // Nobody cuts it: the gate itself lets go of what was made with the older one.
        let start = Instant::now();
        while site.shown() != parsed(&renewed) {
            assert!(start.elapsed() < PATIENCE, "named: {is_named}");
            assert_eq!(site.status(), 200);
        }
    }
}

#[test]
fn a_new_issuer_is_believed_and_the_old_one_is_not_any_more() {
    for is_named in [false, true] {
        let (site, others) = (Site::start(is_named), Papers::new());
        assert_eq!(site.status(), 200);
        let (old, new) = (site.papers.issue(&["localhost"]), others.issue(&["localhost"]));
        site.front.change(|terms| terms.pair = new.clone());
        assert_eq!(site.status_anew(), 502, "named: {is_named}");
        fs::write(site.papers.path("ca.pem"), others.ca()).unwrap();
        site.process.line(NEW);
        assert_eq!(site.status_anew(), 200, "named: {is_named}");
        // Neither by its certificate nor by what was agreed on with it before.
        site.front.change(|terms| terms.pair = old);
        assert_eq!(site.status_anew(), 502, "named: {is_named}");
    }
}

#[test]
fn bad_files_change_nothing_and_are_named() {
    let site = Site::start(false);
    let (ca, key) = (site.papers.path("ca.pem"), site.papers.path("own.key"));
    let kept = [&ca, &key].map(|file| fs::read_to_string(file).unwrap());
    assert_eq!(site.status(), 200);
    let shown = site.shown();
    for (file, bad, says) in [
        (&ca, "", "there is no certificate in it"),
        (
            &ca,
            "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
            "it is damaged, or no PEM file",
        ),
        (&key, "", "there is no private key in it"),
        (&key, &*Papers::new().issue(&["gate"]).1, "it is not the key of the certificate in"),
    ] {
        fs::write(file, bad).unwrap();
        let line = site.process.line(says);
        assert!(line.contains("ERROR") && line.contains(file.to_str().unwrap()), "{line}");
        assert_eq!((site.status_anew(), site.shown()), (200, shown.clone()), "{says}");
        for (file, text) in [&ca, &key].iter().zip(&kept) {
            fs::write(file, text).unwrap();
        }
        site.process.line(NEW);
    }
    fs::remove_file(&ca).unwrap();
    assert!(site.process.line("No such file").contains("ERROR"));
    assert_eq!(site.status_anew(), 200);
}
