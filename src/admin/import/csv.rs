//! CSV as RFC 4180 has it, with a header; columns go by any of their fields' names, in any order and case.

use csv::{ByteRecord, ReaderBuilder};

use super::cells::{Cell, Cells, Manner};
use super::fault::Fault;
use super::fields::Field;
use super::{Contents, ImportError, Line, Place, Record, without_mark};

/// Reads the rows below the header.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Contents, ImportError> {
    let bytes = without_mark(bytes);
    // Records of another length than the header's are faults of their own, not the end.
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut record, mut counter, mut lines) = (ByteRecord::new(), LineCounter::new(bytes), Vec::new());
    let mut columns: Option<Vec<Field>> = None;
    // From memory nothing can fail to be read: the reader is lenient about quotes, and records may be of any length.
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let Some(columns) = &columns else {
            columns = Some(header(name, &record)?);
            continue;
        };
        let begins = record.position().map_or(0, csv::Position::byte);
        let at = Place::Line(counter.line_of_record(usize::try_from(begins).unwrap_or(usize::MAX)));
        lines.push(Line { at, row: row(columns, &record) });
    }
    if columns.is_none() {
        return Err(ImportError::NoHeader { name: name.to_owned(), hint: "the file is empty" });
    }
    Ok(Contents { lines, unread: Vec::new() })
}

fn header(name: &str, record: &ByteRecord) -> Result<Vec<Field>, ImportError> {
    let no_header = |hint| ImportError::NoHeader { name: name.to_owned(), hint };
    let mut columns = Vec::with_capacity(record.len());
    for column in record {
        let column = std::str::from_utf8(column)
            .map_err(|_| no_header("it is not UTF-8; export the file as \"CSV UTF-8\""))?
            .trim();
        let Some(field) = Field::named(column) else {
            return Err(match column {
                // A value, then, not a name.
                _ if column.contains(['@', '$']) || !column.contains(char::is_alphabetic) => {
                    no_header("let it begin with a line such as `uid,email,username,is_active,password_hash`")
                }
                _ if record.len() == 1 && column.contains([';', '\t']) => {
                    no_header("columns are separated by commas")
                }
                _ => ImportError::UnknownColumn { name: name.to_owned(), column: column.to_owned() },
            });
        };
        if columns.contains(&field) {
            return Err(ImportError::DoubledColumn { name: name.to_owned(), field });
        }
        columns.push(field);
    }
    match Field::NEEDED.into_iter().find(|field| !columns.contains(field)) {
        Some(field) => Err(ImportError::MissingColumn { name: format!("`{name}`"), field }),
        None => Ok(columns),
    }
}

fn row(columns: &[Field], record: &ByteRecord) -> Result<Record, Fault> {
    if record.len() != columns.len() {
        return Err(Fault::new(format!(
            "it has {} fields where the header has {}; a field with a comma, a quote or a line's end in it must be \
             quoted",
            record.len(),
            columns.len()
        )));
    }
    let mut cells = Cells::default();
    for (field, text) in columns.iter().zip(record) {
        let text = std::str::from_utf8(text).map_err(|_| Fault::of(*field, "is not UTF-8"))?;
        if !text.is_empty() {
            cells.set(*field, Cell::Text(text.to_owned()));
        }
    }
    cells.into_record(Manner::Csv)
}

/// Counts lines as an editor does. The reader's own count lags where lines end in CR LF or blank lines stand between
/// the records: it is taken before those are skipped.
struct LineCounter<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> LineCounter<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, counted: 0, line: 1 }
    }

    /// The line of the record that begins at a byte or after the line ends that follow it. Records come in order.
    fn line_of_record(&mut self, begins: usize) -> u64 {
        let rest = self.bytes.get(begins..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let until = (begins + ends).min(self.bytes.len());
        for place in self.counted..until {
            let is_end = match self.bytes[place] {
                b'\n' => true,
                b'\r' => self.bytes.get(place + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(is_end);
        }
        self.counted = self.counted.max(until);
        self.line
    }
}
