//! The files that file managers write of what they delete: small, in memory, and answered at once.

use std::time::Duration;

use fuser::{FileHandle, FopenFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyEmpty, ReplyOpen, ReplyWrite};

use super::{GENERATION, Shared, refusal};
use crate::error::FsError;

/// All handles of them: what is read and written is found by inode number.
const HANDLE: FileHandle = FileHandle(0);

impl Shared {
    pub(super) fn info_create(&self, name: &[u8], reply: ReplyCreate) {
        let ino = self.tree.begin_info(name);
        match self.tree.attr(ino) {
            Ok(attr) => {
                reply.created(&Duration::ZERO, &attr, GENERATION, HANDLE, FopenFlags::FOPEN_DIRECT_IO);
            }
            Err(error) => reply.error(refusal("create", ino, &error)),
        }
    }

    pub(super) fn info_open(&self, ino: u64, flags: i32, reply: ReplyOpen) {
        let emptied = match flags & libc::O_TRUNC {
            0 => self.tree.info(ino).map(drop),
            _ => self.tree.truncate_info(ino, 0),
        };
        match emptied {
            Ok(()) => reply.opened(HANDLE, FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(refusal("open", ino, &error)),
        }
    }

    pub(super) fn info_read(&self, ino: u64, (offset, size): (u64, u32), reply: ReplyData) {
        match self.tree.info(ino) {
            Ok(text) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
                let end = start.saturating_add(size as usize).min(text.len());
                reply.data(&text[start..end]);
            }
            Err(error) => reply.error(refusal("read", ino, &error)),
        }
    }

    pub(super) fn info_write(&self, ino: u64, offset: u64, data: &[u8], reply: ReplyWrite) {
        match self.tree.write_info(ino, offset, data) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(refusal("write", ino, &error)),
        }
    }

    /// What can be said of one and is not its length is not kept, and nobody minds.
    pub(super) fn info_attr(&self, ino: u64, size: Option<u64>, reply: ReplyAttr) {
        let cut = size.map_or(Ok(()), |size| self.tree.truncate_info(ino, size));
        match cut.and_then(|()| self.tree.attr(ino)) {
            Ok(attr) => reply.attr(&Duration::ZERO, &attr),
            Err(error) => reply.error(refusal("setattr", ino, &error)),
        }
    }

    /// Answers what removed one, or gave one another name.
    pub(super) fn info_done(operation: &'static str, dir: u64, done: Result<(), FsError>, reply: ReplyEmpty) {
        match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(refusal(operation, dir, &error)),
        }
    }
}
