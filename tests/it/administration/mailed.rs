//! What commands cause to be mailed, by the running gate or by the command itself.

use super::{add, run, spend};
use crate::support::Upstream;
use crate::support::process::Process;
use crate::support::smtp::Smtp;

#[test]
fn an_invitation_and_the_word_of_a_changed_address_are_mailed_whether_a_gate_runs_or_not() {
    let (upstream, post) = (Upstream::start(), Smtp::start());
    let mail = format!("[email]\nsmtp = \"{}\"\nfrom = \"auth@example.com\"\n", post.url());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut running = Process::serve(folder, &upstream.url(), &mail);
    let invite = |who: &str| run(folder, &["users", "add", who, "--username", "x", "--invite", "--json"]);
    let first = invite("first@example.com");
    assert!(!first.out.contains("token") && !first.err.contains("token"), "{first:?}");
    assert_eq!(first.json()["uid"], 1);
    add(folder, "old@example.com", &[]);
    let change = |to: &str| run(folder, &["users", "set", "2", "--email", to, "--json"]).json();
    assert_eq!(change("new@example.com")["email"], "new@example.com");
    post.letter_to("old@example.com");
    running.terminate();
    running.wait();
    assert_eq!(invite("second@example.com").json()["uid"], 3);
    assert_eq!(change("newer@example.com")["email"], "newer@example.com");
    post.letter_to("new@example.com");
    post.refuse_next(2, "550 nobody is called that");
    let refused = invite("third@example.com");
    assert_eq!(refused.code, 1, "{refused:?}");
    for said in ["user 4 was made", "550", "sidegate users reset 4"] {
        assert!(refused.err.contains(said), "{refused:?}");
    }
    let running = Process::serve(folder, &upstream.url(), &mail);
    for who in ["first@example.com", "second@example.com"] {
        let link = post.letter_to(who).link("/auth/reset");
        assert_eq!(spend(&running, link.split_once("token=").unwrap().1), 200);
    }
    let shown = run(folder, &["users", "show", "1", "--json"]).json();
    assert_eq!(shown["email_verified"], true);
}

/// Seen: a panic. Whoever makes a backup need not be allowed to read what mail needs, and mail is no reason to make none.
#[test]
fn where_mail_can_not_be_sent_all_else_can_be_done() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let mut once = Process::serve(folder, &upstream.url(), "");
    once.terminate();
    once.wait();
    let file = folder.join("sidegate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let mail =
        "[email]\nsmtp = \"smtps://mail.example.com\"\nfrom = \"a@example.com\"\nca_file = \"gone.pem\"\n";
    std::fs::write(&file, format!("{text}{mail}")).unwrap();
    let listed = run(folder, &["users", "list"]);
    assert_eq!((listed.code, listed.out.as_str()), (0, "no users\n"), "{listed:?}");
    assert!(!listed.err.contains("panicked"), "{listed:?}");
    let refused = run(folder, &["users", "add", "x@example.com", "--username", "x", "--invite"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("can't be used"), "{refused:?}");
    assert_eq!(run(folder, &["users", "list"]).out, "no users\n");
}
