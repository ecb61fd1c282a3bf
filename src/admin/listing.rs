//! Long lists, one JSON object a line, page by page out of the store: a million users are no million in memory.

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use serde::Serialize;

use super::Services;
use super::execute::Reply;
use super::import::Record;
use super::views::{SessionView, UserView};
use crate::store::{Session, StoreError, User};
use crate::types::UserId;

/// Rows in one page: some hundred kilobytes.
const PAGE: usize = 1000;
/// Pages that wait to be sent.
const AHEAD: usize = 2;

type Pages = Sender<Bytes, StoreError>;

/// All users as they are shown.
pub(super) fn users(services: &Services) -> Reply {
    each_user(services, |user| UserView::from(user))
}

/// All users as an import reads them, hashes included.
pub(super) fn export(services: &Services) -> Reply {
    each_user(services, Record::of)
}

fn each_user<T: Serialize>(services: &Services, view: impl Fn(&User) -> T + 'static) -> Reply {
    let services = services.clone();
    lines(async move |pages| {
        let mut after: Option<UserId> = None;
        loop {
            let page = services.accounts.users(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            if !send(pages, page.iter().map(&view)).await {
                return Ok(());
            }
        }
    })
}

/// All sessions.
pub(super) fn sessions(services: &Services) -> Reply {
    let services = services.clone();
    lines(async move |pages| {
        let mut after = None;
        loop {
            let page: Vec<Session> = services.sessions.list(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut shown = Vec::with_capacity(page.len());
            for session in &page {
                let user = services.accounts.user(session.user).await?;
                shown.push(SessionView::new(session, user.map(|user| user.email.as_str().to_owned())));
            }
            if !send(pages, shown.into_iter()).await {
                return Ok(());
            }
        }
    })
}

/// What is short enough to be there already.
pub(super) fn of<T: Serialize + 'static>(rows: Vec<T>) -> Reply {
    lines(async move |pages| {
        send(pages, rows.iter()).await;
        Ok(())
    })
}

/// Writes in the background what `work` sends; an error breaks the answer off, so that no half list is taken for a whole one.
fn lines<W>(work: W) -> Reply
where
    W: AsyncFnOnce(&mut Pages) -> Result<(), StoreError> + 'static,
{
    let (mut pages, body) = Channel::<Bytes, StoreError>::new(AHEAD);
    tokio::task::spawn_local(async move {
        if let Err(error) = work(&mut pages).await {
            tracing::error!(%error, "a list for the operator could not be read to its end");
            pages.abort(error);
        }
    });
    Reply { kind: "application/x-ndjson", length: None, body: body.boxed() }
}

/// False: nobody listens any more.
async fn send(pages: &mut Pages, rows: impl Iterator<Item = impl Serialize>) -> bool {
    let mut page = BytesMut::new().writer();
    for row in rows {
        serde_json::to_writer(&mut page, &row).expect("a view has nothing that can fail");
        page.get_mut().put_u8(b'\n');
    }
    pages.send_data(page.into_inner().freeze()).await.is_ok()
}
