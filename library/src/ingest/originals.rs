//! A photo that was copied and then edited, where the edit is found before the copy.
//!
//! Had the copy been found first, the edit would be an asset of its own, since the bytes it came from still stand at
//! another path. A scan finds files in any order, and the truth must not depend on it. So when an edit takes the place of
//! a version, the moment is remembered; and when a file with the older bytes turns up that was there by then, the edit is
//! parted from its original after all. A file that came later is what it looks like: an older version, brought again.
//!
//! 1. The kernel's change time says which came first, and no program can set it back. But a folder may be moved in with all
//!    that is in it, and some file systems have no change time of their own. So it counts only while the scan of this start
//!    is telling what happened before, and for a moment after an edit: then nothing else can explain it.
//! 2. A crash, or a rebuild before the scan has ended, takes the edit from the catalogue and leaves it in the journal. So the
//!    moment is the fact's own, and that all was told since is a fact too. What a catalogue that lost the edit still holds for
//!    standing is no witness: it is how things were before.
//! 3. Several edits may wait for their originals. Each version that stood when the next took its place is a photo.

use jiff::Timestamp;

use super::{Arrival, Ingest, VACATED};
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::transaction::Transaction;
use crate::checksum::{Checksum, Digests};
use crate::id::{AccountId, AssetId};
use crate::observation::{FileContent, FilePath, FileRecord, FileStat};

impl Ingest<'_, '_> {
    /// Parts an edit from its original when the file that arrives shows that both stood there, whichever of them it is.
    pub(super) fn part_from_original(
        &mut self,
        owner: AccountId,
        path: &FilePath,
        stat: &FileStat,
        digests: Digests,
    ) -> Result<(), CatalogueError> {
        let Some(asset) = self.tx.get::<AssetId>(&Key::content(owner, &digests.checksum))? else {
            return Ok(());
        };
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        let edit = record.digests;
        if self.is_edit_of_current(asset, edit.checksum, &digests.checksum, stat)? {
            // Its own asset, as what replaced it is.
            self.tx.remove(Key::content(owner, &digests.checksum));
            return Ok(());
        }
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        let original = if edit.checksum == digests.checksum {
            let standing = record.standing.iter().filter(|at| at.checksum != edit.checksum);
            let elsewhere: Vec<FilePath> =
                standing.filter(|at| at.path != *path).map(|at| at.path.clone()).collect();
            let mut original = None;
            for other in elsewhere {
                if let Some(FileRecord { stat, content: FileContent::Asset { digests, .. } }) =
                    self.tx.get(&Key::file(&other))?
                    && self.was_there(asset, &digests.checksum, &stat)?
                {
                    original.get_or_insert(digests);
                }
            }
            original
        } else {
            let stands = record.current().any(|at| at.path != *path);
            (stands && self.was_there(asset, &digests.checksum, stat)?).then_some(digests)
        };
        match original {
            Some(original) => self.part(owner, asset, edit, original),
            None => Ok(()),
        }
    }

    /// Whether older bytes of an asset that went back to its original are an edit that stood when another took its place.
    fn is_edit_of_current(
        &mut self,
        asset: AssetId,
        current: Checksum,
        version: &Checksum,
        stat: &FileStat,
    ) -> Result<bool, CatalogueError> {
        if current == *version {
            return Ok(false);
        }
        let [original, edit] = [&current, version].map(|version| Key::superseded(asset, version));
        let [original, edit] = [self.tx.get::<Timestamp>(&original)?, self.tx.get::<Timestamp>(&edit)?];
        let is_later = original.zip(edit).is_some_and(|(original, edit)| original < edit);
        Ok(is_later && self.was_there(asset, version, stat)?)
    }

    /// Whether a file with older bytes of an asset was there when an edit took their place.
    fn was_there(&self, asset: AssetId, version: &Checksum, stat: &FileStat) -> Result<bool, CatalogueError> {
        let edited = self.tx.get::<Timestamp>(&Key::superseded(asset, version))?;
        Ok(edited.is_some_and(|edited| {
            let counts = !self.all_told || self.tx.now.duration_since(edited) < VACATED;
            counts && i128::from(stat.ctime_ns) < edited.as_nanosecond()
        }))
    }

    /// Makes the asset its original again, and what stands there of the edit an asset of its own.
    fn part(
        &mut self,
        owner: AccountId,
        asset: AssetId,
        edit: Digests,
        original: Digests,
    ) -> Result<(), CatalogueError> {
        if self.tx.asset(AssetId::of_content(owner, &edit.checksum))?.is_some() {
            return Ok(());
        }
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        let mut metadata = record.metadata.clone().map(Box::new);
        let described_at = record.described_at.clone();
        let mut paths: Vec<FilePath> = record.current().map(|at| at.path.clone()).collect();
        paths.sort_by_key(|path| described_at.as_ref() != Some(path));
        let mut edits = Vec::with_capacity(paths.len());
        for path in paths {
            let Some(FileRecord { stat, content: FileContent::Asset { digests, sidecars, .. } }) =
                self.tx.get(&Key::file(&path))?
            else {
                continue;
            };
            self.clear(&path)?;
            self.tx.remove(Key::vacated(&path));
            edits.push(Arrival { path, stat, digests, metadata: metadata.take(), sidecars });
        }
        self.tx.remove(Key::content(owner, &edit.checksum));
        self.new_version(asset, original)?;
        edits.into_iter().try_for_each(|edit| self.arrived(edit))
    }
}

/// Makes no witness of what the catalogue still holds for standing of a version, when it has lost the commit that replaced it.
/// When the edit was decided, nothing else stood: it is one of these, or they went.
pub(crate) fn discredit(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    version: &Checksum,
) -> Result<(), CatalogueError> {
    let standing = tx.asset(asset)?.map(|record| record.standing.clone()).unwrap_or_default();
    for at in standing.iter().filter(|at| at.checksum == *version) {
        if let Some(mut file) = tx.get::<FileRecord>(&Key::file(&at.path))? {
            file.stat.ctime_ns = i64::MAX;
            tx.put(Key::file(&at.path), &file);
        }
    }
    Ok(())
}
