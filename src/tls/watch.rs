//! Files that are followed while the gate runs: when they are to be read again.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::files::{Stamp, stamp};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Files, and what they were like when they were looked at.
#[derive(Debug)]
pub(super) struct Watch {
    files: Vec<PathBuf>,
    looked: Mutex<Looked>,
}

#[derive(Debug)]
struct Looked {
    /// When they were read last.
    read: Vec<Option<Stamp>>,
    /// When they were seen to be others than those.
    changed: Option<Vec<Option<Stamp>>>,
}

impl Watch {
    /// To be made before the files are read: what changes meanwhile is seen at the next look.
    pub(super) fn over(files: Vec<PathBuf>) -> Self {
        let read = files.iter().map(|file| stamp(file)).collect();
        Self { files, looked: Mutex::new(Looked { read, changed: None }) }
    }

    /// Calls `read_again` when there is something new, for as long as it is polled. It blocks while it reads: not for an event
    /// loop of requests.
    pub(super) async fn follow(&self, read_again: impl Fn()) {
        if self.files.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            if self.is_due() {
                read_again();
            }
        }
    }

    /// Looks at the files once. Others are read when they have rested for one look: a certificate and its key can't be
    /// written at the same moment.
    fn is_due(&self) -> bool {
        let now = self.files.iter().map(|file| stamp(file)).collect();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now == looked.read {
            looked.changed = None;
            false
        } else if looked.changed.as_ref() != Some(&now) {
            looked.changed = Some(now);
            false
        } else {
            (looked.read, looked.changed) = (now, None);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_due_once_for_each_change_when_they_have_rested() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pem");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write("1");
        let watch = Watch::over(vec![file.clone()]);
        assert!(!watch.is_due() && !watch.is_due(), "nothing has changed");
        write("12");
        assert!(!watch.is_due(), "perhaps it is being written");
        write("123");
        assert!(!watch.is_due(), "it was");
        assert!(watch.is_due());
        // Also where nothing could be made of it: that is said once.
        assert!(!watch.is_due() && !watch.is_due());
        std::fs::remove_file(&file).unwrap();
        assert!(!watch.is_due() && watch.is_due() && !watch.is_due());
    }
}
