//! The catalogue: what is known now, on sled. Derived from the journal and the folders, so never the only copy.
//!
//! What makes it hard, and what answers it:
//! 1. sled is beta: it may refuse to open, or panic. Both move it aside and a new one is filled ([`Catalogue::open`]).
//! 2. Its last batches may be lost at a crash. Each batch holds the journal position it includes, so what is missing
//!    is replayed; and what came from the folders is scanned again.
//! 3. A batch must be whole or absent. One tree, one `apply_batch` a commit, whatever kinds of keys it touches.
//! 4. After a failed write sled is of no use any more, also when the disk has room again: it refuses every later one, or
//!    waits for ever for the one that failed, and then holds up every other sled of the process. Background writes fail
//!    long after the batch was taken. Whatever it refuses is remembered ([`Catalogue::has_failed`]), and the library
//!    opens it again once the old one is out of the way ([`Catalogue::close`]).

pub(crate) mod keys;
pub(crate) mod records;
pub(crate) mod transaction;

use std::os::fd::FromRawFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::keys::Key;
use crate::change::{Change, ChangeSeq, Cursor, Entity};
use crate::id::{Epoch, LibraryId};

/// Raised when the layout of keys or records changes: an older catalogue is then thrown away and filled anew.
const SCHEMA: u32 = 7;

/// Bytes of sled's page cache. The columns in memory answer nearly everything, so it is small.
const CACHE: u64 = 24 << 20;

/// What must be free on the disk before a catalogue is opened again: sled writes segments of half a megabyte.
const ROOM: u64 = 2 << 20;

/// How long readers may keep a catalogue that is to be closed.
const LET_GO: Duration = Duration::from_secs(5);

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
    /// sled panicked.
    #[error("the catalogue cannot be used: sled stopped with \"{0}\"")]
    Panicked(String),
    /// It has failed, and opening it again needs room on the disk.
    #[error("the disk that holds {path} is full: make room there, then it goes on", path = path.display())]
    NoRoom {
        /// The catalogue's folder.
        path: PathBuf,
    },
    /// It has failed and is being opened again.
    #[error("the catalogue is being opened again; try again in a moment")]
    Reopening,
    /// Somebody still has it open: a reader of one that has failed, or what is left of a process that was killed.
    #[error("the catalogue is still in use; it is opened once it is not")]
    InUse,
    /// The folder could not be made or moved.
    #[error("the catalogue's folder {path}: {source}", path = path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CatalogueError {
    /// Whether the catalogue itself is at fault, so that another one must be filled: not the disk, nor the moment.
    pub(crate) fn is_damage(&self) -> bool {
        use std::io::ErrorKind;
        match self {
            Self::Sled(sled::Error::Io(error)) => !matches!(
                error.kind(),
                ErrorKind::StorageFull
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::PermissionDenied
            ),
            Self::Sled(_) | Self::Damaged { .. } | Self::Panicked(_) => true,
            Self::NoRoom { .. } | Self::Reopening | Self::InUse | Self::Folder { .. } => false,
        }
    }
}

/// The open catalogue.
#[derive(Debug)]
pub(crate) struct Catalogue {
    db: sled::Db,
    /// sled has refused something, and so will refuse more.
    failed: Arc<AtomicBool>,
}

/// A database that opened, not yet known to be ours.
#[derive(Debug)]
pub(crate) struct Started {
    existed: bool,
    pub(crate) catalogue: Catalogue,
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

impl Drop for Catalogue {
    fn drop(&mut self) {
        if self.has_failed() {
            // Closing sled writes, and after a failed write that may wait for ever.
            std::mem::forget(self.db.clone());
        }
    }
}

impl Catalogue {
    /// Opens the catalogue of `library` in `dir`; one that is broken, foreign or of another schema is moved aside.
    pub(crate) fn open(dir: &Path, library: LibraryId) -> Result<OpenedCatalogue, CatalogueError> {
        Self::finish(dir, Self::start(dir), library)
    }

    /// The first half of [`Catalogue::open`], which takes most of its time and needs not know the library.
    pub(crate) fn start(dir: &Path) -> Result<Started, CatalogueError> {
        let existed = dir.exists();
        read_ahead(dir);
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
                Err(error) if error.is_damage() => error.to_string(),
                Err(error) => return Err(error),
            },
            Err(error) if error.is_damage() => error.to_string(),
            Err(error) => return Err(error),
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
        // A sled that was closed lets go of its lock when its last thread ends, and a process that was killed when a child
        // does that it had begun to start. sled itself would not wait, and call it an error of the file.
        let begun = Instant::now();
        while is_locked(dir) {
            if begun.elapsed() > LET_GO {
                return Err(CatalogueError::InUse);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(Some(500));
        let failed = Arc::new(AtomicBool::new(false));
        Ok(Self { db: guarded(&failed, || config.open())?, failed })
    }

    /// Whether sled has refused something since it was opened: only opening it again helps.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// As if sled had refused something.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Gets a failed catalogue in `dir` out of the way, so that it can be opened again. Who still reads from it is given
    /// a moment, and finds nothing in it any more after that.
    pub(crate) fn close(failed: Arc<Self>, dir: &Path) -> Result<(), CatalogueError> {
        let file = dir.join("db");
        let (closed, done) = std::sync::mpsc::channel::<()>();
        // On a thread of its own: sled may wait for ever, and it shall not do so here.
        let closing = std::thread::Builder::new().name("close catalogue".into()).spawn(move || {
            let _closed = closed;
            let begun = Instant::now();
            while Arc::strong_count(&failed) > 1 && begun.elapsed() < LET_GO / 5 {
                std::thread::sleep(Duration::from_millis(5));
            }
            take_file(&file);
            // Only a refused write wakes those who wait for an earlier one, and closing would be one of them.
            for attempt in 0_u32.. {
                if !failed.is_taken(attempt) && Arc::strong_count(&failed) == 1 {
                    // It knows that it has failed, and so closes at once.
                    failed.failed.store(false, Ordering::Relaxed);
                    return;
                }
                if begun.elapsed() > LET_GO {
                    tracing::error!("the failed catalogue cannot be closed; its memory is lost");
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        if closing.is_err() {
            return Err(CatalogueError::InUse);
        }
        let _ = done.recv_timeout(2 * LET_GO);
        if is_locked(dir) { Err(CatalogueError::InUse) } else { Ok(()) }
    }

    /// Whether it takes one more write: a large one, since sled buffers half a megabyte before it asks the disk, and
    /// another each time, since it does not write what is there already.
    fn is_taken(&self, attempt: u32) -> bool {
        let value = attempt.to_be_bytes().repeat(8 << 10);
        guarded(&self.failed, || self.db.insert(Key::meta("closing").bytes(), value)).is_ok()
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
        self.apply(batch)?;
        self.flush()
    }

    /// Reads one record.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, CatalogueError> {
        match guarded(&self.failed, || self.db.get(key.bytes()))? {
            Some(bytes) => decode(key.bytes(), &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// All records whose keys begin with `prefix`, in key order.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &Key,
    ) -> impl Iterator<Item = Result<(sled::IVec, T), CatalogueError>> + use<T> {
        self.entries(self.db.scan_prefix(prefix.bytes())).map(|entry| {
            let (key, value) = entry?;
            let record = decode(&key, &value)?;
            Ok((key, record))
        })
    }

    /// What sled iterates over, up to its first error: it would give that for ever.
    fn entries(
        &self,
        iter: sled::Iter,
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), CatalogueError>> + use<> {
        let failed = Arc::clone(&self.failed);
        let mut iter = Some(iter);
        std::iter::from_fn(move || {
            let next = guarded(&failed, || iter.as_mut().and_then(Iterator::next).transpose()).transpose();
            if !matches!(next, Some(Ok(_))) {
                iter = None;
            }
            next
        })
    }

    /// Applies one commit, whole or not at all.
    pub(crate) fn apply(&self, batch: sled::Batch) -> Result<(), CatalogueError> {
        guarded(&self.failed, || self.db.apply_batch(batch))
    }

    /// Hands everything applied so far to the disk. A consumer calls it before it commits durably.
    pub(crate) fn flush(&self) -> Result<(), CatalogueError> {
        guarded(&self.failed, || self.db.flush())?;
        Ok(())
    }

    /// The head of the change feed.
    pub(crate) fn cursor(&self) -> Result<Cursor, CatalogueError> {
        let epoch = self.get(&Key::meta("epoch"))?.unwrap_or_else(Epoch::random);
        let seq = self.get(&Key::meta("seq"))?.unwrap_or_default();
        Ok(Cursor { epoch, seq })
    }

    /// How many row numbers were ever given out: at least as many as there are rows.
    pub(crate) fn rows_given(&self) -> Result<usize, CatalogueError> {
        Ok(self.get::<u32>(&Key::meta("next row"))?.unwrap_or(0) as usize)
    }

    /// Whether a consumer at `at` can be told what it has missed. If not, it must read everything anew: `at` belongs to
    /// another life of the catalogue, or something it has not heard of is told no more.
    pub(crate) fn can_follow(&self, at: Cursor) -> Result<bool, CatalogueError> {
        let head = self.cursor()?;
        let floor = self.get::<ChangeSeq>(&Key::meta("floor"))?.unwrap_or_default();
        Ok(at.epoch == head.epoch && at.seq <= head.seq && at.seq >= floor)
    }

    /// Draws a new epoch: every consumer will read everything anew.
    pub(crate) fn renew_epoch(&self) -> Result<(), CatalogueError> {
        let mut batch = sled::Batch::default();
        batch.insert(Key::meta("epoch").bytes(), encode(&Epoch::random()));
        self.apply(batch)?;
        self.flush()
    }

    /// The latest change of every entity that changed after `since`, oldest first.
    pub(crate) fn changes_after(
        &self,
        since: ChangeSeq,
    ) -> impl Iterator<Item = Result<Change, CatalogueError>> + use<> {
        let start = Key::change(ChangeSeq(since.0 + 1));
        let end = Key::change(ChangeSeq(u64::MAX));
        self.entries(self.db.range(start.bytes().to_vec()..=end.bytes().to_vec())).map(|entry| {
            let (key, value) = entry?;
            let (entity, gone): (Entity, bool) = decode(&key, &value)?;
            Ok(Change { seq: keys::change_seq(&key), entity, gone })
        })
    }
}

/// Asks sled something, and remembers in `failed` that it refused. It meets some kinds of damage, and some failures of
/// the disk, with a panic rather than an error.
fn guarded<T>(failed: &AtomicBool, ask: impl FnOnce() -> sled::Result<T>) -> Result<T, CatalogueError> {
    let outcome = match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => answer.map_err(CatalogueError::from),
        Err(panic) => Err(CatalogueError::Panicked(
            panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "no message".to_owned()),
        )),
    };
    if outcome.is_err() {
        failed.store(true, Ordering::Relaxed);
    }
    outcome
}

/// Whether sled in this or another process has the catalogue in `dir`: it locks its file while any handle lives.
fn is_locked(dir: &Path) -> bool {
    std::fs::File::open(dir.join("db")).is_ok_and(|file| {
        flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK)
    })
}

/// Puts nothing in the place of a file that sled has open. The lock goes with the file; what the old sled still reads
/// or writes fails, so that it gives up, and cannot harm the next one.
#[allow(unsafe_code)] // without it a disk that was full for a moment ends all indexing until a restart
fn take_file(db: &Path) {
    let Ok(db) = db.canonicalize() else { return };
    let Ok(nothing) = std::fs::File::open("/dev/null") else { return };
    for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse::<std::os::fd::RawFd>().ok());
        let is_db = std::fs::read_link(entry.path()).is_ok_and(|target| target == db);
        if let Some(number) = number.filter(|_| is_db) {
            // SAFETY: the descriptor is sled's, and stays its own: it is not closed here, and every use of it goes
            // through the kernel (no map of the file), which answers with errors or an end of file from now on. Nobody
            // else opens this file but `is_locked`, which the one writer of the library calls, as it does this.
            let mut file = std::mem::ManuallyDrop::new(unsafe { std::os::fd::OwnedFd::from_raw_fd(number) });
            if let Err(error) = rustix::io::dup2(&nothing, &mut file) {
                tracing::error!(%error, "the failed catalogue's file cannot be taken away");
            }
        }
    }
}

/// Asks the kernel for all of the catalogue's file. A start needs nearly all of it, and sled asks for it page by page, here
/// and there, waiting each time.
fn read_ahead(dir: &Path) {
    let Ok(file) = std::fs::File::open(dir.join("db")) else { return };
    // The call itself may take as long as the disk does. Without it all is only slower.
    let ask = move || rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::WillNeed);
    let _ = std::thread::Builder::new().name("read ahead".into()).spawn(ask);
}

/// Whether the disk has room for a catalogue in `dir` to be opened again. Where it does not say, that must be tried.
pub(crate) fn has_room(dir: &Path) -> bool {
    let disk = dir.ancestors().find_map(|at| rustix::fs::statvfs(at).ok());
    disk.is_none_or(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM)
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
    fn one_that_is_locked_for_a_moment_is_waited_for_and_not_taken_for_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalogue");
        let library = LibraryId::random();
        drop(Catalogue::open(&path, library).unwrap());
        let lock = std::fs::File::open(path.join("db")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let lets_go = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(lock);
        });
        let opened = Catalogue::open(&path, library).unwrap();
        assert!(!opened.fresh, "{:?}", opened.note);
        lets_go.join().unwrap();
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
