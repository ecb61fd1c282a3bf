//! Whether an answer is as the OpenAPI document says. As much of JSON Schema as that document uses; a keyword that is not
//! known here fails, and so does a property of which the document says nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Answer;

/// Fails unless `answer`, to this operation of the document, is one that it describes.
pub(crate) fn assert_described(document: &Value, method: &str, path: &str, answer: &Answer) {
    let place = format!("{} {path}: {}", method.to_uppercase(), answer.status);
    let operation = &document["paths"][path][method];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{place} is not in the document: {answer:?}");
    let headers = response["headers"].as_object().unwrap_or_else(|| panic!("{place} has no headers"));
    for (name, header) in headers {
        let header = resolved(document, header);
        let values = answer.all(name);
        assert!(!values.is_empty() || header["required"] != true, "{place} has no {name}");
        for value in values {
            let faults = faults(document, &header["schema"], &header_value(value, &header["schema"]));
            assert!(faults.is_empty(), "{place}: {name}: {value}: {faults:?}");
        }
    }
    for name in ["www-authenticate", "retry-after", "ratelimit", "set-cookie", "location", "etag"] {
        let said = headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        assert!(said || answer.all(name).is_empty(), "{place} has {name}");
    }
    let Some(content) = response["content"].as_object() else {
        return assert!(answer.body.is_empty(), "{place} has a body");
    };
    let media = answer.header("content-type").unwrap_or_default().split(';').next().unwrap();
    let described = content.get(media).unwrap_or_else(|| panic!("{place} is {media}"));
    if media.ends_with("json") {
        let faults = faults(document, &described["schema"], &answer.json());
        assert!(faults.is_empty(), "{place}: {}: {faults:#?}", answer.text());
    }
}

fn header_value(text: &str, schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("integer") => text.parse::<u64>().map_or(Value::Null, Value::from),
        _ => Value::from(text),
    }
}

/// What is at the end of a reference; itself where it is none.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(at) => {
            let place = at.strip_prefix('#').unwrap_or_else(|| panic!("{at} is elsewhere"));
            document.pointer(place).unwrap_or_else(|| panic!("{at} leads nowhere"))
        }
        None => value,
    }
}

/// What is wrong with a value, by a schema.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    judge(document, schema, value, "", &mut faults);
    faults
}

fn judge(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    keywords(document, schema, value, at, faults);
    let mut declared = BTreeSet::new();
    if let (Value::Object(map), true) = (value, declare(document, schema, &mut declared)) {
        let undeclared = map.keys().filter(|name| !declared.contains(*name));
        faults.extend(undeclared.map(|name| format!("{at}/{name} is not described")));
    }
}

/// The properties that a schema knows. Whether it says which ones there are.
fn declare(document: &Value, schema: &Value, names: &mut BTreeSet<String>) -> bool {
    let schema = resolved(document, schema);
    let own = schema["properties"].as_object().map(Map::keys);
    names.extend(own.into_iter().flatten().cloned());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    parts
        .fold(schema["additionalProperties"] != true, |closed, part| declare(document, part, names) && closed)
}

fn keywords(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolved(document, schema);
    let mut hold = |holds: bool, keyword: &str| {
        if !holds {
            faults.push(format!("{at} does not keep `{keyword}`: {value}"));
        }
    };
    let length = value.as_str().map(|text| text.chars().count() as u64);
    let mut inner = Vec::new();
    for (keyword, argument) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "type" => {
                let kinds = argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice);
                hold(kinds.iter().any(|kind| is_of(value, kind.as_str().unwrap())), keyword);
            }
            "const" => hold(value == argument, keyword),
            "enum" => hold(argument.as_array().unwrap().contains(value), keyword),
            "minimum" => hold(value.as_u64().is_none_or(|it| it >= argument.as_u64().unwrap()), keyword),
            "maximum" => hold(value.as_u64().is_none_or(|it| it <= argument.as_u64().unwrap()), keyword),
            "minLength" => hold(length.is_none_or(|it| it >= argument.as_u64().unwrap()), keyword),
            "maxLength" => hold(length.is_none_or(|it| it <= argument.as_u64().unwrap()), keyword),
            "format" if argument == "date-time" => {
                hold(value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok()), keyword);
            }
            "required" => {
                let missing = argument
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|name| value.get(name.as_str().unwrap()).is_none());
                hold(!value.is_object() || missing.count() == 0, keyword);
            }
            "properties" | "items" | "allOf" => inner.push((keyword, argument)),
            "format" | "description" | "additionalProperties" => {}
            other => panic!("the keyword `{other}` is not known here"),
        }
    }
    for (keyword, argument) in inner {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(map)) => {
                for (name, value) in map {
                    if let Some(schema) = argument.get(name) {
                        judge(document, schema, value, &format!("{at}/{name}"), faults);
                    }
                }
            }
            ("items", Value::Array(items)) => {
                for item in items {
                    judge(document, argument, item, &format!("{at}/*"), faults);
                }
            }
            ("allOf", _) => {
                for part in argument.as_array().unwrap() {
                    keywords(document, part, value, at, faults);
                }
            }
            _ => {}
        }
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("the type `{other}` is not known here"),
    }
}

/// A check that finds nothing would let every answer pass.
#[test]
fn what_is_not_as_described_is_found() {
    let document = serde_json::json!({
        "base": { "type": "object", "properties": { "a": { "type": "integer", "minimum": 1 } }, "required": ["a"] },
        "whole": { "allOf": [{ "$ref": "#/base" }, { "properties": { "b": { "enum": ["x"] } } }] },
    });
    let found =
        |text: &str| faults(&document, &document["whole"], &serde_json::from_str(text).unwrap()).len();
    for (text, number) in [
        (r#"{"a":1,"b":"x"}"#, 0),
        (r#"{"a":1}"#, 0),
        (r#"{"b":"x"}"#, 1),
        (r#"{"a":0}"#, 1),
        (r#"{"a":"1"}"#, 1),
        (r#"{"a":1,"b":"y"}"#, 1),
        (r#"{"a":1,"c":2}"#, 1),
        ("[]", 1),
    ] {
        assert_eq!(found(text), number, "{text}");
    }
}
