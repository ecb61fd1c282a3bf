//! Rules about tokens and the cookies that carry them.

use std::time::Duration;

use crate::config::file::{Cookies, Written};
use crate::config::finding::{Finding, Place};
use crate::config::measures::show_duration;
use crate::config::names::Auto;
use crate::config::secrets::{LEAST_BYTES, is_published};
use crate::config::settings::{Algorithm, SameSite};
use crate::config::table::{Given, Source};
use crate::config::urls::is_loopback;

/// The shortest time between two rotations: who keeps a copy of `/auth/jwks.json` can follow, and keys don't pile up.
const LEAST_ROTATION: Duration = Duration::from_hours(1);

/// The FastAPI project's variable loses to Sidegate's own names: where `tokens.algorithm` says otherwise, `JWT_KEY`
/// is likely the backend's.
pub(super) fn yield_to_algorithm(written: &mut Written, findings: &mut Vec<Finding>) {
    let (algorithm, secret) = (&written.tokens.algorithm, &mut written.tokens.secret);
    let fastapi = secret.place().as_ref().and_then(Place::variable) == Some("JWT_KEY");
    if fastapi && algorithm.is_written() && !algorithm.bad && algorithm.value != Algorithm::Hs256 {
        let name = algorithm.value.name();
        findings.push(
            Finding::warning(secret.place(), format!("it is ignored: `tokens.algorithm` is `{name}`"))
                .hint("to sign with it, set `tokens.algorithm` to `HS256`"),
        );
        (secret.value, secret.source, secret.bad) = (None, Source::Default, false);
    }
}

/// Keys that nobody gave follow those that were: a secret selects HS256, and lifetimes don't outlast one another.
pub(super) fn follow(written: &mut Written) {
    let tokens = &mut written.tokens;
    if tokens.secret.value.is_some() && !tokens.algorithm.is_written() {
        tokens.algorithm.follow(Algorithm::Hs256, "tokens.secret");
    }
    // Who shortens one lifetime wants that; the defaults of the others are not in the way.
    let (access, refresh, session) =
        (&mut tokens.access_ttl, &mut tokens.refresh_ttl, &mut tokens.session_ttl);
    if refresh.value > session.value {
        match (refresh.is_written(), session.is_written()) {
            (false, _) => refresh.follow(session.value, "tokens.session_ttl"),
            (true, false) => session.follow(refresh.value, "tokens.refresh_ttl"),
            (true, true) => {}
        }
    }
    if access.value > refresh.value && !access.is_written() {
        let shorter = if refresh.is_written() { "tokens.refresh_ttl" } else { "tokens.session_ttl" };
        access.follow(refresh.value, shorter);
    }
    if access.value > refresh.value && !refresh.is_written() && !session.is_written() {
        refresh.follow(access.value, "tokens.access_ttl");
        session.follow(session.value.max(access.value), "tokens.access_ttl");
    }
}

/// Keeps the rules of `[tokens]` and `[cookies]`.
pub(super) fn rules(written: &Written, findings: &mut Vec<Finding>) {
    secret(written, findings);
    lifetimes(written, findings);
    rotation(written, findings);
    cookies(written, findings);
    device_cookie(written, findings);
}

fn secret(written: &Written, findings: &mut Vec<Finding>) {
    const MAKE: &str = "make one with `openssl rand -base64 48`";
    let (algorithm, secret) = (&written.tokens.algorithm, &written.tokens.secret);
    if algorithm.bad || secret.bad {
        return;
    }
    match (algorithm.value, &secret.value) {
        (Algorithm::Hs256, None) => {
            findings.push(algorithm.error("is `HS256`, which needs `tokens.secret`").hint(MAKE));
        }
        (Algorithm::Hs256, Some(text)) if text.reveal().len() < LEAST_BYTES => {
            findings.push(secret.error("is too short: HS256 needs 32 bytes or more").hint(MAKE));
        }
        (Algorithm::Hs256, Some(text)) if is_published(text.reveal()) => {
            let text = "is published: anybody can sign tokens with it";
            let https = written.server.public_url.value.https;
            findings.push(if https { secret.error(text) } else { secret.warning(text) }.hint(MAKE));
        }
        (Algorithm::Hs256, Some(_)) | (_, None) => {}
        (other, Some(_)) => findings.push(
            secret
                .error(&format!("is for `HS256` alone, but `tokens.algorithm` is `{}`", other.name()))
                .hint("remove one of them"),
        ),
    }
}

fn lifetimes(written: &Written, findings: &mut Vec<Finding>) {
    let tokens = &written.tokens;
    let lifetimes = [&tokens.access_ttl, &tokens.refresh_ttl, &tokens.session_ttl];
    for given in lifetimes {
        // Tokens tell their times in seconds.
        if given.value < Duration::from_secs(1) || given.value.subsec_nanos() != 0 {
            findings
                .push(given.error("must be whole seconds, and at least one").hint("write it like `\"15m\"`"));
        }
    }
    for pair in lifetimes.windows(2) {
        let (shorter, longer): (&Given<_>, &Given<_>) = (pair[0], pair[1]);
        if shorter.value > longer.value && !shorter.bad && !longer.bad {
            let (one, other) = (show_duration(shorter.value), show_duration(longer.value));
            findings.push(
                shorter.error(&format!("(`{one}`) is longer than `{}` (`{other}`)", longer.key.path())).hint(
                    "the access token's lifetime comes first, then the refresh token's, then the session's",
                ),
            );
        }
    }
}

fn rotation(written: &Written, findings: &mut Vec<Finding>) {
    let (rotate, access) = (&written.tokens.rotate_keys, &written.tokens.access_ttl);
    let Some(every) = rotate.value else { return };
    if written.tokens.algorithm.value == Algorithm::Hs256 && !written.tokens.algorithm.bad {
        findings.push(
            rotate
                .error("is for keys in the database, but with `HS256` the key is `tokens.secret`")
                .hint("remove it, and give another `tokens.secret` when you want another key"),
        );
    } else if every < LEAST_ROTATION {
        findings.push(rotate.error("must be an hour or more").hint("write it like `\"90d\"`"));
    } else if every < access.value && !access.bad {
        // Each key is kept for as long as its tokens are good: there would be ever more of them at a time.
        let (one, other) = (show_duration(every), show_duration(access.value));
        findings
            .push(rotate.error(&format!("(`{one}`) is shorter than `tokens.access_ttl` (`{other}`)")).hint(
            "a key that signs for less time than its tokens are good is no safer; write it like `\"90d\"`",
        ));
    }
}

fn cookies(written: &Written, findings: &mut Vec<Finding>) {
    let cookies = &written.cookies;
    let url = &written.server.public_url.value;
    let (access, refresh) = cookie_names(cookies);
    if access.eq_ignore_ascii_case(&refresh) {
        findings.push(
            cookies
                .refresh
                .error("is the same as `cookies.access`")
                .hint("give the two cookies different names"),
        );
    }
    // What can't be read might be https.
    if written.server.public_url.bad {
        return;
    }
    // What a browser takes as secure: by the setting, or because every request is.
    let secure = match cookies.secure.value {
        Auto::Auto => url.https,
        Auto::Fixed(on) => on,
    };
    if cookies.same_site.value == SameSite::None && !secure {
        findings.push(
            cookies
                .same_site
                .error("is `none`, which browsers take from secure cookies alone")
                .hint("set `cookies.secure = true`, or give `server.public_url` with `https://`"),
        );
    }
    if cookies.host_prefix.value {
        if !url.https || !secure {
            findings.push(
                cookies
                    .host_prefix
                    .error("needs secure cookies and an https `server.public_url`")
                    .hint("give `server.public_url` with `https://` and leave `cookies.secure` at `\"auto\"`, or set it to `false`"),
            );
        }
        if cookies.domain.value.is_some() {
            findings
                .push(cookies.host_prefix.error("can't go with `cookies.domain`").hint("remove one of them"));
        }
    } else {
        for given in [&cookies.access, &cookies.refresh] {
            let (host, only_secure) =
                (starts_with(&given.value.0, "__Host-"), starts_with(&given.value.0, "__Secure-"));
            if host && (!secure || cookies.domain.value.is_some()) {
                findings.push(
                    given
                        .error("begins with `__Host-`: browsers want it secure and without a domain")
                        .hint("give `server.public_url` with `https://` and no `cookies.domain`, or choose another name"),
                );
            } else if only_secure && !secure {
                findings.push(
                    given
                        .error("begins with `__Secure-`: browsers want it secure")
                        .hint("give `server.public_url` with `https://`, or choose another name"),
                );
            }
        }
    }
    if cookies.secure.value == Auto::Fixed(true) && !url.https && !is_loopback(url.authority.host()) {
        findings.push(
            cookies
                .secure
                .warning("is on, but `server.public_url` is plain http: browsers drop the cookies")
                .hint("give `server.public_url` with `https://`, or leave this at `\"auto\"`"),
        );
    }
    if let Some(domain) = &cookies.domain.value {
        let host = url.authority.host();
        if host != domain.0 && !host.ends_with(&format!(".{}", domain.0)) {
            findings.push(
                cookies
                    .domain
                    .warning(&format!(
                        "does not cover `{host}` of `server.public_url`: browsers drop the cookies"
                    ))
                    .hint("remove it, or write a domain that the host in `server.public_url` belongs to"),
            );
        }
    }
}

/// The known browser's cookie: a name of its own, and none of which browsers want another path.
fn device_cookie(written: &Written, findings: &mut Vec<Finding>) {
    let (cookies, url) = (&written.cookies, &written.server.public_url);
    let Some(device) = &cookies.device.value else { return };
    let (access, refresh) = cookie_names(cookies);
    let secure = match cookies.secure.value {
        // What can't be read might be https.
        Auto::Auto => url.value.https || url.bad,
        Auto::Fixed(on) => on,
    };
    let given = &cookies.device;
    if [&access, &refresh].into_iter().any(|name| name.eq_ignore_ascii_case(&device.0)) {
        findings.push(
            given
                .error("is the same as another cookie's name")
                .hint("give each of the gate's cookies a name of its own"),
        );
    } else if starts_with(&device.0, "__Host-") {
        findings.push(
            given
                .error(
                    "begins with `__Host-`, which browsers take at `Path=/` alone; this cookie's is `/auth`",
                )
                .hint("choose another name, like `\"device_token\"`"),
        );
    } else if starts_with(&device.0, "__Secure-") && !secure {
        findings.push(
            given
                .error("begins with `__Secure-`: browsers want it secure")
                .hint("give `server.public_url` with `https://`, or choose another name"),
        );
    }
}

/// The cookies' names as browsers see them.
pub(super) fn cookie_names(cookies: &Cookies) -> (String, String) {
    let prefix = |name: &str| cookies.host_prefix.value && !starts_with(name, "__Host-");
    let name = |name: &str| if prefix(name) { format!("__Host-{name}") } else { name.to_owned() };
    (name(&cookies.access.value.0), name(&cookies.refresh.value.0))
}

/// Browsers compare these prefixes without case.
fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
