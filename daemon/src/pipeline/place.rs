//! A root as the pipeline sees it: a folder that may be away, on file systems of one kind or another.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::Sender;
use library::{FilePath, FileStat, RootId};

use super::beneath;
use super::changes::Changes;
use super::duty::Duty;
use super::filesystem::FileSystem;
use super::sink::Sink;

/// Device and inode number of a folder: another pair means another folder.
pub type Identity = (u64, u64);

/// What readers find out about a root besides the files themselves.
#[derive(Debug)]
pub enum Notice {
    /// A path where a file was expected has none.
    Absent(FilePath, Duty),
    /// A file stands at a path below a folder that was declared offline.
    Returned(FilePath),
}

/// A root.
#[derive(Debug)]
pub struct Place {
    id: RootId,
    path: PathBuf,
    identity: Mutex<Option<Identity>>,
    file_systems: Mutex<HashMap<u64, FileSystem>>,
    away: Mutex<Vec<Box<[u8]>>>,
    writing: Mutex<HashSet<Box<[u8]>>>,
    changes: Changes,
    notices: Sender<Notice>,
}

impl Place {
    /// The root `id` at `path`; `notices` hears what readers find out about it.
    pub fn new(id: RootId, path: PathBuf, notices: Sender<Notice>) -> Self {
        Self {
            id,
            path,
            identity: Mutex::default(),
            file_systems: Mutex::default(),
            away: Mutex::default(),
            writing: Mutex::default(),
            changes: Changes::default(),
            notices,
        }
    }

    /// Which root.
    pub fn id(&self) -> RootId {
        self.id
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Opens it. Fails when something else stands there than the folder last accepted: a disk was pulled out, say,
    /// and its mount point lies bare.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let (root, identity) = self.open_any()?;
        let known = *self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_some_and(|known| known != identity) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another folder stands in its place"));
        }
        Ok(root)
    }

    /// Opens whatever stands there.
    pub fn open_any(&self) -> io::Result<(OwnedFd, Identity)> {
        let root = beneath::open_root(&self.path)?;
        let stat = rustix::fs::fstat(&root)?;
        Ok((root, (stat.st_dev, stat.st_ino)))
    }

    /// From now on this folder is the root; `None` accepts whichever comes next.
    pub fn accept(&self, identity: Option<Identity>) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
        // A device number may be given to another file system once its own is gone.
        self.file_systems.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the folder that was accepted still stands there.
    pub fn is_here(&self) -> bool {
        self.open().is_ok()
    }

    /// The kind of file system an open file or folder is on.
    pub fn file_system(&self, fd: impl AsFd, device: u64) -> FileSystem {
        let mut known = self.file_systems.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(device)
            .or_insert_with(|| FileSystem::of(fd, device).unwrap_or_else(|_| FileSystem::local()))
            .clone()
    }

    /// Whether inode numbers on a device can be relied on, asked through an open file or folder there.
    pub fn keeps_inodes(&self, fd: impl AsFd, device: u64) -> bool {
        self.file_system(fd, device).keeps_inodes
    }

    /// Opens a file beneath it.
    pub fn open_file(&self, relative: &[u8]) -> io::Result<Option<(File, rustix::fs::Stat)>> {
        beneath::open_file(self.open()?, relative)
    }

    /// The folders declared offline.
    pub fn away(&self) -> Vec<Box<[u8]>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the library which folders are declared offline.
    pub fn load_away(&self, sink: &dyn Sink) {
        // Held while asking: of two who ask, the later one has the newer answer.
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match sink.away(self.id) {
            Ok(folders) => *away = folders,
            Err(error) => tracing::error!(%error, "the library cannot say what is away"),
        }
    }

    /// The declared folder that a path lies in.
    pub fn away_over(&self, path: &FilePath) -> Option<Box<[u8]>> {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.iter().find(|folder| path.is_under(folder)).cloned()
    }

    /// Which folders changed, as far as events tell.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Whether a program was last seen writing to a file and has not closed it.
    pub fn is_being_written(&self, relative: &[u8]) -> bool {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).contains(relative)
    }

    /// A program writes to a file, or has stopped to.
    pub fn set_writing(&self, relative: &[u8], writing: bool) {
        let mut all = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing {
            all.insert(relative.into());
        } else {
            all.remove(relative);
        }
    }

    /// Nothing is known any more about who writes what.
    pub fn forget_writing(&self) {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Passes on what a reader found out.
    pub(crate) fn notice(&self, notice: Notice) {
        // Nobody listens any more while everything stops.
        let _ = self.notices.send(notice);
    }
}

/// Whether a file is as it was known: then it is not read again.
///
/// Where inode numbers are not to be relied on, size and modification time must do; elsewhere only the device number
/// may differ, since disks are numbered anew at every start.
pub fn is_unchanged(known: &FileStat, now: &FileStat, keeps_inodes: bool) -> bool {
    (known.size, known.mtime_ns) == (now.size, now.mtime_ns)
        && (!keeps_inodes || (known.ctime_ns, known.inode) == (now.ctime_ns, now.inode))
}
