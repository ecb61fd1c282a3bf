//! A write on its way to the writer's thread, and its answer on the way back.

use tokio::sync::oneshot;

use super::fault::Fault;
use super::tables::Tables;
use crate::store::StoreError;

/// What the writer is sent.
pub(super) enum Message {
    /// Do this.
    Job(Box<dyn Job>),
    /// Close the database and say so.
    Close(oneshot::Sender<()>),
}

/// A write whose answer waits for the commit.
pub(super) trait Job: Send {
    /// Does it. An error ends the whole transaction; a refusal is no error.
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), Fault>;
    /// Answers, by what became of the transaction.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// Packs a write up; the answer comes from what is given beside it.
pub(super) fn pack<T, F>(work: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Task { work: Some(work), done: Err(StoreError::Closed), reply }), answer)
}

struct Task<T, F> {
    work: Option<F>,
    done: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), Fault> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let before = tables.touched();
        self.done = match work(tables) {
            Ok(value) => Ok(value),
            // One bad record is its reader's misfortune alone, as long as nothing was changed on the way to it.
            Err(fault @ Fault::Damaged(_)) if tables.touched() == before => Err(fault.answer()),
            Err(fault) => return Err(fault),
        };
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        // The caller may have gone; what was written stays.
        let _ = self.reply.send(outcome.and(self.done));
    }
}
