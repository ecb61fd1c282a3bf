//! Log lines on their way out: those of the access log wait a moment, so that many requests' lines leave in one
//! write; all others leave at once, and take along what waits, unless there are very many of them. Each write wakes
//! whoever reads the log, and that is often a program on the same cores.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most.
const MOMENT: Duration = Duration::from_millis(100);

/// How many lines beside the access log's may leave at once, before they wait as well; one more each second.
const AT_ONCE: u32 = 16;

/// As many bytes as may wait in one place; with more, whoever brings them writes.
const ROOM: usize = 32 * 1024;

/// The lines that wait, and where they go. Clones share them.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    /// Whether the writing thread knows that something waits.
    told: AtomicBool,
    sleeping: Mutex<()>,
    came: Condvar,
    out: Mutex<Out>,
    /// For lines that come by tracing, from whichever thread.
    common: Arc<Place>,
}

/// Where lines wait. On a cache line of its own: two workers' places must not slow each other down.
#[derive(Default)]
#[repr(align(128))]
struct Place(Mutex<Vec<u8>>);

struct Out {
    sink: Box<dyn Write + Send>,
    places: Vec<Arc<Place>>,
    /// What is being written, so that new lines need not wait for it. Empty in between.
    leaving: Vec<u8>,
    calm: Calm,
}

/// Whether few lines came of late.
struct Calm {
    /// How many may still leave at once.
    left: u32,
    /// Since when there is that many of them.
    since: Instant,
}

/// A thread's own place for lines that may wait. Its lock is free but for the moment in which they are taken along.
pub(super) struct Waiting {
    lines: Lines,
    place: Arc<Place>,
}

/// Takes one line of those that come by tracing.
pub struct Line<'a> {
    lines: &'a Lines,
    haste: Haste,
}

/// When a line leaves.
enum Haste {
    /// In a moment.
    None,
    /// At once, unless very many do.
    Some,
    /// At once: it may be the last one.
    Most,
}

/// Whoever holds it sees to it that nothing is left behind at the end.
pub struct LastWord(Lines);

impl Lines {
    /// Lines that leave to `sink`.
    pub fn new(sink: impl Write + Send + 'static) -> Self {
        let common = Arc::<Place>::default();
        let places = vec![Arc::clone(&common)];
        Self(Arc::new(Shared {
            told: AtomicBool::new(false),
            sleeping: Mutex::default(),
            came: Condvar::new(),
            out: Mutex::new(Out { sink: Box::new(sink), places, leaving: Vec::new(), calm: Calm::new() }),
            common,
        }))
    }

    /// Writes what waits: each thread's lines in their order.
    fn flush(&self) -> io::Result<()> {
        lock(&self.0.out).write(&[])
    }

    /// Writes what waits when this is dropped.
    pub fn last_word(&self) -> LastWord {
        LastWord(self.clone())
    }

    /// Starts the thread that writes what has waited for a moment. It sleeps while nothing waits.
    pub fn write_in_time(&self) -> io::Result<()> {
        let lines = self.clone();
        let work = move || {
            let Shared { told, sleeping, came, .. } = &*lines.0;
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

    /// A place for one thread's lines.
    pub(super) fn waiting(&self) -> Waiting {
        let place = Arc::<Place>::default();
        lock(&self.0.out).places.push(Arc::clone(&place));
        Waiting { lines: self.clone(), place }
    }

    /// Writes a line, unless very many leave, or one is just leaving: then it waits.
    fn write_if_calm(&self, line: &[u8]) -> io::Result<()> {
        let Shared { out, common, .. } = &*self.0;
        if let Ok(mut out) = out.try_lock()
            && out.calm.takes_another(Instant::now())
        {
            return out.write(line);
        }
        self.wait_in(common, line)
    }

    fn wait_in(&self, place: &Place, line: &[u8]) -> io::Result<()> {
        let mut waiting = lock(&place.0);
        waiting.extend_from_slice(line);
        let full = waiting.len() > ROOM;
        drop(waiting);
        if full {
            return self.flush();
        }
        // Mostly it has been told already, and this is a look at something that seldom changes.
        let told = &self.0.told;
        if !told.load(Ordering::SeqCst) && !told.swap(true, Ordering::SeqCst) {
            let _sleeping = lock(&self.0.sleeping);
            self.0.came.notify_one();
        }
        Ok(())
    }
}

impl Waiting {
    /// Takes a line, which leaves when there is enough of them, or in a moment.
    pub(super) fn add(&self, line: &[u8]) {
        // There is no one to tell that the log is closed.
        let _ = self.lines.wait_in(&self.place, line);
    }
}

impl Drop for Waiting {
    /// What waits is written; the place is looked at no more.
    fn drop(&mut self) {
        let mut out = lock(&self.lines.0.out);
        // There is no one to tell that the log is closed.
        let _ = out.write(&[]);
        out.places.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

impl Calm {
    fn new() -> Self {
        Self { left: AT_ONCE, since: Instant::now() }
    }

    fn takes_another(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.since).as_secs();
        if seconds > 0 {
            self.since = now;
            let more = u32::try_from(seconds).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(AT_ONCE);
        }
        let takes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        takes
    }
}

impl Out {
    /// Writes what waits, then `line`.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let Self { sink, places, leaving, .. } = self;
        for place in places {
            leaving.append(&mut lock(&place.0));
        }
        leaving.extend_from_slice(line);
        let written = sink.write_all(leaving);
        leaving.clear();
        written
    }
}

/// A thread that panicked has left whole lines: it only appends.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for LastWord {
    fn drop(&mut self) {
        // There is no one to tell that the log is closed.
        let _ = self.0.flush();
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, haste: Haste::Most }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Line<'a> {
        let haste = match (line.target(), *line.level()) {
            (_, Level::ERROR) => Haste::Most,
            ("access", level) if level > Level::WARN => Haste::None,
            _ => Haste::Some,
        };
        Line { lines: self, haste }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let taken = match self.haste {
            Haste::None => self.lines.wait_in(&self.lines.0.common, line),
            Haste::Some => self.lines.write_if_calm(line),
            Haste::Most => lock(&self.lines.0.out).write(line),
        };
        taken.map(|()| line.len())
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

    fn log(lines: &Lines, work: impl FnOnce()) {
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
    fn a_flood_of_other_lines_leaves_in_few_writes_and_an_error_at_once() {
        let sink = Sink::default();
        let lines = Lines::new(sink.clone());
        let last_word = lines.last_word();
        log(&lines, || (0..1000).for_each(|n| tracing::warn!(target: "other", "{n};")));
        // This much time has passed at the least that more of them could leave at once.
        assert!((16..50).contains(&sink.0.lock().unwrap().len()));
        log(&lines, || tracing::error!(target: "other", "bad;"));
        let writes = sink.0.lock().unwrap().len();
        let written = sink.0.lock().unwrap().concat();
        assert!(written.ends_with("bad;\n"));
        let words: Vec<_> = written.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert!(words.iter().take(1000).enumerate().all(|(n, word)| **word == format!("{n};")));
        drop(last_word);
        assert_eq!(sink.0.lock().unwrap().len(), writes, "nothing was left behind");
    }

    #[test]
    fn a_line_after_some_calm_leaves_at_once() {
        let mut calm = Calm::new();
        let start = calm.since;
        assert_eq!((0..100).filter(|_| calm.takes_another(start)).count(), 16);
        assert!(!calm.takes_another(start + Duration::from_millis(999)));
        assert!(calm.takes_another(start + Duration::from_secs(1)));
        assert!(!calm.takes_another(start + Duration::from_secs(1)));
        let later = start + Duration::from_secs(100);
        assert_eq!((0..100).filter(|_| calm.takes_another(later)).count(), 16);
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
