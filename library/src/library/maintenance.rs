//! What is done once a day: the journal is compacted, and what was kept for things long gone is let go.

use jiff::{SignedDuration, Timestamp};

use super::{Library, LibraryError};
use crate::catalogue::keys::{Key, path_of};
use crate::catalogue::records::AssetRecord;
use crate::change::{ChangeSeq, Entity};
use crate::fact::Fact;
use crate::id::AssetId;
use crate::journal::{Face, Record};

/// How long what was read from a missing file is kept, in case it comes back.
const KEEP_MISSING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long the change feed tells of what is gone. Who comes later reads everything anew.
const KEEP_TOMBSTONES: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long an emptied path remembers who stood there. Editors take seconds.
const KEEP_VACATED: SignedDuration = SignedDuration::from_hours(1);

/// What maintenance did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Maintenance {
    /// Missing assets whose derived data was let go. Their facts stay for ever.
    pub forgotten: usize,
    /// Changes that told of something gone, and are told no more.
    pub pruned: usize,
    /// Journal records that later ones made superfluous, moved to the archive.
    pub archived: u64,
}

impl Library {
    /// Compacts the journal and lets go of derived data that nothing needs any more.
    pub fn maintain(&self) -> Result<Maintenance, LibraryError> {
        self.maintain_at(Timestamp::now())
    }

    fn maintain_at(&self, now: Timestamp) -> Result<Maintenance, LibraryError> {
        let catalogue = self.catalogue()?;
        let mut forgotten = Vec::new();
        let mut tombstones = Vec::new();
        for entry in catalogue.scan::<AssetRecord>(&Key::assets()) {
            let (key, record) = entry?;
            let Some(since) = record.missing_since.filter(|_| record.standing.is_empty()) else { continue };
            let gone = now.duration_since(since);
            if gone > KEEP_TOMBSTONES {
                tombstones.push(record.changed);
            }
            if gone > KEEP_MISSING && record.metadata.is_some() {
                forgotten.extend(key.get(1..17).and_then(|id| id.try_into().ok()).map(AssetId::from_bytes));
            }
        }
        drop(catalogue);
        let pruned = self.write(self.account(), Face::Daemon, |tx, _| {
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
            let mut pruned = 0;
            let mut floor = tx.get::<ChangeSeq>(&Key::meta("floor"))?.unwrap_or_default();
            for seq in tombstones {
                // It may have come back since it was looked at, and then this change is no longer its latest.
                if let Some((_, true)) = tx.get::<(Entity, bool)>(&Key::change(seq))? {
                    tx.remove(Key::change(seq));
                    floor = floor.max(seq);
                    pruned += 1;
                }
            }
            if pruned > 0 {
                tx.put(Key::meta("floor"), &floor);
            }
            Ok(pruned)
        })?;
        let superseded = |record: &Record| -> Option<String> {
            Fact::from_record(&record.kind, &record.content).ok()?.supersedes()
        };
        self.journal.rotate()?;
        let compacted = self.journal.compact(&superseded)?;
        Ok(Maintenance { forgotten: forgotten.len(), pruned, archived: compacted.archived })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::RootSpec;
    use crate::{Digests, FilePath, FileStat, Metadata, Observation};

    #[test]
    fn what_is_long_gone_is_told_no_more_and_who_missed_it_reads_all_anew() {
        let data = tempfile::tempdir().unwrap();
        let (library, _) = Library::open(data.path()).unwrap();
        let root = library.set_roots(library.account(), &[RootSpec { path: "/pictures".into() }]).unwrap()[0];
        let path = |name: &str| FilePath::new(root, name.as_bytes());
        let seen = |name: &str, inode| Observation::Asset {
            path: path(name),
            stat: FileStat { size: 1, mtime_ns: 1, ctime_ns: 1, device: 1, inode },
            digests: Digests::of(name.as_bytes()),
            metadata: Box::new(Metadata::default()),
            sidecars: Vec::new(),
        };
        library.observe(vec![seen("a.jpg", 1), seen("b.jpg", 2)]).unwrap();
        let early = library.cursor();
        library.observe(vec![Observation::Gone { path: path("a.jpg") }]).unwrap();
        let later = library.cursor();
        let days = |days: i64| Timestamp::now() + SignedDuration::from_hours(days * 24);
        let told = |library: &Library| {
            let changes = library.catalogue().unwrap().changes_after(ChangeSeq::default());
            changes.filter(|change| change.as_ref().unwrap().gone).count()
        };
        // After a month its metadata goes, which is one more change.
        assert_eq!(library.maintain_at(days(31)).unwrap().pruned, 0);
        let renewed = library.cursor();
        assert_eq!((told(&library), library.maintain_at(days(80)).unwrap().pruned), (1, 0));
        assert_eq!((library.maintain_at(days(91)).unwrap().pruned, told(&library)), (1, 0));
        assert_eq!(library.maintain_at(days(92)).unwrap().pruned, 0);
        let catalogue = library.catalogue().unwrap();
        let follows = |at| catalogue.can_follow(at).unwrap();
        assert_eq!((follows(early), follows(later), follows(renewed)), (false, false, true));
        library.observe(vec![seen("a.jpg", 1)]).unwrap();
        assert_eq!(told(&library), 0, "it may come back all the same");
    }
}
