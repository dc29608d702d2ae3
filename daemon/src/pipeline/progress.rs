//! How far watching and indexing have come, for `status`, `index` and tests.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use library::{FilePath, RootId};
use serde::Serialize;

use super::duty::{Duties, Duty};

/// How far back the rate looks.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// How often the rate takes a sample.
const RATE_STEP: Duration = Duration::from_millis(250);

/// Counters that everybody who works on files adds to.
#[derive(Debug, Default)]
pub struct Progress {
    duties: Arc<Duties>,
    /// Files waiting to be looked at.
    pub(crate) waiting: AtomicU64,
    /// Files read, by this process.
    pub(crate) read: AtomicU64,
    /// Files found as they were known.
    pub(crate) unchanged: AtomicU64,
    /// Files known under another name, not read.
    pub(crate) moved: AtomicU64,
    /// Files found unreadable.
    pub(crate) unreadable: AtomicU64,
    /// Bytes read and hashed.
    pub(crate) bytes: AtomicU64,
    roots: Mutex<BTreeMap<RootId, RootProgress>>,
    trouble: Mutex<Option<String>>,
    samples: Mutex<VecDeque<(Instant, u64)>>,
    listeners: Mutex<Vec<Sender<FilePath>>>,
}

/// How changes below a root are found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchMode {
    /// Not known yet.
    Starting,
    /// By inotify, at once.
    Watched,
    /// By inotify as far as the limit on watches goes, and by scans.
    Limited,
    /// By scans alone.
    Scanned,
    /// Not at all: it is away.
    Away,
}

/// One root, as `status` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct RootProgress {
    /// Where it is.
    pub path: PathBuf,
    /// How changes are found out.
    pub mode: WatchMode,
    /// Why it is not simply watched, and what can be done about it.
    pub reason: Option<String>,
    /// A scan is going on.
    pub scanning: bool,
    /// Full scans finished since the start.
    pub scans: u64,
    /// Folders with a watch.
    pub watches: u64,
    /// Files the library knew when the last full scan began, plus those found since.
    pub known: u64,
    /// Symbolic links passed over by the last full scan.
    pub links_ignored: u64,
    /// Folders and files that could not be looked at, with the reason; the first few.
    pub problems: Vec<String>,
}

/// What the program is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A root is walked through.
    Scanning,
    /// Files are read.
    Indexing,
    /// All is known; changes are waited for.
    Watching,
}

/// The state of everything at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What is going on.
    pub state: State,
    /// Files known, all roots together.
    pub known: u64,
    /// Files waiting to be looked at.
    pub waiting: u64,
    /// Files read since the start.
    pub read: u64,
    /// Files found unchanged since the start.
    pub unchanged: u64,
    /// Files found moved since the start.
    pub moved: u64,
    /// Files found unreadable since the start.
    pub unreadable: u64,
    /// Bytes read since the start.
    pub bytes: u64,
    /// Files read a second, lately.
    pub rate: f64,
    /// What keeps findings from being stored.
    pub trouble: Option<String>,
    /// The roots.
    pub roots: BTreeMap<RootId, RootProgress>,
}

impl Progress {
    /// Something begun, to be kept until it is finished.
    pub fn duty(&self) -> Duty {
        self.duties.open()
    }

    /// How much is begun and not finished.
    pub fn open_duties(&self) -> usize {
        self.duties.count()
    }

    /// Waits until nothing is begun and unfinished.
    pub(crate) fn wait_no_duties(&self, deadline: Instant) -> bool {
        self.duties.wait(deadline)
    }

    /// Tells of every file whose state has been told to the library, from now on.
    pub fn settled(&self) -> Receiver<FilePath> {
        let (sender, receiver) = unbounded();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// A file's state has been told.
    pub(crate) fn tell_settled(&self, paths: &[FilePath]) {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|listener| paths.iter().all(|path| listener.send(path.clone()).is_ok()));
    }

    /// Changes what is said of a root.
    pub(crate) fn root(&self, root: RootId, change: impl FnOnce(&mut RootProgress)) {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        change(roots.entry(root).or_insert_with(|| RootProgress {
            path: PathBuf::new(),
            mode: WatchMode::Starting,
            reason: None,
            scanning: false,
            scans: 0,
            watches: 0,
            known: 0,
            links_ignored: 0,
            problems: Vec::new(),
        }));
    }

    /// Whether every root has been scanned (or found away) once.
    pub fn all_scanned(&self) -> bool {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner).values().all(|root| root.scans > 0)
    }

    /// Says what keeps findings from being stored, or that nothing does any more.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Notes how much has been read by now, for the rate.
    pub(crate) fn sample(&self) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= RATE_STEP) {
            samples.push_back((now, self.read.load(Ordering::Relaxed)));
        }
        while samples.front().is_some_and(|(at, _)| now.duration_since(*at) > RATE_WINDOW) {
            samples.pop_front();
        }
    }

    fn rate(&self) -> f64 {
        self.sample();
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((from, before)), now) = (samples.front(), Instant::now()) else { return 0.0 };
        let seconds = now.duration_since(*from).as_secs_f64();
        let read = self.read.load(Ordering::Relaxed).saturating_sub(*before);
        if seconds < 0.1 { 0.0 } else { read as f64 / seconds }
    }

    /// How things stand.
    pub fn report(&self) -> Report {
        let roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = if roots.values().any(|root| root.scanning || root.mode == WatchMode::Starting) {
            State::Scanning
        } else if self.open_duties() > 0 {
            State::Indexing
        } else {
            State::Watching
        };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            state,
            known: roots.values().map(|root| root.known).sum(),
            waiting: count(&self.waiting),
            read: count(&self.read),
            unchanged: count(&self.unchanged),
            moved: count(&self.moved),
            unreadable: count(&self.unreadable),
            bytes: count(&self.bytes),
            rate: self.rate(),
            trouble: self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            roots,
        }
    }
}
