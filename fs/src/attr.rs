//! What `stat` says.

use std::time::SystemTime;

use fuser::{FileAttr, FileType, INodeNo};
use jiff::Timestamp;
use library::Row;

/// Bytes a read is best made of.
const BLOCK: u32 = 4096;

/// Whose the tree is: the user who mounted it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// Their group.
    pub gid: u32,
}

impl Owner {
    /// The user this process runs as.
    pub fn this_process() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }

    fn regular(self, ino: u64, size: u64, modified: SystemTime, changed: SystemTime, links: u32) -> FileAttr {
        FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: modified,
            mtime: modified,
            ctime: changed,
            crtime: modified,
            kind: FileType::RegularFile,
            perm: 0o644,
            nlink: links.max(1),
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        }
    }

    /// A photo, video or part: modified when its original was, changed when something was last decided about it.
    pub(crate) fn asset(self, row: &Row, links: u32) -> FileAttr {
        self.regular(row.inode.get(), row.size, time(row.modified.into()), time(row.decided.into()), links)
    }

    /// A file that is no asset.
    pub(crate) fn file(self, ino: u64, size: u64, modified: SystemTime) -> FileAttr {
        self.regular(ino, size, modified, modified, 1)
    }

    /// A directory. One link says that its subdirectories cannot be counted from it.
    pub(crate) fn dir(self, ino: u64, changed: SystemTime) -> FileAttr {
        FileAttr {
            kind: FileType::Directory,
            perm: 0o755,
            blocks: 0,
            ..self.regular(ino, 0, changed, changed, 1)
        }
    }
}

/// A moment, as the kernel takes it.
pub(crate) fn time(at: Timestamp) -> SystemTime {
    SystemTime::from(at)
}
