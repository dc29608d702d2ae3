//! inotify: one instance a root, a watch a folder.
//!
//! What makes it hard, and what answers it:
//!
//! 1. *A watch is asked for by path, and a path may lead elsewhere by then.* The folder is opened beneath the root
//!    first, and watched through `/proc/self/fd`: the kernel watches what was opened.
//! 2. *Events name a watch, not a path, and folders are renamed.* A watch stays with its folder; the table of paths is
//!    moved along, and every scan puts it right.
//! 3. *A folder moved out of the root stays watched.* Its watches are taken off by path.
//! 4. *The kernel has a limit on watches.* Reaching it is not an error but a mode.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// Where the kernel's limit can be read, and raised.
pub(super) const LIMIT: &str = "/proc/sys/fs/inotify/max_user_watches";

/// Why a folder is not watched.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// No more watches are to be had.
    #[error("{}", limit_reason())]
    Limit,
    /// Something else; the folder is scanned all the same.
    #[error("cannot be watched: {0}")]
    Other(#[from] io::Error),
}

/// The watches of a root.
#[derive(Debug)]
pub(super) struct Notify {
    fd: OwnedFd,
    folders: Mutex<Folders>,
    limit: Option<usize>,
}

#[derive(Debug, Default)]
struct Folders {
    by_watch: HashMap<i32, Box<[u8]>>,
    by_path: BTreeMap<Box<[u8]>, i32>,
}

impl Folders {
    fn set(&mut self, watch: i32, path: Box<[u8]>) {
        if let Some(old) = self.by_watch.insert(watch, path.clone())
            && old != path
            && self.by_path.get(&old) == Some(&watch)
        {
            self.by_path.remove(&old);
        }
        self.by_path.insert(path, watch);
    }

    /// `folder` and all below it.
    fn under(&self, folder: &[u8]) -> Vec<(Box<[u8]>, i32)> {
        let below = [folder, b"/"].concat();
        let own = self.by_path.get_key_value(folder).into_iter();
        let below = self
            .by_path
            .range::<[u8], _>((Bound::Included(below.as_slice()), Bound::Unbounded))
            .take_while(|(path, _)| path.starts_with(&below));
        own.chain(below).map(|(path, watch)| (path.clone(), *watch)).collect()
    }
}

impl Notify {
    /// A new instance; `limit` makes do with fewer watches than the kernel allows.
    pub(super) fn new(limit: Option<usize>) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { fd, folders: Mutex::default(), limit })
    }

    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches an opened folder that stands at `path`. Again is no harm: the path is set anew.
    pub(super) fn watch(&self, folder: &OwnedFd, path: &[u8]) -> Result<(), WatchError> {
        let mut folders = self.folders();
        if let Some(limit) = self.limit
            && folders.by_watch.len() >= limit
            && !folders.by_path.contains_key(path)
        {
            return Err(WatchError::Limit);
        }
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::EXCL_UNLINK;
        let through = format!("/proc/self/fd/{}", folder.as_raw_fd());
        match inotify::add_watch(&self.fd, through, flags) {
            Ok(watch) => {
                folders.set(watch, path.into());
                Ok(())
            }
            Err(Errno::NOSPC) => Err(WatchError::Limit),
            Err(errno) => Err(WatchError::Other(errno.into())),
        }
    }

    /// The folder that a watch is on.
    pub(super) fn folder(&self, watch: i32) -> Option<Box<[u8]>> {
        self.folders().by_watch.get(&watch).cloned()
    }

    /// The kernel has taken a watch off.
    pub(super) fn ended(&self, watch: i32) {
        let mut folders = self.folders();
        if let Some(path) = folders.by_watch.remove(&watch)
            && folders.by_path.get(&path) == Some(&watch)
        {
            folders.by_path.remove(&path);
        }
    }

    /// A folder was renamed: all below it goes along.
    pub(super) fn renamed(&self, from: &[u8], to: &[u8]) {
        let mut folders = self.folders();
        for (path, watch) in folders.under(from) {
            folders.by_path.remove(&path);
            let path = [to, &path[from.len()..]].concat();
            folders.set(watch, path.into());
        }
    }

    /// Takes off the watches of a folder and all below it: it is no longer ours.
    pub(super) fn unwatch(&self, folder: &[u8]) {
        let mut folders = self.folders();
        for (path, watch) in folders.under(folder) {
            folders.by_path.remove(&path);
            folders.by_watch.remove(&watch);
            // Already off when the folder is gone.
            let _ = inotify::remove_watch(&self.fd, watch);
        }
    }

    /// How many folders are watched.
    pub(super) fn count(&self) -> usize {
        self.folders().by_watch.len()
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What to do about the limit.
fn limit_reason() -> String {
    let now: u64 =
        std::fs::read_to_string(LIMIT).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(8192);
    let better = (now * 4).max(524_288);
    format!(
        "the limit on watched folders ({now}) is reached, so some folders are only scanned from time to time; to raise \
         it: sudo sysctl fs.inotify.max_user_watches={better} (to keep it: write that setting to \
         /etc/sysctl.d/60-galleryfs.conf)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(folders: &Folders) -> Vec<String> {
        folders.by_path.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    #[test]
    fn a_renamed_folder_takes_along_what_is_below_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["a/b", "a.b", "ab"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let notify = Notify::new(Some(5)).unwrap();
        for folder in ["a", "a/b", "a.b", "ab"] {
            let fd = std::fs::File::open(dir.path().join(folder)).unwrap().into();
            notify.watch(&fd, folder.as_bytes()).unwrap();
        }
        notify.renamed(b"a", b"c/d");
        assert_eq!(paths(&notify.folders()), ["a.b", "ab", "c/d", "c/d/b"]);
        notify.unwatch(b"c");
        assert_eq!(paths(&notify.folders()), ["a.b", "ab"]);
    }

    #[test]
    fn the_limit_comes_with_advice() {
        let dir = tempfile::tempdir().unwrap();
        let notify = Notify::new(Some(0)).unwrap();
        let error = notify.watch(&std::fs::File::open(dir.path()).unwrap().into(), b"").unwrap_err();
        assert!(error.to_string().contains("sudo sysctl fs.inotify.max_user_watches="));
    }
}
