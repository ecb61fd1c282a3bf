//! How plain values are written: switches, numbers, texts, lists, secrets.

use std::path::PathBuf;

use super::raw::{Fault, Raw, Value, quote};
use crate::types::{Email, Secret};

impl Value for bool {
    const LOOKS: &'static str = "`true` or `false`";

    fn parse(text: &str) -> Result<Self, Fault> {
        // A variable has no type: what TOML writes without quotes is what it may say.
        text.parse().map_err(|_| {
            Fault::new(format!("`{text}` is not a choice")).hint(format!("write {}", Self::LOOKS))
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Flag(flag) => Ok(*flag),
            Raw::Variable(text) => Self::parse(text).map_err(|fault| vec![fault]),
            other => Err(vec![bare::<Self>(other)]),
        }
    }
}

/// Another type than was expected; what would do without its quotes is shown without them.
fn bare<T: Value>(raw: &Raw) -> Fault {
    let fault = Fault::wrong_type(T::LOOKS, raw);
    match raw {
        Raw::Text(text) if T::parse(text).is_ok() => fault.hint(format!("write `{text}` without quotes")),
        _ => fault,
    }
}

/// A count; its bounds are in `check`.
impl Value for usize {
    const LOOKS: &'static str = "a number";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| {
            Fault::new(format!("`{text}` is not a number of 0 or more")).hint("write digits alone, like `4`")
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Number(number) => Self::parse(&number.to_string()).map_err(|fault| vec![fault]),
            Raw::Variable(text) => Self::parse(text).map_err(|fault| vec![fault]),
            other => Err(vec![bare::<Self>(other)]),
        }
    }
}

impl Value for String {
    fn parse(text: &str) -> Result<Self, Fault> {
        if text.chars().any(char::is_control) {
            return Err(
                Fault::new("control characters don't belong here").hint("write it on one line, without tabs")
            );
        }
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        quote(self)
    }
}

impl Value for Secret<String> {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        Ok(Self::new(text.to_owned()))
    }

    fn show(&self) -> String {
        if self.reveal().is_empty() { quote("") } else { quote("(hidden)") }
    }
}

/// A key that an empty text leaves open.
impl<T: Value> Value for Option<T> {
    const SECRET: bool = T::SECRET;
    const LOOKS: &'static str = T::LOOKS;
    const LIST: bool = T::LIST;

    fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| quote(""), Value::show)
    }
}

/// A list: a TOML array, one string alone, or a variable's comma separated text.
impl<T: Value> Value for Vec<T> {
    const SECRET: bool = T::SECRET;
    const LOOKS: &'static str = T::LOOKS;
    const LIST: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::parse).collect()
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Value::show).collect::<Vec<_>>().join(", "))
    }

    fn read(raw: &Raw) -> Result<Self, Vec<Fault>> {
        match raw {
            Raw::Variable(text) => Self::parse(text).map_err(|fault| vec![fault]),
            Raw::Text(text) => T::parse(text).map(|item| vec![item]).map_err(|fault| vec![fault]),
            Raw::List(elements) => {
                let (mut items, mut faults) = (Vec::new(), Vec::new());
                for (element, place) in elements {
                    match T::read(element) {
                        Ok(item) => items.push(item),
                        Err(found) => faults.extend(
                            found.into_iter().map(|fault| Fault { place: Some(place.clone()), ..fault }),
                        ),
                    }
                }
                if faults.is_empty() { Ok(items) } else { Err(faults) }
            }
            other => Err(vec![Fault::wrong_type(&format!("{}, or a list of them", Self::LOOKS), other)]),
        }
    }
}

impl Value for PathBuf {
    const LOOKS: &'static str = "a path";

    fn parse(text: &str) -> Result<Self, Fault> {
        String::parse(text).map(Self::from)
    }

    fn show(&self) -> String {
        quote(&self.to_string_lossy())
    }
}

impl Value for Email {
    const LOOKS: &'static str = "an e-mail address";

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).ok_or_else(|| {
            Fault::new(format!("`{text}` is not an e-mail address"))
                .hint("write it like `\"auth@example.com\"`")
        })
    }

    fn show(&self) -> String {
        quote(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variables_list_is_comma_separated() {
        assert_eq!(
            Vec::<String>::parse(" a, b ,,c"),
            Ok(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()])
        );
        assert_eq!(Vec::<String>::parse(""), Ok(vec![]));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(Secret::new("hunter2".to_owned()).show(), "\"(hidden)\"");
        assert_eq!(Secret::new(String::new()).show(), "\"\"");
    }
}
