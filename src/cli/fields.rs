//! The fields of a log line without colours, as tracing-subscriber writes them, but without asking at each sign
//! whether it is to be coloured.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::format::{DefaultVisitor, FormatFields, Writer};

/// Writes `name=value name=value`.
pub(super) struct PlainFields;

struct Visitor<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl<'w> FormatFields<'w> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, is_empty: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

impl Visitor<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let pad = if self.is_empty { "" } else { " " };
        self.is_empty = false;
        let writer = &mut self.writer;
        let mut write = || {
            writer.write_str(pad)?;
            writer.write_str(field.name())?;
            writer.write_char('=')?;
            writer.write_fmt(value)
        };
        self.result = self.result.and_then(|()| write());
    }

    /// What is made safe for terminals is left to the library.
    fn leave(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_ok() {
            let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_empty);
            record(&mut visitor);
            self.result = visitor.finish();
            self.is_empty = false;
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.leave(|visitor| visitor.record_str(field, value));
        } else {
            self.write(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.leave(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" || field.name().starts_with("r#") {
            self.leave(|visitor| visitor.record_debug(field, value));
        } else {
            self.write(field, format_args!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_the_librarys_to_the_letter() {
        let (ours, theirs) = (Sink::default(), Sink::default());
        let line = || {
            let error = io::Error::other("a\u{1b}[1mb");
            let (some, none) = (Some(7_u64), None::<u64>);
            tracing::info!(target: "access", a = "x\"\n\u{1b}", b = 1.5, some, none, ok = true, v = ?Some("z"));
            tracing::info!(peer = %"1.2.3.4", "a {} with\u{1b}[1m", "message");
            tracing::warn!(%error, r#type = 3, cause = &error as &dyn std::error::Error, "failed");
            tracing::info!("bare");
        };
        let layer = || tracing_subscriber::fmt().with_ansi(false).without_time();
        let (our_sink, their_sink) = (ours.clone(), theirs.clone());
        let ours_now = layer().fmt_fields(PlainFields).with_writer(move || our_sink.clone()).finish();
        tracing::subscriber::with_default(ours_now, line);
        let theirs_now = layer().with_writer(move || their_sink.clone()).finish();
        tracing::subscriber::with_default(theirs_now, line);
        let text = |sink: &Sink| String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text(&ours), text(&theirs));
    }
}
