//! Is this a browser that shows a page, or a program that reads an answer?

use http::header::ACCEPT;
use http::{HeaderName, Method};

use super::Fields;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whether a request would put its answer before a person: `Sec-Fetch-Mode: navigate`, which alone
/// decides where it is present, else an `Accept` that names `text/html` (contract section 6).
pub fn wants_page(headers: &impl Fields) -> bool {
    match headers.first(SEC_FETCH_MODE) {
        Some(mode) => mode == b"navigate",
        None => headers.all(ACCEPT).any(names_html),
    }
}

/// Whether a request is a navigation that can be sent to another page: GET or HEAD and [`wants_page`].
pub fn is_navigation(method: &Method, headers: &impl Fields) -> bool {
    (method == Method::GET || method == Method::HEAD) && wants_page(headers)
}

fn names_html(accept: &[u8]) -> bool {
    accept.split(|byte| *byte == b',').any(|range| {
        let kind = range.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/html")
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn sec_fetch_mode_alone_decides_where_it_is_present() {
        for (mode, accept, page) in [
            (Some("navigate"), None, true),
            (Some("navigate"), Some("*/*"), true),
            (Some("cors"), Some("text/html"), false),
            (None, Some("text/html,application/xhtml+xml"), true),
            (None, Some("application/json, TEXT/HTML;q=0.9"), true),
            (None, Some("*/*"), false),
            (None, Some("text/html2"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            mode.map(|mode| headers.insert("sec-fetch-mode", mode.parse().unwrap()));
            accept.map(|accept| headers.insert(ACCEPT, accept.parse().unwrap()));
            assert_eq!(wants_page(&headers), page, "{mode:?} {accept:?}");
        }
    }
}
