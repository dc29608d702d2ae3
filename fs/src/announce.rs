//! Telling file managers that watch a folder of the mount what comes and goes in it.
//!
//! 1. The kernel's own notifications clear its caches but reach no inotify watcher (tried on 6.18). What does is an
//!    operation on the mount: so a thread of ours makes and removes the very names that came and went.
//! 2. The handlers must refuse such operations from everybody else. Each is announced to them by a token that names
//!    the directory, the name and the operation, is good for one use, and only from this thread.
//! 3. The kernel looks a name up before it makes or removes it, so while a token stands, this thread is told the
//!    opposite of the truth: what came is not there yet, what went is still there.
//! 4. The kernel may know better already, from somebody else's lookup, and refuse without asking us. Then its memory
//!    of the name is cleared and the operation tried once more.
//! 5. What went may be back by the time that is announced. Then it is not: the kernel would take what is there now for
//!    what was removed, and hold it for dead.
//! 6. Should the mount be gone, the same path is a directory on disk: nothing is done unless the directory opened is
//!    the one meant, by inode number, on a FUSE file system.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatxFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use crate::tree::DirPath;
use crate::tree::changes::Changed;

/// What a token lets pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// `mknod` or `mkdir` of a name that is there by now.
    Appear,
    /// `unlink` or `rmdir` of a name that is gone by now; its inode number, to say of a directory that it is still there.
    Vanish {
        /// What it was.
        ino: u64,
        /// Whether it was a directory.
        is_dir: bool,
    },
    /// Setting the times of a name that changed.
    Alter,
}

/// A directory's inode number and a name in it.
type Key = (u64, Box<[u8]>);

/// What the announcing thread is about to do.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// The one thread whose operations are let pass; 0 until it runs.
    thread: AtomicI32,
    /// How many tokens stand, so that every other request passes without the lock.
    standing: AtomicUsize,
    tokens: Mutex<HashMap<Key, Act>>,
}

impl Tokens {
    /// This thread will announce from now on.
    pub(crate) fn adopt(&self) {
        self.thread.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Release);
    }

    /// Whether a request is the announcing thread's. What it does without a token must never be taken for the user's wish.
    pub(crate) fn is_announcer(&self, pid: u32) -> bool {
        // The kernel names the thread, not the process.
        i32::try_from(pid).is_ok_and(|pid| pid != 0 && pid == self.thread.load(Ordering::Acquire))
    }

    fn ours(&self, pid: u32) -> bool {
        self.standing.load(Ordering::Acquire) > 0 && self.is_announcer(pid)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Act>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread `pid` is about to do with this name.
    pub(crate) fn expected(&self, pid: u32, parent: u64, name: &OsStr) -> Option<Act> {
        if !self.ours(pid) {
            return None;
        }
        self.lock().get(&(parent, name.as_bytes().into())).copied()
    }

    /// Uses the token up, if there is one that `passes`.
    pub(crate) fn take(&self, pid: u32, parent: u64, name: &OsStr, passes: impl FnOnce(Act) -> bool) -> bool {
        if !self.ours(pid) {
            return false;
        }
        let key = (parent, name.as_bytes().into());
        let mut tokens = self.lock();
        let fits = tokens.get(&key).is_some_and(|act| passes(*act));
        if fits {
            tokens.remove(&key);
            self.standing.fetch_sub(1, Ordering::AcqRel);
        }
        fits
    }

    /// Whether the thread `pid` is about to set the times of something.
    pub(crate) fn take_alter(&self, pid: u32) -> bool {
        if !self.ours(pid) {
            return false;
        }
        let mut tokens = self.lock();
        let found = tokens.iter().find(|(_, act)| **act == Act::Alter).map(|(key, _)| key.clone());
        if let Some(key) = &found {
            tokens.remove(key);
            self.standing.fetch_sub(1, Ordering::AcqRel);
        }
        found.is_some()
    }

    fn stand(&self, parent: u64, name: &[u8], act: Act) {
        if self.lock().insert((parent, name.into()), act).is_none() {
            self.standing.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Takes the token back, and says whether it was used.
    fn withdraw(&self, parent: u64, name: &[u8]) -> bool {
        let unused = self.lock().remove(&(parent, name.into())).is_some();
        if unused {
            self.standing.fetch_sub(1, Ordering::AcqRel);
        }
        !unused
    }
}

/// A directory that somebody watches, open for announcing.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    tokens: &'a Tokens,
    ino: u64,
    dir: OwnedFd,
}

/// Makes announcements in one mount.
#[derive(Debug)]
pub(crate) struct Announcer {
    tokens: Arc<Tokens>,
    mountpoint: PathBuf,
}

impl Announcer {
    /// An announcer for the mount at `mountpoint`, whose handlers honour `tokens`.
    pub(crate) fn new(tokens: Arc<Tokens>, mountpoint: &Path) -> Self {
        Self { tokens, mountpoint: mountpoint.to_owned() }
    }

    /// Opens a directory of the mount, if it is still the one meant.
    pub(crate) fn watch(&self, ino: u64, path: &DirPath) -> Option<Watched<'_>> {
        let full = self.mountpoint.join(OsStr::from_bytes(path.as_bytes()));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let dir = rustix::fs::open(full, flags, Mode::empty()).ok()?;
        // As the kernel has it: of one that is gone it would hear that there is none.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let meant = rustix::fs::statx(&dir, "", flags, StatxFlags::INO).is_ok_and(|stat| stat.stx_ino == ino)
            && rustix::fs::fstatfs(&dir).is_ok_and(|stat| stat.f_type == FUSE_MAGIC);
        meant.then_some(Watched { tokens: &self.tokens, ino, dir })
    }
}

/// `FUSE_SUPER_MAGIC` of linux/magic.h.
const FUSE_MAGIC: rustix::fs::FsWord = 0x6573_5546;

impl Watched<'_> {
    /// Does `act` on a name, clearing the kernel's memory of the name with `clear` where that stands in the way.
    fn act(&self, name: &[u8], act: Act, clear: impl Fn(), run: impl Fn(&OsStr) -> Result<(), Errno>) {
        for attempt in 0..2 {
            self.tokens.stand(self.ino, name, act);
            let outcome = run(OsStr::from_bytes(name));
            let used = self.tokens.withdraw(self.ino, name);
            match outcome {
                Ok(()) => return,
                Err(error) if used || attempt > 0 => {
                    tracing::debug!(%error, name = %name.escape_ascii(), ?act, "a change was not announced");
                    return;
                }
                Err(_) => clear(),
            }
        }
    }

    /// Announces that a name appeared.
    pub(crate) fn appeared(&self, changed: &Changed, clear: impl Fn()) {
        self.act(&changed.name, Act::Appear, clear, |name| {
            if changed.is_dir {
                rustix::fs::mkdirat(&self.dir, name, Mode::from_raw_mode(0o755))
            } else {
                rustix::fs::mknodat(&self.dir, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)
            }
        });
    }

    /// Announces that a name vanished.
    pub(crate) fn vanished(&self, changed: &Changed, clear: impl Fn()) {
        let Some(ino) = changed.ino else { return };
        let flags = if changed.is_dir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        if !changed.is_dir {
            // What the kernel believes to have the name is a photo that stands elsewhere: it is to ask, and is told of another.
            clear();
        }
        self.act(&changed.name, Act::Vanish { ino, is_dir: changed.is_dir }, clear, |name| {
            rustix::fs::unlinkat(&self.dir, name, flags)
        });
    }

    /// Announces that what a name stands for changed.
    pub(crate) fn altered(&self, changed: &Changed) {
        // Both: one alone is told as a read or a write.
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        self.act(
            &changed.name,
            Act::Alter,
            || (),
            |name| rustix::fs::utimensat(&self.dir, name, &times, AtFlags::SYMLINK_NOFOLLOW),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_once_and_for_one_thread() {
        let tokens = Tokens::default();
        let here = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        let name = OsStr::new("a.jpg");
        tokens.stand(7, b"a.jpg", Act::Appear);
        assert!(!tokens.take(here, 7, name, |_| true), "no thread announces yet");
        tokens.adopt();
        assert_eq!(tokens.expected(here, 7, name), Some(Act::Appear));
        assert_eq!(tokens.expected(here + 1, 7, name), None);
        assert!(!tokens.take(here + 1, 7, name, |_| true), "another thread");
        assert!(!tokens.take(here, 8, name, |_| true), "another directory");
        assert!(!tokens.take(here, 7, name, |act| act == Act::Alter), "another operation");
        assert!(tokens.take(here, 7, name, |act| act == Act::Appear));
        assert!(!tokens.take(here, 7, name, |_| true), "used up");
        assert!(tokens.withdraw(7, b"a.jpg"));
    }
}
