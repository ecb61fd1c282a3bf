//! Whether an address is left out, and when it is tried again. Pure.

use std::time::{Duration, Instant};

/// How long an address is left out at first: about as long as a restarting service needs.
const FIRST: Duration = Duration::from_secs(1);

/// The longest that an address waits to be tried again. A machine that comes back gets its share within half a minute, and
/// one that never does costs next to nothing.
const LONGEST: Duration = Duration::from_secs(30);

/// What is known of an address: good, unless the last attempt to connect to it has failed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health(Option<Out>);

#[derive(Clone, Copy, Debug)]
struct Out {
    pause: Duration,
    until: Instant,
}

impl Health {
    /// Whether it is left out.
    pub(super) const fn is_out(self) -> bool {
        self.0.is_some()
    }

    /// Whether it is left out and ought to be tried again.
    pub(super) fn is_due(self, now: Instant) -> bool {
        self.0.is_some_and(|out| out.until <= now)
    }

    /// A request could not connect to it. Whether that is news: what is out already waits no longer for it, or requests
    /// that try everything would put off the next probe.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let news = self.0.is_none();
        self.0.get_or_insert(Out { pause: FIRST, until: now + FIRST });
        news
    }

    /// A probe has failed: the next one waits twice as long.
    pub(super) fn failed_again(&mut self, now: Instant) {
        if let Some(out) = &mut self.0 {
            out.pause = (out.pause * 2).min(LONGEST);
            out.until = now + out.pause;
        }
    }

    /// It can be connected to. Whether that is news.
    pub(super) fn lives(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_probe_that_fails_doubles_the_wait_up_to_half_a_minute() {
        let mut now = Instant::now();
        let mut health = Health::default();
        assert!(health.failed(now));
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            let wait = Duration::from_secs(wait);
            assert!(!health.is_due(now + wait.mul_f64(0.99)));
            now += wait;
            assert!(health.is_due(now));
            health.failed_again(now);
        }
        assert!(health.lives() && !health.is_out());
        assert!(health.failed(now) && health.is_due(now + FIRST), "it begins anew");
    }

    #[test]
    fn requests_that_fail_do_not_put_off_the_probe() {
        let now = Instant::now();
        let mut health = Health::default();
        health.failed(now);
        assert!(!health.failed(now + FIRST / 2));
        assert!(health.is_due(now + FIRST));
    }
}
