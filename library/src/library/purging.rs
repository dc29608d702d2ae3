//! What is in the trash, removed for good: the library's half. The files are the caller's, who has moved them out of the way
//! before this is journalled, and unlinks them after.

use super::{Library, LibraryError, TrashError};
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AssetRecord, DecidedRecord};
use crate::checksum::Checksum;
use crate::fact::Fact;
use crate::id::AssetId;
use crate::ingest::Ingest;
use crate::journal::Face;
use crate::observation::{FilePath, Observation};

/// A file that goes with its asset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoomedFile {
    /// Where it stands.
    pub path: FilePath,
    /// The bytes that are known to be there: others must not be removed.
    pub checksum: Checksum,
}

impl Library {
    /// Whether it was decided here that an asset is removed for good, and nothing else since.
    pub fn is_purged(&self, asset: AssetId) -> Result<bool, LibraryError> {
        let decided = self.catalogue()?.get::<DecidedRecord>(&Key::decided(asset))?;
        Ok(decided.is_some_and(|decided| decided.purged))
    }

    /// Every file of an asset in the trash, in every version, and of its parts.
    pub fn doomed(&self, asset: AssetId) -> Result<Vec<DoomedFile>, LibraryError> {
        let catalogue = self.catalogue()?;
        let decided = catalogue.get::<DecidedRecord>(&Key::decided(asset))?;
        if decided.is_none_or(|decided| decided.trashed.is_none()) {
            return Err(TrashError::NotThere(asset).into());
        }
        let mut files = Vec::new();
        let mut open = vec![asset];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(id))? else { continue };
            files.extend(
                record.standing.iter().map(|at| DoomedFile { path: at.path.clone(), checksum: at.checksum }),
            );
            open.extend(record.parts);
        }
        Ok(files)
    }

    /// An asset in the trash is gone for good, and these files of it with it. Should its bytes come again, it is that asset
    /// again, with all that was decided of it.
    pub fn purge(&self, face: Face, asset: AssetId, files: &[DoomedFile]) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, writer| {
            let decided = tx.get::<DecidedRecord>(&Key::decided(asset))?.unwrap_or_default();
            if decided.trashed.is_none() {
                return Err(TrashError::NotThere(asset).into());
            }
            tx.decide(Fact::Purge { asset })?;
            let gone = files.iter().map(|file| Observation::Gone { path: file.path.clone() }).collect();
            Ok(Ingest::new(tx, &writer.roots, &self.snapshot()).run(gone)?)
        })
    }
}
