//! The bodies that are taken and given, as schemas (JSON Schema 2020-12).

use serde_json::{Map, Value, json};

use super::schema;
use crate::config::settings::{Delivery, Settings};
use crate::types::Password;
use crate::web::Code;

/// All schemas; the document keeps those that it comes to.
pub(super) fn all(settings: &Settings) -> Map<String, Value> {
    let parts = [taken(settings), given(settings), published()];
    parts.into_iter().flatten().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// What is sent.
fn taken(settings: &Settings) -> Vec<(&'static str, Value)> {
    let text = json!({ "type": "string" });
    let email = json!({ "type": "string", "format": "idn-email" });
    let username = json!({
        "type": "string", "minLength": 1, "maxLength": 64,
        "description": "No control characters; white space around it is not part of it.",
    });
    let about = format!("At most {} bytes, taken exactly as sent.", Password::MAX);
    let password = json!({
        "type": "string", "format": "password", "minLength": 1, "maxLength": Password::MAX, "description": about,
    });
    let new = json!({
        "type": "string", "format": "password", "minLength": settings.passwords.min_length, "maxLength": Password::MAX,
        "description": about,
    });
    let mut change = json!({
        "type": "object",
        "description": "A new name, or a new address with the password, or both.",
        "properties": { "username": username, "email": email, "password": password },
        "dependentRequired": { "email": ["password"] },
    });
    change["anyOf"] = json!([{ "required": ["username"] }, { "required": ["email"] }]);
    vec![
        ("SignUp", object(&[("email", &email), ("username", &username), ("password", &new)])),
        ("SignIn", object(&[("email", &email), ("password", &password)])),
        ("Login", object(&[("username", &email), ("password", &password)])),
        (
            "Refresh",
            json!({
                "type": "object",
                "description": "The refresh token, where its cookie does not come along. Two that differ count as none.",
                "properties": { "refresh_token": text },
            }),
        ),
        ("Change", change),
        ("PasswordChange", object(&[("current", &password), ("new", &new)])),
        ("Address", object(&[("email", &email)])),
        (
            "Resend",
            json!({
                "type": "object",
                "description": "Without an address, the one of who is signed in is meant.",
                "properties": { "email": email },
            }),
        ),
        (
            "AddressProof",
            json!({
                "type": "object",
                "description": "The password of the account, where none of its sessions comes along.",
                "properties": { "token": text, "password": password },
                "required": ["token"],
            }),
        ),
        (
            "AccountForm",
            json!({
                "type": "object",
                "properties": {
                    "do": { "type": "string", "enum": ["name", "email", "end-session"] },
                    "username": username, "email": email, "password": password, "id": text,
                },
                "required": ["do"],
            }),
        ),
        ("PasswordReset", object(&[("token", &text), ("password", &new)])),
    ]
}

/// What is answered.
fn given(settings: &Settings) -> Vec<(&'static str, Value)> {
    let text = json!({ "type": "string" });
    let ok = json!({ "const": "ok" });
    let uid = json!({ "type": "integer", "minimum": 1, "description": "Never given to anybody else." });
    let moment = json!({ "type": "string", "format": "date-time" });
    let flag = json!({ "type": "boolean" });
    let token = [
        ("access_token", &json!({ "type": "string", "description": "A JWT for `Authorization: Bearer`." })),
        ("token_type", &json!({ "const": "bearer" })),
        ("expires_in", &json!({ "type": "integer", "minimum": 1, "description": "In seconds." })),
    ]
    .map(|(name, schema)| (name, schema.clone()));
    let token = token.each_ref().map(|(name, schema)| (*name, schema));
    let user = [("status", &ok), ("email", &text), ("username", &text), ("uid", &uid)];
    let signed_in = match settings.tokens.delivery {
        Delivery::Cookie => object(&user),
        Delivery::Body => object(&[&user[..], &token].concat()),
    };
    let mut signed_up = object(&[("status", &ok), ("message", &text), ("uid", &uid)]);
    if settings.signup.email_verification {
        // A known address and an unknown one are answered alike.
        signed_up["required"] = json!(["status", "message"]);
    }
    let address = json!({ "type": ["string", "null"], "description": "Where it was started from." });
    let device = json!({ "type": "string", "description": "Browser and system, for people." });
    let session = object(&[
        ("id", &text),
        ("created_at", &moment),
        ("last_used_at", &moment),
        ("address", &address),
        ("device", &device),
        ("current", &flag),
    ]);
    vec![
        ("Problem", problem()),
        ("Done", object(&[("status", &ok), ("message", &text)])),
        ("SignedUp", signed_up),
        ("SignedIn", signed_in),
        ("Granted", object(&token)),
        (
            "User",
            object(&[
                ("uid", &uid),
                ("email", &text),
                ("username", &text),
                ("is_active", &flag),
                ("roles", &json!({ "type": "array", "items": text })),
            ]),
        ),
        ("Session", session),
        ("Sessions", json!({ "type": "array", "items": schema("Session") })),
        ("Health", object(&[("status", &ok)])),
    ]
}

/// What programs read of the gate itself.
fn published() -> Vec<(&'static str, Value)> {
    let text = json!({ "type": "string" });
    let mut key =
        object(&[("kty", &text), ("kid", &text), ("alg", &text), ("use", &json!({ "const": "sig" }))]);
    for (name, about) in [
        ("crv", "The curve, of EdDSA and ES256."),
        ("x", "EdDSA, ES256."),
        ("y", "ES256."),
        ("n", "RS256."),
        ("e", "RS256."),
    ] {
        key["properties"][name] = json!({ "type": "string", "description": about });
    }
    let version = json!({ "type": "string", "description": "3.1.x." });
    let tree = json!({ "type": "object", "additionalProperties": true });
    let list = json!({ "type": "array", "items": tree });
    vec![
        ("KeySet", object(&[("keys", &json!({ "type": "array", "items": schema("Key") }))])),
        ("Key", key),
        (
            "OpenApi",
            object(&[
                ("openapi", &version),
                ("info", &tree),
                ("servers", &list),
                ("tags", &list),
                ("paths", &tree),
                ("components", &tree),
            ]),
        ),
    ]
}

/// RFC 9457, with what programs go by.
fn problem() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    let mut problem = object(&[
        ("type", &json!({ "type": "string", "format": "uri-reference" })),
        ("title", &json!({ "type": "string" })),
        ("status", &json!({ "type": "integer", "minimum": 400, "maximum": 599 })),
        ("detail", &json!({ "type": "string", "description": "What happened, for people." })),
        ("code", &json!({ "type": "string", "enum": codes, "description": "What happened, for programs." })),
    ]);
    problem["description"] = json!("A problem (RFC 9457).");
    problem
}

/// An object that has all of these.
fn object(properties: &[(&str, &Value)]) -> Value {
    let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<_, _> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), (*schema).clone())).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}
