//! What is done once a day: the journal is compacted, and what was kept for things long gone is let go.

use jiff::{SignedDuration, Timestamp};

use super::{Library, LibraryError};
use crate::catalogue::keys::{Key, path_of};
use crate::catalogue::records::AssetRecord;
use crate::fact::Fact;
use crate::id::AssetId;
use crate::journal::{Face, Record};

/// How long what was read from a missing file is kept, in case it comes back.
const KEEP_MISSING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long an emptied path remembers who stood there. Editors take seconds.
const KEEP_VACATED: SignedDuration = SignedDuration::from_hours(1);

/// What maintenance did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Maintenance {
    /// Missing assets whose derived data was let go. Their facts stay for ever.
    pub forgotten: usize,
    /// Journal records that later ones made superfluous, moved to the archive.
    pub archived: u64,
}

impl Library {
    /// Compacts the journal and lets go of derived data that nothing needs any more.
    pub fn maintain(&self) -> Result<Maintenance, LibraryError> {
        let now = Timestamp::now();
        let catalogue = self.catalogue()?;
        let mut forgotten = Vec::new();
        for entry in catalogue.scan::<AssetRecord>(&Key::assets()) {
            let (key, record) = entry?;
            let long_gone =
                record.missing_since.is_some_and(|since| now.duration_since(since) > KEEP_MISSING);
            if long_gone && record.standing.is_empty() && record.metadata.is_some() {
                forgotten.extend(key.get(1..17).and_then(|id| id.try_into().ok()).map(AssetId::from_bytes));
            }
        }
        drop(catalogue);
        self.write(self.account(), Face::Daemon, |tx, _| {
            for id in &forgotten {
                if let Some(record) = tx.asset_mut(*id)?.filter(|record| record.standing.is_empty()) {
                    record.metadata = None;
                }
            }
            for (key, (_, since)) in tx.scan::<(AssetId, Timestamp)>(&Key::all_vacated())? {
                if let Some(path) = path_of(&key).filter(|_| now.duration_since(since) > KEEP_VACATED) {
                    tx.remove(Key::vacated(&path));
                }
            }
            Ok(())
        })?;
        let superseded = |record: &Record| -> Option<String> {
            Fact::from_record(&record.kind, &record.content).ok()?.supersedes()
        };
        self.journal.rotate()?;
        let compacted = self.journal.compact(&superseded)?;
        Ok(Maintenance { forgotten: forgotten.len(), archived: compacted.archived })
    }
}
