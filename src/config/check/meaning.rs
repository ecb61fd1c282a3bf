//! What a value comes to where it leaves that to other settings, for `sidegate check`.

use crate::config::settings::{MailSecurity, SecureCookies, Settings};
use crate::config::table::Effective;

/// What a key's value means in these settings; `None`: what it says.
pub(in crate::config) fn here(key: &Effective, settings: &Settings) -> Option<String> {
    let auto = key.value == "\"auto\"";
    let name = |name: &str| (!key.value.contains(name)).then(|| format!("`{name}`"));
    match (key.section, key.name) {
        ("cookies", "access") => name(&settings.cookies.access),
        ("cookies", "refresh") => name(&settings.cookies.refresh),
        ("cookies", "secure") if auto && settings.server.public_url.https => Some("`true`".to_owned()),
        ("cookies", "secure") if auto && settings.cookies.secure == SecureCookies::Auto => {
            Some("for requests that came by TLS".to_owned())
        }
        ("email", "smtp") => settings.email.as_ref().map(|mail| {
            let security = match mail.security {
                MailSecurity::Tls => "TLS",
                MailSecurity::StartTls => "STARTTLS required",
                MailSecurity::Offered => "STARTTLS where it is offered",
                MailSecurity::Plain => "plain text",
            };
            format!("port {}, {security}", mail.port)
        }),
        ("passwords", "block_common") if auto => Some(format!("`{}`", settings.passwords.block_common)),
        ("admin", "socket") => name(&settings.admin.socket.to_string_lossy()),
        _ => None,
    }
}
