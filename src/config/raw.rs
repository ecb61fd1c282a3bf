//! A value before it is understood: what TOML or a variable held, and the trait by which it becomes a type.

use toml::de::DeValue;

use super::finding::Place;

/// A value as it was written. It may be a secret: no `Debug`.
pub(super) enum Raw {
    /// A TOML string.
    Text(String),
    /// A variable's text, which has no type of its own.
    Variable(String),
    /// A TOML integer of 64 bits.
    Number(i64),
    /// A TOML boolean.
    Flag(bool),
    /// A TOML array, each element with its place.
    List(Vec<(Raw, Place)>),
    /// What no key takes, by TOML's name for it.
    Other(&'static str),
}

impl Raw {
    /// From TOML; `place` tells where an element's bytes are.
    pub(super) fn from_toml(value: &DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.clone().into_owned()),
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .map_or(Self::Other("integer beyond 64 bits"), Self::Number),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Array(elements) => Self::List(
                elements
                    .iter()
                    .map(|element| (Self::from_toml(element.get_ref(), place), place(element.span().start)))
                    .collect(),
            ),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Self::Other(value.type_str()),
        }
    }

    /// Whether nothing is written here: an empty string is how a key is left open.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) | Self::Variable(text) if text.is_empty())
    }

    /// What it is, for "found …".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Variable(_) => "a string",
            Self::Number(_) => "an integer",
            Self::Flag(_) => "a boolean",
            Self::List(_) => "an array",
            Self::Other("table") => "a table",
            Self::Other("float") => "a float",
            Self::Other("datetime") => "a date",
            Self::Other(_) => "an integer beyond 64 bits",
        }
    }
}

/// Why a value can't be taken. Its texts never hold a secret's value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The element that is meant, where it is one of a list's.
    pub(super) place: Option<Place>,
    /// What is wrong with it.
    pub(super) text: String,
    /// What to write instead.
    pub(super) hint: Option<String>,
}

impl Fault {
    /// A fault without a remedy.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { place: None, text: text.into(), hint: None }
    }

    /// With what to write instead.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Another type of value than the key takes.
    pub(super) fn wrong_type(expected: &str, found: &Raw) -> Self {
        Self::new(format!("expected {expected}, found {}", found.kind()))
    }
}

/// A type that a key can have: the one way from what was written to what is meant, and back for `sidegate check`.
pub(super) trait Value: Sized {
    /// Whether the value must never be shown and can be given as a file.
    const SECRET: bool = false;
    /// What it looks like, for "expected …"; a list's is its elements'.
    const LOOKS: &'static str = "a string";
    /// Whether it is a list.
    const LIST: bool = false;

    /// Reads the text of a TOML string or of a variable.
    fn parse(text: &str) -> Result<Self, Fault>;

    /// As TOML; a secret hides itself.
    fn show(&self) -> String;

    /// Reads what was written.
    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Text(text) | Raw::Variable(text) => Self::parse(text).map_err(|fault| vec![fault]),
            other => Err(vec![Fault::wrong_type(Self::LOOKS, other)]),
        }
    }
}

/// A text as a TOML string. JSON's escapes are a subset of TOML's.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
