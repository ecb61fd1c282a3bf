//! Log lines on their way out: those of the access log wait a moment, so that many requests' lines leave in one
//! write; all others leave at once. The order is kept.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most.
const MOMENT: Duration = Duration::from_millis(100);

/// As many bytes as may wait; with more, whoever brings them writes.
const ROOM: usize = 32 * 1024;

/// The lines that wait, and where they go. Clones share them.
pub(super) struct Lines<W> {
    shared: Arc<Shared<W>>,
}

struct Shared<W> {
    waiting: Mutex<Vec<u8>>,
    came: Condvar,
    out: Mutex<Out<W>>,
}

struct Out<W> {
    sink: W,
    /// What is being written, so that new lines need not wait for it. Empty in between.
    leaving: Vec<u8>,
}

/// Takes one line.
pub(super) struct Line<W> {
    lines: Lines<W>,
    may_wait: bool,
}

/// Whoever holds it sees to it that nothing is left behind at the end.
pub(super) struct LastWord<W: Write>(Lines<W>);

impl<W> Clone for Lines<W> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<W: Write> Lines<W> {
    pub(super) fn new(sink: W) -> Self {
        let out = Mutex::new(Out { sink, leaving: Vec::new() });
        Self { shared: Arc::new(Shared { waiting: Mutex::default(), came: Condvar::new(), out }) }
    }

    /// Writes what waits.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut out = lock(&self.shared.out);
        let Out { sink, leaving } = &mut *out;
        std::mem::swap(leaving, &mut *lock(&self.shared.waiting));
        let written = sink.write_all(leaving);
        leaving.clear();
        written
    }

    /// Writes what waits when this is dropped.
    pub(super) fn last_word(&self) -> LastWord<W> {
        LastWord(self.clone())
    }

    fn add(&self, line: &[u8], may_wait: bool) -> io::Result<()> {
        let mut waiting = lock(&self.shared.waiting);
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let full = waiting.len() > ROOM;
        drop(waiting);
        if full || !may_wait {
            return self.flush();
        }
        if first {
            self.shared.came.notify_one();
        }
        Ok(())
    }
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Starts the thread that writes what has waited for a moment. It sleeps while nothing waits.
    pub(super) fn write_in_time(&self) -> io::Result<()> {
        let lines = self.clone();
        let work = move || {
            loop {
                let waiting = lock(&lines.shared.waiting);
                let waiting = lines.shared.came.wait_while(waiting, |waiting| waiting.is_empty());
                drop(waiting);
                std::thread::sleep(MOMENT);
                // There is no one to tell that the log is closed.
                let _ = lines.flush();
            }
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(work)?;
        Ok(())
    }
}

/// A thread that panicked has left whole lines: it only appends.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<W: Write> Drop for LastWord<W> {
    fn drop(&mut self) {
        // There is no one to tell that the log is closed.
        let _ = self.0.flush();
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W>;

    fn make_writer(&'a self) -> Line<W> {
        Line { lines: self.clone(), may_wait: false }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Line<W> {
        let may_wait = line.target() == "access" && *line.level() > Level::WARN;
        Line { lines: self.clone(), may_wait }
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.may_wait).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, one entry a write.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<String>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !bytes.is_empty() {
                self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(lines: &Lines<Sink>, work: impl FnOnce()) {
        let subscriber =
            tracing_subscriber::fmt().with_writer(lines.clone()).without_time().with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, work);
    }

    #[test]
    fn requests_wait_for_the_next_other_line_and_the_order_is_kept() {
        let sink = Sink::default();
        let lines = Lines::new(sink.clone());
        log(&lines, || {
            tracing::info!(target: "access", "one");
            tracing::info!(target: "access", "two");
            assert!(sink.0.lock().unwrap().is_empty());
            tracing::warn!(target: "other", "three");
            tracing::info!(target: "other", "four");
        });
        let written = sink.0.lock().unwrap().concat();
        let words: Vec<_> = written.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(words, ["one", "two", "three", "four"]);
        assert_eq!(sink.0.lock().unwrap().len(), 2);
    }

    #[test]
    fn nothing_is_left_behind_at_the_end_and_little_waits() {
        let sink = Sink::default();
        let lines = Lines::new(sink.clone());
        let last_word = lines.last_word();
        log(&lines, || tracing::info!(target: "access", "{}", "x".repeat(ROOM)));
        assert_eq!(sink.0.lock().unwrap().len(), 1);
        log(&lines, || tracing::info!(target: "access", "last"));
        assert_eq!(sink.0.lock().unwrap().len(), 1);
        drop(last_word);
        assert!(sink.0.lock().unwrap()[1].ends_with("last\n"));
    }
}
