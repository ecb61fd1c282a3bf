//! How addresses are written: where the gate listens, sockets' paths, networks that are believed.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::raw::{Fault, Value, quote};
use super::settings::Listen;

impl Value for SocketAddr {
    const LOOKS: &'static str = "an address such as `\"127.0.0.1:8000\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| {
            let fault = Fault::new(format!("`{text}` is not an address with a port"));
            let port = text.rsplit_once(':').map_or(text, |(_, port)| port);
            match text.rsplit_once(':').map_or("", |(host, _)| host) {
                _ if port.parse::<u16>().is_err() => {
                    fault.hint("write it like `\"127.0.0.1:8000\"` or `\"[::]:8000\"`")
                }
                "" | "*" => fault
                    .hint(format!("write `\"127.0.0.1:{port}\"`, or `\"[::]:{port}\"` for every interface")),
                "localhost" => fault.hint(format!("write `\"127.0.0.1:{port}\"`")),
                _ => fault
                    .hint(format!("write an IP address, like `\"127.0.0.1:{port}\"` or `\"[::1]:{port}\"`")),
            }
        })
    }

    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

impl Value for Listen {
    const LOOKS: &'static str = "an address such as `\"127.0.0.1:8000\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text.strip_prefix("unix:") {
            Some(path) => socket_path(path).map(Self::Unix),
            None => SocketAddr::parse(text).map(Self::Tcp),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Tcp(address) => address.show(),
            Self::Unix(path) => quote(&format!("unix:{}", path.display())),
        }
    }
}

/// A Unix socket's path after `unix:`; URLs' `unix:///run/x.sock` is the same as `unix:/run/x.sock`.
pub(super) fn socket_path(path: &str) -> Result<PathBuf, Fault> {
    let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
    if path.is_empty() || path.chars().any(char::is_control) {
        return Err(
            Fault::new("a socket's path is missing").hint("write it like `\"unix:/run/sidegate.sock\"`")
        );
    }
    fits_socket(Path::new(path)).map_err(|why| Fault::new(why).hint("choose a shorter path"))?;
    Ok(PathBuf::from(path))
}

/// Whether a path fits into the system's socket address (`sun_path` less its final zero).
pub(super) fn fits_socket(path: &Path) -> Result<(), String> {
    let longest = if cfg!(target_os = "linux") { 107 } else { 103 };
    let length = path.as_os_str().len();
    if length > longest {
        return Err(format!("a socket's path can have {longest} bytes, `{}` has {length}", path.display()));
    }
    Ok(())
}

/// Who may say where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trusted {
    /// Peers in a network.
    Net(IpNet),
    /// Peers on a Unix socket.
    Unix,
}

impl Value for Trusted {
    const LOOKS: &'static str = "a network such as `\"10.0.0.0/8\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let net = net.map_err(|_| {
            Fault::new(format!("`{text}` is not a network"))
                .hint("write it like `\"10.0.0.0/8\"`, `\"192.0.2.1\"` or `\"unix\"`")
        })?;
        if net.trunc() != net {
            let fault = Fault::new(format!("`{text}` has bits set beyond its prefix"));
            let (whole, single) = (net.trunc(), net.addr());
            return Err(
                fault.hint(format!("write `\"{whole}\"` for the network or `\"{single}\"` for the address"))
            );
        }
        Ok(Self::Net(net))
    }

    fn show(&self) -> String {
        match self {
            Self::Net(net) => quote(&net.to_string()),
            Self::Unix => quote("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_no_bits_beyond_its_prefix() {
        let show = |text: &str| Trusted::parse(text).map(|trusted| trusted.show()).ok();
        assert_eq!(show("10.0.0.0/8"), Some("\"10.0.0.0/8\"".to_owned()));
        assert_eq!(show("192.0.2.1"), Some("\"192.0.2.1/32\"".to_owned()));
        assert_eq!(show("::1"), Some("\"::1/128\"".to_owned()));
        assert_eq!(show("unix"), Some("\"unix\"".to_owned()));
        for bad in ["10.0.0.1/8", "10.0.0.0/33", "*", "localhost", "", "10.0.0"] {
            assert_eq!(show(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_addresses_can_be_listened_on() {
        let unix = |path: &str| Ok(Listen::Unix(path.into()));
        assert_eq!(Listen::parse("[::]:8000"), Ok(Listen::Tcp("[::]:8000".parse().unwrap())));
        assert_eq!(Listen::parse("unix:/run/x.sock"), unix("/run/x.sock"));
        for bad in [":8000", "8000", "localhost:8000", "127.0.0.1", "*:80", "unix:", "http://127.0.0.1:80"] {
            assert!(Listen::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Listen::parse(&format!("unix:/{}", "x".repeat(107))).is_err());
    }
}
