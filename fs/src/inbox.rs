//! `inbox/`: files on their way into the library, in a real directory of the upload folder's disk.
//!
//! What makes it hard, and what answers it:
//! 1. Programs that copy expect all that a disk does: temporary names and renames, links, times, modes, truncation. So what
//!    is here is files of a real directory, held by descriptors and not by names ([`node`]), and the kernel's requests
//!    are handed to it.
//! 2. Nobody says when a file is complete but by closing it, and a close is a FLUSH, which also comes before the first
//!    write (shells) and more than once. A file is taken in at a FLUSH of its last writer after bytes were written
//!    ([`arriving`]); one with a temporary name ([`temporary`]) when it is renamed.
//! 3. Copiers look at a file and set its times after they closed it, when it stands in the library. For a minute its name
//!    here still leads to it ([`nodes::Alias`]).
//! 4. An original is never written to. Opening what was taken in for writing gives it a copy of its own first.
//! 5. The daemon may be killed at any time. What stands here is there again; only what was closed, or renamed from a
//!    temporary name, is taken in at the next start, since it bears a mark that says that it is complete.

mod arriving;
mod copied;
mod node;
mod nodes;
mod temporary;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender};
use fuser::FileAttr;
use library::AssetId;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

pub(crate) use self::arriving::Worker;
pub(crate) use self::node::Node;
use self::nodes::Nodes;
pub(crate) use self::temporary::is_temporary;
use crate::error::FsError;
use crate::tree::Tree;

/// Marks the inode numbers of what is here: the highest three bits are 001.
pub(crate) const MARK: u64 = 1 << 61;

/// What is here has numbers below this, beside the mark. Those above are for what only the kernel believes in.
pub(crate) const NUMBERS: u64 = 1 << 59;

/// Whether an inode number is that of something here.
pub(crate) fn is_here(ino: u64) -> bool {
    ino >> 61 == 1
}

/// Who asks, for whom new files are made where this process may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A file that is open.
#[derive(Debug)]
pub(crate) struct Handle {
    node: Arc<Node>,
    file: File,
    writes: bool,
}

/// What `setattr` changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) accessed: Option<fuser::TimeOrNow>,
    pub(crate) modified: Option<fuser::TimeOrNow>,
}

/// An entry of a directory.
#[derive(Debug)]
pub(crate) struct DirEntry {
    pub(crate) name: Box<[u8]>,
    pub(crate) ino: u64,
    pub(crate) kind: fuser::FileType,
}

/// The files on their way.
pub(crate) struct Inbox {
    tree: Arc<Tree>,
    root: Arc<Node>,
    /// Where the directories are of what is copied into directories of the tree, and those directories by the numbers
    /// of the latter.
    scratch: (PathBuf, Mutex<HashMap<u64, Arc<Node>>>),
    nodes: Mutex<Nodes>,
    handles: Mutex<HashMap<u64, Arc<Handle>>>,
    next_handle: AtomicU64,
    /// Files that were renamed into place, or that the library has and nobody writes to any more, for the [`Worker`].
    renamed: Sender<Arc<Node>>,
    /// Where the worker finds them.
    arrived: Receiver<Arc<Node>>,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

/// The directory beside the inbox of what is being copied elsewhere.
const SCRATCH: &str = "scratch";

/// The directory beside it of photos that are being written to.
const EDITS: &str = "edits";

/// Brings what an earlier mount left in scratch directories into the inbox, where it can be seen.
fn bring_in(scratch: &Path, inbox: &Path) -> io::Result<()> {
    for left in std::fs::read_dir(scratch).into_iter().flatten().flatten() {
        if std::fs::remove_dir(left.path()).is_err() {
            let to = (1..).map(|number| inbox.join(format!("interrupted {number}"))).find(|to| !to.exists());
            to.map_or(Ok(()), |to| std::fs::rename(left.path(), to))?;
        }
    }
    Ok(())
}

/// Opens something without following a link, only to hold it.
fn hold(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, OsStr::from_bytes(name), flags, Mode::empty())?)
}

impl Inbox {
    /// The inbox in a real directory, which is there.
    pub(crate) fn new(tree: Arc<Tree>, directory: &Path) -> io::Result<Self> {
        let fd = hold(rustix::fs::CWD, directory.as_os_str().as_bytes())?;
        let root = Arc::new(Node::new(MARK, fd));
        let (renamed, arrived) = crossbeam_channel::unbounded();
        let scratch = directory.with_file_name(SCRATCH);
        bring_in(&scratch, directory)?;
        Ok(Self {
            tree,
            root,
            scratch: (scratch, Mutex::default()),
            nodes: Mutex::default(),
            handles: Mutex::default(),
            next_handle: AtomicU64::new(1),
            renamed,
            arrived,
        })
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its own directory.
    pub(crate) fn root(&self) -> Arc<Node> {
        Arc::clone(&self.root)
    }

    /// The directory of what is being copied into a directory of the tree. `None`: nothing was since the mount.
    pub(crate) fn scratch(&self, dir: u64) -> Option<Arc<Node>> {
        self.scratch.1.lock().unwrap_or_else(PoisonError::into_inner).get(&dir).cloned()
    }

    /// The same, made if there is none.
    pub(crate) fn make_scratch(&self, dir: u64) -> io::Result<Arc<Node>> {
        if let Some(known) = self.scratch(dir) {
            return Ok(known);
        }
        // Not locked meanwhile: the disk may be waited for, and those who answer the kernel ask what there is.
        let path = self.scratch.0.join(dir.to_string());
        std::fs::create_dir_all(&path)?;
        let fd = hold(rustix::fs::CWD, path.as_os_str().as_bytes())?;
        // Its number is nobody's business: the kernel knows it by that of the directory in the tree.
        let node = Arc::new(Node::for_directory(dir, fd));
        let mut all = self.scratch.1.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have made it too: the first one counts.
        Ok(Arc::clone(all.entry(dir).or_insert_with(|| {
            // What is on its way is still to be put there when the kernel has forgotten the directory.
            self.tree.keep(dir);
            node
        })))
    }

    /// Whether something of this name may be on its way in a directory of the tree, or was just taken in there. No disk is
    /// asked.
    pub(crate) fn has_scratch(&self, dir: u64, name: &[u8]) -> bool {
        self.scratch(dir).is_some_and(|scratch| scratch.may_have(name))
    }

    /// What was taken in under a name in a directory of the tree is not found by it any more.
    pub(crate) fn forget_arrived(&self, dir: u64, name: &[u8]) {
        let Some(scratch) = self.scratch(dir) else { return };
        // The file first: it may become such a name just now.
        let is_removed = self.find(&scratch, name).is_ok_and(|node| {
            let is_removed = node.is_known() && self.unlink(&scratch, name).is_ok();
            if is_removed {
                node.set_known(false);
                self.nodes().let_go(&node);
            }
            is_removed
        });
        let is_over = self.nodes().drop_alias(&scratch, name) || is_removed;
        tracing::trace!(is_over, "what arrived is somewhere else");
    }

    /// What the kernel holds under a number.
    pub(crate) fn node(&self, ino: u64) -> io::Result<Arc<Node>> {
        self.nodes().get(ino).ok_or_else(|| Errno::STALE.into())
    }

    /// Whether something is still what its name leads to. In a directory of the tree a photo takes its place, and the kernel,
    /// which may not have heard of it yet, is to look again.
    pub(crate) fn is_current(&self, node: &Node) -> Result<(), FsError> {
        let is_photo = |(dir, name): (Arc<Node>, Box<[u8]>)| {
            dir.of_tree().is_some_and(|dir| self.tree.has_name(dir, &name))
        };
        match node.is_saved() || node.place().is_some_and(is_photo) {
            true => Err(FsError::Stale),
            false => Ok(()),
        }
    }

    /// Where photos that are open for writing are copied to.
    pub(crate) fn edits_dir(&self) -> PathBuf {
        self.scratch.0.with_file_name(EDITS)
    }

    /// Opens a file that is given a photo's place, with all its bytes on the disk.
    pub(crate) fn open_complete(&self, dir: &Arc<Node>, name: &[u8]) -> io::Result<(Arc<Node>, File)> {
        let node = self.find(dir, name)?;
        self.fill(&node)?;
        let file = node.open(OFlags::RDONLY)?;
        file.sync_all()?;
        Ok((node, file))
    }

    /// What is called so in a directory, not counted as known to the kernel.
    fn find(&self, dir: &Arc<Node>, name: &[u8]) -> io::Result<Arc<Node>> {
        match hold(dir.fd()?.as_fd(), name) {
            Ok(fd) => {
                // Before the lock, which those who answer the kernel take too: the disk may be waited for.
                let real = rustix::fs::fstat(&fd)?.st_ino;
                Ok(self.nodes().of((fd, real), dir, name))
            }
            Err(error) => self.nodes().alias(dir, name).ok_or(error),
        }
    }

    /// Whether the kernel knows of something that stands under a name itself, and is not only found by it. No disk is asked.
    pub(crate) fn stands(&self, dir: &Arc<Node>, name: &[u8]) -> bool {
        self.nodes().placed(dir, name).is_some_and(|node| !node.is_taken_in())
    }

    /// The photo that was put into a directory of the tree by a copy that was called so there a moment ago.
    pub(crate) fn joined_as(&self, dir: u64, name: &[u8]) -> Option<AssetId> {
        self.nodes().placed(&self.scratch(dir)?, name)?.joined()
    }

    /// Finds a name. The kernel knows the node from then on.
    pub(crate) fn lookup(&self, dir: &Arc<Node>, name: &[u8]) -> io::Result<FileAttr> {
        let node = self.find(dir, name)?;
        self.known(&node)
    }

    /// The attributes of a node, which the kernel knows from then on.
    fn known(&self, node: &Arc<Node>) -> io::Result<FileAttr> {
        let attr = node.attr()?;
        self.nodes().count(node, 1);
        Ok(attr)
    }

    /// The kernel drops `count` of its lookups.
    pub(crate) fn forget(&self, ino: u64, count: u64) {
        self.nodes().forget(ino, count);
    }

    /// Makes what was just made the asker's, where this process may do that, and gives it the mode that was asked for: the
    /// kernel has applied the asker's umask, and this process's own is none of their business.
    fn give(&self, dir: &Arc<Node>, name: &[u8], mode: Mode, asker: Asker) -> io::Result<FileAttr> {
        let node = self.find(dir, name)?;
        if rustix::process::geteuid().is_root() && (asker.uid, asker.gid) != (0, 0) {
            // Where a directory hands its group down, the disk has given it.
            let inherits = dir.mode()?.contains(Mode::SGID);
            node.own(Some(asker.uid), (!inherits).then_some(asker.gid))?;
        }
        let made = node.mode()?;
        if !made.contains(mode) && !dir.has_default_acl() {
            node.set_mode(made | mode)?;
        }
        self.known(&node)
    }

    /// `mkdir`.
    pub(crate) fn mkdir(
        &self,
        dir: &Arc<Node>,
        name: &[u8],
        mode: u32,
        asker: Asker,
    ) -> io::Result<FileAttr> {
        self.is_free(dir, name)?;
        let mode = Mode::from_raw_mode(mode & 0o7777);
        dir.begins(name);
        rustix::fs::mkdirat(dir.fd()?, OsStr::from_bytes(name), mode)?;
        self.give(dir, name, mode, asker)
    }

    /// `mknod`: anything but a device.
    pub(crate) fn mknod(
        &self,
        dir: &Arc<Node>,
        name: &[u8],
        mode: u32,
        asker: Asker,
    ) -> io::Result<FileAttr> {
        self.is_free(dir, name)?;
        let kind = FileType::from_raw_mode(mode);
        if !matches!(kind, FileType::RegularFile | FileType::Fifo | FileType::Socket) {
            return Err(Errno::PERM.into());
        }
        let mode = Mode::from_raw_mode(mode & 0o7777);
        dir.begins(name);
        rustix::fs::mknodat(dir.fd()?, OsStr::from_bytes(name), kind, mode, 0)?;
        self.give(dir, name, mode, asker)
    }

    /// `symlink`: kept as it is, and followed by nobody here.
    pub(crate) fn symlink(
        &self,
        dir: &Arc<Node>,
        name: &[u8],
        target: &Path,
        asker: Asker,
    ) -> io::Result<FileAttr> {
        self.is_free(dir, name)?;
        dir.begins(name);
        rustix::fs::symlinkat(target, dir.fd()?, OsStr::from_bytes(name))?;
        self.give(dir, name, Mode::empty(), asker)
    }

    /// `link`.
    pub(crate) fn link(&self, node: &Arc<Node>, dir: &Arc<Node>, name: &[u8]) -> io::Result<FileAttr> {
        self.fill(node)?;
        self.is_free(dir, name)?;
        if node.is_taken_in() {
            // Another name for an original would be a way to write to it.
            return Err(Errno::PERM.into());
        }
        let flags = AtFlags::SYMLINK_FOLLOW;
        dir.begins(name);
        rustix::fs::linkat(rustix::fs::CWD, &*node.path()?.path, dir.fd()?, OsStr::from_bytes(name), flags)?;
        self.known(node)
    }

    /// A name that still leads to what was taken in may not be given again, as if the file were there.
    fn is_free(&self, dir: &Arc<Node>, name: &[u8]) -> io::Result<()> {
        match self.nodes().alias(dir, name) {
            Some(_) => Err(Errno::EXIST.into()),
            None => Ok(()),
        }
    }

    /// `unlink`: what was taken in only loses its name here.
    pub(crate) fn unlink(&self, dir: &Arc<Node>, name: &[u8]) -> io::Result<()> {
        if self.nodes().drop_alias(dir, name) {
            return Ok(());
        }
        let node = self.find(dir, name)?;
        rustix::fs::unlinkat(dir.fd()?, OsStr::from_bytes(name), AtFlags::empty())?;
        dir.ends(name);
        node.lost_name(dir, name);
        Ok(())
    }

    /// `rmdir`.
    pub(crate) fn rmdir(&self, dir: &Arc<Node>, name: &[u8]) -> io::Result<()> {
        let below = self.find(dir, name)?;
        if self.nodes().has_aliases(&below) {
            return Err(Errno::NOTEMPTY.into());
        }
        Ok(rustix::fs::unlinkat(dir.fd()?, OsStr::from_bytes(name), AtFlags::REMOVEDIR)?)
    }

    /// `rename` within. A file that gets its name so is taken in.
    pub(crate) fn rename(
        &self,
        (dir, name): (&Arc<Node>, &[u8]),
        (new_dir, new_name): (&Arc<Node>, &[u8]),
        replaces: bool,
    ) -> io::Result<()> {
        if !replaces {
            self.is_free(new_dir, new_name)?;
        }
        new_dir.begins(new_name);
        if self.nodes().move_alias((dir, name), (new_dir, new_name)) {
            return Ok(());
        }
        let node = self.find(dir, name)?;
        let flags = if replaces { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let (from, to) = (OsStr::from_bytes(name), OsStr::from_bytes(new_name));
        match rustix::fs::renameat_with(dir.fd()?, from, new_dir.fd()?, to, flags) {
            // A file system that cannot refuse to replace: it is looked whether there is something.
            Err(Errno::INVAL) if !replaces => {
                if rustix::fs::statat(new_dir.fd()?, to, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                    return Err(Errno::EXIST.into());
                }
                rustix::fs::renameat(dir.fd()?, from, new_dir.fd()?, to)?;
            }
            done => done?,
        }
        self.nodes().drop_alias(new_dir, new_name);
        dir.ends(name);
        node.lost_name(dir, name);
        node.has_name(new_dir, new_name);
        if node.is_complete() {
            // No receiver: the mount is being taken away, and the next start finds it.
            let _ = self.renamed.send(node);
        }
        Ok(())
    }

    /// `create`: makes and opens a file.
    pub(crate) fn create(
        &self,
        dir: &Arc<Node>,
        name: &[u8],
        (mode, flags): (u32, i32),
        asker: Asker,
    ) -> io::Result<(FileAttr, u64)> {
        if flags & libc::O_EXCL != 0 {
            self.is_free(dir, name)?;
        }
        if let Some(node) = self.nodes().alias(dir, name) {
            let handle = self.open(&node, flags)?;
            return Ok((self.known(&node)?, handle));
        }
        let mode = Mode::from_raw_mode(mode & 0o7777);
        dir.begins(name);
        let open = |how| {
            let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | how;
            rustix::fs::openat(dir.fd()?, OsStr::from_bytes(name), flags, mode).map_err(io::Error::from)
        };
        let (file, attr) = match open(OFlags::CREATE | OFlags::EXCL) {
            Ok(file) => (file, self.give(dir, name, mode, asker)?),
            // Somebody was faster, whose it is.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && flags & libc::O_EXCL == 0 => {
                (open(OFlags::empty())?, self.lookup(dir, name)?)
            }
            Err(error) => return Err(error),
        };
        let file = File::from(file);
        let node = self.node(attr.ino.0)?;
        if flags & libc::O_TRUNC != 0 {
            node.copied.clear();
            file.set_len(0)?;
        }
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
        Ok((attr, self.opened(node, file, writes)))
    }

    fn opened(&self, node: Arc<Node>, file: File, writes: bool) -> u64 {
        if writes {
            node.begin_writing();
        }
        let number = self.next_handle.fetch_add(1, Ordering::Relaxed);
        let handle = Arc::new(Handle { node, file, writes });
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).insert(number, handle);
        number
    }

    /// `open`.
    pub(crate) fn open(&self, node: &Arc<Node>, flags: i32) -> io::Result<u64> {
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
        self.fill(node)?;
        if writes {
            self.part_if_taken_in(node)?;
        }
        // The kernel gives each write its place, also one that appends.
        let access = if writes { OFlags::RDWR } else { OFlags::RDONLY };
        let file = node.open(access | OFlags::NONBLOCK).or_else(|error| match writes {
            // Write-only for whoever may not read it.
            true => node.open(OFlags::WRONLY | OFlags::NONBLOCK).map_err(|_| error),
            false => Err(error),
        })?;
        if flags & libc::O_TRUNC != 0 {
            file.set_len(0)?;
        }
        Ok(self.opened(Arc::clone(node), file, writes))
    }

    fn handle(&self, number: u64) -> io::Result<Arc<Handle>> {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.get(&number).cloned().ok_or_else(|| Errno::BADF.into())
    }

    /// `read`.
    pub(crate) fn read(&self, handle: u64, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let handle = self.handle(handle)?;
        self.fill(&handle.node)?;
        let mut bytes = vec![0; size as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match handle.file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// `write`.
    pub(crate) fn write(&self, handle: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let handle = self.handle(handle)?;
        self.fill(&handle.node)?;
        handle.node.is_written();
        handle.file.write_all_at(bytes, offset)
    }

    /// `fallocate`.
    pub(crate) fn allocate(&self, handle: u64, mode: i32, offset: u64, length: u64) -> io::Result<()> {
        let handle = self.handle(handle)?;
        self.fill(&handle.node)?;
        let mode = rustix::fs::FallocateFlags::from_bits_retain(mode as u32);
        Ok(rustix::fs::fallocate(&handle.file, mode, offset, length)?)
    }

    /// `fsync`.
    pub(crate) fn sync(&self, handle: u64) -> io::Result<()> {
        let handle = self.handle(handle)?;
        self.fill(&handle.node)?;
        handle.file.sync_all()
    }

    /// `release`. What is given back may be the last that holds the file, whose closing may wait for the disk.
    pub(crate) fn release(&self, handle: u64) -> Option<Arc<Handle>> {
        let handle = self.handles.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        if let Some(handle) = handle.as_ref().filter(|handle| handle.writes) {
            handle.node.end_writing();
            if handle.node.is_known() {
                // No receiver: the mount is being taken away, and the next start finds it.
                let _ = self.renamed.send(Arc::clone(&handle.node));
            }
            self.nodes().let_go(&handle.node);
        }
        handle
    }

    /// `setattr`.
    pub(crate) fn change(&self, node: &Arc<Node>, changes: &Changes) -> io::Result<FileAttr> {
        if let Some(size) = changes.size {
            self.fill(node)?;
            self.part_if_taken_in(node)?;
            node.open(OFlags::WRONLY | OFlags::NONBLOCK)?.set_len(size)?;
            node.is_written();
        }
        if let Some(mode) = changes.mode {
            node.set_mode(Mode::from_raw_mode(mode & 0o7777))?;
        }
        if changes.uid.is_some() || changes.gid.is_some() {
            node.own(changes.uid, changes.gid)?;
        }
        if changes.accessed.is_some() || changes.modified.is_some() {
            node.set_times(changes.accessed, changes.modified)?;
        }
        node.attr()
    }

    /// What a directory lists: what is there, and what was taken in lately.
    pub(crate) fn list(&self, dir: &Arc<Node>) -> io::Result<Vec<DirEntry>> {
        let open = node::open_dir(dir)?;
        let mut entries: Vec<DirEntry> = Vec::new();
        for entry in rustix::fs::Dir::new(open)? {
            let entry = entry?;
            let name: Box<[u8]> = entry.file_name().to_bytes().into();
            if matches!(&*name, b"." | b"..") {
                continue;
            }
            entries.push(DirEntry { name, ino: MARK | entry.ino(), kind: node::kind(entry.file_type()) });
        }
        let aliases = self.nodes().aliases_in(dir);
        if !aliases.is_empty() {
            // One that is about to go stands there still.
            entries.retain(|entry| !aliases.iter().any(|(name, _)| *name == entry.name));
        }
        entries.extend(aliases.into_iter().map(|(name, node)| DirEntry {
            name,
            ino: node.ino(),
            kind: fuser::FileType::RegularFile,
        }));
        Ok(entries)
    }

    /// What the disk has room for.
    pub(crate) fn room(&self) -> io::Result<rustix::fs::StatVfs> {
        let open = node::open_dir(&self.root)?;
        Ok(rustix::fs::fstatvfs(open)?)
    }

    /// Before a file is written to: an original is not. Whoever had it open for writing when it was taken in goes on writing to
    /// it, and others with them, or their bytes would go different ways.
    fn part_if_taken_in(&self, node: &Arc<Node>) -> io::Result<()> {
        if node.is_taken_in() && node.writers() == 0 { self.part(node) } else { Ok(()) }
    }

    /// Gives what was taken in a copy of its own, which its name here is from now on.
    fn part(&self, node: &Arc<Node>) -> io::Result<()> {
        let (dir, name) = node.place().ok_or(Errno::STALE)?;
        let mut from = node.open(OFlags::RDONLY)?;
        let open = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        let mut to = File::from(rustix::fs::openat(dir.fd()?, OsStr::from_bytes(&name), open, mode)?);
        // Shares the blocks where the disk can.
        io::copy(&mut from, &mut to)?;
        let held = hold(dir.fd()?.as_fd(), &name)?;
        let real = rustix::fs::fstat(&held)?.st_ino;
        self.nodes().part(node, (held, real), (&dir, &name));
        Ok(())
    }
}

/// The time that `setattr` says.
fn moment(time: Option<fuser::TimeOrNow>) -> rustix::fs::Timespec {
    use rustix::fs::{Timespec, UTIME_NOW, UTIME_OMIT};
    match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ },
        Some(fuser::TimeOrNow::Now) => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW as _ },
        Some(fuser::TimeOrNow::SpecificTime(time)) => match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Timespec { tv_sec: since.as_secs() as i64, tv_nsec: since.subsec_nanos().into() },
            Err(before) => {
                let before = before.duration();
                let whole = before.as_secs() as i64 + i64::from(before.subsec_nanos() > 0);
                let rest = (1_000_000_000 - before.subsec_nanos()) % 1_000_000_000;
                Timespec { tv_sec: -whole, tv_nsec: rest.into() }
            }
        },
    }
}
