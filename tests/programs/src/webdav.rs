//! WebDAV: wsgidav from PyPI behind the gate. curl takes the same steps with the gate and without it, and sees the same.

use std::process::Command;

use crate::front::Front;
use crate::person::{Ended, Person};
use crate::raw;
use crate::site::{Plan, Site};
use crate::{Tools, process};

pub(crate) const NAME: &str = "webdav";

/// Of the file that goes up: curl asks first from 1 MiB on (`Expect: 100-continue`).
const SIZE: usize = 3_000_000;

const DOORS: [&str; 7] =
    ["GET /", "OPTIONS /", "PROPFIND /", "PUT /up.bin", "MKCOL /beds", "LOCK /up.bin", "DELETE /"];

/// Locks for writing, for as long as a slow machine needs.
const LOCK: &str = r#"<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>
    <D:locktype><D:write/></D:locktype><D:owner>ada</D:owner></D:lockinfo>"#;

/// What a client notes of an answer beside its status.
const NOTED: &str = "%{http_code} %header{dav} %header{content-range} %header{allow}";

/// How the server is started.
pub(crate) fn plan(tools: &Tools) -> Plan {
    let program = tools.venv.join("bin/wsgidav");
    Plan {
        name: NAME,
        version: process::version(&program),
        scheme: "http",
        settings: &[],
        lays_out: Box::new(|folder| {
            _ = std::fs::remove_dir_all(folder.join("files"));
            std::fs::create_dir(folder.join("files")).expect("a folder for what is served");
        }),
        command: Box::new(move |_, port| {
            let mut command = Command::new(&program);
            command.args(["--host=127.0.0.1", &format!("--port={port}"), "--root=files"]);
            command.args(["--auth=anonymous", "--server=cheroot", "--no-config"]);
            command
        }),
    }
}

/// Takes all steps. Gives what was done, or why it went wrong.
pub(crate) async fn used(site: &Site) -> Result<Vec<String>, String> {
    let ada = Person::before(site);
    std::fs::write(ada.home().join("up.bin"), content()).map_err(|error| format!("a file: {error}"))?;
    let through = Client { ada: &ada, base: site.origin.clone(), http: "--http1.1" };
    is_shut(site, &through).await?;
    if site.heard() != 0 {
        return Err("bytes came through before anybody had signed in".to_owned());
    }

    ada.signs_up_and_in().await?;
    // To the same server, and by the same name: some of what it answers has it.
    let base = format!("http://webdav.localhost:{}", site.behind);
    let without = Client { base, ..through }.steps().await?;
    // nginx takes HTTP/2 without TLS on a port of its own, for gRPC.
    let versions: &[(&str, &str)] = &[("--http1.1", "HTTP/1.1"), ("--http2-prior-knowledge", "HTTP/2")];
    let versions = &versions[..if site.http2_port == site.port { 2 } else { 1 }];
    for (http, _) in versions {
        let with = Client { http, base: site.origin.clone(), ..through }.steps().await?;
        if let Some((without, with)) = without.iter().zip(&with).find(|(without, with)| without != with) {
            return Err(format!("without the gate: {without}; with it, {http}: {with}"));
        }
    }
    let mut done = vec![format!(
        "{} steps without the gate and with it, by {}: the same answers",
        without.len(),
        versions.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" and ")
    )];
    done.push(
        "PROPFIND, PUT (length, chunks, Expect), ranges, MKCOL, COPY, MOVE, LOCK, UNLOCK, DELETE".to_owned(),
    );

    ada.signs_out().await?;
    let heard = site.heard();
    is_shut(site, &through).await?;
    if site.heard() != heard {
        return Err("bytes came through after the sign-out".to_owned());
    }
    let begun = if says_to_go_on(site) { "" } else { ", and no upload is begun" };
    done.push(format!("signed out: the same cookies open nothing{begun}"));
    Ok(done)
}

/// Whether what stands before the gate tells every client to go on that asks, before it asks anybody itself.
fn says_to_go_on(site: &Site) -> bool {
    matches!(site.front, Some(Front::Nginx | Front::Caddy))
}

/// Nothing comes through, and an upload that asks first is not told to go on.
async fn is_shut(site: &Site, client: &Client<'_>) -> Result<(), String> {
    for door in DOORS {
        let status = raw::status(site.port, &site.host, door).await;
        if status != 401 {
            return Err(format!("{door} without a session: {status}"));
        }
    }
    let put = client.curl("/up.bin", &["--upload-file", "up.bin", "--verbose"]).await?;
    if !put.output.starts_with("401") || !says_to_go_on(site) && put.errors.contains("100 Continue") {
        return Err(format!("an upload without a session: {}{}", put.output, put.errors));
    }
    Ok(())
}

/// curl, with the file of cookies, at one of the two addresses.
struct Client<'a> {
    ada: &'a Person,
    base: String,
    /// curl's word for the version that it speaks.
    http: &'static str,
}

impl Client<'_> {
    async fn curl(&self, path: &str, arguments: &[&str]) -> Result<Ended, String> {
        let (jar, url) = (self.ada.jar().display().to_string(), format!("{}{path}", self.base));
        // The cookies aren't written back: the server is to be asked the same in both rounds.
        let usual = ["-sS", "--path-as-is", self.http, "-b", &jar, "-o", "got", "-w", NOTED];
        self.ada.runs("curl", &[&usual, arguments, &[&url]].concat()).await
    }

    /// One step; gives what a client sees of the answer.
    async fn step(&self, path: &str, arguments: &[&str]) -> Result<String, String> {
        let ended = self.curl(path, arguments).await?;
        if !ended.well {
            return Err(format!("curl {arguments:?} {path}: {}", ended.errors.trim()));
        }
        let told = arguments.join(" ").replace(&self.base, "");
        Ok(format!("{told} {path}: {}", ended.output.trim()))
    }

    /// Everything that a client does, in a folder that was empty and is empty again.
    async fn steps(&self) -> Result<Vec<String>, String> {
        let mut seen = vec![self.step("/", &["-X", "OPTIONS"]).await?];
        self.uploads(&mut seen).await?;
        self.moves(&mut seen).await?;
        self.locks(&mut seen).await?;
        for path in ["/beds", "/up.bin", "/100%25%20sun%20%C3%A9.bin", "/beds"] {
            seen.push(self.step(path, &["-X", "DELETE"]).await?);
        }
        seen.push(self.lists("/").await?);
        Ok(seen)
    }

    async fn uploads(&self, seen: &mut Vec<String>) -> Result<(), String> {
        let put = self.curl("/up.bin", &["--upload-file", "up.bin", "--verbose"]).await?;
        // By HTTP/2 curl does not ask first.
        let asks = self.http == "--http1.1";
        if !put.output.starts_with("201") || asks != put.errors.contains("100 Continue") {
            return Err(format!("an upload that asks first: {}{}", put.output, put.errors));
        }
        let chunked = ["--upload-file", "up.bin", "-H", "Transfer-Encoding: chunked", "-H", "Expect:"];
        // Signs that a path may have, each of which something on the way could read twice.
        seen.push(self.step("/100%25%20sun%20%C3%A9.bin", &chunked).await?);
        seen.push(self.step("/up.bin", &chunked).await?);
        seen.push(self.step("/no/such/folder.bin", &["--upload-file", "up.bin"]).await?);
        for (path, range, wanted) in [
            ("/up.bin", "0-", 0..SIZE),
            ("/100%25%20sun%20%C3%A9.bin", "10-1999", 10..2000),
            ("/up.bin", "-5", SIZE - 5..SIZE),
        ] {
            seen.push(self.step(path, &["--range", range]).await?);
            if self.got() != content()[wanted] {
                return Err(format!("{}{path}: other bytes in range {range}", self.base));
            }
        }
        seen.push(self.step("/up.bin", &["--range", "5000000-"]).await?);
        seen.push(self.step("/up.bin", &["--head"]).await?);
        seen.push(self.lists("/").await?);
        Ok(())
    }

    async fn moves(&self, seen: &mut Vec<String>) -> Result<(), String> {
        let to = |path: &str| format!("Destination: {}{path}", self.base);
        for _ in 0..2 {
            seen.push(self.step("/beds", &["-X", "MKCOL"]).await?);
        }
        for (method, from, to) in [
            ("COPY", "/up.bin", to("/beds/copy.bin")),
            ("MOVE", "/beds/copy.bin", to("/beds/moved%20%C3%A9.bin")),
            // Where it does not say which server: there is one only.
            ("COPY", "/up.bin", "Destination: /beds/copy.bin".to_owned()),
            ("MOVE", "/up.bin", "Destination: http://elsewhere.example/up.bin".to_owned()),
        ] {
            seen.push(self.step(from, &["-X", method, "-H", &to]).await?);
        }
        let kept = ["-X", "MOVE", "-H", &to("/beds/copy.bin"), "-H", "Overwrite: F"];
        seen.push(self.step("/up.bin", &kept).await?);
        seen.push(self.step("/beds/moved%20%C3%A9.bin", &["--head"]).await?);
        seen.push(self.lists("/beds/").await?);
        Ok(())
    }

    /// A lock holds off who does not name it.
    async fn locks(&self, seen: &mut Vec<String>) -> Result<(), String> {
        let arguments = ["-X", "LOCK", "-H", "Timeout: Second-300", "-D", "head", "--data-raw", LOCK];
        seen.push(self.step("/up.bin", &arguments).await?);
        let head = std::fs::read_to_string(self.ada.home().join("head")).unwrap_or_default();
        let token = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("lock-token").then(|| value.trim().to_owned())
        });
        let token = token.ok_or_else(|| format!("no lock in the answer: {head}"))?;
        let status = async |arguments: &[&str]| {
            let noted = self.curl("/up.bin", arguments).await?;
            Ok::<_, String>(noted.output.split(' ').next().unwrap_or_default().to_owned())
        };
        let upload = ["--upload-file", "up.bin"];
        let named = format!("If: ({token})");
        let lock_token = format!("Lock-Token: {token}");
        for (what, arguments) in [
            ("an upload against a lock", &upload[..]),
            ("an upload with the lock", &["--upload-file", "up.bin", "-H", &named]),
            ("its end", &["-X", "UNLOCK", "-H", &lock_token]),
            ("an upload after it", &upload),
        ] {
            seen.push(format!("{what}: {}", status(arguments).await?));
        }
        Ok(())
    }

    /// The names in a folder, in the server's order.
    async fn lists(&self, folder: &str) -> Result<String, String> {
        let noted = self.step(folder, &["-X", "PROPFIND", "-H", "Depth: 1"]).await?;
        let got = String::from_utf8_lossy(&self.got()).into_owned();
        let names = got.split("href>").filter(|text| text.starts_with('/'));
        let names: Vec<&str> = names.filter_map(|text| text.split('<').next()).collect();
        Ok(format!("{noted} {}", names.join(" ")))
    }

    fn got(&self) -> Vec<u8> {
        std::fs::read(self.ada.home().join("got")).unwrap_or_default()
    }
}

/// Bytes of which no two parts are alike by chance.
fn content() -> Vec<u8> {
    let numbers = (0..SIZE / 8).map(|number| format!("{number:07}\n"));
    numbers.flat_map(String::into_bytes).collect()
}
