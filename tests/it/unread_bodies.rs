//! A request that is answered before its body is there: its connection ends with the answer, and the answer says so. Caddy took
//! such a connection for a good one, and its next POST was a 502.

use crate::support::Gate;

const TRUSTED: &str = "server.trusted_proxies = [\"127.0.0.1/32\"]\n";

#[test]
fn an_answer_before_the_body_says_that_the_connection_ends() {
    let gate = Gate::with(TRUSTED);
    let cookie = gate.signed_in();
    for (path, headers, status) in [
        ("/private", "", 401),
        ("/private", &*format!("{cookie}Sec-Fetch-Site: cross-site\r\n"), 403),
        ("/auth/signin", "Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("/auth/signout", "", 200),
        ("/auth/nothing", "", 404),
        ("/auth/verify", &format!("{cookie}X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /x\r\n"), 200),
    ] {
        let mut connection = gate.connect();
        connection.write(format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n{headers}\r\n",
            gate.address
        ));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{path} {headers}");
        assert!(connection.is_closed(), "{path} {headers}");
    }
}

#[test]
fn a_body_that_was_read_costs_no_connection() {
    let gate = Gate::start();
    assert_eq!(gate.sign_up("jack@example.com").status, 200);
    let body = format!(r#"{{"email":"jack@example.com","password":"{}"}}"#, crate::support::PASSWORD);
    let mut connection = gate.connect();
    for _ in 0..3 {
        connection.write(format!(
            "POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            gate.address,
            body.len()
        ));
        connection.write(&body);
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, None));
        connection
            .write(format!("POST /private HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", gate.address));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (401, None));
    }
}
