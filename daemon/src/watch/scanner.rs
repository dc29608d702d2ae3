//! The two threads that scan a root: one for all of it, one for folders that something just happened to.

use std::sync::PoisonError;

use super::root::{FolderScan, FullScan, Root};
use super::scan::{Moves, Order, Scan, Seen};
use crate::pipeline::duty::Duty;
use crate::pipeline::progress::WatchMode;
use crate::pipeline::queue::Urgency;

/// Scans everything, whenever asked.
pub(super) fn scan_everything(root: &Root) {
    while let Some(FullScan { retry, duty }) = root.scans.next_full() {
        root.progress(|progress| progress.scanning = true);
        let first = root.first_scan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let order = Order {
            folder: Box::default(),
            moved_from: None,
            moves: Moves::default(),
            retry,
            urgency: Urgency::Backlog,
            duty,
            first,
        };
        let result = Scan::run(root, order);
        if root.stopping() {
            return;
        }
        match result {
            Ok(seen) => {
                finished(root, seen);
                *root.first_scan.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            Err(error) => {
                tracing::warn!(root = %root.place.path().display(), %error, "cannot be scanned");
                root.wake();
            }
        }
        root.progress(|progress| {
            progress.scanning = false;
            progress.scans += 1;
        });
    }
}

fn finished(root: &Root, seen: Seen) {
    let watches = root.notify().map(|notify| notify.count() as u64);
    root.progress(|progress| {
        progress.known = seen.known + seen.new;
        progress.links_ignored = seen.links;
        progress.problems = seen.problems;
        progress.watches = watches.unwrap_or(0);
        if watches.is_some() {
            set_mode(progress, seen.unwatched);
        }
    });
}

/// A root is watched, unless some folder of it is not.
fn set_mode(progress: &mut crate::pipeline::progress::RootProgress, unwatched: Option<String>) {
    if let Some(reason) = &unwatched
        && progress.reason.as_ref() != Some(reason)
    {
        tracing::warn!(root = %progress.path.display(), reason, "not everything is watched");
    }
    progress.mode = if unwatched.is_some() { WatchMode::Limited } else { WatchMode::Watched };
    progress.reason = unwatched;
}

/// Scans folders, in the order in which something happened to them.
pub(super) fn scan_folders(root: &Root) {
    while let Some(FolderScan { folder, moved_from, duty }) = root.scans.next_folder() {
        // The old place is scanned after the new, and knows what was found there: moved is not lost.
        let old = moved_from.clone();
        let moves = scan_folder(root, folder, moved_from, Moves::default(), duty.clone());
        if let Some(old) = old {
            scan_folder(root, old, None, moves, duty);
        }
    }
}

fn scan_folder(
    root: &Root,
    folder: Box<[u8]>,
    moved_from: Option<Box<[u8]>>,
    moves: Moves,
    duty: Duty,
) -> Moves {
    let order =
        Order { folder, moved_from, moves, retry: false, urgency: Urgency::Arrived, duty, first: None };
    match Scan::run(root, order) {
        Ok(seen) => {
            let watches = root.notify().map_or(0, |notify| notify.count() as u64);
            root.progress(|progress| {
                progress.watches = watches;
                progress.known += seen.new;
                if let Some(reason) = seen.unwatched {
                    set_mode(progress, Some(reason));
                }
            });
            seen.moves
        }
        Err(error) => {
            tracing::debug!(%error, "the root is not there");
            root.wake();
            Moves::default()
        }
    }
}
