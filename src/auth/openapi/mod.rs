//! The OpenAPI 3.1 document of `/auth/*`, made of the table of routes and the settings: what is not there is not in it.
//!
//! `operations` says of each handler what it takes and gives, `requests` and `answers` write that down, `schemas` holds the
//! bodies, and `verify` describes the one path that is not in the table.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{ROUTES, Route, Who};
use crate::config::settings::{Delivery, Settings};
use crate::gate::subrequest;
use operations::{Asks, Operation, Tag};

mod answers;
mod operations;
mod requests;
mod schemas;
mod verify;

/// What holds for every operation, in Markdown.
const ABOUT: &str = "Sign-up, sign-in and sessions, answered by Sidegate itself; every other path is the backend's.

- Errors are `application/problem+json` (RFC 9457): programs read `code`, people `detail`.
- Every answer has `Cache-Control: no-store`. `GET` answers `HEAD` as well.
- A request that changes something is refused with 403 where a browser says that it comes from another site: `Sec-Fetch-Site`, else \
`Origin`, has to name this one, or an origin of `cors.origins`. Programs that send neither pass.
- A body is a JSON object or a form; each field once, each a string. What is `null` or empty counts as missing; fields that are not \
described are passed over.";

/// The document as it is served: written once, at the start.
pub(super) struct Served {
    pub(super) json: Bytes,
    /// Its strong entity tag, quotes included (RFC 9110 section 8.8.3).
    pub(super) etag: String,
}

impl Served {
    pub(super) fn new(settings: &Settings) -> Self {
        let json = document(settings).to_string();
        let hash = digest(&SHA256, json.as_bytes());
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
        Self { json: json.into(), etag }
    }
}

/// The document for a gate with these settings.
pub fn document(settings: &Settings) -> Value {
    let mut paths = Map::new();
    let (delivery, pages) = (settings.tokens.delivery, settings.pages.enabled);
    for route in ROUTES.iter().filter(|route| route.when.holds(delivery, pages)) {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route, settings);
    }
    paths.insert(subrequest::PATH.to_owned(), json!({ "get": verify::operation(settings) }));
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Sidegate",
            "summary": "Sign-up, sign-in and sessions in front of a backend that has none.",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{ "url": settings.server.public_url.origin() }],
        "tags": Tag::ALL.iter().filter(|tag| tag.is_used(pages)).map(|tag| tag.described()).collect::<Vec<_>>(),
        "paths": paths,
    });
    let components = json!({
        "schemas": reached(schemas::all(settings), &document),
        "headers": answers::headers(settings),
        "securitySchemes": security_schemes(settings),
    });
    document["components"] = components;
    document
}

fn operation(route: &Route, settings: &Settings) -> Value {
    let operation = Operation::of(route.handler);
    let mut written = json!({
        "tags": [operation.tag.name()],
        "operationId": operation.id,
        "summary": route.doc,
    });
    if !operation.about.is_empty() {
        written["description"] = json!(operation.about);
    }
    let parameters = requests::parameters(route, &operation);
    if !parameters.is_empty() {
        written["parameters"] = json!(parameters);
    }
    if let Some(body) = requests::request_body(route, &operation, settings) {
        written["requestBody"] = body;
    }
    written["responses"] = answers::responses(route, &operation, settings);
    written["security"] = security(route.who, operation.asks, settings.tokens.delivery);
    written
}

/// Which token an operation asks for; one of the alternatives is enough, and `{}` is none.
fn security(who: Who, asks: Asks, delivery: Delivery) -> Value {
    match (who, asks, delivery) {
        (Who::SignedIn, ..) => json!([{ "accessToken": [] }]),
        (Who::Anyone, Asks::Nothing, _) => json!([]),
        (Who::Anyone, Asks::Refresh, Delivery::Cookie) => json!([{ "refreshToken": [] }]),
        // It may be in the body.
        (Who::Anyone, Asks::Refresh, Delivery::Body) => json!([{ "refreshToken": [] }, {}]),
        (Who::Anyone, Asks::Any, _) => json!([{ "accessToken": [] }, { "refreshToken": [] }, {}]),
    }
}

fn security_schemes(settings: &Settings) -> Value {
    let cookies = &settings.cookies;
    let access = match settings.tokens.delivery {
        Delivery::Cookie => json!({
            "type": "apiKey", "in": "cookie", "name": cookies.access,
            "description": "The access token, in the cookie that a sign-in sets. Two different ones count as none.",
        }),
        Delivery::Body => json!({
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token, which a sign-in gives in its answer's body.",
        }),
    };
    json!({
        "accessToken": access,
        "refreshToken": {
            "type": "apiKey", "in": "cookie", "name": cookies.refresh,
            "description": "The refresh token, in the cookie that a sign-in sets. Each renewal gives another one, and one that is used \
                again later ends its session.",
        },
    })
}

/// The schemas that the document comes to, by whatever way.
fn reached(all: Map<String, Value>, document: &Value) -> Map<String, Value> {
    let mut wanted = BTreeSet::new();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                let named = map.get("$ref").and_then(Value::as_str);
                let name = named.and_then(|at| at.strip_prefix("#/components/schemas/"));
                if let Some((name, schema)) = name.and_then(|name| all.get_key_value(name))
                    && wanted.insert(name.clone())
                {
                    open.push(schema);
                }
                open.extend(map.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    all.into_iter().filter(|(name, _)| wanted.contains(name)).collect()
}

/// A schema of the components, by its name.
fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
