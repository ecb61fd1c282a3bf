//! A user's own account: making it, seeing and changing it.

use super::{BODY, BUSY, Body, Gives, LIMITED, Operation, PLAIN, SetCookie};
use crate::web::Code;

pub(super) const SIGN_UP: Operation = Operation {
    id: "signUp",
    about: "It signs nobody in, save from a page.",
    body: Body::LeadsOn("SignUp"),
    gives: Gives::Json("The account is there.", "SignedUp"),
    fails: &[&[Code::MissingField, Code::SignupClosed, Code::EmailTaken], BODY, LIMITED, BUSY],
    ..PLAIN
};

pub(super) const ME: Operation =
    Operation { id: "getMe", gives: Gives::Json("The user.", "User"), fails: &[BUSY], ..PLAIN };

pub(super) const CHANGE_ME: Operation = Operation {
    id: "changeMe",
    about: "Another address takes the password; a wrong one is a 400 and counts as a failed sign-in.",
    body: Body::Fields("Change"),
    gives: Gives::Json("The user as they are now.", "User"),
    cookies: SetCookie::Device,
    fails: &[&[Code::MissingField, Code::WrongPassword, Code::EmailTaken], BODY, LIMITED, BUSY],
    ..PLAIN
};

pub(super) const PASSWORD: Operation = Operation {
    id: "changePassword",
    about: "This session stays, every other one of the account ends. A wrong current password is a 400 and counts as a failed \
                        sign-in.",
    body: Body::Fields("PasswordChange"),
    cookies: SetCookie::Device,
    fails: &[&[Code::MissingField, Code::WrongPassword], BODY, LIMITED, BUSY],
    ..PLAIN
};
