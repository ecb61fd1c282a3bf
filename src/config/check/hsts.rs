//! `server.hsts`: where it does nothing, and what it is to browsers (RFC 6797 section 6.1).

use std::time::Duration;

use http::HeaderValue;

use super::tls;
use crate::config::file::Written;
use crate::config::finding::Finding;

/// Keeps its rules.
pub(super) fn rules(written: &Written, findings: &mut Vec<Finding>) {
    let server = &written.server;
    let (hsts, subdomains, url) = (&server.hsts, &server.hsts_subdomains, &server.public_url);
    let by_https = url.bad
        || url.value.https
        || tls::is_asked_for(written)
        // They may say that their clients come by https.
        || server.trusted_proxies.bad
        || !server.trusted_proxies.value.is_empty();
    if hsts.value.is_some() && !by_https {
        findings.push(
            hsts.warning("is never sent: nobody comes by https")
                .hint("set `server.public_url` to the `https://` URL that browsers see"),
        );
    }
    if subdomains.value && hsts.value.is_none() && !hsts.bad {
        findings.push(
            subdomains
                .warning("does nothing: `server.hsts` is empty")
                .hint("set it to a time like `\"365d\"`"),
        );
    }
}

/// The header's value.
pub(super) fn value(time: Duration, subdomains: bool) -> Option<HeaderValue> {
    // Rounded up: no time at all would take back what was said.
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let further = if subdomains { "; includeSubDomains" } else { "" };
    HeaderValue::from_str(&format!("max-age={seconds}{further}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_time_in_seconds_and_whether_it_is_for_subdomains() {
        for (time, subdomains, wanted) in [
            (Duration::from_hours(365 * 24), false, "max-age=31536000"),
            (Duration::from_hours(1), true, "max-age=3600; includeSubDomains"),
            (Duration::from_millis(1), false, "max-age=1"),
            (Duration::ZERO, false, "max-age=0"),
        ] {
            assert_eq!(value(time, subdomains).unwrap(), wanted);
        }
    }
}
