//! The thin shell: what the kernel asks, handed to the tree, and the tree's answers handed back.
//!
//! Nothing is decided here: what is asked is answered in [`reading`], what changes something in [`acting`], and what is of the
//! inbox in [`arriving`]. lookup, getattr and readdir answer at once from memory; open, fsync, read where a disk must
//! be waited for, and the opendir of a search take their reply to a pool. A panic answers EIO: the reply it held says so
//! when it is dropped.

mod acting;
pub(crate) mod arriving;
mod editing;
mod reading;
mod trash_info;

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use self::acting::{linked_to, made, plainly, put};
use self::arriving::Arriving;
use self::reading::sized;
use crate::announce::{self, Tokens};
use crate::edits::is_edit;
use crate::error::FsError;
use crate::files::Files;
use crate::handles::Handles;
use crate::inbox::{Asker, Changes as Change, Inbox, Node};
use crate::options::Xattrs;
use crate::pool::Pools;
use crate::tree::Tree;
use crate::tree::acts::Onto;
use crate::tree::trash_info::is_info;
use crate::xattr::PREFIX;

/// Every asset version is another inode, so a number never stands for a second thing.
const GENERATION: Generation = Generation(0);
/// Requests the kernel may have under way by itself: readahead, mostly.
const BACKGROUND: u16 = 32;

/// What the handlers and the pools share.
pub(crate) struct Shared {
    pub(crate) tree: Arc<Tree>,
    pub(crate) files: Files,
    pub(crate) handles: Arc<Handles>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) pools: Pools,
    pub(crate) xattrs: Xattrs,
    /// Where the tree is mounted.
    pub(crate) mountpoint: std::path::PathBuf,
    /// Where files arrive, if they can.
    pub(crate) arriving: Option<Arriving>,
    /// How many file systems may be stacked below a file that the kernel reads itself; 0 when it is not to.
    pub(crate) stack_depth: u32,
}

/// The handlers.
pub(crate) struct Shell(pub(crate) Arc<Shared>);

/// Runs one request. A panic in it is a line in the log, and the dropped reply is EIO.
fn guarded(operation: &'static str, body: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(body)).is_err() {
        tracing::error!(operation, "a request panicked; it was answered with an I/O error");
    }
}

/// What the caller is told of an error, after the log has heard of it.
fn refusal(operation: &'static str, ino: u64, error: &FsError) -> Errno {
    match error.level() {
        tracing::Level::WARN => tracing::warn!(operation, ino, %error, "refused"),
        tracing::Level::INFO => tracing::info!(operation, ino, %error, "refused"),
        tracing::Level::DEBUG => tracing::debug!(operation, ino, %error, "refused"),
        _ => tracing::trace!(operation, ino, %error, "refused"),
    }
    error.errno()
}

/// Who asks.
fn asker(req: &Request) -> Asker {
    Asker { uid: req.uid(), gid: req.gid() }
}

/// Refuses what would write, at this stage of the mount.
fn read_only(operation: &'static str, ino: INodeNo) -> Errno {
    refusal(operation, ino.0, &FsError::ReadOnly)
}

impl Filesystem for Shell {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        // Attributes come with every listing: asking for them one by one is what costs.
        for wanted in [
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_AUTO_INVAL_DATA,
            InitFlags::FUSE_ASYNC_DIO,
        ] {
            if let Err(missing) = config.add_capabilities(wanted) {
                tracing::debug!(?missing, "an older kernel");
            }
        }
        let _ = config.set_max_background(BACKGROUND);
        let backed = self.0.stack_depth > 0
            && config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok()
            && config.set_max_stack_depth(self.0.stack_depth).is_ok();
        if !backed {
            self.0.files.no_passthrough();
        }
        Ok(())
    }

    fn lookup(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        guarded("lookup", || match self.0.is_arriving(parent.0) {
            true => match self.0.tokens.expected(req.pid(), parent.0, name) {
                Some(announce::Act::Vanish { ino, is_dir }) if !self.0.stands(parent.0, name) => {
                    reply.entry(&Duration::ZERO, &self.0.tree.was(ino, is_dir), GENERATION);
                }
                _ => self.0.arriving_lookup(parent.0, name, reply),
            },
            false => self.0.lookup(req.pid(), parent.0, name, reply),
        });
    }

    fn forget(&self, _req: &Request, ino: INodeNo, nlookup: u64) {
        guarded("forget", || match &self.0.arriving {
            Some(arriving) if crate::inbox::is_here(ino.0) => arriving.inbox.forget(ino.0, nlookup),
            _ => self.0.tree.forget(ino.0, nlookup),
        });
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        guarded("getattr", || match crate::inbox::is_here(ino.0) {
            true => self.0.arriving_attr(ino.0, None, reply),
            false if is_info(ino.0) => self.0.info_attr(ino.0, None, reply),
            false => self.0.getattr(ino.0, reply),
        });
    }

    fn setattr(
        &self,
        req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        guarded("setattr", || {
            if self.0.tokens.take_alter(req.pid()) {
                self.0.getattr(ino.0, reply);
            } else if crate::inbox::is_here(ino.0) {
                let change = Change { mode, uid, gid, size, accessed: atime, modified: mtime };
                match (size, fh) {
                    (Some(_), None) => self.0.arriving_truncate(ino.0, change, reply),
                    _ => self.0.arriving_attr(ino.0, Some(change), reply),
                }
            } else if is_info(ino.0) {
                self.0.info_attr(ino.0, size, reply);
            } else {
                if let Some(size) = size {
                    return self.0.edit_truncate(ino.0, size, reply);
                }
                let changes_more = mode.or(uid).or(gid).is_some();
                self.0.set_times(ino, changes_more, reply);
            }
        });
    }

    fn readlink(&self, _req: &Request, ino: INodeNo, reply: ReplyData) {
        guarded("readlink", || match crate::inbox::is_here(ino.0) {
            true => self.0.arriving_readlink(ino.0, reply),
            false => reply.error(Errno::EINVAL),
        });
    }

    fn mknod(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        guarded("mknod", || match self.0.is_arriving(parent.0) {
            true => {
                let (name, asker) = (name.to_owned(), asker(req));
                let make = move |inbox: &Inbox, dir: &Arc<Node>| {
                    inbox.mknod(dir, name.as_encoded_bytes(), mode, asker)
                };
                self.0.arrive_entry(("mknod", parent.0), make, reply);
            }
            false => self.0.announced("mknod", req.pid(), parent, name, reply),
        });
    }

    fn mkdir(&self, req: &Request, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        guarded("mkdir", || match self.0.tokens.is_announcer(req.pid()) {
            true => self.0.announced("mkdir", req.pid(), parent, name, reply),
            false if self.0.is_arriving(parent.0) => {
                let (name, asker) = (name.to_owned(), asker(req));
                let make = move |inbox: &Inbox, dir: &Arc<Node>| {
                    inbox.mkdir(dir, name.as_encoded_bytes(), mode, asker)
                };
                self.0.arrive_entry(("mkdir", parent.0), make, reply);
            }
            false => {
                let act = self.0.tree.mkdir(parent.0, name.as_encoded_bytes());
                let answer = made(parent.0, name, reply);
                self.0.act("mkdir", (parent.0, vec![parent.0]), act, answer);
            }
        });
    }

    fn unlink(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        guarded("unlink", || {
            let name_bytes = name.as_encoded_bytes();
            match self.0.tokens.is_announcer(req.pid()) {
                true => self.0.removed("unlink", req.pid(), parent, name, reply),
                false if self.0.is_arriving(parent.0) || self.0.is_scratch(parent.0, name) => {
                    if let Some(asset) = self.0.joined_as(parent.0, name) {
                        let act = self.0.tree.unlink_joined(parent.0, asset);
                        self.0.forget_arrived(parent.0, name);
                        return self.0.act("unlink", (parent.0, vec![parent.0]), act, plainly(reply));
                    }
                    let name = name.to_owned();
                    let remove =
                        move |inbox: &Inbox, dir: &Arc<Node>| Ok(inbox.unlink(dir, name.as_encoded_bytes())?);
                    self.0.arrive_plainly(("unlink", parent.0), remove, reply);
                }
                false if self.0.tree.holds_infos(parent.0) => {
                    let done = self.0.tree.remove_info(name_bytes);
                    Shared::info_done("unlink", parent.0, done, reply);
                }
                false if self.0.tree.end_aside(parent.0, name_bytes) => reply.ok(),
                false => {
                    let act = self.0.tree.unlink(parent.0, name_bytes);
                    self.0.forget_arrived(parent.0, name);
                    self.0.act("unlink", (parent.0, vec![parent.0]), act, plainly(reply));
                }
            }
        });
    }

    fn rmdir(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        guarded("rmdir", || match self.0.tokens.is_announcer(req.pid()) {
            true => self.0.removed("rmdir", req.pid(), parent, name, reply),
            false if self.0.is_arriving(parent.0) => {
                let name = name.to_owned();
                let remove =
                    move |inbox: &Inbox, dir: &Arc<Node>| Ok(inbox.rmdir(dir, name.as_encoded_bytes())?);
                self.0.arrive_plainly(("rmdir", parent.0), remove, reply);
            }
            false => {
                let act = self.0.tree.rmdir(parent.0, name.as_encoded_bytes());
                self.0.act("rmdir", (parent.0, vec![parent.0]), act, plainly(reply));
            }
        });
    }

    fn symlink(&self, req: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        guarded("symlink", || match self.0.is_arriving(parent.0) {
            true => self.0.arriving_symlink(parent.0, name, target, asker(req), reply),
            false => {
                let shared = &self.0;
                let act = shared.tree.symlink(parent.0, name.as_encoded_bytes(), target, &shared.mountpoint);
                let answer = linked_to(reply);
                shared.act("symlink", (parent.0, vec![parent.0]), act, answer);
            }
        });
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        guarded("rename", || {
            let onto = match flags {
                RenameFlags::RENAME_NOREPLACE => Onto::Nothing,
                flags if flags.is_empty() => Onto::Anything,
                _ => return reply.error(Errno::EINVAL),
            };
            if self.0.tree.holds_infos(parent.0) && self.0.tree.holds_infos(newparent.0) {
                let done = self.0.tree.rename_info(name.as_encoded_bytes(), newname.as_encoded_bytes());
                return Shared::info_done("rename", parent.0, done, reply);
            }
            let is_scratch = self.0.is_scratch(parent.0, name);
            if self.0.is_arriving(parent.0) || self.0.is_arriving(newparent.0) || is_scratch {
                let (from, to) = ((parent.0, name), (newparent.0, newname));
                return self.0.arriving_rename(from, to, onto == Onto::Anything, reply);
            }
            let (from, to) = (name.as_encoded_bytes(), newname.as_encoded_bytes());
            // Given back: the photo has had its name all the time.
            if self.0.tree.end_aside(parent.0, from) && self.0.tree.has_name(newparent.0, to) {
                return reply.ok();
            }
            if parent == newparent
                && self.0.arriving.is_some()
                && let Some(photo) = self.0.tree.set_aside(parent.0, from, to)
            {
                return self.0.set_aside(parent.0, newname, photo, reply);
            }
            self.0.forget_arrived(parent.0, name);
            let act = self.0.tree.rename((parent.0, from), (newparent.0, to), onto);
            self.0.act("rename", (newparent.0, vec![parent.0, newparent.0]), act, plainly(reply));
        });
    }

    fn link(&self, _req: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        guarded("link", || {
            if self.0.is_arriving(ino.0) || self.0.is_arriving(newparent.0) {
                return self.0.arriving_link(ino.0, newparent.0, newname, reply);
            }
            let act = self.0.tree.link(ino.0, newparent.0, newname.as_encoded_bytes());
            let answer = put(reply);
            self.0.act("link", (newparent.0, vec![newparent.0]), act, answer);
        });
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        guarded("create", || {
            if self.0.is_arriving(parent.0) {
                return self.0.arriving_create(parent.0, name, (mode, flags), asker(req), reply);
            }
            if self.0.tree.holds_infos(parent.0) {
                return self.0.info_create(name.as_encoded_bytes(), reply);
            }
            if let Some(photo) = self.0.tree.begun_anew(parent.0, name.as_encoded_bytes()) {
                return self.0.edit_create(photo, reply);
            }
            if !self.0.may_begin(parent.0, name) {
                let error = self.0.tree.dir(parent.0).err().unwrap_or(FsError::Computed);
                return reply.error(refusal("create", parent.0, &error));
            }
            self.0.arriving_create(parent.0, name, (mode, flags), asker(req), reply);
        });
    }

    fn open(&self, _req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        guarded("open", || match crate::inbox::is_here(ino.0) {
            true => self.0.arriving_open(ino.0, flags.0, reply),
            false if is_info(ino.0) => self.0.info_open(ino.0, flags.0, reply),
            false => self.0.open(ino.0, flags, reply),
        });
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        guarded("read", || match crate::inbox::is_here(ino.0) {
            true => self.0.arriving_read(ino.0, fh.0, (offset, size), reply),
            false if is_info(ino.0) => self.0.info_read(ino.0, (offset, size), reply),
            false if is_edit(fh.0) => self.0.edit_read(ino.0, fh.0, (offset, size), reply),
            false => self.0.read(ino.0, fh.0, offset, size, reply),
        });
    }

    fn write(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        guarded("write", || match crate::inbox::is_here(ino.0) {
            true => self.0.arriving_write(ino.0, fh.0, offset, data, reply),
            false if is_info(ino.0) => self.0.info_write(ino.0, offset, data, reply),
            false if is_edit(fh.0) => self.0.edit_write(ino.0, (fh.0, offset), data, reply),
            false => reply.error(read_only("write", ino)),
        });
    }

    fn flush(&self, _req: &Request, ino: INodeNo, fh: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        guarded("flush", || match crate::inbox::is_here(ino.0) {
            true => self.0.arriving_flush(ino.0, fh.0, reply),
            false if is_info(ino.0) => reply.ok(),
            false if is_edit(fh.0) => self.0.edit_flush(ino.0, fh.0, reply),
            false => reply.ok(),
        });
    }

    fn release(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        guarded("release", || match &self.0.arriving {
            _ if is_info(ino.0) => {}
            Some(arriving) if crate::inbox::is_here(ino.0) => {
                self.0.pools.inbox().close(arriving.inbox.release(fh.0));
            }
            Some(arriving) if is_edit(fh.0) => {
                let edit = arriving.edits.release(fh.0);
                let root = edit.as_ref().and_then(|edit| edit.root);
                self.0.pools.edits(root).close(edit);
            }
            _ => {
                let file = self.0.files.release(fh.0);
                if let Some(file) = file.filter(|file| file.is_of_disk()) {
                    self.0.pools.disk(file.root).close(file);
                }
            }
        });
        reply.ok();
    }

    fn fsync(&self, _req: &Request, ino: INodeNo, fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        guarded("fsync", || match crate::inbox::is_here(ino.0) {
            true => {
                let sync = move |inbox: &Inbox, _: &Arc<Node>| Ok(inbox.sync(fh.0)?);
                self.0.arrive_plainly(("fsync", ino.0), sync, reply);
            }
            false => self.0.sync("fsync", ino.0, reply),
        });
    }

    fn opendir(&self, _req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        guarded("opendir", || match self.0.is_arriving(ino.0) {
            true => self.0.arriving_opendir(ino.0, reply),
            false => self.0.opendir(ino.0, reply),
        });
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, fh: FileHandle, offset: u64, reply: ReplyDirectory) {
        guarded("readdir", || match self.0.is_arriving(ino.0) {
            true => self.0.arriving_readdir(ino.0, fh.0, offset, reply),
            false => self.0.readdir_plain(ino.0, fh.0, offset, reply),
        });
    }

    fn readdirplus(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        reply: ReplyDirectoryPlus,
    ) {
        guarded("readdirplus", || match self.0.is_arriving(ino.0) {
            true => self.0.arriving_readdirplus(ino.0, fh.0, offset, reply),
            false => self.0.readdirplus(ino.0, fh.0, offset, reply),
        });
    }

    fn releasedir(&self, _req: &Request, ino: INodeNo, fh: FileHandle, _flags: OpenFlags, reply: ReplyEmpty) {
        guarded("releasedir", || match self.0.is_arriving(ino.0) {
            true => self.0.arriving_releasedir(fh.0),
            false => self.0.handles.close(fh.0),
        });
        reply.ok();
    }

    fn fsyncdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        guarded("fsyncdir", || match self.0.is_arriving(ino.0) {
            true => {
                let sync = |inbox: &Inbox, dir: &Arc<Node>| inbox.sync_dir(dir);
                self.0.arrive_plainly(("fsyncdir", ino.0), sync, reply);
            }
            false => self.0.sync("fsyncdir", ino.0, reply),
        });
    }

    fn statfs(&self, req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        guarded("statfs", || self.0.statfs(req.pid(), reply));
    }

    fn setxattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        guarded("setxattr", || match crate::inbox::is_here(ino.0) {
            true => {
                let (name, value) = (name.to_owned(), value.to_owned());
                let set = move |inbox: &Inbox, node: &Arc<Node>| {
                    inbox.is_current(node)?;
                    Ok(node.set_attribute(&name, Some(&value), flags)?)
                };
                self.0.arrive_plainly(("setxattr", ino.0), set, reply);
            }
            false => self.0.set_attribute(ino.0, name, Some(value), flags, reply),
        });
    }

    fn getxattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        // Asked twice a file by every `ls -l`, for names that are not ours: nothing may cost before this line.
        if !name.as_encoded_bytes().starts_with(PREFIX) && self.0.xattrs == Xattrs::User {
            return reply.error(Errno::NO_XATTR);
        }
        guarded("getxattr", || match crate::inbox::is_here(ino.0) {
            true if self.0.xattrs == Xattrs::User => self.0.arriving_getxattr(ino.0, name, size, reply),
            _ => self.0.getxattr(ino.0, name, size, reply),
        });
    }

    fn listxattr(&self, _req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        guarded("listxattr", || match self.0.xattrs {
            Xattrs::Off => reply.error(FsError::NoAttributes.errno()),
            Xattrs::User if crate::inbox::is_here(ino.0) => self.0.arriving_listxattr(ino.0, size, reply),
            Xattrs::User => sized("listxattr", ino.0, self.0.tree.attributes(ino.0), size, reply),
        });
    }

    fn removexattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        guarded("removexattr", || match crate::inbox::is_here(ino.0) {
            true => {
                let name = name.to_owned();
                let remove = move |inbox: &Inbox, node: &Arc<Node>| {
                    inbox.is_current(node)?;
                    Ok(node.set_attribute(&name, None, 0)?)
                };
                self.0.arrive_plainly(("removexattr", ino.0), remove, reply);
            }
            false => self.0.set_attribute(ino.0, name, None, 0, reply),
        });
    }

    fn access(&self, _req: &Request, ino: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        // What is known of a photo may be changed, though not its bytes: `rm` would ask first were it said to be protected.
        let is_ours = !self.0.is_arriving(ino.0);
        if is_ours && mask.contains(AccessFlags::W_OK) && !self.0.tree.may_change(ino.0) {
            reply.error(read_only("access", ino));
        } else {
            reply.ok();
        }
    }

    fn fallocate(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        guarded("fallocate", || match crate::inbox::is_here(ino.0) {
            true => {
                let allocate =
                    move |inbox: &Inbox, _: &Arc<Node>| Ok(inbox.allocate(fh.0, mode, offset, length)?);
                self.0.arrive_plainly(("fallocate", ino.0), allocate, reply);
            }
            false => reply.error(read_only("fallocate", ino)),
        });
    }

    fn copy_file_range(
        &self,
        _req: &Request,
        from: INodeNo,
        from_handle: FileHandle,
        from_offset: u64,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        guarded("copy_file_range", || {
            // What was written to a photo and is not saved yet is not the photo.
            let is_whole =
                crate::inbox::is_here(ino.0) && (from_offset, offset) == (0, 0) && !is_edit(from_handle.0);
            match is_whole && library::AssetInode::from_raw(from.0).is_some() {
                true => self.0.arriving_copy(from.0, ino.0, length.min(u32::MAX.into()), reply),
                // The kernel then copies by itself, and asks again the next time.
                false => reply.error(Errno::EOPNOTSUPP),
            }
        });
    }

    fn lseek(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _offset: i64,
        _whence: i32,
        reply: ReplyLseek,
    ) {
        // The kernel then takes a file to have no holes, and does not ask again.
        reply.error(Errno::ENOSYS);
    }
}
