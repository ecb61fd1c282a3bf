//! A gRPC server and client in grpcio, from PyPI: all four kinds of calls go through the gate, to an `h2c:` upstream and to one
//! by TLS.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::site::{Plan, Site};
use crate::{Tools, process};

/// Both sides; messages are bytes, so that nothing has to be generated.
const SERVER: &str = include_str!("../grpc/server.py");
const CLIENT: &str = include_str!("../grpc/client.py");

/// How the server is spoken to.
pub(crate) const WAYS: [Plan; 2] = [
    Plan { name: "grpc", scheme: "h2c", settings: &[] },
    // The gate runs in the folder above the server's.
    Plan { name: "grpc-tls", scheme: "https", settings: &[("SIDEGATE_UPSTREAM_CA_FILE", "work/server.pem")] },
];

/// The version of grpcio.
pub(crate) fn version(tools: &Tools) -> String {
    process::version_of_package("grpcio", tools)
}

/// Starts the server and the gate, and calls through it: as a stranger, as somebody who is signed in, and once that is
/// over. Gives what was done, or why it went wrong.
pub(crate) async fn called(way: Plan, tools: &Tools) -> Result<Vec<String>, String> {
    let by_tls = way.scheme == "https";
    let server = |folder: &Path, port: u16| {
        std::fs::write(folder.join("server.py"), SERVER).expect("the server can be written");
        std::fs::write(folder.join("client.py"), CLIENT).expect("the client can be written");
        let mut command = Command::new(tools.venv.join("bin/python"));
        command.arg("server.py").arg(port.to_string());
        if by_tls {
            let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
            let made = made.expect("a certificate can be made");
            std::fs::write(folder.join("server.pem"), made.cert.pem()).expect("it can be written");
            std::fs::write(folder.join("server.key"), made.signing_key.serialize_pem())
                .expect("so can its key");
            command.args(["server.pem", "server.key"]);
        }
        command
    };
    let site = Site::of(way, server, tools).await;
    client(tools, &site, "shut").await?;
    if site.heard() != 0 {
        return Err("bytes came through before anybody had signed in".to_owned());
    }
    client(tools, &site, "used").await
}

/// Runs the client to its end; gives what it said.
async fn client(tools: &Tools, site: &Site, what: &str) -> Result<Vec<String>, String> {
    let mut command = Command::new("timeout");
    command.arg("120").arg(tools.venv.join("bin/python")).args(["client.py", what, &site.port.to_string()]);
    command.current_dir(&site.folder).stdin(Stdio::null());
    // Elsewhere: this thread carries the wire.
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
    let output = output.map_err(|error| format!("the client does not start: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("client.py {what}: {}", said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
