//! One root and the threads around it: what they share.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::holdback::ScanLosses;
use super::notify::Notify;
use super::{Arrived, WatchOptions};
use crate::pipeline::Pipeline;
use crate::pipeline::duty::{Duties, Duty};
use crate::pipeline::place::Place;
use crate::pipeline::progress::RootProgress;

/// A root as its threads see it.
pub(super) struct Root {
    pub(super) place: Arc<Place>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) options: Arc<WatchOptions>,
    pub(super) arrived: Arrived,
    /// How often the user wants it scanned.
    pub(super) poll: Option<Duration>,
    /// The watches; none while it is away, or where scans must do.
    pub(super) notify: Mutex<Option<Arc<Notify>>>,
    pub(super) scans: Scans,
    pub(super) losses: Sender<ScanLosses>,
    /// Open while a file that was renamed is not stored under its new path. All roots share it: files move between them.
    pub(super) moves: Arc<Duties>,
    /// Open until it was scanned once.
    pub(super) first_scan: Mutex<Option<Duty>>,
    /// Wakes the listener.
    pub(super) wake: OwnedFd,
    /// Times the listener was asked to read all events there are, and times it has.
    pub(super) asked: AtomicU64,
    pub(super) answered: AtomicU64,
}

impl Root {
    /// Whether it was never scanned to the end: it was away when it was to be.
    pub(super) fn is_unscanned(&self) -> bool {
        self.first_scan.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Something begun that `idle` must wait for.
    pub(super) fn duty(&self) -> Duty {
        self.pipeline.progress().duty()
    }

    /// The watches, if there are any.
    pub(super) fn notify(&self) -> Option<Arc<Notify>> {
        self.notify.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether everything stops.
    pub(super) fn stopping(&self) -> bool {
        self.pipeline.stop_flag().load(Ordering::Relaxed)
    }

    /// Changes what `status` says of it.
    pub(super) fn progress(&self, change: impl FnOnce(&mut RootProgress)) {
        self.pipeline.progress().root(self.place.id(), change);
    }

    /// Wakes the listener.
    pub(super) fn wake(&self) {
        // Full means that it is awake already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Asks for a scan of all of it. `retry` has unreadable files read again.
    pub(super) fn scan_all(&self, retry: bool) {
        let duty = self.duty();
        let mut lanes = self.scans.lanes();
        let earlier = lanes.all.take();
        lanes.all = Some(FullScan { retry: retry || earlier.is_some_and(|all| all.retry), duty });
        drop(lanes);
        self.scans.wanted.notify_all();
    }

    /// Asks for a scan of a folder that something just happened to.
    pub(super) fn scan_folder(&self, folder: &[u8], moved_from: Option<Box<[u8]>>) {
        let duty = self.duty();
        let mut lanes = self.scans.lanes();
        if lanes.folders.iter().any(|scan| *scan.folder == *folder && scan.moved_from == moved_from) {
            return;
        }
        lanes.folders.push_back(FolderScan { folder: folder.into(), moved_from, duty });
        drop(lanes);
        self.scans.wanted.notify_all();
    }
}

/// A scan of everything.
#[derive(Debug)]
pub(super) struct FullScan {
    pub(super) retry: bool,
    pub(super) duty: Duty,
}

/// A scan of one folder and all below it.
#[derive(Debug)]
pub(super) struct FolderScan {
    pub(super) folder: Box<[u8]>,
    /// Its path before it was renamed.
    pub(super) moved_from: Option<Box<[u8]>>,
    pub(super) duty: Duty,
}

/// Scans that are wanted: of everything, and of folders, which do not wait for the former.
#[derive(Debug, Default)]
pub(super) struct Scans {
    lanes: Mutex<Lanes>,
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct Lanes {
    all: Option<FullScan>,
    folders: VecDeque<FolderScan>,
    closed: bool,
}

impl Scans {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next<T>(&self, take: impl Fn(&mut Lanes) -> Option<T>) -> Option<T> {
        let mut lanes = self.lanes();
        loop {
            if lanes.closed {
                return None;
            }
            if let Some(scan) = take(&mut lanes) {
                return Some(scan);
            }
            lanes = self.wanted.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the next scan of everything. `None` when everything stops.
    pub(super) fn next_full(&self) -> Option<FullScan> {
        self.next(|lanes| lanes.all.take())
    }

    /// Waits for the next scan of a folder.
    pub(super) fn next_folder(&self) -> Option<FolderScan> {
        self.next(|lanes| lanes.folders.pop_front())
    }

    /// Sends the scanners home.
    pub(super) fn close(&self) {
        let mut lanes = self.lanes();
        *lanes = Lanes { closed: true, ..Lanes::default() };
        drop(lanes);
        self.wanted.notify_all();
    }
}
