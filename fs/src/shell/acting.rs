//! The operations that change something: what the tree makes of them, carried out, and answered.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use fuser::{Errno, INodeNo, ReplyAttr, ReplyEmpty, ReplyEntry};

use super::{GENERATION, Shared, read_only, refusal};
use crate::announce;
use crate::error::FsError;
use crate::options::Xattrs;
use crate::pool::Turn;
use crate::tree::Tree;
use crate::tree::acts::Act;
use crate::xattr::Attribute;

/// Marks the numbers of links that are photos a moment later. They are in the inbox' range, where nothing is known of them.
const LINK: u64 = crate::inbox::MARK | crate::inbox::NUMBERS << 1;

/// Whoever is told of an act once it was carried out.
pub(super) type Answer = Box<dyn FnOnce(&Tree, Result<&Act, Errno>) + Send>;

impl Shared {
    /// Answers an announcement of our own with what is there by now; everybody else is refused.
    pub(super) fn announced(
        &self,
        operation: &'static str,
        pid: u32,
        parent: INodeNo,
        name: &OsStr,
        reply: ReplyEntry,
    ) {
        if !self.tokens.take(pid, parent.0, name, |act| act == announce::Act::Appear) {
            return reply.error(read_only(operation, parent));
        }
        match self.tree.lookup(parent.0, name.as_encoded_bytes()) {
            Ok(entry) => reply.entry(&entry.ttl, &entry.attr, GENERATION),
            Err(error) => reply.error(error.errno()),
        }
    }

    pub(super) fn removed(
        &self,
        operation: &'static str,
        pid: u32,
        parent: INodeNo,
        name: &OsStr,
        reply: ReplyEmpty,
    ) {
        if self.tokens.take(pid, parent.0, name, |act| matches!(act, announce::Act::Vanish { .. })) {
            // It may have come again since: were it removed, the kernel would hold what is there now for dead.
            if self.tree.has_name(parent.0, name.as_encoded_bytes()) || self.stands(parent.0, name) {
                return reply.error(Errno::EBUSY);
            }
            reply.ok();
        } else {
            reply.error(read_only(operation, parent));
        }
    }

    /// Carries out what an operation stands for. The journal, or a disk, is waited for on a pool. `dirs` are the directories that the
    /// kernel lets nobody change until it has the answer; `ino` is where somebody would look for a reason.
    pub(super) fn act(
        self: &Arc<Self>,
        operation: &'static str,
        (ino, dirs): (u64, Vec<u64>),
        act: Result<Act, FsError>,
        answer: Answer,
    ) {
        let act = match act {
            Ok(act) => act,
            Err(error) => {
                self.tree.note_refusal(ino, &error);
                return answer(&self.tree, Err(refusal(operation, ino, &error)));
            }
        };
        let pool = match self.tree.changes_files_of(&act) {
            Some(root) => self.pools.changes(root),
            None => self.pools.disk(None),
        };
        let shared = Arc::clone(self);
        pool.submit(move |turn| {
            let busy = shared.tree.told.busy(dirs);
            let done = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => shared.tree.carry_out(&act),
            };
            drop(busy);
            let succeeded = done.is_ok();
            if let Err(error) = &done {
                shared.tree.note_refusal(ino, error);
            }
            answer(&shared.tree, done.map(|()| &act).map_err(|error| refusal(operation, ino, &error)));
            // Only now: until it has its answer, the kernel holds what it would have to be told about.
            if succeeded && let Some(changes) = shared.tree.misbelieved(&act) {
                shared.tree.told.tell(changes.dirs);
            }
        });
    }

    pub(super) fn set_attribute(
        self: &Arc<Self>,
        ino: u64,
        name: &OsStr,
        value: Option<&[u8]>,
        flags: i32,
        reply: ReplyEmpty,
    ) {
        let operation = if value.is_some() { "setxattr" } else { "removexattr" };
        if self.xattrs == Xattrs::Off {
            return reply.error(FsError::NoAttributes.errno());
        }
        let act = Attribute::of_name(name).ok_or(FsError::ForeignAttribute).and_then(|attribute| {
            let has = || self.tree.attributes(ino).map(|names| lists(&names, attribute.name()));
            if value.is_none() || flags & libc::XATTR_REPLACE != 0 {
                has()?.then_some(()).ok_or(FsError::NoAttribute)?;
            } else if flags & libc::XATTR_CREATE != 0 && has()? {
                return Err(FsError::Exists);
            }
            self.tree.set_attribute(ino, attribute, value)
        });
        self.act(operation, (ino, Vec::new()), act, plainly(reply));
    }

    /// Times are the original's, and whoever sets them (every copier does) is content; so are those who set modes and owners of
    /// directories that they copied. Nothing else can be set.
    pub(super) fn set_times(&self, ino: INodeNo, changes_more: bool, reply: ReplyAttr) {
        if let Some(attr) = self.edited_attr(ino.0) {
            // Copiers set modes and times of what they write, and a version has those of the file it is of.
            return reply.attr(&Duration::ZERO, &attr);
        }
        let is_content = match library::AssetInode::from_raw(ino.0) {
            Some(_) => !changes_more,
            None if changes_more => self.tree.joins(ino.0).is_some(),
            None => self.tree.may_change(ino.0),
        };
        if !is_content {
            return reply.error(read_only("setattr", ino));
        }
        self.getattr(ino.0, reply);
    }
}

/// Whether a list of attribute names holds one.
fn lists(names: &[u8], name: &[u8]) -> bool {
    names.split(|byte| *byte == 0).any(|listed| listed == name)
}

/// The answer of those operations that say nothing when they succeed.
pub(super) fn plainly(reply: ReplyEmpty) -> Answer {
    Box::new(|_, done| match done {
        Ok(_) => reply.ok(),
        Err(error) => reply.error(error),
    })
}

/// The answer of what put a photo somewhere: its entry.
pub(super) fn put(reply: ReplyEntry) -> Answer {
    Box::new(|tree, done| match done.and_then(|act| tree.entry_of(act).map_err(|error| error.errno())) {
        Ok(entry) => reply.entry(&entry.ttl, &entry.attr, GENERATION),
        Err(error) => reply.error(error),
    })
}

/// The answer of what put a photo somewhere by a link to it: the kernel wants a link for a link. When it looks again, which is
/// at once, it is the photo.
pub(super) fn linked_to(reply: ReplyEntry) -> Answer {
    Box::new(|tree, done| {
        let entry = done.and_then(|act| Ok((act.ino(), tree.entry_of(act).map_err(|error| error.errno())?)));
        match entry {
            Ok((ino, entry)) => {
                let ino = INodeNo(LINK | ino & (LINK - 1));
                let attr = fuser::FileAttr { ino, kind: fuser::FileType::Symlink, ..entry.attr };
                reply.entry(&Duration::ZERO, &attr, GENERATION);
            }
            Err(error) => reply.error(error),
        }
    })
}

/// The answer of what made a directory: its entry.
pub(super) fn made(parent: u64, name: &OsStr, reply: ReplyEntry) -> Answer {
    let name = name.to_owned();
    Box::new(move |tree, done| {
        let made = |_| tree.lookup(parent, name.as_encoded_bytes()).map_err(|error| error.errno());
        match done.and_then(made) {
            Ok(entry) => reply.entry(&entry.ttl, &entry.attr, GENERATION),
            Err(error) => reply.error(error),
        }
    })
}
