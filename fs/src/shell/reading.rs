//! What is asked without changing anything: names, attributes, bytes, listings.

use std::ffi::OsStr;
use std::sync::Arc;

use fuser::{
    Errno, FileHandle, FopenFlags, INodeNo, OpenAccMode, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyXattr,
};
use library::RootId;

use super::{GENERATION, Shared, read_only, refusal};
use crate::announce;
use crate::error::FsError;
use crate::files::{Caching, Now, OpenFile, Opened};
use crate::options::Xattrs;
use crate::pool::Turn;
use crate::tree::listing::Listing;
use crate::tree::{LONG, Readable};
use crate::xattr::Attribute;

/// How long a name can be on any disk.
const NAME_MAX: usize = 255;

impl Shared {
    pub(super) fn lookup(self: &Arc<Self>, pid: u32, parent: u64, name: &OsStr, reply: ReplyEntry) {
        match self.tokens.expected(pid, parent, name) {
            Some(announce::Act::Appear) => return reply.error(Errno::ENOENT),
            Some(announce::Act::Vanish { ino, is_dir })
                if !self.tree.has_name(parent, name.as_encoded_bytes()) =>
            {
                return reply.entry(&std::time::Duration::ZERO, &self.tree.was(ino, is_dir), GENERATION);
            }
            _ => {}
        }
        if self.tree.is_hidden(parent, name.as_encoded_bytes()) {
            return reply.error(Errno::ENOENT);
        }
        let aside = |error| self.tree.lookup_aside(parent, name.as_encoded_bytes()).ok_or(error);
        match self.tree.lookup(parent, name.as_encoded_bytes()).or_else(aside) {
            Ok(entry) => reply.entry(&entry.ttl, &entry.attr, GENERATION),
            // Queries may be longer.
            Err(FsError::NotFound) if name.len() > NAME_MAX => reply.error(Errno::ENAMETOOLONG),
            Err(FsError::NotFound) if self.is_scratch(parent, name) => {
                self.scratch_lookup(parent, name, reply);
            }
            Err(FsError::NotFound) => self.absent(parent, name, reply),
            Err(error) => reply.error(refusal("lookup", parent, &error)),
        }
    }

    /// There is no such name in a directory of the tree.
    pub(super) fn absent(&self, parent: u64, name: &OsStr, reply: ReplyEntry) {
        match self.tree.absent_ttl(parent, name.as_encoded_bytes()) {
            // Inode 0: the kernel may believe for a while that there is no such name.
            Some(ttl) => reply.entry(&ttl, &self.tree.nothing(), GENERATION),
            None => reply.error(Errno::ENOENT),
        }
    }

    /// What can be copied here is what the upload folder's disk has room for, which may have to be waited for.
    pub(super) fn statfs(self: &Arc<Self>, pid: u32, reply: ReplyStatfs) {
        // No blocks, none free: there is no room to be had here, and `df` leaves it out.
        let none = |reply: ReplyStatfs| reply.statfs(0, 0, 0, 0, 0, 4096, NAME_MAX as u32, 4096);
        // Our own announcer only wants to know where it is.
        let arriving = self.arriving.as_ref().filter(|_| !self.tokens.is_announcer(pid));
        let Some(inbox) = arriving.map(|arriving| Arc::clone(&arriving.inbox)) else {
            return none(reply);
        };
        self.pools.inbox().submit(move |turn| match inbox.room() {
            Ok(room) if turn == Turn::Run => reply.statfs(
                room.f_blocks,
                room.f_bfree,
                room.f_bavail,
                room.f_files,
                room.f_ffree,
                room.f_bsize as u32,
                NAME_MAX as u32,
                room.f_frsize as u32,
            ),
            _ => none(reply),
        });
    }

    pub(super) fn getattr(&self, ino: u64, reply: ReplyAttr) {
        // A photo that is gone, or has a newer version, still answers whoever has it open.
        if let Some(attr) = self.edited_attr(ino) {
            return reply.attr(&std::time::Duration::ZERO, &attr);
        }
        match self.tree.attr(ino).or_else(|error| self.files.attr_of(ino).ok_or(error)) {
            Ok(attr) => reply.attr(&LONG, &attr),
            Err(error) => reply.error(refusal("getattr", ino, &error)),
        }
    }

    pub(super) fn open(self: &Arc<Self>, ino: u64, flags: OpenFlags, reply: ReplyOpen) {
        let writes = flags.acc_mode() != OpenAccMode::O_RDONLY || flags.0 & libc::O_TRUNC != 0;
        if writes {
            return match &self.arriving {
                Some(_) => self.edit_open(ino, flags.0, reply),
                None => reply.error(read_only("open", INodeNo(ino))),
            };
        }
        let (readable, attr) =
            match self.tree.readable(ino).and_then(|found| Ok((found, self.tree.attr(ino)?))) {
                Ok(found) => found,
                Err(error) => return reply.error(refusal("open", ino, &error)),
            };
        if let Readable::Fixed(fixed) = readable {
            return opened_reply(&self.files.open_fixed(fixed.contents(), attr), reply);
        }
        if let Some(opened) = self.files.open_again(attr) {
            return opened_reply(&opened, reply);
        }
        let root = readable.root();
        let shared = Arc::clone(self);
        self.pools.disk(root).submit(move |turn| match turn {
            Turn::Refused => reply.error(refusal("open", ino, &FsError::Busy)),
            Turn::Run => shared.open_original(&readable, root, attr, reply),
        });
    }

    fn open_original(
        &self,
        readable: &Readable,
        root: Option<RootId>,
        attr: fuser::FileAttr,
        reply: ReplyOpen,
    ) {
        let source = self.tree.source();
        let original = match readable {
            Readable::Row(row, state) => source.open_original(*row, &state.snapshot),
            Readable::File(file) => source.open_file(file),
            Readable::Fixed(_) => return reply.error(Errno::EIO),
        };
        match original {
            Ok(original) => {
                let opened = self.files.open(attr, root, original, |file| reply.open_backing(file));
                opened_reply(&opened, reply);
            }
            Err(error) => reply.error(refusal("open", attr.ino.0, &error.into())),
        }
    }

    pub(super) fn read(self: &Arc<Self>, ino: u64, handle: u64, offset: u64, size: u32, reply: ReplyData) {
        let Some(file) = self.files.get(handle) else {
            return reply.error(refusal("read", ino, &FsError::BadHandle));
        };
        let mut reply = Some(reply);
        let now = file.read_now(offset, size, |bytes| reply.take().map(|reply| reply.data(bytes)));
        match (now, reply) {
            (Err(error), Some(reply)) => reply.error(refusal("read", ino, &error.into())),
            (Ok(Now::Wait), Some(reply)) => self.read_later(ino, file, offset, size, reply),
            _ => {}
        }
    }

    fn read_later(&self, ino: u64, file: Arc<OpenFile>, offset: u64, size: u32, reply: ReplyData) {
        self.pools.disk(file.root).submit(move |turn| {
            let mut reply = Some(reply);
            let done = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => file
                    .read(offset, size, |bytes| reply.take().map(|reply| reply.data(bytes)))
                    .map(drop)
                    .map_err(FsError::from),
            };
            if let (Err(error), Some(reply)) = (done, reply) {
                reply.error(refusal("read", ino, &error));
            }
        });
    }

    /// Whoever asks for a file to be safe wants what was decided about it safe: originals are not written here.
    pub(super) fn sync(self: &Arc<Self>, operation: &'static str, ino: u64, reply: ReplyEmpty) {
        let shared = Arc::clone(self);
        self.pools.disk(None).submit(move |turn| {
            let done = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => shared.tree.source().sync().map_err(FsError::from),
            };
            match done {
                Ok(()) => reply.ok(),
                // Whatever the reason, and too long a queue too: what the caller has to know is that it is not safe.
                Err(error) => {
                    refusal(operation, ino, &error);
                    reply.error(Errno::EIO);
                }
            }
        });
    }

    pub(super) fn opendir(self: &Arc<Self>, ino: u64, reply: ReplyOpen) {
        if !self.tree.is_search(ino) {
            return match self.tree.dir(ino) {
                // The kernel may keep the listing: it is told when it changes.
                Ok(_) => {
                    let kept = match self.handles.may_keep(ino) {
                        true => FopenFlags::FOPEN_KEEP_CACHE,
                        false => FopenFlags::empty(),
                    };
                    let handle = FileHandle(self.handles.open(ino, None));
                    reply.opened(handle, FopenFlags::FOPEN_CACHE_DIR | kept);
                }
                Err(error) => reply.error(refusal("opendir", ino, &error)),
            };
        }
        self.search(ino, "opendir", move |shared, listing| match listing {
            Ok(listing) => {
                reply.opened(FileHandle(shared.handles.open(ino, Some(listing))), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        });
    }

    /// Runs a search on its pool.
    fn search(
        self: &Arc<Self>,
        ino: u64,
        operation: &'static str,
        then: impl FnOnce(&Self, Result<Listing, Errno>) + Send + 'static,
    ) {
        let shared = Arc::clone(self);
        self.pools.searches().submit(move |turn| {
            let listing = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => shared.tree.search(ino),
            };
            then(&shared, listing.map_err(|error| refusal(operation, ino, &error)));
        });
    }

    /// Reads a directory from `offset` and hands the listing to `answer`. From the start, it is listed anew.
    pub(super) fn readdir(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        offset: u64,
        answer: impl FnOnce(&Self, Result<Arc<Listing>, Errno>) + Send + 'static,
    ) {
        let Some(handle) = self.handles.get(handle) else {
            return answer(self, Err(refusal("readdir", ino, &FsError::BadHandle)));
        };
        let reading = if offset == 0 { handle.first() } else { handle.listing() };
        if let Some(listing) = reading {
            return answer(self, Ok(listing));
        }
        if self.tree.is_search(ino) {
            return self.search(ino, "readdir", move |shared, listing| {
                answer(shared, listing.map(|listing| handle.begin(listing)));
            });
        }
        let listing = self.tree.list(ino).map(|listing| handle.begin(listing));
        answer(self, listing.map_err(|error| refusal("readdir", ino, &error)));
    }

    pub(super) fn readdirplus(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        self.readdir(ino, handle, offset, move |shared, listing| match listing {
            Err(error) => reply.error(error),
            Ok(listing) => {
                let read = shared.tree.read(&listing, offset, true, |line| {
                    reply.add(line.attr.ino, line.next, line.name, &line.ttl, &line.attr, GENERATION)
                });
                match read {
                    Ok(()) => reply.ok(),
                    Err(error) => reply.error(refusal("readdirplus", ino, &error)),
                }
            }
        });
    }

    pub(super) fn readdir_plain(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        self.readdir(ino, handle, offset, move |shared, listing| match listing {
            Err(error) => reply.error(error),
            Ok(listing) => {
                let read = shared.tree.read(&listing, offset, false, |line| {
                    reply.add(line.attr.ino, line.next, line.attr.kind, line.name)
                });
                match read {
                    Ok(()) => reply.ok(),
                    Err(error) => reply.error(refusal("readdir", ino, &error)),
                }
            }
        });
    }

    pub(super) fn getxattr(self: &Arc<Self>, ino: u64, name: &OsStr, size: u32, reply: ReplyXattr) {
        if self.xattrs == Xattrs::Off {
            return reply.error(FsError::NoAttributes.errno());
        }
        let Some(attribute) = Attribute::of_name(name) else { return reply.error(Errno::NO_XATTR) };
        if !attribute.needs_catalogue() {
            return sized("getxattr", ino, self.tree.attribute(ino, attribute), size, reply);
        }
        let shared = Arc::clone(self);
        self.pools.disk(None).submit(move |turn| {
            let value = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => shared.tree.attribute(ino, attribute),
            };
            sized("getxattr", ino, value, size, reply);
        });
    }
}

/// In all cases the kernel need not tell us of closes.
fn opened_reply(opened: &Opened, reply: ReplyOpen) {
    let handle = FileHandle(opened.handle);
    if let Some(backing) = &opened.backing {
        return reply.opened_passthrough(handle, FopenFlags::FOPEN_NOFLUSH, backing);
    }
    let kept = match opened.caching {
        Caching::Keep => FopenFlags::FOPEN_KEEP_CACHE,
        Caching::Renew => FopenFlags::empty(),
        Caching::Never => FopenFlags::FOPEN_DIRECT_IO,
    };
    reply.opened(handle, kept | FopenFlags::FOPEN_NOFLUSH);
}

/// Answers with bytes of which the caller may first ask the size.
pub(super) fn sized(
    operation: &'static str,
    ino: u64,
    value: Result<Vec<u8>, FsError>,
    size: u32,
    reply: ReplyXattr,
) {
    match value {
        Ok(value) if size == 0 => reply.size(value.len() as u32),
        Ok(value) if value.len() > size as usize => reply.error(FsError::Range.errno()),
        Ok(value) => reply.data(&value),
        Err(error) => reply.error(refusal(operation, ino, &error)),
    }
}
