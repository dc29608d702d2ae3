//! The journal: what people decided, kept so that nothing but the disk itself can lose it.
//!
//! A folder of numbered segments; a segment is text, a record a line. `docs/journal.md` has the format and the
//! recovery table. What makes this hard, and what answers it:
//!
//! 1. *A decision must be safe before the call returns, and a disk takes milliseconds.* [`Journal::append`] hands the
//!    bytes to the kernel, so that no crash of ours loses them; a thread waits for the disk within
//!    [`Options::commit_after`]; [`Journal::sync`] waits for it now, and all who wait at once share one wait.
//! 2. *A batch is all or none, and a write can stop anywhere.* A write that fails is cut back. A record that is not the
//!    last of its batch says so (`41+`), so a batch that a crash tore is recognised at open and cut off, into a file of
//!    its own. Bytes are set aside, never destroyed.
//! 3. *After a failed fdatasync the kernel calls pages clean that never reached the disk.* A second attempt on the same
//!    file proves nothing. Records are therefore held in memory until they are durable; after a failure they are
//!    written again into a fresh segment. Its first line names its first sequence, and from there on the older segment
//!    no longer counts. Only one fdatasync runs at a time: a file reports each error once, to one caller.
//! 4. *A successor must never be there without what came before it.* A segment is complete and on the disk before the
//!    next one's name exists, and that name appears (rename) only with a complete first line under it.
//! 5. *Compaction rewrites what must not be lost.* It only adds: an archive segment, then, as the one step that counts,
//!    a compacted segment named after the range it replaces. Lines move byte for byte and keep their sequences. Readers
//!    ignore a segment whose numbers lie within another's, so both may exist. The old ones go at a later open, once
//!    every record of theirs has been found in the new.
//! 6. *A copy may be taken at any instant, file by file, while all this goes on.* The folder's list is taken at one
//!    moment, the contents later. Whatever is on the list keeps growing or is immutable, and was complete up to its
//!    successor when it was listed (4): so the copy holds every record synced before it began, and a prefix of those
//!    after. Names that come after the list are missed, and so is what they replaced if that is removed before the copy
//!    reaches it: therefore replaced segments are kept for [`Options::keep_replaced`], longer than a copy takes. The
//!    archive is put in place before the segment that needs it, and as a folder below it is listed after it.
//! 7. *Damage must not spread.* Lines are checked one by one and not chained; a bad one is skipped, kept and reported,
//!    and sequences show what is missing. A segment in a newer format makes everything read-only, untouched.
//!
//! The caller holds the lock on the data folder: two processes must not open one journal.

mod compaction;
mod disk;
mod error;
#[cfg(test)]
mod faults;
mod lines;
mod reading;
mod record;
mod recovery;
mod segment;
mod survey;
mod writing;

#[cfg(test)]
mod crash_test;
#[cfg(test)]
mod model_test;
#[cfg(test)]
mod recovery_test;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use compaction::CompactionReport;
pub use error::{Damage, JournalError};
pub use reading::{History, Newest, Records};
pub use record::{BadLine, Draft, Face, MAX_LINE, Record, Sequence, parse_line};
pub use segment::FORMAT;

use crate::id::LibraryId;
use disk::Disk;
use error::Doing;
use segment::Segment;
use writing::State;

/// How the journal behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment that has reached this size is sealed and the next begun.
    pub segment_bytes: u64,
    /// How long an append may wait for others before the disk is asked; `None` leaves that to [`Journal::sync`].
    pub commit_after: Option<Duration>,
    /// How long segments that a compaction replaced are kept at least: longer than any copy of the folder takes.
    pub keep_replaced: Duration,
    #[cfg(test)]
    faults: Option<Arc<faults::Faults>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            commit_after: Some(Duration::from_millis(50)),
            keep_replaced: Duration::from_secs(7 * 24 * 3600),
            #[cfg(test)]
            faults: None,
        }
    }
}

/// A journal, and what was found when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// What was wrong, for the user to be told.
    pub damage: Vec<Damage>,
    /// There was none, and it was created.
    pub fresh: bool,
}

/// What people decided, in order. Shared by reference between threads.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    committer: Option<JoinHandle<()>>,
}

/// What the journal and its committing thread both use.
#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    disk: Disk,
    options: Options,
    library: LibraryId,
    state: Mutex<State>,
    /// An fdatasync has ended.
    synced: Condvar,
    /// There is something to sync, or the journal closes.
    wake: Condvar,
    /// Held by the one compaction that runs.
    compacting: Mutex<()>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere does not make the files wrong: state changes only after a step has succeeded.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    /// Opens the journal in `folder`, mending what a crash left; creates it, and with it the library, if there is none.
    pub fn open(folder: &Path, options: Options) -> Result<Opened, JournalError> {
        let disk = Disk {
            #[cfg(test)]
            faults: options.faults.clone(),
        };
        let (library, state, damage, fresh) = match recovery::recover(&disk, folder, &options)? {
            Some(found) => {
                let damage = found.damage.clone();
                let library = found.library;
                (library, State::resume(&disk, folder, found)?, damage, false)
            }
            None => {
                disk.create_dir(folder).doing("create", folder)?;
                if let Some(parent) = folder.parent() {
                    disk.sync_dir(parent).doing("sync", parent)?;
                }
                let library = LibraryId::random();
                (library, State::begin(&disk, folder, library)?, Vec::new(), true)
            }
        };
        for found in &damage {
            tracing::warn!(folder = %folder.display(), "journal: {found}");
        }
        let commit_after = options.commit_after;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            disk,
            options,
            library,
            state: Mutex::new(state),
            synced: Condvar::new(),
            wake: Condvar::new(),
            compacting: Mutex::new(()),
        });
        let committer = match commit_after {
            None => None,
            Some(delay) => {
                let shared = Arc::clone(&shared);
                let thread = std::thread::Builder::new().name("journal".into());
                Some(thread.spawn(move || shared.commit_forever(delay)).doing("start a thread for", folder)?)
            }
        };
        Ok(Opened { journal: Self { shared, committer }, damage, fresh })
    }

    /// Which library this is.
    pub fn library(&self) -> LibraryId {
        self.shared.library
    }

    /// The last record's sequence; [`Sequence::START`] while there is none.
    pub fn head(&self) -> Sequence {
        Sequence(self.shared.lock().head)
    }

    /// How far the disk has confirmed.
    pub fn durable(&self) -> Sequence {
        Sequence(self.shared.lock().durable)
    }

    /// Appends records, all or none, and gives their sequences. On return no crash of ours loses them; a power cut may,
    /// until [`Self::sync`] has returned or [`Options::commit_after`] has passed.
    pub fn append(&self, drafts: &[Draft]) -> Result<Vec<Sequence>, JournalError> {
        self.shared.append(drafts)
    }

    /// Waits until everything appended before the call is on the disk.
    pub fn sync(&self) -> Result<(), JournalError> {
        self.shared.sync()
    }

    /// Begins a new segment if the last holds any record, so that compaction can reach them.
    pub fn rotate(&self) -> Result<(), JournalError> {
        self.shared.rotate()
    }

    /// The live records after `after`, oldest first, as of now: what a catalogue replays. Where records were superseded
    /// sequences are skipped.
    pub fn records(&self, after: Sequence) -> Records {
        let state = self.shared.lock();
        Records::new(state.snapshot(), after, state.head)
    }

    /// Every record after `after` that there ever was, superseded ones included, oldest first, as of now.
    pub fn history(&self, after: Sequence) -> History {
        let state = self.shared.lock();
        History::new(state.snapshot(), state.archive.clone(), after, state.head)
    }

    /// Every record there ever was, newest first, as of now; reads only as far back as it is asked to.
    pub fn newest(&self) -> Newest {
        let state = self.shared.lock();
        Newest::new(state.snapshot(), state.archive.clone(), state.head)
    }

    /// Why nothing can be appended, if so.
    pub fn read_only(&self) -> Option<String> {
        self.shared.lock().read_only.clone()
    }

    /// Refuses every append from now on. For the library above, when it meets a record of a kind it does not know; the
    /// reason says what to do. The first reason stays.
    pub fn mark_read_only(&self, reason: impl Into<String>) {
        self.shared.lock().read_only.get_or_insert(reason.into());
    }

    /// Failures of the disk since the journal was opened, for `status`. Records were written again where they needed to
    /// be; a disk that fails wants looking at.
    pub fn incidents(&self) -> Vec<String> {
        self.shared.lock().incidents.clone()
    }

    /// Bytes in live segments and in all, archive and replaced segments included.
    pub fn size(&self) -> Result<Size, JournalError> {
        let sum = |segments: &[Segment]| {
            segments.iter().try_fold(0, |sum, segment| {
                Ok(sum + segment.path.metadata().doing("look at", &segment.path)?.len())
            })
        };
        let (live, archive) = {
            let state = self.shared.lock();
            (state.live.clone(), state.archive.clone())
        };
        Ok(Size { live: sum(&live)?, archive: sum(&archive)?, segments: live.len() })
    }
}

/// What the journal takes on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Bytes a start has to read.
    pub live: u64,
    /// Bytes of superseded records.
    pub archive: u64,
    /// Live segments.
    pub segments: usize,
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.committer.take() {
            // It only ends in a panic if one of our own invariants failed; what it had to say went to stderr.
            let _ = thread.join();
        }
        if let Err(error) = self.shared.sync() {
            tracing::error!(%error, "the journal was closed before the disk had it all");
        }
    }
}
