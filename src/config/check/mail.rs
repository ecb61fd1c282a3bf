//! `[email]`: whole or absent, nothing secret in plain text over a network, and whom the server is believed to be.

use std::path::{Path, PathBuf};

use crate::config::file::{Mail, Written};
use crate::config::finding::{Finding, Place};
use crate::config::settings::{self, MailSecurity};
use crate::tls::{RootsError, roots};
use crate::types::Secret;

/// The rules between the section's keys, and what `signup` needs of it.
pub(super) fn rules(written: &mut Written, findings: &mut Vec<Finding>) {
    whole(written, findings);
    let mail = &mut written.email;
    let (user, password) = (!mail.username.value.is_empty(), mail.password.value.is_some());
    if let (false, false, true, Some(from)) = (user, mail.username.bad, password, &mail.from.value) {
        // MAIN_EMAIL is both at once.
        let from = from.as_str().to_owned();
        mail.username.follow(from, "email.from");
    } else if user && !password && !mail.password.bad {
        findings.push(
            mail.username
                .error("is given without `email.password`")
                .hint("give both, or neither where the server takes mail from anybody"),
        );
    }
    if mail.from.value.is_some() {
        in_the_open(mail, findings);
    }
    let pages = &written.pages.enabled;
    if written.email.smtp.value.is_some() && !pages.value {
        findings.push(
            pages
                .warning("is `false`: the links in mails lead to pages of the gate's that are not there")
                .hint("set it to `true`, or have `/auth/reset` and `/auth/verify-email` answered by pages of your own before the gate"),
        );
    }
}

/// Half a section is a mistake.
fn whole(written: &Written, findings: &mut Vec<Finding>) {
    let (mail, verification) = (&written.email, &written.signup.email_verification);
    let fastapi = |place: &Place| place.variable().is_some_and(|name| name.starts_with("MAIN_EMAIL"));
    // An empty value is how a key is left open, and how `sidegate check` shows one that is.
    let said = |is: bool, place: Option<Place>| place.filter(|_| is);
    let places = [
        said(mail.smtp.bad || mail.smtp.value.is_some(), mail.smtp.place()),
        said(mail.from.bad || mail.from.value.is_some(), mail.from.place()),
        said(mail.username.bad || !mail.username.value.is_empty(), mail.username.place()),
        said(mail.password.bad || mail.password.value.is_some(), mail.password.place()),
        said(mail.ca_file.bad || mail.ca_file.value.is_some(), mail.ca_file.place()),
    ];
    let Some(first) = places.into_iter().flatten().find(|place| !fastapi(place)) else {
        if verification.value {
            findings.push(
                verification
                    .error("needs `[email]`: without mail nobody can prove an address")
                    .hint("set `email.smtp` and `email.from`, or set it to `false`"),
            );
        }
        // MAIN_EMAIL alone: the FastAPI project knew its server by heart.
        if let Some(place) = mail.from.place().or_else(|| mail.password.place()) {
            findings.push(
                Finding::warning(Some(place), "no mail is sent: `email.smtp` is missing")
                    .hint("set `SIDEGATE_EMAIL_SMTP`, like `smtp://mail.example.com`"),
            );
        }
        return;
    };
    if mail.smtp.value.is_none() && !mail.smtp.bad {
        findings.push(
            Finding::error(Some(first), "`email.smtp` is missing")
                .hint("write it like `\"smtp://localhost:1025\"`"),
        );
    } else if mail.from.value.is_none() && !mail.from.bad {
        findings.push(
            Finding::error(Some(first), "`email.from` is missing")
                .hint("write it like `\"auth@example.com\"`"),
        );
    }
}

/// What others could read on the way.
fn in_the_open(mail: &Mail, findings: &mut Vec<Finding>) {
    let Some(url) = mail.smtp.value.as_ref().filter(|url| !url.is_loopback()) else { return };
    let has_login = has_login(mail);
    let by_tls = "write `smtps://`, or `?tls=required` behind it where the server has STARTTLS";
    match url.security(has_login) {
        MailSecurity::Tls | MailSecurity::StartTls => {}
        MailSecurity::Plain if has_login => findings.push(
            mail.smtp
                .error("says `tls=none`: the password would be sent in plain text")
                .hint("leave `?tls=none` out, or remove `email.username` and `email.password`"),
        ),
        MailSecurity::Plain => findings.push(
            mail.smtp
                .warning("says `tls=none`: whoever reads mail on the way can use the links in it")
                .hint(by_tls),
        ),
        MailSecurity::Offered => findings.push(
            mail.smtp
                .warning(
                    "asks for no TLS: whoever is on the way can have it left out, and use the links in mail",
                )
                .hint(by_tls),
        ),
    }
}

fn has_login(mail: &Mail) -> bool {
    !mail.username.value.is_empty()
}

/// The file that `email.ca_file` names; relative paths begin in `folder`.
pub(super) fn ca_file(written: &Written, folder: &Path) -> Option<PathBuf> {
    written.email.ca_file.value.as_ref().map(|file| folder.join(file))
}

/// Whether there is anybody who can vouch for the server: that is to be known now, not when the first mail fails.
pub(super) fn trust(written: &Written, folder: &Path, findings: &mut Vec<Finding>) {
    let mail = &written.email;
    let Some(url) = mail.smtp.value.as_ref().filter(|_| !mail.ca_file.bad) else { return };
    let security = url.security(has_login(mail));
    if security == MailSecurity::Plain {
        if mail.ca_file.value.is_some() {
            findings.push(
                mail.ca_file
                    .warning("does nothing: `email.smtp` says `tls=none`")
                    .hint("leave `?tls=none` out, or remove this"),
            );
        }
        return;
    }
    match roots(ca_file(written, folder).as_deref()) {
        Ok(_) => {}
        Err(RootsError::File(fault)) => findings.push(super::tls::refused(&mail.ca_file, &fault, folder)),
        Err(error @ RootsError::None) => {
            let text = format!("can't be reached by TLS: {error}");
            let finding = match security {
                MailSecurity::Offered if url.is_loopback() => return,
                MailSecurity::Offered => mail.smtp.warning(&text),
                _ => mail.smtp.error(&text),
            };
            findings.push(finding.hint(settings::Mail::NO_ROOTS));
        }
    }
}

/// The section as it is meant; `None`: no mail is sent.
pub(super) fn settings(mail: Mail, ca_file: Option<PathBuf>) -> Option<settings::Mail> {
    let has_login = has_login(&mail);
    let (url, from) = mail.smtp.value.zip(mail.from.value)?;
    Some(settings::Mail {
        port: url.port(has_login),
        security: url.security(has_login),
        host: url.host,
        ca_file,
        from,
        username: mail.username.value,
        password: mail.password.value.unwrap_or_else(|| Secret::new(String::new())),
    })
}
