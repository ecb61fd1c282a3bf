//! The OpenAPI document of `/auth/*` (contract sections 2 and 4): what is in it, who serves it, and that answers are as it says.

mod contents;
mod described;
mod served;

use serde_json::Value;

use crate::support::Gate;

const PATH: &str = "/auth/openapi.json";

fn document(gate: &Gate) -> Value {
    let answer = gate.get(PATH, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Each operation with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

/// Everything in it, with where it is.
fn everything(value: &Value) -> Vec<&Value> {
    let mut found = vec![value];
    let mut next = 0;
    while let Some(value) = found.get(next).copied() {
        match value {
            Value::Object(map) => found.extend(map.values()),
            Value::Array(items) => found.extend(items),
            _ => {}
        }
        next += 1;
    }
    found
}
