//! The tasks of HTTP/2's streams, each on its worker's own thread and with an end from outside: a client that opens no
//! window is not asked for its answer's body, which could then neither look at the clock nor after its session.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::body::Source;
use crate::proxy::body::Watch;
use crate::web::deadline::{Deadlines, Timer};

tokio::task_local! {
    /// The answer of the stream whose task this is.
    static ANSWER: Rc<Answer>;
}

/// What is known of a stream's answer.
struct Answer {
    timer: Timer,
    patience: Duration,
    stage: RefCell<Stage>,
}

enum Stage {
    /// The answer is not there yet; whoever makes it has limits of its own.
    Awaited,
    /// Sidegate's own, held by the timer.
    Own,
    /// The upstream's.
    Upstream(Watch),
}

/// Says that the answer's head is there. On HTTP/1, where the socket itself tells who reads nothing, this does nothing.
pub(super) fn answered(source: &Source) {
    // Without a stream around it there is nobody to tell.
    let _ = ANSWER.try_with(|answer| {
        let watch = match source {
            Source::Upstream(body) => body.watch(),
            Source::Own(_) => None,
        };
        *answer.stage.borrow_mut() = watch.map_or_else(
            || {
                answer.timer.set(answer.patience);
                Stage::Own
            },
            Stage::Upstream,
        );
    });
}

impl Answer {
    /// Ready when the stream must not go on.
    fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        match &*self.stage.borrow() {
            Stage::Awaited => Poll::Pending,
            Stage::Own => self.timer.poll_fired(cx),
            Stage::Upstream(watch) => watch.poll_over(cx),
        }
    }
}

/// Runs streams.
#[derive(Clone)]
pub(super) struct Streams {
    /// The worker's time limits.
    pub(super) deadlines: Deadlines,
    /// How long a client may take nothing of an answer of Sidegate's own.
    pub(super) patience: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + 'static,
{
    fn execute(&self, stream: F) {
        let (timer, patience) = (self.deadlines.timer(), self.patience);
        let answer = Rc::new(Answer { timer, patience, stage: RefCell::new(Stage::Awaited) });
        tokio::task::spawn_local(ANSWER.scope(Rc::clone(&answer), async move {
            let mut stream = pin!(stream);
            // Dropping the stream resets it.
            std::future::poll_fn(|cx| match stream.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => answer.poll_over(cx),
            })
            .await;
        }));
    }
}
