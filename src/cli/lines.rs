//! Log lines on their way out: those of the access log wait a moment, so that many requests' lines leave in one
//! write; all others leave at once, and take along what waits. The order of each thread's lines is kept.

use std::hash::BuildHasher as _;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most.
const MOMENT: Duration = Duration::from_millis(100);

/// As many bytes as may wait in one place; with more, whoever brings them writes.
const ROOM: usize = 32 * 1024;

/// Places where lines wait. A thread always uses the same one, so that workers seldom meet.
const PLACES: usize = 64;

/// The lines that wait, and where they go. Clones share them.
pub(super) struct Lines<W> {
    shared: Arc<Shared<W>>,
}

struct Shared<W> {
    waiting: [Place; PLACES],
    /// Whether the writing thread knows that something waits.
    told: AtomicBool,
    sleeping: Mutex<()>,
    came: Condvar,
    out: Mutex<Out<W>>,
}

/// On a cache line of its own: two workers' places must not slow each other down.
#[derive(Default)]
#[repr(align(128))]
struct Place(Mutex<Vec<u8>>);

struct Out<W> {
    sink: W,
    /// What is being written, so that new lines need not wait for it. Empty in between.
    leaving: Vec<u8>,
}

/// Takes one line.
pub(super) struct Line<'a, W> {
    lines: &'a Lines<W>,
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
        Self {
            shared: Arc::new(Shared {
                waiting: std::array::from_fn(|_| Place::default()),
                told: AtomicBool::new(false),
                sleeping: Mutex::default(),
                came: Condvar::new(),
                out: Mutex::new(Out { sink, leaving: Vec::new() }),
            }),
        }
    }

    /// Writes what waits: each thread's lines in their order.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut out = lock(&self.shared.out);
        let Out { sink, leaving } = &mut *out;
        for place in &self.shared.waiting {
            leaving.append(&mut lock(&place.0));
        }
        let written = sink.write_all(leaving);
        leaving.clear();
        written
    }

    /// Writes what waits when this is dropped.
    pub(super) fn last_word(&self) -> LastWord<W> {
        LastWord(self.clone())
    }

    fn add(&self, line: &[u8], may_wait: bool) -> io::Result<()> {
        let mut waiting = lock(&self.place().0);
        waiting.extend_from_slice(line);
        let full = waiting.len() > ROOM;
        drop(waiting);
        if full || !may_wait {
            return self.flush();
        }
        // Mostly it has been told already, and this is a look at something that seldom changes.
        let told = &self.shared.told;
        if !told.load(Ordering::SeqCst) && !told.swap(true, Ordering::SeqCst) {
            let _sleeping = lock(&self.shared.sleeping);
            self.shared.came.notify_one();
        }
        Ok(())
    }

    fn place(&self) -> &Place {
        let hash = FixedState::default().hash_one(std::thread::current().id());
        // The remainder is below the number of places, whatever is cut off the hash.
        #[expect(clippy::cast_possible_truncation, reason = "any part of a hash will do")]
        let number = hash as usize % PLACES;
        &self.shared.waiting[number]
    }
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Starts the thread that writes what has waited for a moment. It sleeps while nothing waits.
    pub(super) fn write_in_time(&self) -> io::Result<()> {
        let lines = self.clone();
        let work = move || {
            let Shared { told, sleeping, came, .. } = &*lines.shared;
            loop {
                let nothing = |(): &mut ()| !told.load(Ordering::SeqCst);
                drop(came.wait_while(lock(sleeping), nothing));
                std::thread::sleep(MOMENT);
                // Before the look: what comes after it tells anew.
                told.store(false, Ordering::SeqCst);
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
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Line<'a, W> {
        Line { lines: self, may_wait: false }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Line<'a, W> {
        let may_wait = line.target() == "access" && *line.level() > Level::WARN;
        Line { lines: self, may_wait }
    }
}

impl<W: Write> Write for Line<'_, W> {
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
    fn many_threads_lines_leave_whole_and_each_once() {
        let sink = Sink::default();
        let lines = Lines::new(sink.clone());
        lines.write_in_time().unwrap();
        let last_word = lines.last_word();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let lines = &lines;
                scope.spawn(move || {
                    log(lines, || (0..1000).for_each(|n| tracing::info!(target: "access", "{thread}.{n};")));
                });
            }
        });
        drop(last_word);
        let written = sink.0.lock().unwrap().concat();
        for thread in 0..8 {
            let own: Vec<_> = written.lines().filter(|line| line.contains(&format!(" {thread}."))).collect();
            assert_eq!(own.len(), 1000);
            assert!(own.iter().enumerate().all(|(n, line)| line.ends_with(&format!(" {thread}.{n};"))));
        }
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
