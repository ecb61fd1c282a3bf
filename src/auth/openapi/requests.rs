//! Requests: what is said in the path, the query and in headers, and the body in each form in which it is taken.

use serde_json::{Value, json};

use super::operations::{Body, Gives, NEXT, Operation};
use super::schema;
use crate::auth::Route;
use crate::config::settings::{Delivery, Settings};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is said in the path, in the query and in headers.
pub(super) fn parameters(route: &Route, operation: &Operation) -> Vec<Value> {
    let text = json!({ "type": "string" });
    let mut parameters = Vec::new();
    if route.path.ends_with("{id}") {
        let about = "The id as the list has it.";
        parameters.push(
            json!({ "name": "id", "in": "path", "required": true, "description": about, "schema": text }),
        );
    }
    for (name, about) in operation.query {
        parameters.push(json!({ "name": name, "in": "query", "description": about, "schema": text }));
    }
    if matches!(operation.gives, Gives::Tagged(..)) {
        let about = "Entity tags; 304 where one of them is the answer's.";
        parameters
            .push(json!({ "name": "If-None-Match", "in": "header", "description": about, "schema": text }));
    }
    parameters
}

/// What is sent, in each form in which it is taken.
pub(super) fn request_body(route: &Route, operation: &Operation, settings: &Settings) -> Option<Value> {
    let media = |name: &str| json!({ "schema": schema(name) });
    Some(match operation.body {
        Body::LeadsOn(name) if settings.pages.enabled && route.handler.form().is_some() => {
            let next = json!({ "type": "object", "properties": { "next": { "type": "string", "description": NEXT.1 } } });
            let form = json!({ "schema": { "allOf": [schema(name), next] } });
            json!({ "required": true, "content": { JSON: media(name), FORM: form } })
        }
        Body::Fields(name) | Body::LeadsOn(name) => {
            json!({ "required": true, "content": { JSON: media(name), FORM: media(name) } })
        }
        Body::Form(name) => json!({ "required": true, "content": { FORM: media(name) } }),
        Body::RefreshToken if settings.tokens.delivery == Delivery::Body => {
            json!({ "content": { JSON: media("Refresh"), FORM: media("Refresh") } })
        }
        Body::None | Body::RefreshToken => return None,
    })
}
