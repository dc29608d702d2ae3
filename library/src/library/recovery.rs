//! The catalogue failed while the library was open: it is opened again, or filled anew, and nobody has to restart.
//!
//! 1. After one failed write sled is of no use any more, and another can only be had when it is out of the way.
//!    Everybody who reads holds it, though never for long.
//! 2. A disk that has no room is not worth the attempt: until it has, what sled keeps in memory can still be read.
//! 3. sled may have lost what it had taken. What was decided is replayed from the journal; what came from the folders
//!    must be looked for again, which the new epoch tells whoever watches them.

use std::sync::{Arc, PoisonError};

use super::{Commit, Library, LibraryError, Writer, locked, opening};
use crate::catalogue::{Catalogue, CatalogueError, has_room};
use crate::change::{Change, Entity};

impl Library {
    /// Whether sled has refused to read or write.
    pub(super) fn has_failed(&self) -> bool {
        let catalogue = self.catalogue.read().unwrap_or_else(PoisonError::into_inner);
        catalogue.as_ref().is_none_or(|catalogue| catalogue.has_failed())
    }

    /// Recovers if there is anything to recover from, without a change to make.
    pub(super) fn mend(&self) -> Result<(), LibraryError> {
        let mut writer = locked(&self.writer);
        if writer.behind || self.has_failed() { self.recover(&mut writer) } else { Ok(()) }
    }

    /// Opens the catalogue again, replays what it missed, and publishes all of it as new.
    pub(super) fn recover(&self, writer: &mut Writer) -> Result<(), LibraryError> {
        let derived = self.data.join("derived");
        let path = derived.join("catalogue");
        if !has_room(&path) {
            return Err(CatalogueError::NoRoom { path }.into());
        }
        writer.behind = true;
        let failed = self.catalogue.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(failed) = failed {
            Catalogue::close(failed, &path)?;
        }
        let mut notes = Vec::new();
        let ready = opening::make_ready(&derived, Catalogue::start(&path), &self.journal, &mut notes)?;
        for note in &notes {
            tracing::warn!("{note}");
        }
        locked(&self.notes).extend(notes);
        let opening::Ready { catalogue, mut snapshot, writer: fresh, .. } = ready;
        let catalogue = Arc::new(catalogue);
        *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&catalogue));
        catalogue.renew_epoch()?;
        snapshot.set_cursor(catalogue.cursor()?);
        drop(catalogue);
        writer.roots = fresh.roots;
        writer.away = fresh.away;
        writer.behind = false;
        tracing::warn!("the catalogue had failed and was opened again");
        let snapshot = Arc::new(snapshot);
        self.snapshot.store(Arc::clone(&snapshot));
        let changes: Arc<[Change]> = snapshot
            .rows()
            .map(|(_, row)| Change { seq: snapshot.cursor().seq, entity: Entity::Asset(row.id), gone: false })
            .chain(snapshot.everybody().map(|person| Change {
                seq: snapshot.cursor().seq,
                entity: Entity::Person(person.id),
                gone: false,
            }))
            .chain(snapshot.every_album().map(|album| Change {
                seq: snapshot.cursor().seq,
                entity: Entity::Album(album.id),
                gone: false,
            }))
            .chain(
                [Entity::Roots, Entity::Unreadable, Entity::KeptTags, Entity::SavedSearches]
                    .map(|entity| Change { seq: snapshot.cursor().seq, entity, gone: false }),
            )
            .collect();
        writer.subscribers.retain(|to| {
            to.send(Commit { snapshot: Arc::clone(&snapshot), changes: Arc::clone(&changes) }).is_ok()
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::catalogue::keys::Key;
    use crate::catalogue::records::AssetRecord;
    use crate::id::RootId;
    use crate::library::RootSpec;
    use crate::query::Mode;
    use crate::{Digests, FilePath, FileStat, Metadata, Observation};

    fn open(data: &Path) -> (Arc<Library>, RootId) {
        let (library, _) = Library::open(data).unwrap();
        let root = library.set_roots(library.account(), &[RootSpec { path: "/pictures".into() }]).unwrap()[0];
        (library, root)
    }

    fn photo(root: RootId, name: &str) -> Observation {
        let inode = name.len() as u64;
        Observation::Asset {
            path: FilePath::new(root, name.as_bytes()),
            stat: FileStat { size: 1, mtime_ns: 1, ctime_ns: 1, device: 1, inode },
            digests: Digests::of(name.as_bytes()),
            metadata: Box::new(Metadata::default()),
            sidecars: Vec::new(),
        }
    }

    #[test]
    fn a_failed_catalogue_is_opened_again_at_the_next_change_and_reads_go_on() {
        let data = tempfile::tempdir().unwrap();
        let (library, root) = open(data.path());
        library.observe(vec![photo(root, "a.jpg")]).unwrap();
        // So that it is on the disk.
        library.settle().unwrap();
        let commits = library.subscribe();
        let before = library.cursor().epoch;
        let failed = library.catalogue().unwrap();
        failed.fail();
        // Somebody is still reading from it.
        let reader = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(200));
            // What it is told, an answer or an error, it is told at once.
            drop(failed.get::<u32>(&Key::meta("schema")));
        });
        library.observe(vec![photo(root, "bb.jpg")]).unwrap();
        reader.join().unwrap();
        assert!(!library.has_failed());
        let everything = commits.recv().unwrap();
        assert_ne!(everything.snapshot.cursor().epoch, before, "whoever follows must look again");
        assert_eq!(library.files_under(root, b"").unwrap().len(), 2);
        library.settle().unwrap();
        let found = |words| library.search(library.account(), words, Mode::Strict, 10).unwrap().len();
        assert_eq!((found("name:a.jpg"), found("bb")), (1, 1));
    }

    #[test]
    fn a_catalogue_that_does_not_open_again_is_filled_anew_without_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let (library, root) = open(data.path());
        library.observe(vec![photo(root, "a.jpg")]).unwrap();
        let id = library.snapshot().rows().next().unwrap().1.id;
        let catalogue = library.catalogue().unwrap();
        let mut batch = sled::Batch::default();
        batch.insert(Key::asset(id).bytes(), b"no record");
        catalogue.apply(batch).unwrap();
        catalogue.flush().unwrap();
        catalogue.fail();
        drop(catalogue);
        library.observe(vec![photo(root, "bb.jpg")]).unwrap();
        assert!(library.notes().iter().any(|note| note.contains("moved to")), "{:?}", library.notes());
        assert_eq!(library.files_under(root, b"").unwrap().len(), 1, "the other must be looked for again");
        let record = library.catalogue().unwrap().get::<AssetRecord>(&Key::asset(id)).unwrap().unwrap();
        assert_eq!(record.name, "a.jpg", "it is known from the journal");
    }

    #[test]
    fn a_panic_behind_the_journal_is_made_up_for_by_the_next_change() {
        let data = tempfile::tempdir().unwrap();
        let (library, root) = open(data.path());
        let epoch = library.cursor().epoch;
        let interrupted = std::thread::spawn({
            let library = Arc::clone(&library);
            move || {
                let mut writer = locked(&library.writer);
                writer.behind = true;
                panic!("as sled does");
            }
        });
        assert!(interrupted.join().is_err());
        library.observe(vec![photo(root, "a.jpg")]).unwrap();
        assert_ne!(library.cursor().epoch, epoch);
    }
}
