//! What is asked for by mail, and what mailed links are good for.

use super::{Asks, BODY, BUSY, Body, LIMITED, Operation, PLAIN, SetCookie, TOKEN};
use crate::web::Code;

pub(super) const PASSWORD_FORGOT: Operation = Operation {
    id: "forgotPassword",
    about: "Whoever asks is told the same, whether there is an account with this address or not.",
    body: Body::Fields("Address"),
    fails: &[&[Code::MissingField], BODY, LIMITED, BUSY],
    ..PLAIN
};

pub(super) const PASSWORD_RESET: Operation = Operation {
    id: "resetPassword",
    about: "The link is good once, and for 30 minutes. Every session of the account ends, and nobody is signed in.",
    body: Body::Fields("PasswordReset"),
    cookies: SetCookie::Device,
    fails: &[&[Code::MissingField, Code::BadResetToken], BODY, LIMITED, BUSY],
    ..PLAIN
};

pub(super) const EMAIL_VERIFY: Operation = Operation {
    id: "verifyEmail",
    about: "The link is good once, and for 24 hours, and only together with its account's session or password. A wrong password is \
            a 400 and counts as a failed sign-in.",
    asks: Asks::Any,
    body: Body::LeadsOn("AddressProof"),
    fails: &[&[Code::MissingField, Code::BadProofToken, Code::WrongPassword], TOKEN, BODY, LIMITED, BUSY],
    ..PLAIN
};

pub(super) const EMAIL_RESEND: Operation = Operation {
    id: "resendVerification",
    about: "To the address that is named, whoever asks and whether it is known or not; without one, to the one of who is signed in.",
    asks: Asks::Any,
    body: Body::Fields("Resend"),
    fails: &[&[Code::MissingField], TOKEN, BODY, LIMITED, BUSY],
    ..PLAIN
};
