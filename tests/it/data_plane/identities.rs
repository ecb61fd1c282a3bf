//! Who asks is judged anew for each request of a connection: users who share one, as behind a proxy, never mix.

use crate::support::{Cookies, Gate};

use super::stage::echoing;

struct Members {
    gate: Gate,
    /// The user with the id n + 1 is the n-th.
    cookies: Vec<Cookies>,
}

fn members() -> Members {
    let gate = Gate::before(echoing(), "server.workers = 1\nidentity.token = \"X-User-Token\"");
    let cookies = (0..3).map(|number| gate.member(&format!("user{number}@example.com"))).collect();
    Members { gate, cookies }
}

impl Members {
    /// A request of the n-th user, or of nobody.
    fn request(&self, user: Option<usize>, path: &str) -> String {
        let cookie =
            user.map_or(String::new(), |user| format!("Cookie: {}\r\n", self.cookies[user].header()));
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", self.gate.address)
    }
}

/// Who asks in which order; 3 is nobody.
fn order() -> impl Iterator<Item = Option<usize>> {
    (0..90_usize).map(|number| (number * 7 + number / 5) % 4).map(|user| (user < 3).then_some(user))
}

#[test]
fn users_who_share_a_connection_are_never_taken_for_each_other() {
    let members = members();
    for together in [false, true] {
        let mut connection = members.gate.connect();
        if together {
            let all: String = order()
                .enumerate()
                .map(|(number, user)| members.request(user, &format!("/{number}")))
                .collect();
            connection.write(all);
        }
        for (number, user) in order().enumerate() {
            if !together {
                connection.write(members.request(user, &format!("/{number}")));
            }
            let answer = connection.answer();
            match user {
                Some(user) => {
                    assert_eq!(answer.text(), format!("GET /{number} {} ", user + 1), "{together}");
                }
                None => assert_eq!(answer.status, 401, "{number}"),
            }
        }
    }
    for seen in members.gate.upstream.requests() {
        let number: usize = seen.header("x-user-id").unwrap().parse().unwrap();
        assert_eq!(
            seen.header("x-user-token").as_ref(),
            Some(&members.cookies[number - 1].access),
            "all of one user"
        );
    }
}

#[test]
fn who_signs_out_between_two_requests_is_out_and_nobody_else_is() {
    let members = members();
    let cookie = members.cookies[1].header();
    let sign_out = format!(
        "POST /auth/signout HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nContent-Length: 0\r\n\r\n",
        members.gate.address
    );
    let (ours, theirs) = (members.request(Some(1), "/ours"), members.request(Some(0), "/theirs"));
    let mut connection = members.gate.connect();
    connection.write(format!("{ours}{theirs}{sign_out}{ours}{theirs}{ours}"));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(connection.answer().status);
    }
    assert_eq!(statuses, [200, 200, 200, 401, 200, 401]);
    let paths: Vec<_> =
        members.gate.upstream.requests().iter().map(|seen| seen.header("x-user-id").unwrap()).collect();
    assert_eq!(paths, ["2", "1", "1"]);
}

#[test]
fn a_session_that_is_renewed_on_a_shared_connection_is_its_owners_alone() {
    let members = members();
    members.gate.clock.advance(std::time::Duration::from_mins(16));
    let mut connection = members.gate.connect();
    connection.write((0..3).map(|user| members.request(Some(user), "/")).collect::<String>());
    let answers: Vec<_> = (0..3).map(|_| connection.answer()).collect();
    for (user, answer) in answers.iter().enumerate() {
        assert_eq!(answer.text(), format!("GET / {} ", user + 1));
        let renewed = format!("Cookie: {}\r\n", answer.cookies().header());
        let me = members.gate.get("/auth/me", &renewed).json();
        assert_eq!(me["email"], format!("user{user}@example.com"));
    }
}
