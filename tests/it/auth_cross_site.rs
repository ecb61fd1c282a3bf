//! The cross-site rule for `/auth/*` (contract section 5), and CORS for the pages that may call it.

use sidegate::auth::{ROUTES, When};

use crate::auth_endpoints::example;
use crate::support::{Gate, PASSWORD};

const FOREIGN: [&str; 6] = [
    "Sec-Fetch-Site: cross-site\r\n",
    "Sec-Fetch-Site: same-site\r\nOrigin: http://other.example\r\n",
    "Origin: http://evil.example\r\n",
    "Origin: null\r\n",
    "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n",
    "Origin: http://127.0.0.1:5500\r\nOrigin: http://127.0.0.1:5500\r\n",
];

#[test]
fn what_changes_something_is_403_from_another_site() {
    let gate = Gate::with("tokens.delivery = \"body\"\n");
    for route in ROUTES.iter().filter(|route| route.method != "GET") {
        for headers in FOREIGN {
            let answer = gate.call(route.method.as_str(), &example(route.path), "{}", headers);
            assert_eq!(answer.status, 403, "{} {headers}", route.path);
            assert_eq!(answer.json()["code"], "cross_site");
            assert_eq!(answer.all("set-cookie").len(), 0);
        }
    }
}

#[test]
fn what_changes_nothing_is_answered_to_anybody() {
    let gate = Gate::start();
    for route in ROUTES.iter().filter(|route| route.method == "GET" && route.when != When::BodyDelivery) {
        for headers in FOREIGN {
            assert_ne!(gate.get(route.path, headers).status, 403, "{} {headers}", route.path);
        }
    }
}

#[test]
fn a_page_of_our_own_and_the_allowed_ones_may_sign_in() {
    let gate = Gate::start();
    gate.sign_up("jack@example.com");
    let own = format!("Origin: http://{}\r\n", gate.address);
    for headers in [
        "",
        "Sec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: none\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: http://127.0.0.1:5500\r\n",
        "Origin: http://127.0.0.1:5500\r\n",
        &own,
    ] {
        let body = format!(r#"{{"email":"jack@example.com","password":"{PASSWORD}"}}"#);
        assert_eq!(gate.post("/auth/signin", &body, headers).status, 200, "{headers}");
    }
}

#[test]
fn a_refused_request_spends_no_token_and_ends_no_session() {
    let gate = Gate::start();
    let cookies = gate.member("jack@example.com");
    for path in ["/auth/refresh", "/auth/signout"] {
        let headers = format!("Sec-Fetch-Site: cross-site\r\nCookie: {}\r\n", cookies.header());
        let answer = gate.post(path, "", &headers);
        assert_eq!((answer.status, answer.all("set-cookie").len()), (403, 0), "{path}");
    }
    assert_eq!(gate.get("/auth/me", &format!("Cookie: {}\r\n", cookies.header())).status, 200);
}

#[test]
fn the_test_page_may_call_with_credentials_and_nobody_else() {
    let gate = Gate::start();
    let preflight = |origin: &str| {
        gate.send(format!(
            "OPTIONS /auth/signin HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: content-type\r\n\r\n",
            gate.address
        ))
    };
    let allowed = preflight("http://127.0.0.1:5500");
    assert!(matches!(allowed.status, 200 | 204), "{}", allowed.head);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("http://127.0.0.1:5500"));
    assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    assert!(allowed.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(allowed.header("access-control-allow-headers").unwrap().to_lowercase().contains("content-type"));
    for other in ["http://127.0.0.1:5501", "http://localhost:5500", "null", "https://127.0.0.1:5500"] {
        assert_eq!(preflight(other).header("access-control-allow-origin"), None, "{other}");
    }
    // The page reads the text of a 401 as well.
    let answer = gate.get("/auth/me", "Origin: http://127.0.0.1:5500\r\n");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://127.0.0.1:5500"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
}

#[test]
fn an_allowed_page_may_ask_for_every_method_of_the_table() {
    let gate = Gate::start();
    for route in ROUTES {
        let answer = gate.send(format!(
            "OPTIONS {} HTTP/1.1\r\nHost: {}\r\nOrigin: http://127.0.0.1:5500\r\nAccess-Control-Request-Method: {}\r\n\r\n",
            example(route.path),
            gate.address,
            route.method
        ));
        let told = answer.header("access-control-allow-methods");
        assert_eq!((answer.status, told), (204, Some(route.method.as_str())), "{}", route.path);
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{}", route.path);
    }
}
