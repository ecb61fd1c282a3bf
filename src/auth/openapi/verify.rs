//! `/auth/verify`, described by hand: it takes any method, and `server::dispatch` answers it.

use serde_json::{Map, Value, json};

use super::answers::{any_other, header, no_store, page, problems};
use crate::config::settings::{Delivery, Settings, VerifySource};
use crate::web::Code;

const ABOUT: &str = "For a front proxy that asks about each request and goes to the backend itself. Any method is answered as GET is. The \
request that it asks about is judged as one that came by itself would be, with its cookies and headers as they were. Only a proxy of \
`server.trusted_proxies` is believed; to any other, and where its headers tell two different things, it is a 403.";

/// As a front proxy meets it.
pub(super) fn operation(settings: &Settings) -> Value {
    let access = json!({ "accessToken": [] });
    let renews = settings.tokens.silent_refresh && settings.tokens.delivery == Delivery::Cookie;
    let security = if renews {
        json!([access, { "refreshToken": [] }, {}])
    } else {
        // What a rule opens to anyone takes no token.
        json!([access, {}])
    };
    json!({
        "tags": ["gate"],
        "operationId": "verify",
        "summary": "Whether a request may pass, and as whose",
        "description": ABOUT,
        "parameters": parameters(settings.verify.source),
        "responses": responses(settings, renews),
        "security": security,
    })
}

fn parameters(source: VerifySource) -> Vec<Value> {
    let told: &[(&str, bool, &str)] = match source {
        VerifySource::Forwarded => &[
            (
                "X-Forwarded-Method",
                false,
                "The original request's method. Without it the request is judged as a write.",
            ),
            ("X-Forwarded-Host", false, "The host that it asked for."),
            ("X-Forwarded-Uri", true, "Its path and query."),
        ],
        VerifySource::Original => &[
            (
                "X-Original-Method",
                false,
                "The original request's method. Without it the request is judged as a write.",
            ),
            ("X-Original-URL", true, "Its URL, or path and query."),
        ],
    };
    let written = told.iter().map(|(name, required, about)| {
        json!({ "name": name, "in": "header", "required": required, "description": about, "schema": { "type": "string" } })
    });
    written.collect()
}

fn responses(settings: &Settings, renews: bool) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), admitted(settings, renews));
    let original = settings.verify.source == VerifySource::Original;
    let pages = settings.pages.enabled;
    let location = json!({ "schema": { "type": "string", "format": "uri-reference" } });
    if pages && !original {
        let mut headers = no_store();
        headers["Location"] = location.clone();
        let about = "Not signed in, and a browser's navigation: to the sign-in page.";
        responses.insert("303".to_owned(), json!({ "description": about, "headers": headers }));
    }
    let codes = [
        Code::AmbiguousCredential,
        Code::NotAuthenticated,
        Code::TokenExpired,
        Code::InvalidToken,
        Code::Forbidden,
        Code::Unproven,
        Code::CrossSite,
        Code::Internal,
        Code::Unavailable,
    ];
    for (status, mut answer) in problems(&codes) {
        if matches!(status.as_u16(), 401 | 403) && pages && !original {
            answer["content"]["text/html"] = page();
        }
        if status == http::StatusCode::UNAUTHORIZED && pages && original {
            answer["headers"]["Location"] = location.clone();
        }
        responses.insert(status.as_str().to_owned(), answer);
    }
    responses.insert("default".to_owned(), any_other());
    Value::Object(responses)
}

/// Without a body: all that there is to tell is in the identity headers.
fn admitted(settings: &Settings, renews: bool) -> Value {
    let identity = &settings.identity;
    let told = [
        (Some(&identity.user_id), "The user's number."),
        (identity.email.as_ref(), "Their address."),
        (identity.username.as_ref(), "Their name."),
        (identity.roles.as_ref(), "Their roles, comma separated."),
        (identity.token.as_ref(), "Their access token."),
    ];
    let mut headers = no_store();
    for (name, about) in told {
        let Some(name) = name else { continue };
        headers[name.as_str()] = json!({
            "description": format!("{about} Empty where nobody is signed in."), "required": true, "schema": { "type": "string" },
        });
    }
    if renews {
        headers["Set-Cookie"] = header("AccessCookie");
    }
    json!({ "description": "It may pass.", "headers": headers })
}
