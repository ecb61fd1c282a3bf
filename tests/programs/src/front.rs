//! Other people's proxies before the gate, with the ready files of `docs/front-proxies/proxy/`, but for their ports.

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::Tools;

const NGINX: &str = include_str!("../../../docs/front-proxies/proxy/nginx.conf");
const HAPROXY: &str = include_str!("../../../docs/front-proxies/proxy/haproxy.cfg");
const CADDY: &str = include_str!("../../../docs/front-proxies/proxy/Caddyfile");

/// The ports in these files: where clients connect, where nginx takes HTTP/2 without TLS, and where the gate is.
const PORTS: [&str; 3] = [":8080", ":8081", ":8000"];

/// A proxy that hands everything to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Nginx,
    Haproxy,
    Caddy,
}

impl Front {
    pub(crate) const ALL: [Self; 3] = [Self::Nginx, Self::Haproxy, Self::Caddy];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    /// What starts it in `home`, on these ports.
    pub(crate) fn command(self, tools: &Tools, home: &Path, ports: [u16; 3]) -> Command {
        let (text, file) = match self {
            Self::Nginx => (NGINX, "nginx.conf"),
            Self::Haproxy => (HAPROXY, "haproxy.cfg"),
            Self::Caddy => (CADDY, "Caddyfile"),
        };
        let text = PORTS
            .iter()
            .zip(ports)
            .fold(text.to_owned(), |text, (written, port)| text.replace(written, &format!(":{port}")));
        std::fs::write(home.join(file), text).expect("a proxy's settings can be written");
        let mut command = Command::new(match self {
            Self::Nginx | Self::Haproxy => self.name().into(),
            Self::Caddy => tools.venv.join("bin/caddy"),
        });
        match self {
            Self::Nginx => {
                // Who isn't root can't choose the workers' user, and need not.
                let user = if rustix::process::geteuid().is_root() { " user root;" } else { "" };
                let further = format!("daemon off; error_log stderr; pid nginx.pid;{user}");
                command.arg("-p").arg(home).args(["-g", &further, "-c"]).arg(home.join(file));
            }
            Self::Haproxy => {
                command.args(["-db", "-f", file]);
            }
            Self::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config", file]);
            }
        }
        command
    }
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
