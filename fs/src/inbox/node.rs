//! Something in the inbox, held by a descriptor: names may change while the kernel has it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{FileAttr, INodeNo};
use library::AssetId;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Timestamps, Uid, XattrFlags};

use super::copied::Copied;
use super::moment;
use crate::xattr::PREFIX;

/// Says of a file that it was closed by its writer, for the next start.
const COMPLETE: &str = "user.galleryfs.complete";

/// Says of a file why it is still here.
const REASON: &str = "user.galleryfs.last_error";

/// The attribute in which Linux keeps the access control list for what is made in a directory.
const DEFAULT_ACL: &str = "system.posix_acl_default";

/// Where something stands.
pub(super) type Place = (Arc<Node>, Box<[u8]>);

/// A path that leads to a node for as long as it is held.
pub(super) struct HeldPath {
    pub(super) path: String,
    _fd: Arc<OwnedFd>,
}

/// A file, directory or other thing in the inbox.
#[derive(Debug)]
pub(crate) struct Node {
    ino: u64,
    /// `None` once nothing of it is here and nobody asks.
    fd: Mutex<Option<Arc<OwnedFd>>>,
    place: Mutex<Option<Place>>,
    /// The directory of the tree whose scratch directory it is.
    of_tree: Option<u64>,
    /// The names that something may have in such a directory. Nobody else makes any there, so that no disk need be asked for
    /// all others.
    begun: Mutex<HashSet<Box<[u8]>>>,
    /// How many have it open for writing.
    writers: AtomicUsize,
    /// Whether bytes came since it was last taken in.
    written: AtomicBool,
    /// Whether it stands in the library now.
    taken_in: AtomicBool,
    /// Whether the library has the same bytes: it goes when nobody writes to it any more.
    known: AtomicBool,
    /// Whether its bytes have taken a photo's place.
    saved: AtomicBool,
    /// The photo that was put into a directory of the tree by its being copied there.
    joined: Mutex<Option<AssetId>>,
    /// What it is a copy of, and has none of the bytes of.
    pub(super) copied: Copied,
    /// One takes it in at a time.
    pub(super) arriving: Mutex<()>,
}

fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let rest = Duration::from_nanos(nanoseconds.max(0) as u64);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let at = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(whole),
        _ => SystemTime::UNIX_EPOCH.checked_sub(whole),
    };
    at.and_then(|at| at.checked_add(rest)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What FUSE calls a kind of file.
pub(super) fn kind(kind: FileType) -> fuser::FileType {
    match kind {
        FileType::Directory => fuser::FileType::Directory,
        FileType::Symlink => fuser::FileType::Symlink,
        FileType::Fifo => fuser::FileType::NamedPipe,
        FileType::Socket => fuser::FileType::Socket,
        FileType::CharacterDevice => fuser::FileType::CharDevice,
        FileType::BlockDevice => fuser::FileType::BlockDevice,
        _ => fuser::FileType::RegularFile,
    }
}

/// Opens a directory to list it, or to have the disk keep it.
pub(super) fn open_dir(node: &Node) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(node.fd()?, ".", flags, Mode::empty())?)
}

impl Node {
    pub(super) fn new(ino: u64, fd: OwnedFd) -> Self {
        Self {
            ino,
            fd: Mutex::new(Some(Arc::new(fd))),
            place: Mutex::default(),
            of_tree: None,
            begun: Mutex::default(),
            writers: AtomicUsize::new(0),
            written: AtomicBool::new(false),
            taken_in: AtomicBool::new(false),
            known: AtomicBool::new(false),
            saved: AtomicBool::new(false),
            joined: Mutex::default(),
            copied: Copied::default(),
            arriving: Mutex::default(),
        }
    }

    /// The scratch directory of a directory of the tree.
    pub(super) fn for_directory(dir: u64, fd: OwnedFd) -> Self {
        Self { of_tree: Some(dir), ..Self::new(dir, fd) }
    }

    /// The directory of the tree whose scratch directory it is.
    pub(super) fn of_tree(&self) -> Option<u64> {
        self.of_tree
    }

    fn begun(&self) -> MutexGuard<'_, HashSet<Box<[u8]>>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is about to have this name in it.
    pub(super) fn begins(&self, name: &[u8]) {
        if self.of_tree.is_some() {
            self.begun().insert(name.into());
        }
    }

    /// Nothing has this name in it any more.
    pub(super) fn ends(&self, name: &[u8]) {
        self.begun().remove(name);
    }

    /// Whether something may have this name in it.
    pub(super) fn may_have(&self, name: &[u8]) -> bool {
        self.of_tree.is_none() || self.begun().contains(name)
    }

    /// The directory of the tree that it is being copied into.
    pub(crate) fn tree_dir(&self) -> Option<u64> {
        self.place()?.0.of_tree
    }

    /// Its number.
    pub(crate) fn ino(&self) -> u64 {
        self.ino
    }

    /// What holds it. It cannot be read or written by this.
    pub(super) fn fd(&self) -> io::Result<Arc<OwnedFd>> {
        let fd = self.fd.lock().unwrap_or_else(PoisonError::into_inner);
        fd.clone().ok_or_else(|| rustix::io::Errno::STALE.into())
    }

    /// Closes what holds it.
    pub(super) fn retire(&self) {
        *self.fd.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A path that leads to it whatever its name.
    pub(super) fn path(&self) -> io::Result<HeldPath> {
        let fd = self.fd()?;
        Ok(HeldPath { path: format!("/proc/self/fd/{}", fd.as_raw_fd()), _fd: fd })
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(self.fd()?)?)
    }

    /// Opens it by itself.
    pub(super) fn open(&self, flags: OFlags) -> io::Result<File> {
        let kind = FileType::from_raw_mode(self.stat()?.st_mode);
        if kind == FileType::Symlink {
            return Err(rustix::io::Errno::LOOP.into());
        }
        Ok(rustix::fs::open(&*self.path()?.path, flags | OFlags::CLOEXEC, Mode::empty())?.into())
    }

    /// What `stat` says.
    pub(crate) fn attr(&self) -> io::Result<FileAttr> {
        let stat = self.stat()?;
        let changed = time(stat.st_ctime, stat.st_ctime_nsec as i64);
        Ok(FileAttr {
            ino: INodeNo(self.ino),
            size: self.copied.size().unwrap_or(stat.st_size.max(0) as u64),
            blocks: stat.st_blocks.max(0) as u64,
            atime: time(stat.st_atime, stat.st_atime_nsec as i64),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec as i64),
            ctime: changed,
            crtime: changed,
            kind: kind(FileType::from_raw_mode(stat.st_mode)),
            perm: (stat.st_mode & 0o7777) as u16,
            // What was unlinked in favour of one that the library has is still called so here.
            nlink: (stat.st_nlink as u32).max(u32::from(self.is_taken_in())),
            uid: stat.st_uid,
            gid: stat.st_gid,
            rdev: stat.st_rdev as u32,
            blksize: stat.st_blksize as u32,
            flags: 0,
        })
    }

    /// Its permissions.
    pub(super) fn mode(&self) -> io::Result<Mode> {
        Ok(Mode::from_raw_mode(self.stat()?.st_mode & 0o7777))
    }

    /// Whether a directory says which permissions what is made in it has.
    pub(super) fn has_default_acl(&self) -> bool {
        let acl = |at: HeldPath| rustix::fs::getxattr(&*at.path, DEFAULT_ACL, &mut [0_u8; 0][..]);
        self.path().is_ok_and(|at| acl(at).is_ok())
    }

    pub(super) fn set_mode(&self, mode: Mode) -> io::Result<()> {
        Ok(rustix::fs::chmod(&*self.path()?.path, mode)?)
    }

    pub(super) fn own(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::chownat(self.fd()?, "", uid, gid, flags)?)
    }

    pub(super) fn set_times(
        &self,
        accessed: Option<fuser::TimeOrNow>,
        modified: Option<fuser::TimeOrNow>,
    ) -> io::Result<()> {
        let times = Timestamps { last_access: moment(accessed), last_modification: moment(modified) };
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::utimensat(self.fd()?, "", &times, flags)?)
    }

    /// Has the times that it had.
    pub(super) fn keep_times(&self, before: &Stat) -> io::Result<()> {
        let at =
            |seconds: i64, nanoseconds: i64| rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = Timestamps {
            last_access: at(before.st_atime, before.st_atime_nsec as i64),
            last_modification: at(before.st_mtime, before.st_mtime_nsec as i64),
        };
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::utimensat(self.fd()?, "", &times, flags)?)
    }

    /// Where a symlink points.
    pub(crate) fn target(&self) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(self.fd()?, "", Vec::new())?.into_bytes())
    }

    /// Where it stands, as far as is known. `None` once it has lost its name.
    pub(super) fn place(&self) -> Option<Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn has_name(&self, dir: &Arc<Self>, name: &[u8]) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(dir), name.into()));
    }

    pub(super) fn lost_name(&self, dir: &Arc<Self>, name: &[u8]) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.take_if(|(at, called)| Arc::ptr_eq(at, dir) && **called == *name);
    }

    pub(super) fn begin_writing(&self) {
        self.writers.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn end_writing(&self) {
        self.writers.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn writers(&self) -> usize {
        self.writers.load(Ordering::Acquire)
    }

    pub(super) fn is_written(&self) {
        self.written.store(true, Ordering::Release);
    }

    /// Whether bytes came since it was last taken in.
    pub(super) fn has_written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }

    /// Whether the library has the same bytes.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::Acquire)
    }

    pub(super) fn set_known(&self, known: bool) {
        self.known.store(known, Ordering::Release);
    }

    /// Whether bytes came since this was last asked.
    pub(super) fn take_written(&self) -> bool {
        self.written.swap(false, Ordering::AcqRel)
    }

    /// Whether it stands in the library now.
    pub(crate) fn is_taken_in(&self) -> bool {
        self.taken_in.load(Ordering::Acquire)
    }

    pub(super) fn set_taken_in(&self, taken_in: bool) {
        self.taken_in.store(taken_in, Ordering::Release);
    }

    /// Whether its bytes have taken a photo's place.
    pub(super) fn is_saved(&self) -> bool {
        self.saved.load(Ordering::Acquire)
    }

    pub(crate) fn set_saved(&self) {
        self.saved.store(true, Ordering::Release);
    }

    /// The photo that was put into a directory of the tree by its being copied there.
    pub(super) fn joined(&self) -> Option<AssetId> {
        *self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_joined(&self, asset: AssetId) {
        *self.joined.lock().unwrap_or_else(PoisonError::into_inner) = Some(asset);
    }

    pub(super) fn replace_fd(&self, fd: OwnedFd) {
        *self.fd.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fd));
    }

    /// Says why it is still here, for whoever asks and for later; `None` takes that back. A disk that keeps no attributes
    /// leaves it to the log.
    pub(super) fn set_reason(&self, reason: Option<&str>) {
        let set = || -> io::Result<()> {
            let at = self.path()?;
            match reason {
                Some(reason) => {
                    rustix::fs::setxattr(&*at.path, REASON, reason.as_bytes(), XattrFlags::empty())?;
                }
                None => rustix::fs::removexattr(&*at.path, REASON)?,
            }
            Ok(())
        };
        let done = set();
        if let Err(error) = done {
            tracing::trace!(%error, "a file does not say why it stays");
        }
    }

    /// An attribute of its own: only those of users.
    pub(crate) fn attribute(&self, name: &OsStr) -> io::Result<Vec<u8>> {
        let mut value = vec![0; 1 << 16];
        let size = rustix::fs::getxattr(&*self.path()?.path, name, &mut value[..])?;
        value.truncate(size);
        Ok(value)
    }

    /// The names of its attributes, each ended by a zero byte.
    pub(crate) fn attributes(&self) -> io::Result<Vec<u8>> {
        let mut names = vec![0; 1 << 16];
        let size = rustix::fs::listxattr(&*self.path()?.path, &mut names[..])?;
        names.truncate(size);
        let all = names.split_inclusive(|byte| *byte == 0);
        let shown =
            |name: &&[u8]| name.starts_with(PREFIX) && name.strip_suffix(b"\0") != Some(COMPLETE.as_bytes());
        Ok(all.filter(shown).flatten().copied().collect())
    }

    /// Sets an attribute, or with no value removes it.
    pub(crate) fn set_attribute(&self, name: &OsStr, value: Option<&[u8]>, flags: i32) -> io::Result<()> {
        if !name.as_encoded_bytes().starts_with(PREFIX) {
            return Err(rustix::io::Errno::OPNOTSUPP.into());
        }
        match value {
            Some(value) => {
                rustix::fs::setxattr(
                    &*self.path()?.path,
                    name,
                    value,
                    XattrFlags::from_bits_retain(flags as u32),
                )?;
            }
            None => rustix::fs::removexattr(&*self.path()?.path, name)?,
        }
        Ok(())
    }

    /// Whether its writer has closed it after writing.
    pub(super) fn is_complete(&self) -> bool {
        self.path().is_ok_and(|at| rustix::fs::getxattr(&*at.path, COMPLETE, &mut [0_u8; 1][..]).is_ok())
    }

    /// Says that its writer has closed it, or that it is not to be said any more. A disk that keeps no such marks loses it.
    pub(super) fn mark_complete(&self, complete: bool) {
        let mark = || -> io::Result<()> {
            let at = self.path()?;
            match complete {
                true => rustix::fs::setxattr(&*at.path, COMPLETE, b"1", XattrFlags::empty())?,
                false => rustix::fs::removexattr(&*at.path, COMPLETE)?,
            }
            Ok(())
        };
        let done = mark();
        if let Err(error) = done {
            tracing::trace!(%error, "a file is not marked");
        }
    }
}
