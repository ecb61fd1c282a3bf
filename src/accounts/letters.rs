//! What mails say. Nothing in them was chosen by whoever caused them: a name that somebody signs up with would else be
//! read by whomever they name as theirs.

use super::links::Link;
use crate::mail::Letter;
use crate::store::User;

/// Writes letters for one gate.
pub(super) struct Letters<'a> {
    /// `server.public_url`, without a path.
    pub(super) origin: &'a str,
}

impl Letters<'_> {
    /// To who forgot their password, or somebody who says so.
    pub(super) fn reset(&self, user: &User, link: &Link) -> Letter {
        let (origin, url) = (self.origin, link.url.reveal());
        self.letter(
            user,
            "Set a new password",
            &format!(
                "Somebody, hopefully you, asked for a new password for your account at {origin}\n\n\
                 To set one, open this link within 30 minutes:\n\n{url}\n\n\
                 It works once, and signs you out everywhere. If you did not ask for it, you need not do\n\
                 anything: your password stays as it is.\n"
            ),
        )
    }

    /// To who has to prove their address.
    pub(super) fn proof(&self, user: &User, link: &Link) -> Letter {
        let (origin, url) = (self.origin, link.url.reveal());
        self.letter(
            user,
            "Confirm your email address",
            &format!(
                "To confirm that this address is the one of your account at {origin}\n\
                 open this link within 24 hours:\n\n{url}\n\n\
                 It works once. You are asked for your password unless you are signed in. If you have no\n\
                 account there, you need not do anything.\n"
            ),
        )
    }

    /// To somebody for whom an operator made an account.
    pub(super) fn invitation(&self, user: &User, link: &Link) -> Letter {
        let (origin, url) = (self.origin, link.url.reveal());
        self.letter(
            user,
            "An account was made for you",
            &format!(
                "An account with this address was made for you at {origin}\n\n\
                 To choose your password, open this link within 7 days:\n\n{url}\n\nIt works once.\n"
            ),
        )
    }

    /// To somebody whose address somebody signed up with, though it has an account.
    pub(super) fn known_already(&self, user: &User) -> Letter {
        let origin = self.origin;
        self.letter(
            user,
            "You have an account already",
            &format!(
                "Somebody, hopefully you, wanted to sign up with this address at {origin}\n\
                 There is an account with it already, and nothing was changed.\n\n\
                 To sign in: {origin}/auth/login\n\
                 If you don't know its password: {origin}/auth/forgot\n\n\
                 If it was not you, you need not do anything.\n"
            ),
        )
    }

    /// To the address that an account had until now. The new one is nobody's business here.
    pub(super) fn address_changed(&self, before: &User) -> Letter {
        let origin = self.origin;
        self.letter(
            before,
            "Your email address was changed",
            &format!(
                "Your account at {origin}\n\
                 has another email address from now on; mails about it don't come here any more.\n\n\
                 If that was not you, tell whoever runs it at once.\n"
            ),
        )
    }

    fn letter(&self, user: &User, subject: &str, text: &str) -> Letter {
        let host = self.origin.split_once("://").map_or(self.origin, |(_, host)| host);
        Letter { to: user.email.clone(), subject: format!("{subject} ({host})"), text: text.to_owned() }
    }
}
