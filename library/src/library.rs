//! An open library: one data folder. Every operation a person can do is a method here; the faces translate.
//!
//! What makes it hard, and what answers it:
//! 1. Three stores must agree after any crash. The journal is written first and is the truth; the catalogue holds the
//!    journal position it includes and replays the rest ([`opening`]); the text index holds the catalogue's cursor.
//! 2. Readers must not wait. They take the current [`Snapshot`]; one writer at a time makes the next ([`writing`]).
//! 3. A commit is a decision only when it is journalled, and an error before that changes nothing. So the order is
//!    always: work it out, journal it, apply it, publish it.

mod albums;
mod contents;
mod deciding;
mod decisions;
mod forgetting;
mod lock;
mod maintenance;
mod opening;
mod people;
mod purging;
mod reading;
mod recovery;
mod saving;
mod searches;
mod tags;
mod text_feed;
mod trash;
mod undoing;
mod unseen;
mod writing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::Sender;

pub use self::albums::{AlbumError, Emptied};
pub use self::contents::Holding;
pub use self::deciding::Decision;
pub use self::decisions::Decisions;
pub use self::lock::LockError;
pub use self::maintenance::Maintenance;
pub use self::people::{Effort, Named, PeopleUpdate};
pub use self::purging::DoomedFile;
pub use self::reading::{Away, Details, LogEntry, Unreadable};
pub use self::saving::SaveError;
pub use self::searches::SavedSearchError;
pub use self::trash::{TRASH_LIMIT, TrashError};
pub use self::undoing::{UndoError, Undone};
pub use self::unseen::Unseen;
use crate::catalogue::records::RootRecord;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::change::Change;
use crate::id::{AccountId, AssetId, LibraryId, RootId};
use crate::journal::{Journal, JournalError};
use crate::project::AwayFolders;
use crate::search::Meaning;
use crate::snapshot::Snapshot;

/// How long readers wait for a catalogue that is being opened again.
const REOPENING: Duration = Duration::from_secs(2);

/// An open library. Shared as `Arc<Library>`; every method takes `&self`.
pub struct Library {
    data: PathBuf,
    journal: Journal,
    /// Replaced when sled has failed; `None` while it is being opened again.
    catalogue: RwLock<Option<Arc<Catalogue>>>,
    account: AccountId,
    snapshot: ArcSwap<Snapshot>,
    writer: Mutex<Writer>,
    text: text_feed::TextFeed,
    meaning: RwLock<Option<Arc<dyn Meaning>>>,
    notes: Mutex<Vec<String>>,
    people: people::Gathering,
    /// Whether all files were told once since it was opened.
    all_told: AtomicBool,
    trash_guard: Mutex<trash::Guard>,
    /// Dropped last: while it is held no other process opens the data folder.
    _lock: lock::DataLock,
}

/// What only the one writer of the moment touches.
#[derive(Debug, Default)]
struct Writer {
    subscribers: Vec<Sender<Commit>>,
    roots: HashMap<RootId, RootRecord>,
    away: AwayFolders,
    /// When the last commit was that decided something.
    last: Option<jiff::Timestamp>,
    /// The catalogue or the snapshot missed a commit: they must catch up before the next.
    behind: bool,
}

/// What one commit changed, with the state after it.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The library after the commit.
    pub snapshot: Arc<Snapshot>,
    /// What changed.
    pub changes: Arc<[Change]>,
}

/// What opening a library found.
#[derive(Clone, Debug, Default)]
pub struct OpenReport {
    /// Sentences for people, for the log and `status`.
    pub notes: Vec<String>,
    /// The catalogue was empty or unusable, so every file will be read again.
    pub rebuilt: bool,
}

/// A folder to be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootSpec {
    /// Absolute and canonical.
    pub path: PathBuf,
}

/// Why an operation on the library failed. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Another process has it.
    #[error(transparent)]
    InUse(#[from] LockError),
    /// The journal's own reason.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The catalogue's own reason.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The text index' own reason.
    #[error(transparent)]
    Search(#[from] crate::search::SearchError),
    /// The query is not understood.
    #[error(transparent)]
    Query(#[from] crate::query::QueryError),
    /// A decision about people that cannot be taken.
    #[error(transparent)]
    People(#[from] crate::people::PeopleError),
    /// An album that cannot be what was asked.
    #[error(transparent)]
    Album(#[from] AlbumError),
    /// A query that cannot have a name.
    #[error(transparent)]
    SavedSearch(#[from] SavedSearchError),
    /// What cannot be taken back.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// A photo that cannot be saved over.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// What may not be put into the trash.
    #[error(transparent)]
    Trash(#[from] TrashError),
    /// Something was decided of what is not in the library.
    #[error("there is no asset {0}")]
    NoAsset(AssetId),
    /// A folder of the library cannot be used.
    #[error("{path}: {source}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The data folder is another user's.
    #[error("the data folder {path} belongs to user {owner}: only that user may open it", path = path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The library was closed meanwhile.
    #[error("the library is closed")]
    Closed,
    /// A root that cannot be one.
    #[error("{path} cannot be a photo folder: {reason}", path = path.display())]
    Root {
        /// Which.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("data", &self.data).field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Library {
    /// Opens the library in `data`, creating it if there is none: takes the lock, recovers, replays, loads.
    pub fn open(data: &Path) -> Result<(Arc<Self>, OpenReport), LibraryError> {
        opening::open(data, opening::Derived::Keep)
    }

    /// Throws away what can be made again, then opens: the same library comes back once its folders are scanned.
    pub fn rebuild(data: &Path) -> Result<(Arc<Self>, OpenReport), LibraryError> {
        opening::open(data, opening::Derived::Discard)
    }

    /// Which library this is.
    pub fn id(&self) -> LibraryId {
        self.journal.library()
    }

    /// The first account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The library as it stands now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether all files were told once since it was opened: what is where it was, and what is not.
    pub fn is_all_told(&self) -> bool {
        self.all_told.load(Ordering::Relaxed)
    }

    /// Waits until everything decided so far is on the disk.
    pub fn sync(&self) -> Result<(), LibraryError> {
        Ok(self.journal.sync()?)
    }

    /// Hands what is known now to the disk, so that a process that ends at once takes none of it back.
    pub fn flush(&self) -> Result<(), LibraryError> {
        Ok(self.catalogue()?.flush()?)
    }

    /// Sentences for people: what was wrong when it opened, and what the disk did since.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = locked(&self.notes).clone();
        notes.extend(self.journal.incidents());
        notes.extend(self.journal.read_only().map(|reason| format!("The library is read-only: {reason}")));
        notes
    }

    /// Gives search something that ranks by meaning, or takes it away.
    pub fn set_meaning(&self, meaning: Option<Arc<dyn Meaning>>) {
        *self.meaning.write().unwrap_or_else(PoisonError::into_inner) = meaning;
    }

    /// The catalogue, to be let go of soon: it cannot be opened again while anybody has it.
    fn catalogue(&self) -> Result<Arc<Catalogue>, CatalogueError> {
        let deadline = Instant::now() + REOPENING;
        loop {
            if let Some(catalogue) = &*self.catalogue.read().unwrap_or_else(PoisonError::into_inner) {
                return Ok(Arc::clone(catalogue));
            }
            if Instant::now() > deadline {
                return Err(CatalogueError::Reopening);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Locks whatever happened to the last holder: what we guard is replaced whole, never left half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
