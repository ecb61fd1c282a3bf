//! What programs ask the gate itself.

use super::{Gives, Operation, PLAIN, Tag};

pub(super) const HEALTH: Operation =
    Operation { id: "getHealth", tag: Tag::Gate, gives: Gives::Json("It runs.", "Health"), ..PLAIN };

pub(super) const KEY_SET: Operation = Operation {
    id: "getKeySet",
    tag: Tag::Gate,
    about: "A JWK set (RFC 7517), the newest key first; empty with HS256. `CDN-Cache-Control: public, no-cache` lets shared \
                        caches keep it, which ask by its `ETag`.",
    gives: Gives::Tagged("The keys.", "KeySet"),
    ..PLAIN
};

pub(super) const OPEN_API: Operation = Operation {
    id: "getOpenApi",
    tag: Tag::Gate,
    about: "As this gate is configured: what is not there is not in it.",
    gives: Gives::Tagged("An OpenAPI 3.1 document.", "OpenApi"),
    ..PLAIN
};
