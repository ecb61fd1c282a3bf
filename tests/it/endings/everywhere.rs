//! Every way of ending × every place where the session is in use.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::{WAYS, Way};
use crate::support::{Answer, Cookies, Gate, Raw, Upstream};

/// Contract section 5 says a second; half of one more is a busy machine's.
const AT_ONCE: Duration = Duration::from_millis(1500);
/// Connections with the verified token in their worker's cache: with two workers, each has some of eight.
const KEPT: usize = 8;

/// An upstream that opens tunnels and echoes, streams events without an end, downloads without a pause, and takes
/// uploads without answering.
fn busy() -> Upstream {
    Upstream::answering_heads(|exchange| {
        let line = exchange.seen.line().to_owned();
        if line.starts_with("GET /events") {
            exchange.write(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
            );
        } else if line.starts_with("GET /download") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            while exchange.stream.write_all(&[b'x'; 100]).is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
            return false;
        } else if exchange.seen.header("upgrade").is_some() {
            exchange
                .write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
        } else if !line.starts_with("POST /upload") {
            exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return true;
        }
        let mut bytes = [0; 64];
        while let Ok(got @ 1..) = exchange.stream.read(&mut bytes) {
            let back = bytes[..got].to_vec();
            if exchange.seen.header("upgrade").is_some() {
                exchange.write(back);
            }
        }
        false
    })
}

fn ask(gate: &Gate, connection: &mut Raw, cookie: &str) -> Answer {
    connection.write(format!("GET / HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", gate.address));
    connection.answer()
}

/// What a session has open, each of it under way.
fn opened(gate: &Gate, cookie: &str) -> Vec<(&'static str, Raw)> {
    let host = format!("Host: {}\r\n", gate.address);
    let (mut events, mut download, mut upload) = (gate.connect(), gate.connect(), gate.connect());
    events.write(format!("GET /events HTTP/1.1\r\n{host}{cookie}\r\n"));
    assert_eq!(events.head().status, 200);
    assert_eq!(events.exactly(6), b"1\r\na\r\n");
    download.write(format!("GET /download HTTP/1.1\r\n{host}{cookie}\r\n"));
    assert_eq!(download.head().status, 200);
    download.exactly(200);
    let reached = gate.upstream.requests().len();
    upload.write(format!(
        "POST /upload HTTP/1.1\r\n{host}{cookie}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    ));
    gate.upstream.wait_for(reached + 1);
    let tunnel = gate.tunnel(cookie);
    vec![("a tunnel", tunnel), ("events", events), ("a download", download), ("an upload", upload)]
}

/// The session of the first user, which was renewed once and whose successor has been in use for longer than the grace.
fn member(gate: &Gate) -> (Cookies, String) {
    let first = gate.member("jack@example.com");
    let renewed = gate.post("/auth/refresh", "", &format!("Cookie: refresh_token={}\r\n", first.refresh));
    let cookies = renewed.cookies();
    let me = gate.get("/auth/me", &format!("Cookie: {}\r\n", cookies.header()));
    assert_eq!(me.status, 200);
    gate.clock.advance(Duration::from_secs(11));
    (cookies, first.refresh)
}

fn holds(way: Way) {
    let mut gate = Gate::before(busy(), "");
    let (cookies, older) = member(&gate);
    let jill = format!("Cookie: {}\r\n", gate.member("jill@example.com").header());
    let access = format!("Cookie: access_token={}\r\n", cookies.access);
    let mut kept: Vec<_> = (0..KEPT).map(|_| gate.connect()).collect();
    for connection in &mut kept {
        for _ in 0..2 {
            let answer = ask(&gate, connection, &access);
            assert!(answer.status == 200 && answer.all("set-cookie").is_empty(), "{way:?}: {answer:?}");
        }
    }
    let (open, mut bystander) = (opened(&gate, &access), gate.tunnel(&jill));
    let reached = gate.upstream.requests().len();

    let told = Instant::now();
    way.end(&gate, &cookies, &older);
    let detail = if way == Way::ChangeRoles { "Token has expired" } else { "Invalid token" };
    for connection in kept.iter_mut().chain([&mut gate.connect()]) {
        let answer = ask(&gate, connection, &access);
        assert_eq!((answer.status, answer.detail().as_str()), (401, detail), "{way:?}");
    }
    for (what, mut connection) in open {
        let rest = connection.rest();
        assert!(connection.is_closed(), "{way:?}: {what}");
        assert!(told.elapsed() < AT_ONCE, "{way:?}: {what} was closed after {:?}", told.elapsed());
        let whole = rest.ends_with(b"0\r\n\r\n") || rest.starts_with(b"HTTP/1.1 200");
        assert!(!whole, "{way:?}: {what} was cut and looks whole");
    }
    assert_eq!(gate.upstream.requests().len(), reached, "{way:?}");
    if way != Way::RevokeAll {
        bystander.write("still here");
        assert_eq!(bystander.exactly(10), b"still here", "{way:?}");
    }
    // What is open is waited for when the gate stops.
    drop((kept, bystander));
    for after_a_restart in [false, true] {
        if after_a_restart {
            gate.restart();
        }
        is_over(&gate, way, &cookies, after_a_restart);
        if way != Way::RevokeAll {
            assert_eq!(gate.get("/", &jill).status, 200, "{way:?}");
        }
    }
}

/// Neither token opens or renews anything; where only the roles changed, the session goes on with new tokens.
fn is_over(gate: &Gate, way: Way, cookies: &Cookies, after_a_restart: bool) {
    let (access, refresh) =
        (format!("access_token={}", cookies.access), format!("refresh_token={}", cookies.refresh));
    let get = |path: &str, cookie: &str| gate.get(path, &format!("Cookie: {cookie}\r\n")).status;
    assert_eq!(get("/", &access), 401, "{way:?}, after a restart: {after_a_restart}");
    let renewed = if way == Way::ChangeRoles { 200 } else { 401 };
    assert_eq!(get("/", &refresh), renewed, "{way:?}");
    assert_eq!(get("/", &cookies.header()), renewed, "{way:?}");
    assert_eq!(gate.post("/auth/refresh", "", &format!("Cookie: {refresh}\r\n")).status, renewed, "{way:?}");
    // The record of who asks says the present roles whatever the token says.
    assert_eq!(get("/auth/me", &access), renewed, "{way:?}");
}

/// A test for each way, so that they run side by side and a failure says which.
macro_rules! ways {
    ($($name:ident: $way:ident,)*) => {
        $(
            #[test]
            fn $name() {
                holds(Way::$way);
            }
        )*

        #[test]
        fn each_way_has_its_test() {
            assert_eq!(WAYS, [$(Way::$way),*]);
        }
    };
}

ways! {
    signing_out_holds_everywhere: SignOut,
    signing_out_by_the_refresh_token_alone_holds_everywhere: SignOutByRefreshToken,
    signing_in_anew_ends_the_former_session_everywhere: SignInInItsPlace,
    a_replay_holds_everywhere: Replay,
    a_new_password_holds_everywhere: PasswordReset,
    disabling_holds_everywhere: Disable,
    removing_holds_everywhere: Remove,
    revoking_by_id_holds_everywhere: RevokeById,
    revoking_a_users_sessions_holds_everywhere: RevokeByUser,
    revoking_everybodys_sessions_holds_everywhere: RevokeAll,
    other_roles_hold_everywhere: ChangeRoles,
}
