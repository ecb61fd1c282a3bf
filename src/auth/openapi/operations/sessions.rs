//! Sessions: starting, renewing and ending them.

use super::{Asks, BODY, BUSY, Body, Gives, LIMITED, Operation, PLAIN, SetCookie, TOKEN, Tag};
use crate::web::Code;

/// Whoever proves a password to start a session.
const PROVING: &[&[Code]] = &[&[Code::MissingField, Code::InvalidLogin], BODY, LIMITED, BUSY];

pub(super) const SIGN_IN: Operation = Operation {
    id: "signIn",
    tag: Tag::Session,
    about: "An unknown address, a wrong password and a disabled user are answered alike. It ends the session that it \
                        replaces in this browser.",
    body: Body::LeadsOn("SignIn"),
    gives: Gives::Json("Signed in.", "SignedIn"),
    cookies: SetCookie::Tokens,
    fails: PROVING,
    ..PLAIN
};

pub(super) const LOGIN: Operation = Operation {
    id: "login",
    tag: Tag::Session,
    about: "The password grant of RFC 6749 section 4.3: `username` is the email address; `grant_type` and `scope` are not \
                        looked at.",
    body: Body::Form("Login"),
    gives: Gives::Json("Signed in.", "Granted"),
    cookies: SetCookie::Tokens,
    fails: PROVING,
    ..PLAIN
};

pub(super) const REFRESH: Operation = Operation {
    id: "refresh",
    tag: Tag::Session,
    about: "The refresh token is good once: the answer brings its successor. A 401 clears the cookies.",
    asks: Asks::Refresh,
    body: Body::RefreshToken,
    gives: Gives::Json("A new pair of tokens.", "SignedIn"),
    cookies: SetCookie::Tokens,
    fails: &[TOKEN, BODY, BUSY],
    ..PLAIN
};

pub(super) const SIGN_OUT: Operation = Operation {
    id: "signOut",
    tag: Tag::Session,
    about: "Ends every session that the request's tokens name, also where their time is over. Without any it is done as well.",
    asks: Asks::Any,
    body: Body::RefreshToken,
    cookies: SetCookie::Clear,
    fails: &[BUSY],
    ..PLAIN
};

pub(super) const SIGN_OUT_ALL: Operation = Operation {
    id: "signOutEverywhere",
    tag: Tag::Session,
    cookies: SetCookie::Clear,
    fails: &[BUSY],
    ..PLAIN
};

pub(super) const SESSIONS: Operation = Operation {
    id: "listSessions",
    tag: Tag::Session,
    gives: Gives::Json("The sessions, the last used one first.", "Sessions"),
    fails: &[BUSY],
    ..PLAIN
};

pub(super) const END_SESSION: Operation = Operation {
    id: "endSession",
    tag: Tag::Session,
    about: "Another user's session is answered like one that never was. Who ends this session has their cookies cleared.",
    cookies: SetCookie::Clear,
    fails: &[&[Code::NotFound], BUSY],
    ..PLAIN
};
