//! How a mail server's URL is written: `smtp://host:port`, `smtps://host`, `?tls=required`, `?tls=none`.

use super::raw::{Fault, Value, quote};
use super::settings::MailSecurity;
use super::urls::{Site, is_loopback};

/// A mail server's URL. It holds no password: that has a key of its own, which is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SmtpUrl {
    pub(super) host: String,
    port: Option<u16>,
    asked: Asked,
}

/// What the URL says of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// `smtps:`
    FromTheStart,
    /// `?tls=required`
    Required,
    /// `?tls=none`
    Never,
    Nothing,
}

impl SmtpUrl {
    /// Whether the server is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// How connections are secured. A password leaves this machine by TLS or not at all.
    pub(super) fn security(&self, has_login: bool) -> MailSecurity {
        match self.asked {
            Asked::FromTheStart => MailSecurity::Tls,
            Asked::Required => MailSecurity::StartTls,
            Asked::Never => MailSecurity::Plain,
            Asked::Nothing if has_login && !self.is_loopback() => MailSecurity::StartTls,
            Asked::Nothing => MailSecurity::Offered,
        }
    }

    /// The port, where none is written that of the service (RFC 8314 section 3.3, RFC 6409 section 3.1, RFC 5321 section
    /// 4.5.4.2): people sign in to submit mail, and servers that take it without are relays.
    pub(super) fn port(&self, has_login: bool) -> u16 {
        self.port.unwrap_or(match self.asked {
            Asked::FromTheStart => 465,
            _ if has_login => 587,
            _ => 25,
        })
    }
}

impl Value for SmtpUrl {
    const LOOKS: &'static str = "a URL such as `\"smtp://localhost:1025\"`";

    fn parse(text: &str) -> Result<Self, Fault> {
        let hint = "write it like `\"smtp://localhost:1025\"` or `\"smtps://mail.example.com\"`";
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| Fault::new("this is not a mail server's URL").hint(hint))?;
        let from_the_start = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(Fault::new("the scheme is neither `smtp` nor `smtps`").hint(hint)),
        };
        if rest.contains('@') {
            return Err(Fault::new("user information has no place in this URL")
                .hint("give it to `email.username` and `email.password`"));
        }
        let (site, query) = rest.split_once('?').unwrap_or((rest, ""));
        let asked = match (query, from_the_start) {
            ("tls=none", true) => {
                return Err(Fault::new("`smtps:` is TLS from the beginning, and `tls=none` is none")
                    .hint("write `smtp://` for a server without TLS, or leave `?tls=none` out"));
            }
            ("" | "tls=required", true) => Asked::FromTheStart,
            ("", false) => Asked::Nothing,
            ("tls=required", false) => Asked::Required,
            ("tls=none", false) => Asked::Never,
            _ => {
                return Err(Fault::new("this URL takes no other query than `tls=required` or `tls=none`")
                    .hint("write it like `\"smtp://mail.example.com?tls=required\"`"));
            }
        };
        let site =
            Site::parse(site.strip_suffix('/').unwrap_or(site)).map_err(|why| Fault::new(why).hint(hint))?;
        Ok(Self { host: site.host, port: site.port, asked })
    }

    fn show(&self) -> String {
        let (scheme, query) = match self.asked {
            Asked::FromTheStart => ("smtps", ""),
            Asked::Required => ("smtp", "?tls=required"),
            Asked::Never => ("smtp", "?tls=none"),
            Asked::Nothing => ("smtp", ""),
        };
        let site = Site { host: self.host.clone(), port: self.port };
        quote(&format!("{scheme}://{}{query}", site.authority(scheme)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_tls_follow_from_the_url_and_whether_somebody_signs_in() {
        use MailSecurity::{Offered, Plain, StartTls, Tls};
        for (text, login, port, security) in [
            ("smtp://mail.example.com", false, 25, Offered),
            ("smtp://mail.example.com", true, 587, StartTls),
            ("smtp://mail.example.com:2525/", true, 2525, StartTls),
            ("SMTP://mail.example.com?tls=required", false, 25, StartTls),
            ("smtp://mail.example.com?tls=none", false, 25, Plain),
            ("smtps://mail.example.com", true, 465, Tls),
            ("smtps://mail.example.com:4650?tls=required", false, 4650, Tls),
            ("smtp://localhost:1025", true, 1025, Offered),
            ("smtp://[::1]", true, 587, Offered),
            ("smtp://127.0.0.1?tls=required", true, 587, StartTls),
        ] {
            let url = SmtpUrl::parse(text).unwrap();
            assert_eq!((url.port(login), url.security(login)), (port, security), "{text}");
            assert_eq!(SmtpUrl::parse(url.show().trim_matches('"')), Ok(url), "{text}");
        }
    }

    #[test]
    fn a_refusal_never_repeats_a_password() {
        for text in
            ["smtp://u:hunter2@h", "smtp://h?tls=hunter2", "hunter2", "hunter2://h", "smtp://h/hunter2"]
        {
            let fault = SmtpUrl::parse(text).expect_err("refused");
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }
}
