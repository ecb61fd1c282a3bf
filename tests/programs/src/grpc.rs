//! A gRPC server and client in grpcio, from PyPI: all four kinds of calls go through the gate, to an `h2c:` upstream and to one
//! by TLS.

use std::process::{Command, Stdio};

use crate::front::Front;
use crate::site::{Plan, Site};
use crate::{Tools, process};

/// Both sides; messages are bytes, so that nothing has to be generated.
const SERVER: &str = include_str!("../grpc/server.py");
const CLIENT: &str = include_str!("../grpc/client.py");

/// How the server is spoken to.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    scheme: &'static str,
    settings: &'static [(&'static str, &'static str)],
}

/// All ways.
pub(crate) const WAYS: [Way; 2] = [
    Way { name: "grpc", scheme: "h2c", settings: &[] },
    Way {
        name: "grpc-tls",
        scheme: "https",
        settings: &[("SIDEGATE_UPSTREAM_CA_FILE", "{folder}/server.pem")],
    },
];

/// How its server is started.
pub(crate) fn plan(way: Way, tools: &Tools) -> Plan {
    let python = tools.venv.join("bin/python");
    let by_tls = way.scheme == "https";
    Plan {
        name: way.name,
        version: process::version_of_package("grpcio", tools),
        scheme: way.scheme,
        settings: way.settings,
        lays_out: Box::new(|folder| {
            std::fs::write(folder.join("server.py"), SERVER).expect("the server can be written");
            std::fs::write(folder.join("client.py"), CLIENT).expect("the client can be written");
        }),
        command: Box::new(move |folder, port| {
            let mut command = Command::new(&python);
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
        }),
    }
}

/// Calls as a stranger, as somebody who is signed in, and once that is over. Gives what was done, or why it went wrong.
pub(crate) async fn called(site: &Site, tools: &Tools) -> Result<Vec<String>, String> {
    client(tools, site, "shut").await?;
    if site.heard() != 0 {
        return Err("bytes came through before anybody had signed in".to_owned());
    }
    client(tools, site, "used").await
}

/// Runs the client to its end; gives what it said.
async fn client(tools: &Tools, site: &Site, what: &str) -> Result<Vec<String>, String> {
    let mut command = Command::new("timeout");
    command.arg("120").arg(tools.venv.join("bin/python")).args(["client.py", what]);
    command.args([site.http2_port.to_string(), site.port.to_string()]);
    command.arg(site.front.map_or("", Front::name));
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
