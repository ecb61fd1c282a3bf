//! Log lines on their way out, and the access log, which writes its lines itself: each request has one, and tracing takes
//! several times as long over it. A worker puts its lines into a place of its own; the sink gets them by the dozen.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use crate::config::settings::LogFormat;
use crate::types::Clock;

mod entry;
mod form;
mod lines;
mod stamp;

pub use entry::Entry;
use form::{Json, Text};
pub use lines::{LastWord, Line, Lines};
use stamp::{Stamp, Watch};

#[cfg(test)]
mod tests;

/// Where the access log's lines go. Clones share it.
#[derive(Clone)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To tracing, as events of the target `access`: slower, and looking like all other lines.
    Traced,
    /// Straight to the lines on their way out, as tracing would write them without colours.
    Lines(Lines, LogFormat),
}

/// One worker's access log.
pub struct WorkerLog(Way);

enum Way {
    Traced,
    Lines(RefCell<Pen>),
}

/// What lines are written with.
struct Pen {
    waiting: lines::Waiting,
    format: LogFormat,
    watch: Watch,
    stamp: Stamp,
    /// The line that is being written; kept for its room.
    line: Vec<u8>,
}

impl AccessLog {
    /// For the thread that this is called on; `None` where nothing is to be written.
    pub fn worker(&self, clock: Clock) -> Option<Rc<WorkerLog>> {
        let way = match self {
            Self::Off => return None,
            Self::Traced => Way::Traced,
            Self::Lines(lines, format) => Way::Lines(RefCell::new(Pen {
                waiting: lines.waiting(),
                format: *format,
                watch: Watch::new(clock),
                stamp: Stamp::default(),
                line: Vec::new(),
            })),
        };
        Some(Rc::new(WorkerLog(way)))
    }
}

impl WorkerLog {
    /// Writes one request's line. `now`: the present moment, which the caller has looked at already.
    pub fn write(&self, entry: &Entry<'_>, now: Instant) {
        match &self.0 {
            Way::Traced => entry.trace(),
            Way::Lines(pen) => pen.borrow_mut().write(entry, now),
        }
    }
}

impl Pen {
    fn write(&mut self, entry: &Entry<'_>, now: Instant) {
        let stamp = self.stamp.at(self.watch.micros(now));
        self.line.clear();
        match self.format {
            LogFormat::Text => entry.write::<Text>(stamp, &mut self.line),
            LogFormat::Json => entry.write::<Json>(stamp, &mut self.line),
        }
        self.waiting.add(&self.line);
    }
}
