//! The operations on `inbox/`, handed to it on its pool.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, FopenFlags, INodeNo, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, ReplyXattr,
};

use super::reading::sized;
use super::{GENERATION, Shared, refusal};
use crate::edits::Edits;
use crate::error::FsError;
use crate::inbox::{self, Asker, Changes, DirEntry, Inbox, Node};
use crate::pool::{Pool, Turn};
use crate::tree::inodes::INBOX;

/// How long the kernel may believe what it is told of the inbox: files are taken away from it behind its back.
const BELIEVED: Duration = Duration::from_secs(1);

/// The inbox as the shell has it.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(crate) inbox: Arc<Inbox>,
    /// Photos that are open for writing.
    pub(crate) edits: Edits,
    listings: Mutex<HashMap<u64, Arc<Vec<DirEntry>>>>,
    next: AtomicU64,
}

impl Arriving {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        let edits = Edits::new(inbox.edits_dir());
        Self { inbox, edits, listings: Mutex::default(), next: AtomicU64::new(1) }
    }

    fn listings(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Vec<DirEntry>>>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operation of the inbox is called, and on what.
type Operation = (&'static str, u64);

impl Shared {
    /// Whether a number is of the inbox or something in it.
    pub(super) fn is_arriving(&self, ino: u64) -> bool {
        inbox::is_here(ino) || self.arriving.is_some() && ino == INBOX
    }

    /// What is behind a number that [`Shared::is_arriving`], or the scratch directory of a directory of the tree.
    pub(super) fn node(&self, ino: u64) -> Result<(Arc<Inbox>, Arc<Node>), FsError> {
        let inbox = &self.arriving.as_ref().ok_or(FsError::NotFound)?.inbox;
        let node = match inbox::is_here(ino) {
            true => inbox.node(ino)?,
            false if ino == INBOX => inbox.root(),
            false => inbox.make_scratch(ino)?,
        };
        Ok((Arc::clone(inbox), node))
    }

    /// Whether a file of this name can be begun in a directory of the tree: one that is copied into it, or with which a
    /// photo in it is saved over.
    pub(super) fn may_begin(&self, dir: u64, name: &OsStr) -> bool {
        self.arriving.is_some() && self.tree.may_begin(dir, name.as_bytes())
    }

    /// A name in a directory of the tree is another's from now on, or nobody's: what was taken in under it lately is not
    /// found by it any more. The disk is not waited for: that the name is nobody's is decided elsewhere.
    pub(super) fn forget_arrived(&self, dir: u64, name: &OsStr) {
        let inbox = self.arriving.as_ref().map(|arriving| &arriving.inbox);
        if let Some(inbox) = inbox.filter(|inbox| inbox.has_scratch(dir, name.as_bytes())) {
            let (inbox, name) = (Arc::clone(inbox), name.as_bytes().to_owned());
            self.pools.inbox().submit(move |_| inbox.forget_arrived(dir, &name));
        }
    }

    /// The photo that was put into a directory of the tree by a copy that was called so there a moment ago.
    pub(super) fn joined_as(&self, dir: u64, name: &OsStr) -> Option<library::AssetId> {
        self.arriving.as_ref()?.inbox.joined_as(dir, name.as_bytes())
    }

    /// Finds a name that a directory of the tree does not have among what is on its way in it.
    pub(super) fn scratch_lookup(self: &Arc<Self>, dir: u64, name: &OsStr, reply: ReplyEntry) {
        let name = name.to_owned();
        let asked = name.clone();
        let work = move |shared: &Self| {
            let (inbox, scratch) = shared.node(dir)?;
            match inbox.lookup(&scratch, name.as_bytes()) {
                Ok(attr) => Ok(Some(attr)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        self.arrive(("lookup", dir), work, move |shared, done| match done {
            Ok(Some(attr)) => reply.entry(&BELIEVED, &attr, GENERATION),
            Ok(None) => shared.absent(dir, &asked, reply),
            Err(error) => reply.error(error),
        });
    }

    /// Whether something is on its way in a directory of the tree, which has nothing of this name itself.
    pub(super) fn is_scratch(&self, dir: u64, name: &OsStr) -> bool {
        let arriving = self.arriving.as_ref().filter(|arriving| arriving.inbox.scratch(dir).is_some());
        arriving.is_some_and(|arriving| {
            !self.tree.has_name(dir, name.as_bytes()) && arriving.inbox.has_scratch(dir, name.as_bytes())
        })
    }

    /// Whether something stands under a name itself, in the inbox or on its way in a directory of the tree.
    pub(super) fn stands(&self, dir: u64, name: &OsStr) -> bool {
        let Some(arriving) = &self.arriving else { return false };
        let node = match self.is_arriving(dir) {
            true => self.node(dir).ok().map(|(_, node)| node),
            false => arriving.inbox.scratch(dir),
        };
        node.is_some_and(|node| arriving.inbox.stands(&node, name.as_bytes()))
    }

    /// Does something on the pool of the inbox, and hands what came of it to `answer`. Meanwhile nothing is told of the
    /// directory of the tree that it may be of.
    fn arrive<T: 'static>(
        self: &Arc<Self>,
        (operation, ino): Operation,
        work: impl FnOnce(&Self) -> Result<T, FsError> + Send + 'static,
        answer: impl FnOnce(&Self, Result<T, Errno>) + Send + 'static,
    ) {
        let pool = if operation == "flush" { self.pools.arrivals() } else { self.pools.inbox() };
        self.arrive_on(pool, (operation, ino), work, answer);
    }

    /// The same on another pool.
    fn arrive_on<T: 'static>(
        self: &Arc<Self>,
        pool: &Pool,
        (operation, ino): Operation,
        work: impl FnOnce(&Self) -> Result<T, FsError> + Send + 'static,
        answer: impl FnOnce(&Self, Result<T, Errno>) + Send + 'static,
    ) {
        let shared = Arc::clone(self);
        pool.submit(move |turn| {
            let busy = shared.tree.told.busy([ino]);
            let done = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => work(&shared),
            };
            drop(busy);
            answer(&shared, done.map_err(|error| refusal(operation, ino, &error)));
        });
    }

    /// Does something in a directory of the inbox that answers with an entry.
    pub(super) fn arrive_entry(
        self: &Arc<Self>,
        operation: Operation,
        work: impl FnOnce(&Inbox, &Arc<Node>) -> io::Result<FileAttr> + Send + 'static,
        reply: ReplyEntry,
    ) {
        let dir = operation.1;
        let work = move |shared: &Self| {
            let (inbox, dir) = shared.node(dir)?;
            Ok(work(&inbox, &dir)?)
        };
        self.arrive(operation, work, |_, done| match done {
            Ok(attr) => reply.entry(&BELIEVED, &attr, GENERATION),
            Err(error) => reply.error(error),
        });
    }

    /// Does something in a directory of the inbox, or to something in it, that only succeeds or fails.
    pub(super) fn arrive_plainly(
        self: &Arc<Self>,
        operation: Operation,
        work: impl FnOnce(&Inbox, &Arc<Node>) -> Result<(), FsError> + Send + 'static,
        reply: ReplyEmpty,
    ) {
        let ino = operation.1;
        let work = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            work(&inbox, &node)
        };
        self.arrive(operation, work, |_, done| match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
    }

    /// `flush`. What is refused is said of the directory in the tree that the file was copied into.
    pub(super) fn arriving_flush(self: &Arc<Self>, ino: u64, handle: u64, reply: ReplyEmpty) {
        let flush = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            let into = node.tree_dir();
            inbox.flush(handle).inspect_err(|error| {
                if let Some(dir) = into {
                    shared.tree.note_refusal(dir, error);
                }
            })
        };
        self.arrive(("flush", ino), flush, |_, done| match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_lookup(self: &Arc<Self>, dir: u64, name: &OsStr, reply: ReplyEntry) {
        let name = name.to_owned();
        self.arrive_entry(("lookup", dir), move |inbox, dir| inbox.lookup(dir, name.as_bytes()), reply);
    }

    /// `setattr` of a size, by name.
    pub(super) fn arriving_truncate(self: &Arc<Self>, ino: u64, changes: Changes, reply: ReplyAttr) {
        let current = self.node(ino).and_then(|(inbox, node)| inbox.is_current(&node));
        match current {
            Ok(()) => self.arriving_attr(ino, Some(changes), reply),
            Err(error) => reply.error(refusal("setattr", ino, &error)),
        }
    }

    pub(super) fn arriving_attr(self: &Arc<Self>, ino: u64, changes: Option<Changes>, reply: ReplyAttr) {
        let operation = if changes.is_some() { "setattr" } else { "getattr" };
        let work = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            Ok(match changes {
                Some(changes) => inbox.change(&node, &changes)?,
                None => node.attr()?,
            })
        };
        self.arrive((operation, ino), work, |_, done| match done {
            Ok(attr) => reply.attr(&BELIEVED, &attr),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_readlink(self: &Arc<Self>, ino: u64, reply: ReplyData) {
        let work = move |shared: &Self| Ok(shared.node(ino)?.1.target()?);
        self.arrive(("readlink", ino), work, |_, done| match done {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_create(
        self: &Arc<Self>,
        dir: u64,
        name: &OsStr,
        how: (u32, i32),
        asker: Asker,
        reply: ReplyCreate,
    ) {
        let name = name.to_owned();
        let work = move |shared: &Self| {
            let (inbox, dir) = shared.node(dir)?;
            Ok(inbox.create(&dir, name.as_bytes(), how, asker)?)
        };
        self.arrive(("create", dir), work, |_, done| match done {
            Ok((attr, handle)) => {
                reply.created(&BELIEVED, &attr, GENERATION, FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_open(self: &Arc<Self>, ino: u64, flags: i32, reply: ReplyOpen) {
        let work = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            // What is written to it would be nowhere.
            inbox.is_current(&node)?;
            Ok(inbox.open(&node, flags)?)
        };
        self.arrive(("open", ino), work, |_, done| match done {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_read(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        (offset, size): (u64, u32),
        reply: ReplyData,
    ) {
        let work = move |shared: &Self| Ok(shared.node(ino)?.0.read(handle, offset, size)?);
        self.arrive(("read", ino), work, |_, done| match done {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_write(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        offset: u64,
        bytes: &[u8],
        reply: ReplyWrite,
    ) {
        let bytes = bytes.to_owned();
        let work = move |shared: &Self| {
            shared.node(ino)?.0.write(handle, offset, &bytes)?;
            Ok(bytes.len() as u32)
        };
        self.arrive(("write", ino), work, |_, done| match done {
            Ok(written) => reply.written(written),
            Err(error) => reply.error(error),
        });
    }

    /// `copy_file_range`: of a whole photo into an empty file. Everything else the kernel copies by itself. The disk of the
    /// photo is waited for.
    pub(super) fn arriving_copy(self: &Arc<Self>, from: u64, ino: u64, most: u64, reply: ReplyWrite) {
        let root = self.tree.readable(from).ok().and_then(|readable| readable.root());
        let work = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            inbox.is_current(&node)?;
            inbox.copy_of(&node, from, most)
        };
        let pool = self.pools.edits(root);
        self.arrive_on(&pool, ("copy_file_range", ino), work, |_, done| match done {
            Ok(Some(copied)) => reply.written(copied as u32),
            Ok(None) => reply.error(Errno::EOPNOTSUPP),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_opendir(self: &Arc<Self>, ino: u64, reply: ReplyOpen) {
        let work = move |shared: &Self| {
            let (_, node) = shared.node(ino)?;
            node.attr()?;
            shared.handles.look(ino);
            let arriving = shared.arriving.as_ref().ok_or(FsError::NotFound)?;
            Ok(arriving.next.fetch_add(1, Ordering::Relaxed))
        };
        self.arrive(("opendir", ino), work, |_, done| match done {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(error) => reply.error(error),
        });
    }

    /// What a directory lists, from the start anew.
    fn arriving_listing(
        &self,
        (ino, handle, offset): (u64, u64, u64),
    ) -> Result<(Arc<Node>, Arc<Vec<DirEntry>>), FsError> {
        let (inbox, dir) = self.node(ino)?;
        let arriving = self.arriving.as_ref().ok_or(FsError::NotFound)?;
        let known = arriving.listings().get(&handle).cloned();
        if let Some(known) = known.filter(|_| offset > 0) {
            return Ok((dir, known));
        }
        let listing = Arc::new(inbox.list(&dir)?);
        arriving.listings().insert(handle, Arc::clone(&listing));
        Ok((dir, listing))
    }

    pub(super) fn arriving_readdir(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let work = move |shared: &Self| shared.arriving_listing((ino, handle, offset));
        self.arrive(("readdir", ino), work, move |_, done| match done {
            Ok((_, listing)) => {
                let dots = [b".".as_slice(), b".."].map(|name| (name, ino, fuser::FileType::Directory));
                let entries = listing.iter().map(|entry| (&*entry.name, entry.ino, entry.kind));
                for (at, (name, ino, kind)) in
                    dots.into_iter().chain(entries).enumerate().skip(offset as usize)
                {
                    if reply.add(INodeNo(ino), at as u64 + 1, kind, OsStr::from_bytes(name)) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_readdirplus(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let work = move |shared: &Self| {
            let (dir, listing) = shared.arriving_listing((ino, handle, offset))?;
            Ok((shared.node(ino)?.0, dir.attr()?, dir, listing))
        };
        self.arrive(("readdirplus", ino), work, move |_, done| {
            let (inbox, own, dir, listing) = match done {
                Ok(found) => found,
                Err(error) => return reply.error(error),
            };
            let dots: [&[u8]; 2] = [b".", b".."];
            let names = dots.into_iter().chain(listing.iter().map(|entry| &*entry.name));
            for (at, name) in names.enumerate().skip(offset as usize) {
                let is_dot = at < dots.len();
                let attr = match is_dot {
                    true => FileAttr { ino: INodeNo(ino), ..own },
                    // It may have gone since it was listed.
                    false => match inbox.lookup(&dir, name) {
                        Ok(attr) => attr,
                        Err(_) => continue,
                    },
                };
                let next = at as u64 + 1;
                let full = reply.add(attr.ino, next, OsStr::from_bytes(name), &BELIEVED, &attr, GENERATION);
                if full {
                    if !is_dot {
                        inbox.forget(attr.ino.0, 1);
                    }
                    break;
                }
            }
            reply.ok();
        });
    }

    pub(super) fn arriving_releasedir(&self, handle: u64) {
        if let Some(arriving) = &self.arriving {
            arriving.listings().remove(&handle);
        }
    }

    pub(super) fn arriving_getxattr(self: &Arc<Self>, ino: u64, name: &OsStr, size: u32, reply: ReplyXattr) {
        let name = name.to_owned();
        let work = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            inbox.is_current(&node)?;
            Ok(node.attribute(&name)?)
        };
        self.arrive(("getxattr", ino), work, move |_, done| match done {
            Ok(value) => sized("getxattr", ino, Ok(value), size, reply),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn arriving_listxattr(self: &Arc<Self>, ino: u64, size: u32, reply: ReplyXattr) {
        let work = move |shared: &Self| {
            let (inbox, node) = shared.node(ino)?;
            inbox.is_current(&node)?;
            Ok(node.attributes()?)
        };
        self.arrive(("listxattr", ino), work, move |_, done| match done {
            Ok(names) => sized("listxattr", ino, Ok(names), size, reply),
            Err(error) => reply.error(error),
        });
    }

    /// `rename` of which at least one side is in the inbox.
    pub(super) fn arriving_rename(
        self: &Arc<Self>,
        (dir, name): (u64, &OsStr),
        (new_dir, new_name): (u64, &OsStr),
        replaces: bool,
        reply: ReplyEmpty,
    ) {
        let within = self.is_arriving(dir) && self.is_arriving(new_dir);
        let elsewhere = |dir| !self.is_arriving(dir) && self.tree.takes_scratch(dir);
        if !(within || elsewhere(dir) && elsewhere(new_dir)) {
            return reply.error(refusal("rename", dir, &FsError::Computed));
        }
        if !self.is_arriving(new_dir) && self.tree.has_name(new_dir, new_name.as_bytes()) {
            return match replaces {
                true => self.save_renamed((dir, name), (new_dir, new_name), reply),
                false => reply.error(Errno::EEXIST),
            };
        }
        if !self.is_arriving(new_dir) && !self.may_begin(new_dir, new_name) {
            return reply.error(refusal("rename", dir, &FsError::Computed));
        }
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        let work = move |shared: &Self| {
            let ((inbox, dir), (_, new_dir)) = (shared.node(dir)?, shared.node(new_dir)?);
            Ok(inbox.rename((&dir, name.as_bytes()), (&new_dir, new_name.as_bytes()), replaces)?)
        };
        self.arrive(("rename", dir), work, |_, done| match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
    }

    /// `link` of something in the inbox, or into it.
    pub(super) fn arriving_link(self: &Arc<Self>, ino: u64, dir: u64, name: &OsStr, reply: ReplyEntry) {
        if !self.is_arriving(ino) || !self.is_arriving(dir) {
            let is_current = || self.node(ino).and_then(|(inbox, node)| inbox.is_current(&node));
            let stale = inbox::is_here(ino).then(is_current).and_then(Result::err);
            let error = stale.unwrap_or(FsError::Computed);
            return reply.error(refusal("link", dir, &error));
        }
        let name = name.to_owned();
        let linked = self.node(ino);
        let work = move |inbox: &Inbox, dir: &Arc<Node>| match linked {
            Ok((_, node)) => inbox.link(&node, dir, name.as_bytes()),
            Err(_) => Err(io::ErrorKind::NotFound.into()),
        };
        self.arrive_entry(("link", dir), work, reply);
    }

    pub(super) fn arriving_symlink(
        self: &Arc<Self>,
        dir: u64,
        name: &OsStr,
        target: &Path,
        asker: Asker,
        reply: ReplyEntry,
    ) {
        let (name, target) = (name.to_owned(), target.to_owned());
        let work = move |inbox: &Inbox, dir: &Arc<Node>| inbox.symlink(dir, name.as_bytes(), &target, asker);
        self.arrive_entry(("symlink", dir), work, reply);
    }
}
