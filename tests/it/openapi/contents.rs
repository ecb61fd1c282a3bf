//! What is in the document: the table of routes as the settings have it, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sidegate::auth::{ROUTES, When, Who};
use sidegate::web::Code;

use super::{document, everything, operations};
use crate::support::Gate;
use crate::support::schema::resolved;

const BODY: &str = "tokens.delivery = \"body\"\n";
const NO_PAGES: &str = "pages.enabled = false\n";

#[test]
fn each_route_that_is_there_is_in_the_document_and_nothing_else_is() {
    for (extra, body, pages) in [("", false, true), (BODY, true, true), (NO_PAGES, false, false)] {
        let document = document(&Gate::with(extra));
        let there = |when: When| match when {
            When::Always => true,
            When::BodyDelivery => body,
            When::Pages => pages,
        };
        let rows = ROUTES.iter().filter(|route| there(route.when));
        let mut right: BTreeSet<_> =
            rows.map(|route| (route.method.as_str().to_lowercase(), route.path.to_owned())).collect();
        // It is no row: any method is taken there.
        right.insert(("get".to_owned(), "/auth/verify".to_owned()));
        let told: BTreeSet<_> =
            operations(&document).map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
        assert_eq!(told, right, "{extra}");
    }
}

#[test]
fn each_operation_has_an_id_of_its_own_and_says_what_it_is_for() {
    let document = document(&Gate::with(BODY));
    let mut ids = BTreeSet::new();
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).map(Value::to_string).collect();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(!id.is_empty() && ids.insert(id), "{method} {path}: {id}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
        assert!(
            operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(&tag.to_string())),
            "{id}"
        );
        let named =
            operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path");
        assert_eq!(named.count(), path.matches('{').count(), "{id}");
    }
}

#[test]
fn each_reference_leads_somewhere_and_each_schema_is_used() {
    for extra in ["", BODY, NO_PAGES, "cookies.device = \"\"\n", "verify.source = \"original\"\n"] {
        let document = document(&Gate::with(extra));
        let mut used = BTreeSet::new();
        for value in everything(&document) {
            if value.get("$ref").is_some_and(Value::is_string) {
                resolved(&document, value);
                used.insert(value["$ref"].as_str().unwrap().to_owned());
            }
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/schemas/{name}")), "{extra} {name}");
        }
        for (_, path, operation) in operations(&document) {
            let alternatives = operation["security"].as_array().unwrap();
            for name in alternatives.iter().flat_map(|one| one.as_object().unwrap().keys()) {
                assert!(document["components"]["securitySchemes"][name].is_object(), "{path} {name}");
            }
        }
    }
}

#[test]
fn who_has_to_be_signed_in_is_asked_for_an_access_token() {
    let document = document(&Gate::with(BODY));
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let asked = operation["security"] == json!([{ "accessToken": [] }]);
        assert_eq!(asked, route.who == Who::SignedIn, "{} {}", route.method, route.path);
    }
}

#[test]
fn a_problems_code_is_one_of_the_table() {
    let document = document(&Gate::start());
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"], json!(codes));
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let told = everything(response)
                .into_iter()
                .filter_map(|value| value.get("code")?.get("enum")?.as_array());
            for code in told.flatten() {
                let known = Code::ALL.iter().find(|known| code == known.name()).unwrap();
                assert_eq!(known.status().as_str(), status, "{method} {path} {code}");
            }
        }
    }
}

#[test]
fn the_document_follows_the_settings() {
    let gate = Gate::with(
        "cookies.access = \"at\"\ncookies.refresh = \"rt\"\ncookies.device = \"dt\"\nserver.public_url = \"https://app.example\"\n\
         passwords.min_length = 13\nidentity.email = \"X-Mail\"\nverify.source = \"original\"\n",
    );
    let told = document(&gate);
    assert_eq!(told["servers"], json!([{ "url": "https://app.example" }]));
    let schemes = &told["components"]["securitySchemes"];
    assert_eq!(
        (&schemes["accessToken"]["in"], &schemes["accessToken"]["name"]),
        (&json!("cookie"), &json!("at"))
    );
    assert_eq!(schemes["refreshToken"]["name"], "rt");
    assert_eq!(told["components"]["schemas"]["SignUp"]["properties"]["password"]["minLength"], 13);
    assert!(told["components"]["headers"]["TokenCookies"]["description"].as_str().unwrap().contains("`dt`"));
    let verify = &told["paths"]["/auth/verify"]["get"];
    let names: Vec<_> = verify["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["X-Original-Method", "X-Original-URL"]);
    assert!(verify["responses"]["200"]["headers"].get("x-mail").is_some());
    assert!(verify["responses"].get("303").is_none());
}

#[test]
fn body_delivery_is_described_as_such() {
    let (cookie, body) = (document(&Gate::start()), document(&Gate::with(BODY)));
    let access = |document: &Value| document["components"]["securitySchemes"]["accessToken"].clone();
    assert_eq!((&access(&cookie)["type"], &access(&body)["type"]), (&json!("apiKey"), &json!("http")));
    assert_eq!(access(&body)["scheme"], "bearer");
    let challenge =
        |document: &Value| document["components"]["headers"]["Challenge"]["schema"]["const"].clone();
    assert_eq!((challenge(&cookie), challenge(&body)), (json!("Cookie"), json!("Bearer")));
    let given = |document: &Value| {
        document["components"]["schemas"]["SignedIn"]["required"].as_array().unwrap().len()
    };
    assert_eq!((given(&cookie), given(&body)), (4, 7));
    let refresh = |document: &Value| document["paths"]["/auth/refresh"]["post"].clone();
    assert!(refresh(&cookie).get("requestBody").is_none() && refresh(&body).get("requestBody").is_some());
    assert_eq!(refresh(&cookie)["security"], json!([{ "refreshToken": [] }]));
    assert_eq!(refresh(&body)["security"], json!([{ "refreshToken": [] }, {}]));
}
