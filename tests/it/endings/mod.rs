//! A session that is ended is over at once, whichever way it is ended and wherever it is in use (contract section 5).

mod bounded;
mod cached;
mod everywhere;
mod unread;

use serde_json::json;
use sidegate::admin::Command;
use sidegate::admin::client::Client;
use sidegate::admin::command::{Text, Which};
use sidegate::admin::views::RevokedView;
use sidegate::store::UserChange;
use sidegate::types::{Role, SessionId, UserId, UserRef};

use crate::support::{Cookies, Gate};

/// Every way in which a session, or what its tokens say, comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    SignOut,
    SignOutByRefreshToken,
    SignInInItsPlace,
    Replay,
    PasswordReset,
    Disable,
    Remove,
    RevokeById,
    RevokeByUser,
    RevokeAll,
    ChangeRoles,
}

const WAYS: [Way; 11] = [
    Way::SignOut,
    Way::SignOutByRefreshToken,
    Way::SignInInItsPlace,
    Way::Replay,
    Way::PasswordReset,
    Way::Disable,
    Way::Remove,
    Way::RevokeById,
    Way::RevokeByUser,
    Way::RevokeAll,
    Way::ChangeRoles,
];

fn jack() -> UserId {
    UserId::new(1).unwrap()
}

impl Way {
    /// Ends the session of the first user, to whom these cookies belong; `older`: a refresh token from before them.
    fn end(self, gate: &Gate, cookies: &Cookies, older: &str) {
        let accounts = &gate.services().accounts;
        let cookie = |text: &str| format!("Cookie: {text}\r\n");
        match self {
            Self::SignOut => {
                let answer = gate.post("/auth/signout", "", &cookie(&cookies.header()));
                assert_eq!(answer.status, 200);
            }
            Self::SignOutByRefreshToken => {
                let refresh = format!("refresh_token={}", cookies.refresh);
                assert_eq!(gate.post("/auth/signout", "", &cookie(&refresh)).status, 200);
            }
            Self::SignInInItsPlace => {
                let body = json!({"email": "jack@example.com", "password": crate::support::PASSWORD});
                let answer = gate.post("/auth/signin", &body.to_string(), &cookie(&cookies.header()));
                assert_eq!(answer.status, 200);
            }
            Self::Replay => {
                let answer = gate.post("/auth/refresh", "", &cookie(&format!("refresh_token={older}")));
                assert_eq!(answer.status, 401);
            }
            Self::PasswordReset => {
                let link = Gate::wait(accounts.reset_link(jack())).unwrap().unwrap();
                let token = link.url.reveal().split_once('=').unwrap().1;
                let body = json!({"token": token, "password": "a quite different one"});
                assert_eq!(gate.post("/auth/password/reset", &body.to_string(), "").status, 200);
            }
            Self::Disable => Gate::wait(accounts.set_active(jack(), false)).unwrap().unwrap(),
            Self::Remove => assert!(Gate::wait(accounts.remove(jack())).unwrap().is_some()),
            Self::RevokeById => {
                let sessions = Gate::wait(gate.services().store.sessions_of(jack())).unwrap();
                let id = SessionId::parse(&sessions[0].id.to_string()).unwrap();
                assert_eq!(revoke(gate, Which::Session(Text(id))), 1);
            }
            Self::RevokeByUser => {
                let user = UserRef::parse("JACK@example.com").unwrap();
                assert_eq!(revoke(gate, Which::User(Text(user))), 1);
            }
            Self::RevokeAll => assert_eq!(revoke(gate, Which::All), 2),
            Self::ChangeRoles => {
                let roles = Some(vec![Role::parse("editor").unwrap()]);
                let change = UserChange { roles, ..UserChange::default() };
                Gate::wait(accounts.change(jack(), change)).unwrap();
            }
        }
    }
}

/// `sidegate sessions revoke`, over the running gate's admin socket.
fn revoke(gate: &Gate, which: Which) -> u64 {
    let socket = gate.folder.path().join("t.redb.sock");
    let asked = async {
        let mut client = Client::over(tokio::net::UnixStream::connect(socket).await.unwrap()).await.unwrap();
        client.one::<RevokedView>(&Command::RevokeSessions { which }).await.unwrap().revoked
    };
    Gate::wait(tokio::task::LocalSet::new().run_until(asked))
}
