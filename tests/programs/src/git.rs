//! git over HTTP: its own server program (`git http-backend`, as CGI of Debian's lighttpd) behind the gate; clone, fetch
//! and push by its own client, with the cookies that curl got.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::person::Person;
use crate::process;
use crate::raw;
use crate::site::{Plan, Site};

pub(crate) const NAME: &str = "git";

/// Of the file that is pushed: many times what git sends without chunks here, and no zeros to pack.
const SIZE: usize = 6_000_000;

/// Who pushed, as the server's own programs are told it: the gate's `X-User-Id`.
const HOOK: &str = "#!/bin/sh\nprintf %s \"$HTTP_X_USER_ID\" > pushed-by\n";

const DOORS: [&str; 4] = [
    "GET /git/garden.git/info/refs?service=git-upload-pack",
    "GET /git/garden.git/info/refs?service=git-receive-pack",
    "POST /git/garden.git/git-upload-pack",
    "POST /git/garden.git/git-receive-pack",
];

/// How its server is started.
pub(crate) fn plan() -> Plan {
    Plan {
        name: NAME,
        version: process::version(Path::new("git")),
        scheme: "http",
        settings: &[],
        lays_out: Box::new(repository),
        command: Box::new(server),
    }
}

/// Uses it as git's users do. Gives what was done, or why it went wrong.
pub(crate) async fn used(site: &Site) -> Result<Vec<String>, String> {
    let ada = Person::before(site);
    let clones = Clones { url: site.url("/git/garden.git"), ada: &ada };
    let mut done = vec![is_shut(site, &clones).await?];
    if site.heard() != 0 {
        return Err("bytes came through before anybody had signed in".to_owned());
    }
    ada.signs_up_and_in().await?;
    done.push(first_push(site, &clones).await?);
    done.push(clone_and_fetch(&clones).await?);
    done.push(renewed(&clones).await?);

    ada.signs_out().await?;
    let heard = site.heard();
    is_shut(site, &clones).await?;
    if site.heard() != heard {
        return Err("bytes came through after the sign-out".to_owned());
    }
    done.push("signed out: the same cookies open nothing".to_owned());
    Ok(done)
}

/// Runs git for the server's side; gives what it said.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    let output = command.args(arguments).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("git does not start: {error}"));
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// An empty repository.
fn repository(folder: &Path) {
    _ = std::fs::remove_dir_all(folder.join("garden.git"));
    git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "garden.git"]);
    // The server knows no users, so that it would let nobody push.
    git(folder, &["-C", "garden.git", "config", "http.receivepack", "true"]);
    let hook = folder.join("garden.git/hooks/post-receive");
    std::fs::write(&hook, HOOK).expect("a hook can be written");
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, runs).expect("a hook can be made to run");
}

/// The server, and its settings.
fn server(folder: &Path, port: u16) -> Command {
    let (root, backend) = (folder.display(), format!("{}/git-http-backend", git(folder, &["--exec-path"])));
    let settings = format!(
        "server.document-root = \"{root}\"\nserver.bind = \"127.0.0.1\"\nserver.port = {port}\n\
         server.modules = (\"mod_alias\", \"mod_setenv\", \"mod_cgi\")\nserver.stream-response-body = 2\n\
         alias.url = (\"/git\" => \"{backend}\")\ncgi.assign = (\"\" => \"\")\n\
         setenv.set-environment = (\"GIT_PROJECT_ROOT\" => \"{root}\", \"GIT_HTTP_EXPORT_ALL\" => \"1\")\n"
    );
    std::fs::write(folder.join("lighttpd.conf"), settings).expect("its settings can be written");
    let mut command = Command::new("lighttpd");
    command.args(["-D", "-f", "lighttpd.conf"]);
    command
}

/// A person's copies of the repository.
struct Clones<'a> {
    url: String,
    ada: &'a Person,
}

impl Clones<'_> {
    /// Runs git with the file of cookies, as `git config` would name it; gives both of its outputs.
    async fn git(&self, folder: &str, arguments: &[&str]) -> Result<String, String> {
        let cookies = format!("http.cookieFile={}", self.ada.jar().display());
        // As it is told in docs/real-programs.md: what the gate renews is kept.
        self.git_with(folder, &[&["-c", &cookies, "-c", "http.saveCookies=true"], arguments].concat()).await
    }

    async fn git_with(&self, folder: &str, arguments: &[&str]) -> Result<String, String> {
        let ended = self.ada.runs_in(folder, "git", arguments).await?;
        let said = ended.output + &ended.errors;
        if ended.well { Ok(said) } else { Err(format!("git {arguments:?}: {}", said.trim())) }
    }
}

/// Nothing comes through, and git ends at once.
async fn is_shut(site: &Site, clones: &Clones<'_>) -> Result<String, String> {
    for door in DOORS {
        let status = raw::status(site.port, &site.host, door).await;
        if status != 401 {
            return Err(format!("{door} without a session: {status}"));
        }
    }
    let begun = Instant::now();
    let Err(said) = clones.git("", &["ls-remote", &clones.url]).await else {
        return Err("git got in without a session".to_owned());
    };
    if begun.elapsed() > Duration::from_secs(5) || !said.contains("terminal prompts disabled") {
        return Err(format!("without a session git took {:?} and said: {said}", begun.elapsed()));
    }
    let curl = ["-s", "-o", "/dev/null", "-w", "%header{www-authenticate}", &clones.url];
    let challenge = clones.ada.runs("curl", &curl).await?.output;
    if challenge != "Cookie" {
        return Err(format!("without a session the gate challenges for {challenge:?}"));
    }
    Ok("without a session git ended at once (401, no Basic challenge)".to_owned())
}

/// A repository of some MiB goes up in chunks.
async fn first_push(site: &Site, clones: &Clones<'_>) -> Result<String, String> {
    clones.git("", &["init", "--quiet", "--initial-branch=main", "first"]).await?;
    for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.com")] {
        clones.git("", &["config", "--global", key, value]).await?;
    }
    std::fs::write(clones.ada.home().join("first/seeds"), noise()).expect("a file can be written");
    clones.git("first", &["add", "seeds"]).await?;
    clones.git("first", &["commit", "--quiet", "--message", "Seeds"]).await?;
    let trace = clones.ada.home().join("trace");
    let chunked = ["-c", "http.postBuffer=65536", "push", &clones.url, "main"];
    let traced = format!("GIT_TRACE_CURL={}", trace.display());
    let cookies = format!("http.cookieFile={}", clones.ada.jar().display());
    let arguments = [&["GIT_TRACE_CURL_NO_DATA=1", &traced, "git", "-c", &cookies], &chunked[..]].concat();
    let pushed = clones.ada.runs_in("first", "env", &arguments).await?;
    if !pushed.well {
        return Err(format!("git push: {}", pushed.errors.trim()));
    }
    let trace = std::fs::read_to_string(trace).unwrap_or_default().to_lowercase();
    if !trace.contains("transfer-encoding: chunked") {
        return Err("git push sent no chunks".to_owned());
    }
    let by = std::fs::read_to_string(site.folder.join("garden.git/pushed-by")).unwrap_or_default();
    if by != "1" {
        return Err(format!("the server's hook was told the user {by:?}"));
    }
    Ok("6 MB pushed in chunks (http.cookieFile); the server's hook knew the user".to_owned())
}

/// Another copy by the cookie as a header; each sees what the other pushed.
async fn clone_and_fetch(clones: &Clones<'_>) -> Result<String, String> {
    let cookie =
        clones.ada.cookie("access_token").ok_or("there is no access_token in the file of cookies")?;
    let header = format!("http.extraHeader=Cookie: theme=dark; access_token={cookie}");
    clones.git_with("", &["-c", &header, "clone", "--quiet", &clones.url, "second"]).await?;
    let got = std::fs::read(clones.ada.home().join("second/seeds")).unwrap_or_default();
    if got != noise() {
        return Err(format!("what was cloned has {} bytes, and they differ", got.len()));
    }
    std::fs::write(clones.ada.home().join("second/roses"), "red\n").expect("a file can be written");
    clones.git("second", &["add", "roses"]).await?;
    clones.git("second", &["commit", "--quiet", "--message", "Roses"]).await?;
    clones.git_with("second", &["-c", &header, "push", "--quiet", "origin", "main"]).await?;
    clones.git("first", &["fetch", "--quiet", &clones.url, "main"]).await?;
    let (theirs, own) = (
        clones.git("first", &["rev-parse", "FETCH_HEAD"]).await?,
        clones.git("second", &["rev-parse", "HEAD"]).await?,
    );
    if theirs != own {
        return Err(format!("fetched {theirs}, but {own} was pushed"));
    }
    clones.git("", &["clone", "--quiet", "--depth=1", &clones.url, "third"]).await?;
    Ok("cloned and pushed by a header (http.extraHeader), fetched, and cloned with one commit".to_owned())
}

/// An access token that is over is renewed in passing, also before a push; git keeps the new one.
async fn renewed(clones: &Clones<'_>) -> Result<String, String> {
    clones.ada.forgets("access_token");
    clones.git("third", &["fetch", "--quiet"]).await?;
    if clones.ada.cookie("access_token").is_none() {
        return Err("git did not keep the renewed access token".to_owned());
    }
    clones.ada.forgets("access_token");
    clones.git("third", &["commit", "--quiet", "--allow-empty", "--message", "Nothing"]).await?;
    clones.git("third", &["push", "--quiet", "origin", "main"]).await?;
    Ok("a session with no access token left was renewed in passing by a fetch and by a push".to_owned())
}

/// Bytes that no packing makes fewer, the same each time (Knuth's multiplier).
fn noise() -> Vec<u8> {
    let next = |state: &u64| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    let states = std::iter::successors(Some(1_u64), next).take(SIZE);
    states.map(|state| state.to_be_bytes()[0]).collect()
}
