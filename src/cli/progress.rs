//! How far long work has come, on standard error: a bar at a terminal, elsewhere a line every few seconds.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Often enough to see that it lives, rarely enough for a log.
const EVERY: Duration = Duration::from_secs(5);

/// Shown while it lives; dropping it takes the bar away.
pub(super) struct Progress(Shown);

enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
}

struct Lines {
    out: Box<dyn Write + Send>,
    doing: String,
    total: Option<u64>,
    last: Instant,
}

impl Progress {
    /// Begins with what is done (`importing users`) and how many there are, if that is known.
    pub(super) fn start(doing: &str, total: Option<u64>) -> Self {
        if io::stderr().is_terminal() {
            Self(Shown::Bar(bar(doing, total)))
        } else {
            Self(Shown::Lines(Lines::new(Box::new(io::stderr()), doing, total, Instant::now())))
        }
    }

    /// So many are done.
    pub(super) fn reached(&mut self, done: u64) {
        match &mut self.0 {
            Shown::Bar(bar) => bar.set_position(done),
            Shown::Lines(lines) => lines.reached(done, Instant::now()),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// What a bar looks like, and what stands there where nobody knows how much there is.
const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {eta} left";
const COUNTER: &str = "{msg} {spinner} {human_pos}";

fn bar(doing: &str, total: Option<u64>) -> ProgressBar {
    let style = ProgressStyle::with_template(if total.is_some() { BAR } else { COUNTER });
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.with_style(style).with_message(doing.to_owned())
}

impl Lines {
    fn new(out: Box<dyn Write + Send>, doing: &str, total: Option<u64>, now: Instant) -> Self {
        Self { out, doing: doing.to_owned(), total, last: now }
    }

    /// Quick work is silent; so is a closed standard error.
    fn reached(&mut self, done: u64, now: Instant) {
        if now.duration_since(self.last) >= EVERY {
            self.last = now;
            let _ = match self.total {
                Some(total) => writeln!(self.out, "{}: {done} of {total}", self.doing),
                None => writeln!(self.out, "{}: {done}", self.doing),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Sink(mpsc::Sender<String>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn without_a_terminal_a_line_comes_every_five_seconds_and_none_before() {
        let (sender, said) = mpsc::channel();
        let start = Instant::now();
        let mut lines = Lines::new(Box::new(Sink(sender)), "importing users", Some(100), start);
        for (second, done) in [(0, 0), (4, 10), (5, 20), (6, 30), (9, 40), (17, 50), (18, 100)] {
            lines.reached(done, start + Duration::from_secs(second));
        }
        drop(lines);
        let said: String = said.iter().collect();
        assert_eq!(said, "importing users: 20 of 100\nimporting users: 50 of 100\n");
    }

    #[test]
    fn the_bar_says_what_is_done_and_how_far() {
        assert!([BAR, COUNTER].into_iter().all(|template| ProgressStyle::with_template(template).is_ok()));
        let bar = bar("importing users", Some(100));
        assert_eq!((bar.message().as_str(), bar.length()), ("importing users", Some(100)));
    }
}
