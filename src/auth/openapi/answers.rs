//! Responses: what comes where all is well, and the problems by their status, each with the codes that it can have.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::operations::{Asks, Body, Gives, Operation, SetCookie, TOKEN};
use super::schema;
use crate::auth::{Route, Who};
use crate::config::settings::{Delivery, Settings};
use crate::web::Code;

/// All responses of an operation.
pub(super) fn responses(route: &Route, operation: &Operation, settings: &Settings) -> Value {
    let mut responses = Map::new();
    if operation.gives != Gives::Onward {
        responses.insert("200".to_owned(), success(operation, settings));
    }
    if let Gives::PageFor(about) = operation.gives {
        responses.insert("303".to_owned(), onward(about, operation.cookies, settings));
    }
    let from_page = settings.pages.enabled && route.handler.form().is_some();
    if from_page {
        let about = "The same for a browser that posts a page's form (`Sec-Fetch-Mode: navigate`, else an `Accept` that names \
                     `text/html`): it leads on.";
        // What leads on leads on as somebody who is signed in.
        let signs_in = matches!(operation.body, Body::LeadsOn(_));
        let cookies = if signs_in { SetCookie::Tokens } else { operation.cookies };
        responses.insert("303".to_owned(), onward(about, cookies, settings));
    }
    if matches!(operation.gives, Gives::Tagged(..)) {
        let mut answer =
            json!({ "description": "What `If-None-Match` names is still so.", "headers": no_store() });
        answer["headers"]["ETag"] = header("ETag");
        responses.insert("304".to_owned(), answer);
    }
    let mut codes = vec![Code::AmbiguousCredential];
    if route.method != Method::GET {
        codes.push(Code::CrossSite);
    }
    if route.who == Who::SignedIn {
        codes.extend(TOKEN);
    }
    codes.extend(operation.fails.iter().copied().flatten());
    for (status, mut answer) in problems(&codes) {
        // A form is asked for again with what is wrong; what is no form at all is not.
        if from_page && status != StatusCode::UNSUPPORTED_MEDIA_TYPE {
            answer["content"]["text/html"] = page();
        }
        if operation.asks == Asks::Refresh && status == StatusCode::UNAUTHORIZED {
            set_cookie(SetCookie::Clear, settings, &mut answer["headers"]);
        }
        responses.insert(status.as_str().to_owned(), answer);
    }
    responses.insert("default".to_owned(), any_other());
    Value::Object(responses)
}

/// The way to a page.
fn onward(about: &str, cookies: SetCookie, settings: &Settings) -> Value {
    let mut answer = json!({ "description": about, "headers": no_store() });
    answer["headers"]["Location"] =
        json!({ "required": true, "schema": { "type": "string", "format": "uri-reference" } });
    set_cookie(cookies, settings, &mut answer["headers"]);
    answer
}

fn success(operation: &Operation, settings: &Settings) -> Value {
    let (about, media, content) = match operation.gives {
        Gives::Json(about, name) | Gives::Tagged(about, name) => {
            (about, "application/json", json!({ "schema": schema(name) }))
        }
        Gives::Page | Gives::PageFor(_) | Gives::Onward => ("The page.", "text/html", page()),
    };
    let mut answer = json!({ "description": about, "headers": no_store(), "content": { media: content } });
    if matches!(operation.gives, Gives::Tagged(..)) {
        answer["headers"]["ETag"] = header("ETag");
    }
    set_cookie(operation.cookies, settings, &mut answer["headers"]);
    answer
}

fn set_cookie(cookies: SetCookie, settings: &Settings, headers: &mut Value) {
    let name = match cookies {
        SetCookie::Nothing => return,
        SetCookie::Tokens => "TokenCookies",
        SetCookie::Clear => "ClearedCookies",
        SetCookie::Device if settings.cookies.device.is_none() => return,
        SetCookie::Device => "DeviceCookie",
    };
    headers["Set-Cookie"] = header(name);
}

/// The problems that have these codes: one response for each status.
pub(super) fn problems(codes: &[Code]) -> BTreeMap<StatusCode, Value> {
    let mut by_status = BTreeMap::<_, Vec<Code>>::new();
    for code in codes {
        let of_status = by_status.entry(code.status()).or_default();
        if !of_status.contains(code) {
            of_status.push(*code);
        }
    }
    by_status.into_iter().map(|(status, codes)| (status, problem(status, &codes))).collect()
}

fn problem(status: StatusCode, codes: &[Code]) -> Value {
    let told: Vec<_> = codes.iter().map(|code| format!("- `{}`: {}", code.name(), code.detail())).collect();
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let narrowed =
        json!({ "properties": { "status": { "const": status.as_u16() }, "code": { "enum": names } } });
    let mut headers = no_store();
    match status {
        StatusCode::UNAUTHORIZED => headers["WWW-Authenticate"] = header("Challenge"),
        StatusCode::TOO_MANY_REQUESTS => {
            for name in ["Retry-After", "RateLimit", "RateLimit-Policy"] {
                headers[name] = header(name);
            }
        }
        StatusCode::SERVICE_UNAVAILABLE => headers["Retry-After"] = header("Retry-After"),
        _ => {}
    }
    json!({
        "description": told.join("\n"),
        "headers": headers,
        "content": { "application/problem+json": { "schema": { "allOf": [schema("Problem"), narrowed] } } },
    })
}

/// What is decided before the endpoint is asked: a head that is too large, a gate that is full.
pub(super) fn any_other() -> Value {
    json!({
        "description": "Whatever else keeps the request from being answered.",
        "content": { "application/problem+json": { "schema": schema("Problem") } },
    })
}

pub(super) fn page() -> Value {
    json!({ "schema": { "type": "string" } })
}

/// What every answer has.
pub(super) fn no_store() -> Value {
    json!({ "Cache-Control": header("NoStore") })
}

pub(super) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// The headers that several answers have.
pub(super) fn headers(settings: &Settings) -> Value {
    let text = json!({ "type": "string" });
    let (access, refresh) = (&settings.cookies.access, &settings.cookies.refresh);
    let (challenge, set) = match settings.tokens.delivery {
        Delivery::Cookie => ("Cookie", format!("`{access}` and `{refresh}`, each in a header of its own.")),
        Delivery::Body => ("Bearer", format!("`{refresh}`; the access token is in the body.")),
    };
    let device = settings.cookies.device.as_deref();
    let known = device.map(|name| {
        format!("`{name}`, by which this browser is known to have signed in; it opens nothing, and may be there already.")
    });
    let set = match &known {
        Some(known) => format!("{set} After a proven password also {known}"),
        None => set,
    };
    let mut headers = json!({
        "NoStore": { "required": true, "schema": { "const": "no-store" } },
        "Challenge": {
            "description": "The scheme by which to come again (RFC 9110 section 11.6.1).",
            "required": true, "schema": { "const": challenge },
        },
        "ETag": {
            "description": "The answer's entity tag.",
            "required": true, "schema": { "type": "string" },
        },
        "Retry-After": {
            "description": "In how many seconds to try again.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "RateLimit": {
            "description": "What is left of the limit, and in how many seconds there is more: `\"signin\";r=0;t=42` \
                            (draft-ietf-httpapi-ratelimit-headers).",
            "schema": text,
        },
        "RateLimit-Policy": {
            "description": "The limit: how many in how many seconds: `\"signin\";q=10;w=900`.",
            "schema": text,
        },
        "TokenCookies": { "description": set, "schema": text },
        "ClearedCookies": {
            "description": format!("`{access}` and `{refresh}`, cleared, each in a header of its own."),
            "schema": text,
        },
    });
    if settings.tokens.delivery == Delivery::Cookie {
        let about = format!("`{access}` alone, where the session was renewed in passing.");
        headers["AccessCookie"] = json!({ "description": about, "schema": text });
    }
    if let Some(known) = known {
        headers["DeviceCookie"] = json!({ "description": known, "schema": text });
    }
    headers
}
