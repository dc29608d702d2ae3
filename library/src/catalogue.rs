//! The catalogue: what is known now, on sled. Derived from the journal and the folders, so never the only copy.
//!
//! What makes it hard, and what answers it:
//! 1. sled is beta: it may refuse to open, or panic. Both move it aside and a new one is filled ([`Catalogue::open`]).
//! 2. Its last batches may be lost at a crash. Each batch holds the journal position it includes, so what is missing
//!    is replayed; and what came from the folders is scanned again.
//! 3. A batch must be whole or absent. One tree, one `apply_batch` a commit, whatever kinds of keys it touches.

pub(crate) mod keys;
pub(crate) mod records;
pub(crate) mod transaction;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::keys::Key;
use crate::change::{Change, ChangeSeq, Cursor, Entity};
use crate::id::{Epoch, LibraryId};

/// Raised when the layout of keys or records changes: an older catalogue is then thrown away and filled anew.
const SCHEMA: u32 = 2;

/// Bytes of sled's page cache. The columns in memory answer nearly everything, so it is small.
const CACHE: u64 = 24 << 20;

/// Why the catalogue could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// sled's own error.
    #[error("the catalogue cannot be used: {0}")]
    Sled(#[from] sled::Error),
    /// A record that does not decode.
    #[error("the catalogue is damaged: a record under {key} does not decode ({reason})")]
    Damaged {
        /// The start of its key.
        key: String,
        /// What the decoder said.
        reason: String,
    },
    /// sled panicked while opening.
    #[error("the catalogue could not be opened: sled stopped with \"{0}\"")]
    Panicked(String),
    /// The folder could not be made or moved.
    #[error("the catalogue's folder {path}: {source}", path = path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The open catalogue.
#[derive(Debug)]
pub(crate) struct Catalogue {
    db: sled::Db,
}

/// A database that opened, not yet known to be ours.
#[derive(Debug)]
pub(crate) struct Started {
    existed: bool,
    catalogue: Catalogue,
}

/// What opening found.
#[derive(Debug)]
pub(crate) struct OpenedCatalogue {
    pub(crate) catalogue: Catalogue,
    /// Empty, so the journal must be replayed from its start and every folder scanned.
    pub(crate) fresh: bool,
    /// Why an older one was moved aside.
    pub(crate) note: Option<String>,
}

impl Catalogue {
    /// Opens the catalogue of `library` in `dir`; one that is broken, foreign or of another schema is moved aside.
    pub(crate) fn open(dir: &Path, library: LibraryId) -> Result<OpenedCatalogue, CatalogueError> {
        Self::finish(dir, Self::start(dir), library)
    }

    /// The first half of [`Catalogue::open`], which takes most of its time and needs not know the library.
    pub(crate) fn start(dir: &Path) -> Result<Started, CatalogueError> {
        let existed = dir.exists();
        Ok(Started { existed, catalogue: Self::open_raw(dir)? })
    }

    /// The second half of [`Catalogue::open`].
    pub(crate) fn finish(
        dir: &Path,
        started: Result<Started, CatalogueError>,
        library: LibraryId,
    ) -> Result<OpenedCatalogue, CatalogueError> {
        let reason = match started {
            Ok(Started { existed, catalogue }) => match catalogue.usable(library) {
                Ok(true) => return Ok(OpenedCatalogue { catalogue, fresh: false, note: None }),
                Ok(false) if !existed => {
                    catalogue.initialise(library)?;
                    return Ok(OpenedCatalogue { catalogue, fresh: true, note: None });
                }
                Ok(false) => "it was made by another version or for another library".to_owned(),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        let aside = Self::set_aside(dir)?;
        let catalogue = Self::open_raw(dir)?;
        catalogue.initialise(library)?;
        let note = format!(
            "The catalogue was not usable ({reason}). It was moved to {} and is being rebuilt from your photos and the journal; nothing is lost.",
            aside.display()
        );
        Ok(OpenedCatalogue { catalogue, fresh: true, note: Some(note) })
    }

    fn open_raw(dir: &Path) -> Result<Self, CatalogueError> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(Some(500));
        // sled meets some kinds of damage with a panic rather than an error.
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(db) => Ok(Self { db: db? }),
            Err(panic) => Err(CatalogueError::Panicked(
                panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_else(|| "no message".to_owned()),
            )),
        }
    }

    /// Moves a catalogue out of the way, keeping only the latest one set aside.
    pub(crate) fn set_aside(dir: &Path) -> Result<PathBuf, CatalogueError> {
        let aside = dir.with_extension("damaged");
        let folder = |source| CatalogueError::Folder { path: dir.to_owned(), source };
        match std::fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(folder(error)),
            _ => {}
        }
        std::fs::rename(dir, &aside).map_err(folder)?;
        Ok(aside)
    }

    fn usable(&self, library: LibraryId) -> Result<bool, CatalogueError> {
        Ok(self.get::<u32>(&Key::meta("schema"))? == Some(SCHEMA)
            && self.get::<LibraryId>(&Key::meta("library"))? == Some(library))
    }

    fn initialise(&self, library: LibraryId) -> Result<(), CatalogueError> {
        let mut batch = sled::Batch::default();
        batch.insert(Key::meta("schema").bytes(), encode(&SCHEMA));
        batch.insert(Key::meta("library").bytes(), encode(&library));
        batch.insert(Key::meta("epoch").bytes(), encode(&Epoch::random()));
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        Ok(())
    }

    /// Reads one record.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, CatalogueError> {
        match self.db.get(key.bytes())? {
            Some(bytes) => decode(key.bytes(), &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// All records whose keys begin with `prefix`, in key order.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &Key,
    ) -> impl Iterator<Item = Result<(sled::IVec, T), CatalogueError>> + use<T> {
        self.db.scan_prefix(prefix.bytes()).map(|entry| {
            let (key, value) = entry?;
            let record = decode(&key, &value)?;
            Ok((key, record))
        })
    }

    /// Applies one commit, whole or not at all.
    pub(crate) fn apply(&self, batch: sled::Batch) -> Result<(), CatalogueError> {
        Ok(self.db.apply_batch(batch)?)
    }

    /// Hands everything applied so far to the disk. A consumer calls it before it commits durably.
    pub(crate) fn flush(&self) -> Result<(), CatalogueError> {
        self.db.flush()?;
        Ok(())
    }

    /// The head of the change feed.
    pub(crate) fn cursor(&self) -> Result<Cursor, CatalogueError> {
        let epoch = self.get(&Key::meta("epoch"))?.unwrap_or_else(Epoch::random);
        let seq = self.get(&Key::meta("seq"))?.unwrap_or_default();
        Ok(Cursor { epoch, seq })
    }

    /// Draws a new epoch: every consumer will read everything anew.
    pub(crate) fn renew_epoch(&self) -> Result<(), CatalogueError> {
        self.db.insert(Key::meta("epoch").bytes(), encode(&Epoch::random()))?;
        self.db.flush()?;
        Ok(())
    }

    /// The latest change of every entity that changed after `since`, oldest first.
    pub(crate) fn changes_after(
        &self,
        since: ChangeSeq,
    ) -> impl Iterator<Item = Result<Change, CatalogueError>> + use<> {
        let start = Key::change(ChangeSeq(since.0 + 1));
        let end = Key::change(ChangeSeq(u64::MAX));
        self.db.range(start.bytes().to_vec()..=end.bytes().to_vec()).map(|entry| {
            let (key, value) = entry?;
            let (entity, gone): (Entity, bool) = decode(&key, &value)?;
            Ok(Change { seq: keys::change_seq(&key), entity, gone })
        })
    }
}

/// Encodes a record. postcard fails only on types we do not store (maps of unknown length).
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).unwrap_or_default()
}

/// Decodes a record.
pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, CatalogueError> {
    postcard::from_bytes(bytes).map_err(|error| CatalogueError::Damaged {
        key: String::from_utf8_lossy(&key[..key.len().min(1)]).into_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_catalogue_is_moved_aside_and_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalogue");
        let library = LibraryId::random();
        drop(Catalogue::open(&path, library).unwrap());
        for file in ["conf", "db"] {
            std::fs::write(path.join(file), b"not a database").unwrap();
        }
        let opened = Catalogue::open(&path, library).unwrap();
        assert!(opened.fresh);
        assert!(opened.note.unwrap().contains("moved to"));
        assert!(path.with_extension("damaged").exists());
    }

    #[test]
    fn a_catalogue_of_another_library_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalogue");
        let library = LibraryId::random();
        assert!(Catalogue::open(&path, library).unwrap().fresh);
        assert!(!Catalogue::open(&path, library).unwrap().fresh);
        assert!(Catalogue::open(&path, LibraryId::random()).unwrap().fresh);
    }
}
