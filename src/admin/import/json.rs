//! JSON Lines: one object a line, as the export writes them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cells::{Cell, Cells, Manner};
use super::fault::{Fault, shown};
use super::fields::{Field, hint};
use super::{Contents, ImportError, Line, Place, Record, without_mark};

/// Reads the lines; blank ones are none.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Contents, ImportError> {
    let bytes = without_mark(bytes);
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(ImportError::JsonArray(name.to_owned()));
    }
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let full = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let lines = full.map(|(number, line)| Line { at: Place::Line(number), row: row(line) }).collect();
    Ok(Contents { lines, unread: Vec::new() })
}

fn row(line: &[u8]) -> Result<Record, Fault> {
    let line = std::str::from_utf8(line).map_err(|_| Fault::new("it is not UTF-8"))?;
    // serde_json's own texts may quote the line, and with it a hash.
    let object: Object = serde_json::from_str(line).map_err(|error| {
        if error.is_eof() {
            Fault::new("the object does not end on this line; each must stand on one line")
        } else {
            Fault::new(format!("it is no JSON object (column {})", error.column()))
        }
    })?;
    object.0?.into_record(Manner::Json)
}

/// An object's cells, or what is wrong with its keys.
pub(super) struct Object(pub(super) Result<Cells, Fault>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let (mut cells, mut seen, mut fault) = (Cells::default(), [false; Field::COUNT], None);
        while let Some(key) = map.next_key::<String>()? {
            let Some(field) = Field::named(&key) else {
                fault.get_or_insert_with(|| {
                    Fault::new(format!("unknown key {}; {}", shown(&key), hint(&key)))
                });
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut seen[field as usize], true) {
                fault.get_or_insert_with(|| twice(field, &key));
            }
            cells.set(field, map.next_value()?);
        }
        Ok(Object(fault.map_or(Ok(cells), Err)))
    }
}

fn twice(field: Field, key: &str) -> Fault {
    if key == field.name() {
        Fault::of(field, "is given twice")
    } else {
        Fault::of(field, format_args!("is given twice, once as `{key}`"))
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Cell, E> {
        Ok(Cell::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
        Ok(Cell::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
        Ok(Cell::Real(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element()? {
            cells.push(cell);
        }
        Ok(Cell::List(cells))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an object"))
    }
}
