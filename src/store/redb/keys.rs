//! Writes about signing keys. A rotation is one of them: there is no moment at which the database has two keys that
//! sign for one algorithm, or none.

use super::fault::Fault;
use super::tables::Tables;
use crate::store::SigningKey;
use crate::types::Timestamp;

impl Tables<'_> {
    pub(super) fn ensure_signing_key(&mut self, key: &SigningKey) -> Result<Vec<SigningKey>, Fault> {
        let is_current = |known: &SigningKey| known.algorithm == key.algorithm && known.retired.is_none();
        if !self.signing_keys()?.iter().any(is_current) {
            self.put_signing_key(key)?;
        }
        self.signing_keys()
    }

    pub(super) fn rotate_signing_key(
        &mut self,
        new: &SigningKey,
        older_than: Option<Timestamp>,
    ) -> Result<Option<Vec<SigningKey>>, Fault> {
        let mut current = self.signing_keys()?;
        current.retain(|known| known.algorithm == new.algorithm && known.retired.is_none());
        let newest = current.iter().map(|key| key.created).max();
        if older_than.zip(newest).is_some_and(|(moment, newest)| newest >= moment) {
            return Ok(None);
        }
        for mut key in current {
            key.retired = Some(new.created);
            self.put_signing_key(&key)?;
        }
        self.put_signing_key(new)?;
        self.signing_keys().map(Some)
    }

    pub(super) fn retire_foreign_keys(
        &mut self,
        algorithm: &str,
        at: Timestamp,
    ) -> Result<Vec<SigningKey>, Fault> {
        for mut key in self.signing_keys()? {
            if key.algorithm != algorithm && key.retired.is_none() {
                key.retired = Some(at);
                self.put_signing_key(&key)?;
            }
        }
        self.signing_keys()
    }

    pub(super) fn drop_retired_keys(
        &mut self,
        retired_before: Timestamp,
    ) -> Result<Option<Vec<SigningKey>>, Fault> {
        let (over, stay): (Vec<_>, Vec<_>) = self
            .signing_keys()?
            .into_iter()
            .partition(|key| key.retired.is_some_and(|retired| retired < retired_before));
        for key in &over {
            self.remove_signing_key(key)?;
        }
        Ok((!over.is_empty()).then_some(stay))
    }
}
