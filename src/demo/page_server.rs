//! Serves the test page from an origin of its own, as a frontend's development server would, pointed at the gate's port.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpListener;

use super::serve;

/// The test page as it lies in the repository, where any file server can serve it beside a gate on port 8000.
const PAGE: &str = include_str!("../../static/test.html");
/// What names the gate in it.
const DEFAULT_GATE: &str = "http://127.0.0.1:8000";

type Answer = Response<Full<Bytes>>;

/// Serves until the future is dropped. `origin` is this server's own, `gate` the gate's (`http://127.0.0.1:8000`).
pub(super) async fn run(listener: TcpListener, origin: String, gate: String) {
    let site = Site { page: Bytes::from(pointed_at(&gate)), origin };
    serve::serve(listener, move |request: Request<Incoming>| {
        let answer = site.answer(&request);
        async move { answer }
    })
    .await;
}

fn pointed_at(gate: &str) -> String {
    PAGE.replace(DEFAULT_GATE, gate)
}

#[derive(Clone)]
struct Site {
    page: Bytes,
    origin: String,
}

impl Site {
    fn answer<B>(&self, request: &Request<B>) -> Answer {
        let path = request.uri().path();
        let found = matches!(path, "/" | "/test.html");
        if found && !matches!(*request.method(), Method::GET | Method::HEAD) {
            return method_not_allowed();
        }
        match path {
            // For a browser `localhost` and `127.0.0.1` are two sites: from the former the gate's cookies would not be sent.
            _ if found && asks_localhost(request) => redirect(&format!("{}/test.html", self.origin)),
            "/" => redirect("/test.html"),
            "/test.html" => html(self.page.clone()),
            _ => text(StatusCode::NOT_FOUND, "the test page is at /test.html\n"),
        }
    }
}

fn asks_localhost<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    name.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

fn html(page: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(page));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // The next demo may have its gate on another port.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn redirect(location: &str) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

fn method_not_allowed() -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "this page is read with GET\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, host: &str, path: &str) -> Answer {
        let site = Site {
            page: Bytes::from(pointed_at("http://127.0.0.1:1")),
            origin: "http://127.0.0.1:2".to_owned(),
        };
        site.answer(&Request::builder().method(method).uri(path).header(HOST, host).body(()).unwrap())
    }

    fn led_to(answer: &Answer) -> (u16, &str) {
        let location = answer.headers().get(LOCATION).map_or("", |to| to.to_str().unwrap());
        (answer.status().as_u16(), location)
    }

    #[test]
    fn the_page_names_its_gate_once_and_follows_another_port() {
        assert_eq!(PAGE.matches(DEFAULT_GATE).count(), 1, "the page must name its gate in exactly one place");
        let page = pointed_at("http://127.0.0.1:8123");
        assert!(page.contains("<meta name=\"sidegate\" content=\"http://127.0.0.1:8123\">"), "{page}");
    }

    #[test]
    fn localhost_is_led_to_the_address_that_shares_the_gates_cookies() {
        for host in ["localhost:2", "LOCALHOST", "localhost.:2"] {
            assert_eq!(
                led_to(&ask("GET", host, "/test.html")),
                (303, "http://127.0.0.1:2/test.html"),
                "{host}"
            );
        }
        assert_eq!(led_to(&ask("GET", "127.0.0.1:2", "/test.html")), (200, ""));
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        assert_eq!(led_to(&ask("GET", "127.0.0.1:2", "/")), (303, "/test.html"));
        assert_eq!(led_to(&ask("GET", "127.0.0.1:2", "/other")), (404, ""));
        assert_eq!(led_to(&ask("POST", "127.0.0.1:2", "/test.html")), (405, ""));
    }
}
