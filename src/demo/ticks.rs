//! The demo's live clock: a body of server-sent events that never ends, one event a second.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use jiff::Timestamp;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::types::Clock;

/// An endless stream of `tick` events; the first one comes at once.
#[derive(Debug)]
pub(super) struct Ticks {
    interval: Interval,
    clock: Clock,
    count: u64,
}

impl Ticks {
    pub(super) fn new(clock: Clock) -> Self {
        let mut interval = interval(Duration::from_secs(1));
        // A laptop that slept an hour wants the present, not 3600 events.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, clock, count: 0 }
    }
}

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.interval.poll_tick(context));
        self.count += 1;
        let event = event(self.count, &self.clock);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(event)))))
    }
}

fn event(count: u64, clock: &Clock) -> String {
    let seconds = i64::try_from(clock.now().secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    format!("id: {count}\nevent: tick\ndata: {time}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn an_event_carries_its_number_and_the_time() {
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        assert_eq!(event(3, &clock), "id: 3\nevent: tick\ndata: 2027-01-15T08:00:00Z\n\n");
    }
}
