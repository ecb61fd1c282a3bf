//! What the demo upstream saw of a request, as data: the echo sends it as JSON, the page shows it as a table.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Serialize;

/// A request's head, as a backend sees it.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    method: String,
    path: String,
    query: Option<String>,
    /// Each value of a name on its own, so that a header sent twice is seen twice.
    headers: BTreeMap<String, Values>,
}

/// A header's values: nearly always one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

/// A request's body, cut short where it is long.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    length: u64,
    text: String,
    truncated: bool,
}

/// A request, whole.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    #[serde(flatten)]
    head: Head,
    body: Body,
}

impl Seen {
    /// Reads a body to its end. A body that breaks off is no request: `None`.
    pub(super) async fn read(head: Head, body: Incoming) -> Option<Self> {
        Some(Self { head, body: Body::read(body).await? })
    }
}

impl Head {
    pub(super) fn of(parts: &request::Parts) -> Self {
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: headers(&parts.headers),
        }
    }

    /// Who the gate says is asking; `None` when it says nothing, or says it twice.
    pub(super) fn user(&self) -> Option<&str> {
        match self.headers.get("x-user-id")? {
            Values::One(id) => Some(id),
            Values::Several(_) => None,
        }
    }
}

/// The names of the gate's cookies that reached the backend: there should be none.
pub(super) fn leaked_cookies(headers: &HeaderMap) -> Vec<&'static str> {
    let seen: Vec<String> = headers.get_all(COOKIE).iter().map(text).collect();
    let names = || seen.iter().flat_map(|value| value.split(';')).filter_map(|pair| pair.split('=').next());
    ["access_token", "refresh_token", "device_token"]
        .into_iter()
        .filter(|own| names().any(|name| name.trim() == *own))
        .collect()
}

impl Body {
    /// What is kept; the rest is counted and dropped, so that a large upload costs no memory.
    const KEPT: usize = 16 * 1024;

    async fn read(mut body: Incoming) -> Option<Self> {
        let mut length = 0_u64;
        let mut kept = Vec::new();
        while let Some(frame) = body.frame().await {
            let data = frame.ok()?.into_data().unwrap_or_else(|_trailers| Bytes::new());
            length += data.len() as u64;
            kept.extend_from_slice(&data[..data.len().min(Self::KEPT - kept.len())]);
        }
        let truncated = length > kept.len() as u64;
        Some(Self { length, text: String::from_utf8_lossy(&kept).into_owned(), truncated })
    }
}

fn headers(map: &HeaderMap) -> BTreeMap<String, Values> {
    map.keys()
        .map(|name| {
            let mut values: Vec<String> = map.get_all(name).iter().map(text).collect();
            let values =
                if values.len() == 1 { Values::One(values.remove(0)) } else { Values::Several(values) };
            (name.as_str().to_owned(), values)
        })
        .collect()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)]) -> request::Parts {
        let mut request = http::Request::get("/a/b?c=d&e");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_header_sent_twice_is_shown_twice_and_names_nobody() {
        let seen = Head::of(&head(&[("x-user-id", "1"), ("x-user-id", "2"), ("accept", "*/*")]));
        assert_eq!(
            serde_json::to_value(&seen).unwrap(),
            serde_json::json!({
                "method": "GET", "path": "/a/b", "query": "c=d&e",
                "headers": { "x-user-id": ["1", "2"], "accept": "*/*" },
            })
        );
        assert_eq!(seen.user(), None);
        assert_eq!(Head::of(&head(&[("x-user-id", "7")])).user(), Some("7"));
    }

    #[test]
    fn cookies_of_the_gate_are_found_among_others() {
        let seen = head(&[("cookie", "theme=dark; refresh_token=x"), ("cookie", "my_access_token=1")]);
        assert_eq!(leaked_cookies(&seen.headers), ["refresh_token"]);
        assert!(leaked_cookies(&head(&[("cookie", "theme=access_token")]).headers).is_empty());
    }
}
