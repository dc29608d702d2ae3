//! Open directories.
//!
//! 1. A directory that is being read must not change under its reader: a handle holds the listing it began with.
//! 2. Reading from the start again (rewinddir) must show what is there now: offset 0 lists anew.
//! 3. The kernel keeps what it read from the start as the directory's cache, so the listing is made when reading
//!    starts and not when the directory was opened: what it caches is then never older than the last invalidation.
//! 4. Even so a reader may be on its way with a listing from before a change when the kernel is told to forget: the kernel
//!    then caches it after all. So for a while after a change, and once after that, opening a directory drops its cache.
//! 5. Only directories that somebody looks at are announced to watchers: those open now or opened lately.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::tree::listing::Listing;

/// For how long after its opening a directory counts as looked at.
const LATELY: Duration = Duration::from_secs(600);
/// When this many directories were opened lately, those that no longer count are swept out.
const SWEEP: usize = 4096;

/// How long a reader may be on its way with an old listing.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// An open directory.
#[derive(Debug)]
pub(crate) struct DirHandle {
    listing: Mutex<Option<Arc<Listing>>>,
    /// Whether the listing was made at the opening and not yet read.
    unread: std::sync::atomic::AtomicBool,
}

impl DirHandle {
    /// The listing being read.
    pub(crate) fn listing(&self) -> Option<Arc<Listing>> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to read another.
    pub(crate) fn begin(&self, listing: Listing) -> Arc<Listing> {
        let listing = Arc::new(listing);
        *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&listing));
        listing
    }

    /// Takes the listing made at the opening, the first time reading starts.
    pub(crate) fn first(&self) -> Option<Arc<Listing>> {
        if self.unread.swap(false, Ordering::Relaxed) { self.listing() } else { None }
    }
}

/// All open directories.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    next: AtomicU64,
    open: RwLock<HashMap<u64, (u64, Arc<DirHandle>)>>,
    lately: Mutex<HashMap<u64, Instant>>,
    /// Directories of which the kernel may have cached a listing from before their last change, and when that was.
    changed: Mutex<HashMap<u64, Instant>>,
}

impl Handles {
    /// A handle of a directory, with what it lists when that is known already.
    pub(crate) fn open(&self, ino: u64, listing: Option<Listing>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let handle =
            DirHandle { unread: listing.is_some().into(), listing: Mutex::new(listing.map(Arc::new)) };
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(number, (ino, Arc::new(handle)));
        self.look(ino);
        number
    }

    /// Somebody looks at this directory.
    pub(crate) fn look(&self, ino: u64) {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.len() >= SWEEP {
            lately.retain(|_, at| at.elapsed() < LATELY);
        }
        lately.insert(ino, Instant::now());
    }

    pub(crate) fn get(&self, number: u64) -> Option<Arc<DirHandle>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&number).map(|(_, handle)| Arc::clone(handle))
    }

    pub(crate) fn close(&self, number: u64) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// A directory has changed, and the kernel is about to be told.
    pub(crate) fn changed(&self, ino: u64) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(ino, Instant::now());
    }

    /// Whether the kernel may believe what it has cached of a directory that is being opened.
    pub(crate) fn may_keep(&self, ino: u64) -> bool {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        match changed.get(&ino) {
            None => true,
            Some(at) if at.elapsed() < ON_ITS_WAY => false,
            Some(_) => {
                changed.remove(&ino);
                false
            }
        }
    }

    /// Whether somebody looks at this directory.
    pub(crate) fn looked_at(&self, ino: u64) -> bool {
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.get(&ino).is_some_and(|at| at.elapsed() < LATELY)
            || self.open.read().unwrap_or_else(PoisonError::into_inner).values().any(|(open, _)| *open == ino)
    }
}
