//! What the two directions of one exchange know of each other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

use super::pool::Seat;
use crate::proxy::vigil::Vigil;

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is awaited, or comes in and is watched over.
    Open,
    /// It has come in to its end. The upload may go on, and has to look after itself.
    Whole,
    /// Nobody wants it any more: the stream is to be reset.
    Dropped,
}

/// What both directions hold. The seat is free when both are done.
pub(super) struct Shared {
    pub(super) vigil: Rc<Vigil>,
    seat: Rc<Seat>,
    progress: Cell<Progress>,
    upload: RefCell<Option<Waker>>,
}

impl Shared {
    /// How far the answer is; the upload is woken when that changes.
    pub(super) fn progress(&self, cx: &Context<'_>) -> Progress {
        let mut waker = self.upload.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.progress.get()
    }
}

/// The answer's side. Dropping it before the answer is whole resets the stream, also while the upload waits for the
/// upstream to take more.
pub(super) struct Exchange(Rc<Shared>);

impl Exchange {
    pub(super) fn new(seat: Rc<Seat>, vigil: Rc<Vigil>) -> Self {
        let (progress, upload) = (Cell::new(Progress::Open), RefCell::new(None));
        Self(Rc::new(Shared { vigil, seat, progress, upload }))
    }

    /// For the upload.
    pub(super) fn share(&self) -> Rc<Shared> {
        Rc::clone(&self.0)
    }

    pub(super) fn seat(&self) -> &Seat {
        &self.0.seat
    }

    /// The answer has come in to its end.
    pub(super) fn is_whole(&self) {
        self.0.progress.set(Progress::Whole);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.0.progress.get() == Progress::Open {
            self.0.progress.set(Progress::Dropped);
        }
        let waker = self.0.upload.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
