//! A copy of the whole database, handed out byte by byte: made beside it first, so that what is sent is of one moment.

use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;

use super::Services;
use super::execute::Reply;
use super::failure::Failure;
use crate::store::StoreError;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

pub(super) async fn copy(services: &Services) -> Result<Reply, Failure> {
    let doing = |what: &str| format!("{what} in `{}`", services.scratch.display());
    // A folder for our eyes alone; it goes when it is dropped, however this ends.
    let folder = tempfile::Builder::new()
        .prefix(".sidegate-backup-")
        .tempdir_in(&services.scratch)
        .map_err(|cause| Failure::File { doing: doing("a folder for the copy can't be made"), cause })?;
    let path = folder.path().join("copy.redb");
    services.store.backup(&path).await?;
    let failed = |cause| Failure::File { doing: doing("the copy can't be read"), cause };
    let mut file = File::open(&path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let (mut sender, body) = Channel::<Bytes, StoreError>::new(2);
    tokio::task::spawn_local(async move {
        let _kept_until_sent = folder;
        loop {
            let mut chunk = vec![0; CHUNK];
            match file.read(&mut chunk) {
                Ok(0) => return,
                Ok(read) => {
                    chunk.truncate(read);
                    if sender.send_data(chunk.into()).await.is_err() {
                        return;
                    }
                }
                Err(error) => return sender.abort(StoreError::Unwritable(error.to_string())),
            }
        }
    });
    Ok(Reply { kind: "application/octet-stream", length: Some(length), body: body.boxed() })
}
