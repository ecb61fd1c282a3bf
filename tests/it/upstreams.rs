//! Several backends behind one gate: the rule that lets a request pass says where it goes, and what the backend doesn't
//! see of its path.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::papers::Papers;
use crate::support::process::sidegate;
use crate::support::{Gate, Upstream};

/// Answers with its name.
fn named(name: &'static str) -> Upstream {
    Upstream::answering(move |exchange| {
        exchange.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()));
        true
    })
}

struct Site {
    gate: Gate,
    api: Upstream,
    files: Upstream,
    cookie: String,
}

fn site() -> Site {
    let (api, files) = (named("api"), named("files"));
    let settings = format!(
        r#"[upstreams.api]
url = "{}"
host_header = "upstream"
[upstreams.files]
url = "{}"
[[rules]]
path = "/api/*"
upstream = "api"
strip_prefix = "/api"
allow = "signed-in"
[[rules]]
path = "/api"
upstream = "api"
strip_prefix = "/api"
allow = "signed-in"
[[rules]]
path = "/files/*"
upstream = "files"
allow = "optional"
[[rules]]
path = "/public/*"
allow = "anyone""#,
        api.url(),
        files.url()
    );
    let gate = Gate::before(named("default"), &settings);
    let cookie = gate.signed_in();
    Site { gate, api, files, cookie }
}

#[test]
fn each_request_goes_to_the_backend_of_its_rule_on_every_way() {
    let site = site();
    let mut connection = site.gate.connect();
    for (path, name, sees) in [
        ("/x?a=/api/b", "default", "/x?a=/api/b"),
        ("/api/x/y?q#f", "api", "/x/y?q"),
        ("/api/", "api", "/"),
        ("/api", "api", "/"),
        ("/api?x=1", "api", "/?x=1"),
        ("/api/api/x", "api", "/api/x"),
        ("/api/a%20b%C3%BC+c;d", "api", "/a%20b%C3%BC+c;d"),
        ("/api/auth/me", "api", "/auth/me"),
        ("/files/x", "files", "/files/x"),
        ("/apix", "default", "/apix"),
        ("/public/x", "default", "/public/x"),
    ] {
        let seen_by = match name {
            "api" => &site.api,
            "files" => &site.files,
            _ => &site.gate.upstream,
        };
        let look = |way: &str, method: &str| {
            let seen = seen_by.last();
            assert_eq!(seen.line(), format!("{method} {sees} HTTP/1.1"), "{way} {path}");
            let host = if name == "api" { site.api.address } else { site.gate.address };
            assert_eq!(seen.header("host"), Some(host.to_string()), "{way} {path}");
            assert_eq!(seen.header("x-user-id").as_deref(), (path != "/public/x").then_some("1"), "{way}");
            assert!(!seen.head.contains("access_token"));
        };
        let (gate, cookie) = (&site.gate, &site.cookie);
        // One connection for all of them, so that a backend's own connection never serves another's requests.
        connection.write(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
        assert_eq!(connection.answer().text(), name, "{path}");
        look("direct", "GET");
        let chunks = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            gate.address
        );
        assert_eq!(gate.send(chunks).text(), name, "{path}");
        look("chunked", "POST");
        let absolute = format!("GET http://{0}{path} HTTP/1.1\r\nHost: {0}\r\n{cookie}\r\n", gate.address);
        assert_eq!(gate.send(absolute).text(), name, "{path}");
        look("absolute", "GET");
        assert_eq!(over_http2(gate, path, cookie), name, "{path}");
        look("HTTP/2", "GET");
    }
}

fn over_http2(gate: &Gate, path: &str, cookie: &str) -> String {
    Gate::wait(async {
        let stream = tokio::net::TcpStream::connect(gate.address).await.unwrap();
        let (mut client, connection) = http2::Builder::new(TokioExecutor::new())
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let path = path.split('#').next().unwrap();
        let request = http::Request::get(format!("http://{}{path}", gate.address))
            .header("cookie", cookie.trim().strip_prefix("Cookie: ").unwrap())
            .body(Empty::new())
            .unwrap();
        let body = client.send_request(request).await.unwrap().into_body().collect().await.unwrap();
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    })
}

#[test]
fn what_could_go_to_two_backends_or_loses_an_unclear_beginning_reaches_none() {
    let site = site();
    for path in [
        "/api/../x",
        "/x/../api/y",
        "/api/%2e%2e/files/x",
        "/api//x",
        "/%61pi/x",
        "/api/x%2Fy",
        "/api;v/x",
        "//api/x",
    ] {
        let answer = site.gate.get(path, &site.cookie);
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    let reached = [&site.api, &site.files, &site.gate.upstream].map(|upstream| upstream.requests().len());
    assert_eq!(reached, [0, 0, 0]);
}

#[test]
fn who_is_not_signed_in_reaches_no_backend_but_where_the_rule_says_so() {
    let site = site();
    assert_eq!(site.gate.get("/api/x", "").status, 401);
    assert_eq!(site.gate.get("/x", "").status, 401);
    assert_eq!(site.gate.get("/files/x", "X-User-Id: 7\r\n").text(), "files");
    assert_eq!(site.files.last().header("x-user-id"), None);
    assert_eq!((site.api.bytes(), site.gate.upstream.bytes()), (0, 0));
}

#[test]
fn a_request_that_is_renewed_in_passing_goes_its_way() {
    let site = site();
    site.gate.clock.advance(std::time::Duration::from_mins(16));
    let answer = site.gate.get("/api/x", &site.cookie);
    assert_eq!((answer.text().as_str(), answer.all("set-cookie").len()), ("api", 2));
    assert_eq!(site.api.last().line(), "GET /x HTTP/1.1");
}

#[test]
fn a_browser_that_has_to_sign_in_comes_back_to_the_path_that_it_asked_for() {
    let site = site();
    let answer = site.gate.get("/api/x?y", "Accept: text/html\r\n");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/login?next=%2Fapi%2Fx%3Fy")));
}

#[test]
fn a_tunnel_goes_to_its_backend() {
    let api = Upstream::answering_heads(|exchange| {
        exchange.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nhi");
        true
    });
    let gate = Gate::before(
        named("default"),
        &format!(
            "[upstreams.api]\nurl = \"{}\"\n[[rules]]\npath = \"/*\"\nupstream = \"api\"\nallow = \"signed-in\"",
            api.url()
        ),
    );
    let mut tunnel = gate.tunnel(&gate.signed_in());
    assert_eq!(tunnel.exactly(2), b"hi");
    assert_eq!(gate.upstream.bytes(), 0);
}

#[test]
fn a_backend_that_is_down_or_slow_is_its_own_matter() {
    let slow = Upstream::answering_heads(|exchange| {
        let mut bytes = [0; 64];
        // Until the gate has had enough.
        while let Ok(1..) = std::io::Read::read(&mut exchange.stream, &mut bytes) {}
        false
    });
    let gate = Gate::before(
        named("default"),
        &format!(
            "[upstreams.down]\nurl = \"http://127.0.0.1:1\"\n[upstreams.slow]\nurl = \"{}\"\nresponse_timeout = \"100ms\"\n\
             [[rules]]\npath = \"/down/*\"\nupstream = \"down\"\nallow = \"signed-in\"\n\
             [[rules]]\npath = \"/slow/*\"\nupstream = \"slow\"\nallow = \"signed-in\"",
            slow.url()
        ),
    );
    let cookie = gate.signed_in();
    for (path, status) in [("/down/x", 502), ("/slow/x", 504), ("/x", 200)] {
        assert_eq!(gate.get(path, &cookie).status, status, "{path}");
    }
}

#[test]
fn check_explains_where_a_request_goes_and_shows_the_backends() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "upstream.url = \"http://127.0.0.1:9000\"\n[upstreams.api]\nurl = \"h2c://127.0.0.1:9001\"\n\
                    [[rules]]\npath = \"/api/*\"\nupstream = \"api\"\nstrip_prefix = \"/api\"\nallow = \"anyone\"\n";
    std::fs::write(folder.path().join("sidegate.toml"), settings).unwrap();
    let say = |arguments: &[&str]| {
        let output = sidegate(folder.path()).arg("check").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (request, line) in [
        ("GET /api/x?y", "upstream: [upstreams.api], asked for /x?y\n"),
        ("GET /x", "upstream: [upstream], asked for /x\n"),
        ("GET /api/../x", "upstream: none; what is denied goes nowhere"),
        ("GET /%61pi/x", "upstream: none; what is denied goes nowhere"),
    ] {
        let said = say(&["--explain", request]);
        assert!(said.contains(line), "{request}: {said}");
    }
    let all = say(&[]);
    assert!(all.contains("\n[upstreams.api]"), "{all}");
    let lines = ["url = \"h2c://127.0.0.1:9001\"             # sidegate.toml:3:7\n", "idle_timeout = \"5m\""];
    let own = all.split("\n[upstreams.api]").nth(1).unwrap();
    assert!(lines.iter().all(|line| own.contains(line)), "{all}");
    assert!(all.contains("\nallow = \"anyone\"\nupstream = \"api\"\nstrip_prefix = \"/api\"\n"), "{all}");
}

#[test]
fn check_reads_and_shows_the_files_of_further_backends() {
    let papers = Papers::new();
    papers.file("gate", &["gate"]);
    papers.file("other", &["gate"]);
    for file in ["gate.key", "other.key"] {
        std::fs::set_permissions(papers.path(file), Permissions::from_mode(0o600)).unwrap();
    }
    let check = |ca: &str, key: &str| {
        let settings = format!(
            "upstream.url = \"http://127.0.0.1:9000\"\n[upstreams.api]\nurl = \"https://localhost:9001\"\nca_file = \"{ca}\"\n\
             client_cert = \"gate.pem\"\nclient_key = \"{key}\"\nserver_name = \"api.internal\"\nhttp2 = false\n\
             [[rules]]\npath = \"/*\"\nupstream = \"api\"\nallow = \"anyone\"\n"
        );
        std::fs::write(papers.path("sidegate.toml"), settings).unwrap();
        let output = sidegate(papers.path("").as_path()).arg("check").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = check("ca.pem", "gate.key");
    assert_eq!(code, Some(0), "{said}");
    let own = said.split("\n[upstreams.api]").nth(1).unwrap();
    for line in [
        "ca_file = \"ca.pem\"                       # sidegate.toml:4:11\n",
        "client_cert = \"gate.pem\"                 # sidegate.toml:5:15\n",
        "client_key = \"gate.key\"                  # sidegate.toml:6:14\n",
        "server_name = \"api.internal\"             # sidegate.toml:7:15\n",
        "http2 = false                            # sidegate.toml:8:9\n",
        "host_header = \"preserve\"                 # default\n",
    ] {
        assert!(own.contains(line), "{line}{said}");
    }
    for (ca, key, why) in [
        (
            "gone.pem",
            "gate.key",
            "sidegate.toml:4:11: `upstreams.api.ca_file` names `gone.pem`: no such file",
        ),
        ("gate.key", "gate.key", "`upstreams.api.ca_file` names `gate.key`: there is no certificate in it"),
        (
            "ca.pem",
            "other.key",
            "`upstreams.api.client_key` names `other.key`: it is not the key of the certificate",
        ),
    ] {
        let (code, said) = check(ca, key);
        assert!(code == Some(2) && said.contains(why), "{why}: {said}");
    }
}
