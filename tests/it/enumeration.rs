//! Nobody learns who has an account: known and unknown addresses are answered alike, in all that is said and in time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use sidegate::store::{CreatedUser, NewUser};
use sidegate::types::{Email, Secret, Timestamp, UserId, Username};

use crate::support::{Answer, Gate, PASSWORD, Raw};

const FORM: &str = "application/x-www-form-urlencoded";
const BROWSER: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n";
const MANY: &str = "limits.signin_failures = \"100000/15m\"\nlimits.signup = \"1000/1h\"\n";

/// Addresses of which nothing but their owners may know more: known, disabled, without a password, unknown.
const ADDRESSES: [&str; 4] =
    ["known@example.com", "off@example.com", "none@example.com", "nobody@example.com"];

fn add(gate: &Gate, email: &str, hash: Option<&str>) -> UserId {
    let new = NewUser {
        email: Email::parse(email).unwrap(),
        username: Username::parse("Jack").unwrap(),
        password: hash.map(|hash| Secret::new(hash.to_owned())),
        roles: Vec::new(),
        email_verified: false,
        created: Timestamp::default(),
    };
    match Gate::wait(gate.services().store.create_user(new)).unwrap() {
        CreatedUser::Created(user) => user.id,
        CreatedUser::EmailTaken => panic!("`{email}` is taken"),
    }
}

/// A gate that knows all of them but the last.
fn gate(extra: &str) -> Gate {
    let gate = Gate::with(extra);
    gate.sign_up("known@example.com");
    gate.sign_up("off@example.com");
    Gate::wait(gate.services().accounts.set_active(UserId::new(2).unwrap(), false)).unwrap().unwrap();
    add(&gate, "none@example.com", None);
    gate
}

/// All of an answer that doesn't differ anyway.
fn whole(answer: &Answer, email: &str) -> String {
    let head = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let head: Vec<_> = head.filter(|(name, _)| name != "content-length").collect();
    format!("{} {head:?} {}", answer.status, answer.text().replace(email, "…"))
}

#[test]
fn every_answer_is_the_same_before_and_after_the_limit_for_programs_and_on_pages() {
    let gate = gate("server.trusted_proxies = [\"127.0.0.1/32\"]\nlimits.signin_failures = \"2/15m\"\n");
    let told: BTreeSet<_> = ADDRESSES
        .iter()
        .enumerate()
        .map(|(number, email)| {
            let from = format!("X-Forwarded-For: 203.0.113.{number}\r\n");
            let json = json!({"email": email, "password": "wrong"}).to_string();
            let form = format!("email={}&password=wrong", email.replace('@', "%40"));
            let programs = (0..4).map(|_| gate.post("/auth/signin", &json, &from));
            let mut answers: Vec<_> = programs.collect();
            gate.clock.advance(Duration::from_mins(15));
            let pages =
                (0..4).map(|_| gate.post_as(FORM, "/auth/signin", &form, &format!("{BROWSER}{from}")));
            answers.extend(pages);
            // And from everywhere else, until each has to wait.
            for other in 0..12 {
                let from = format!("X-Forwarded-For: 198.51.{number}.{other}\r\n");
                answers.push(gate.post("/auth/signin", &json, &from));
            }
            assert!(answers.iter().all(|answer| answer.header("set-cookie").is_none()), "{email}");
            let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
            let expected = [401, 401, 429, 429, 401, 401, 429, 429];
            assert_eq!(statuses[..8], expected, "{email}");
            assert!(statuses[8..].contains(&429), "{email}: {statuses:?}");
            answers.iter().map(|answer| whole(answer, email)).collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
}

/// How long an answer takes, on a connection that is there already.
fn time(gate: &Gate, connection: &mut Raw, email: &str, password: &str) -> Duration {
    let body = json!({"email": email, "password": password}).to_string();
    let request = format!(
        "POST /auth/signin HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        gate.address,
        body.len()
    );
    let start = Instant::now();
    connection.write(request);
    assert_eq!(connection.answer().status, 401);
    start.elapsed()
}

/// How long each address takes, tried in turns, so that what else the machine does meets all of them.
struct Measured<'a> {
    gate: &'a Gate,
    addresses: &'a [&'a str],
    password: &'a str,
    times: Vec<Vec<Duration>>,
}

impl<'a> Measured<'a> {
    fn new(gate: &'a Gate, addresses: &'a [&'a str], password: &'a str) -> Self {
        Self { gate, addresses, password, times: vec![Vec::new(); addresses.len()] }
    }

    fn medians(&mut self, rounds: usize) -> Vec<Duration> {
        let mut connection = self.gate.connect();
        for _ in 0..rounds {
            for (times, email) in self.times.iter_mut().zip(self.addresses) {
                times.push(time(self.gate, &mut connection, email, self.password));
            }
        }
        let median = |times: &Vec<Duration>| {
            let mut times = times.clone();
            times.sort_unstable();
            times[times.len() / 2]
        };
        self.times.iter().map(median).collect()
    }

    /// Within a factor of two: what gave accounts away elsewhere was a factor of thirty. The busier the machine, the
    /// more tries it takes to tell; a difference that is there stays there.
    fn assert_alike(&mut self) -> Vec<Duration> {
        let mut medians = Vec::new();
        for _ in 0..5 {
            medians = self.medians(9);
            let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
            if *most < *least * 2 {
                return medians;
            }
        }
        panic!("{:?}", self.addresses.iter().zip(medians).collect::<Vec<_>>());
    }
}

#[test]
fn weakness_27_an_unknown_address_takes_the_time_of_a_known_one() {
    // What a real gate hashes with, and not the tests' cheap hashes.
    let gate = gate(&format!("{MANY}passwords.memory = \"19MiB\"\npasswords.iterations = 2\n"));
    for password in ["wrong", PASSWORD] {
        // The known one's own password would sign in.
        let addresses = if password == PASSWORD { &ADDRESSES[1..] } else { &ADDRESSES[..] };
        let medians = Measured::new(&gate, addresses, password).assert_alike();
        assert!(medians[0] > Duration::from_millis(4), "{medians:?}: no hash at all");
    }
}

/// 2^9 rounds: many times the tests' Argon2.
const BCRYPT: &str = "$2b$09$nwM3PoIkJopZ/h/TjJ0aCefiOcjBuAs01rTm0/f5Yr1FPywlmAYqS";

#[test]
fn where_all_were_imported_with_bcrypt_unknown_addresses_take_bcrypts_time() {
    let gate = Gate::with(MANY);
    let users = ["a@example.com", "b@example.com", "c@example.com"];
    for email in users {
        add(&gate, email, Some(BCRYPT));
    }
    let off = add(&gate, "off@example.com", Some(BCRYPT));
    Gate::wait(gate.services().accounts.set_active(off, false)).unwrap().unwrap();
    let addresses = [&users[..], &["off@example.com", "x@example.com", "y@example.com"]].concat();
    Measured::new(&gate, &addresses, "wrong").assert_alike();
}

#[test]
fn where_some_were_unknown_addresses_are_as_mixed_as_users_and_each_stays_as_it_is() {
    let gate = Gate::with(MANY);
    for number in 0..4 {
        gate.sign_up(&format!("new{number}@example.com"));
        add(&gate, &format!("old{number}@example.com"), Some(BCRYPT));
    }
    let known = Measured::new(&gate, &["old0@example.com", "new0@example.com"], "wrong").medians(9);
    let border = (known[0] + known[1]) / 2;
    let slow = |times: Vec<Duration>| times.into_iter().map(|time| time > border).collect::<Vec<_>>();
    let unknown: Vec<_> = (0..24).map(|number| format!("x{number}@example.com")).collect();
    let unknown: Vec<_> = unknown.iter().map(String::as_str).collect();
    let first = slow(Measured::new(&gate, &unknown, "wrong").medians(3));
    let count = first.iter().filter(|slow| **slow).count();
    assert!((3..=21).contains(&count), "{count} of 24 take bcrypt's time, where half of the users do");
    // A new user changes little, and nothing of what was there by chance.
    gate.sign_up("another@example.com");
    let again = slow(Measured::new(&gate, &unknown, "wrong").medians(3));
    let changed = first.iter().zip(&again).filter(|(first, again)| first != again).count();
    assert!(changed <= 6, "{changed} of 24");
}
