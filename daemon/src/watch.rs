//! Watching the user's folders: what is there, what changes, what is away.
//!
//! Each root has a listener (inotify and the clock), two scanners (one for all of it, one for folders that something
//! just happened to) and somebody who holds absences back until they are believed. They only ask for looks at paths;
//! what is there is found out by the [`crate::pipeline`]. `docs/watching.md` says what users may rely on.

mod absence;
mod holdback;
mod listen;
mod notify;
mod root;
mod scan;
mod scanner;
mod series;
mod settling;

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use library::{Digests, FilePath, FileStat, RootId};
use rustix::event::EventfdFlags;

use crate::pipeline::describe::{Describe, Media};
use crate::pipeline::duty::Duties;
use crate::pipeline::place::Place;
use crate::pipeline::progress::{Progress, Report};
use crate::pipeline::queue::{Job, Urgency};
use crate::pipeline::sink::Sink;
use crate::pipeline::{Pipeline, PipelineOptions, join_until};

use holdback::{Holdback, ScanLosses};
use listen::Listener;
use root::{Root, Scans};

pub use absence::{BELIEVED_FILES, BELIEVED_PERCENT};

/// How long listeners may take to say that they have read all events.
const ANSWER: Duration = Duration::from_secs(5);

/// A folder to be watched.
#[derive(Debug, Clone)]
pub struct WatchedRoot {
    /// Its id in the library.
    pub id: RootId,
    /// Its canonical path.
    pub path: PathBuf,
    /// How often it is scanned, if not as usual.
    pub poll: Option<Duration>,
}

/// How watching works. The defaults are for people; tests are less patient.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// How files are read.
    pub pipeline: PipelineOptions,
    /// How long a file must be absent before that is believed.
    pub hold_back: Duration,
    /// How long a file that came with its folder must stay the same, if its close was missed.
    pub arrival_settle: Duration,
    /// How often a root is looked at to see whether it is still there.
    pub probe: Duration,
    /// How often a root is scanned that is not (wholly) watched.
    pub poll: Duration,
    /// How often a watched root is scanned all the same.
    pub verify: Duration,
    /// Make do with fewer watches a root than the kernel allows.
    pub max_watches: Option<usize>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            pipeline: PipelineOptions::default(),
            hold_back: Duration::from_millis(1500),
            arrival_settle: Duration::from_millis(500),
            probe: Duration::from_secs(2),
            poll: Duration::from_secs(5 * 60),
            verify: Duration::from_secs(24 * 3600),
            max_watches: None,
        }
    }
}

/// Is told whenever a root is there: at the start, and when it is back. Before anything in it is looked at, which waits for the
/// answer.
pub type Arrived = Arc<dyn Fn(RootId, &Path) + Send + Sync>;

/// Roots being watched. Dropping it stops.
pub struct Watcher {
    pipeline: Arc<Pipeline>,
    roots: Vec<Arc<Root>>,
    /// Open until every root has been scanned once.
    first_scans: Arc<Duties>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Watcher {
    /// Starts to watch `roots` and to tell `sink` what is in them.
    pub fn start(sink: Arc<dyn Sink>, roots: Vec<WatchedRoot>, options: WatchOptions) -> io::Result<Self> {
        let nobody: Arrived = Arc::new(|_: RootId, _: &Path| {});
        Self::start_with(sink, Arc::new(Media), &nobody, roots, options)
    }

    /// The same with another reader of metadata, and somebody who is told of roots that are there.
    pub fn start_with(
        sink: Arc<dyn Sink>,
        describe: Arc<dyn Describe>,
        arrived: &Arrived,
        roots: Vec<WatchedRoot>,
        options: WatchOptions,
    ) -> io::Result<Self> {
        let options = Arc::new(options);
        let mut places = Vec::new();
        for root in roots {
            let (sender, notices) = unbounded();
            places.push((Arc::new(Place::new(root.id, root.path, sender)), notices, root.poll));
        }
        let all = places.iter().map(|(place, ..)| Arc::clone(place)).collect();
        let first_scans = Arc::new(Duties::default());
        // Held until every root has its own.
        let _starting = first_scans.open();
        let pipeline = options.pipeline.clone();
        let pipeline = Arc::new(Pipeline::start(sink, describe, all, Arc::clone(&first_scans), pipeline)?);
        let mut watcher = Self { pipeline, roots: Vec::new(), first_scans, threads: Mutex::default() };
        let moves: Arc<Duties> = Arc::default();
        for (place, notices, poll) in places {
            let (losses, lost) = unbounded();
            let root = Arc::new(Root {
                place,
                pipeline: Arc::clone(&watcher.pipeline),
                options: Arc::clone(&options),
                arrived: Arc::clone(arrived),
                poll,
                notify: Mutex::default(),
                scans: Scans::default(),
                losses,
                moves: Arc::clone(&moves),
                first_scan: Mutex::new(Some(watcher.first_scans.open())),
                wake: rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
                asked: AtomicU64::new(0),
                answered: AtomicU64::new(0),
            });
            root.progress(|progress| progress.path.clone_from(root.place.path()));
            watcher.roots.push(Arc::clone(&root));
            let holdback = Holdback::new(Arc::clone(&root), notices, lost);
            watcher.spawn("hold-back", move || holdback.run())?;
            let scanned = Arc::clone(&root);
            watcher.spawn("scan-all", move || scanner::scan_everything(&scanned))?;
            let scanned = Arc::clone(&root);
            watcher.spawn("scan-folder", move || scanner::scan_folders(&scanned))?;
            let listener = Listener::new(root);
            watcher.spawn("listen", move || listener.run())?;
        }
        Ok(watcher)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(work)?;
        self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Counters, to be shared.
    pub fn progress(&self) -> &Arc<Progress> {
        self.pipeline.progress()
    }

    /// How things stand.
    pub fn report(&self) -> Report {
        self.progress().report()
    }

    /// Every file whose state has been told to the library, from now on.
    pub fn settled(&self) -> Receiver<FilePath> {
        self.progress().settled()
    }

    /// Waits until all that happened before the call is known to the library: every root has been scanned (or found
    /// away), every event read, every file settled. False when that did not come by `deadline`.
    pub fn wait_idle(&self, deadline: Instant) -> bool {
        while !self.pipeline.stop_flag().load(Ordering::Relaxed) {
            self.hear_all();
            let patience = deadline.min(Instant::now() + Duration::from_millis(200));
            if self.progress().wait_no_duties(patience) && self.progress().all_scanned() {
                // What was read last may have come with events of its own.
                self.hear_all();
                // With every root scanned, and none of them away, the library is to know that, too.
                let told = self.roots.iter().any(|root| root.is_unscanned())
                    || self.progress().all_told.load(Ordering::Relaxed);
                if told && self.progress().open_duties() == 0 {
                    return true;
                }
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Waits until every listener has read all events there are.
    fn hear_all(&self) {
        let give_up = Instant::now() + ANSWER;
        let asked: Vec<u64> = self
            .roots
            .iter()
            .map(|root| {
                let number = root.asked.fetch_add(1, Ordering::AcqRel) + 1;
                root.wake();
                number
            })
            .collect();
        for (root, number) in self.roots.iter().zip(asked) {
            while root.answered.load(Ordering::Acquire) < number && Instant::now() < give_up {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Has a root scanned, or all of them; unreadable files are tried again.
    pub fn rescan(&self, root: Option<RootId>) {
        for watched in &self.roots {
            if root.is_none_or(|root| watched.place.id() == root) {
                watched.scan_all(true);
            }
        }
    }

    /// A file was moved to its place and is complete: it is looked at ahead of all else. Nothing happens where its root is
    /// not watched.
    pub fn arrived(&self, path: FilePath) {
        if self.roots.iter().any(|root| root.place.id() == path.root) {
            let mut job = Job::new(path, self.progress().duty());
            job.complete = true;
            self.pipeline.look(job, Urgency::Fresh);
        }
    }

    /// A file was hashed and moved to where it is found, and is what `stat` says.
    pub fn hashed(&self, stat: FileStat, digests: Digests) {
        self.pipeline.hashed().add(stat, digests);
    }

    /// The library was told without the watcher that what was away at or below `path` is gone. What is there after all
    /// is found again. Nothing happens where the path is not watched.
    pub fn look_again(&self, path: &Path) {
        let watched =
            self.roots.iter().find_map(|root| Some((root, path.strip_prefix(root.place.path()).ok()?)));
        if let Some((root, below)) = watched {
            root.place.load_away(self.pipeline.sink().as_ref());
            root.scan_folder(below.as_os_str().as_bytes(), None);
        }
    }

    /// Ends all threads, within a second unless a disk holds one.
    pub fn stop(&self) {
        self.pipeline.stop();
        for root in &self.roots {
            root.scans.close();
            root.wake();
            // Nothing was lost: this only wakes whoever holds losses back.
            let _ = root.losses.send(ScanLosses::default());
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        join_until(threads, Instant::now() + Duration::from_secs(1));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
    }
}
