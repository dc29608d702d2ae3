//! Copies of photos that the library has, made within the mount: no byte of them moves.
//!
//! `cp` of a whole photo arrives as one request (`copy_file_range`), which says what it is a copy of. So the file here stays empty
//! and is remembered as that photo's: when it is closed, what is decided by copying it there is decided of the photo. It gets
//! the bytes where somebody reads it, writes to it, links it or has the disk keep it, and where it goes on standing here
//! after it was closed: a name that is none yet, a photo that is not there any more.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use library::{AssetId, AssetInode, RowNumber, Visibility};
use rustix::fs::OFlags;

use super::{Inbox, Node};
use crate::error::FsError;
use crate::source::Original;
use crate::tree::Readable;

/// What a file is a copy of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Photo {
    row: RowNumber,
    asset: AssetId,
    /// Its version.
    inode: AssetInode,
    size: u64,
}

/// What a file is a copy of, as long as it has none of the bytes.
#[derive(Debug, Default)]
pub(super) struct Copied(Mutex<Option<Photo>>);

impl Copied {
    fn lock(&self) -> MutexGuard<'_, Option<Photo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is no copy any more.
    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    /// How large it would be.
    pub(super) fn size(&self) -> Option<u64> {
        self.lock().map(|photo| photo.size)
    }
}

impl Inbox {
    /// `copy_file_range` of a whole photo into a file that is still empty: its size. `None` where bytes must be copied.
    pub(crate) fn copy_of(&self, node: &Arc<Node>, from: u64, most: u64) -> Result<Option<u64>, FsError> {
        let Ok(Readable::Row(row, state)) = self.tree.readable(from) else { return Ok(None) };
        let Some(photo) = state.row(row) else { return Ok(None) };
        let is_whole = photo.size > 0 && photo.size <= most && photo.extras.host.is_none();
        let is_empty = node.stat()?.st_size == 0 && node.copied.size().is_none();
        if !is_whole || !is_empty || photo.visibility == Visibility::Trashed {
            return Ok(None);
        }
        // What cannot be read now is not said to be there.
        if !matches!(self.tree.source().open_original(row, &state.snapshot), Ok(Original::AsKnown(_))) {
            return Ok(None);
        }
        let photo = Photo { row, asset: photo.id, inode: photo.inode, size: photo.size };
        *node.copied.lock() = Some(photo);
        node.is_written();
        Ok(Some(photo.size))
    }

    /// The photo that a complete file is a copy of, if it still is that.
    pub(super) fn copied_from(&self, node: &Node) -> Option<AssetId> {
        let copied = (*node.copied.lock())?;
        let state = self.tree.state();
        let photo =
            state.row(copied.row).filter(|row| (row.id, row.inode) == (copied.asset, copied.inode))?;
        let original = self.tree.source().open_original(copied.row, &state.snapshot);
        let stands = matches!(original, Ok(Original::AsKnown(_)));
        (stands && photo.present && photo.visibility != Visibility::Trashed).then_some(copied.asset)
    }

    /// Before bytes of a file are read or written: it has them.
    pub(super) fn fill(&self, node: &Node) -> io::Result<()> {
        let mut copied = node.copied.lock();
        let Some(photo) = *copied else { return Ok(()) };
        let state = self.tree.state();
        let is_same = state.row(photo.row).is_some_and(|row| row.inode == photo.inode);
        let original = match self.tree.source().open_original(photo.row, &state.snapshot) {
            Ok(Original::AsKnown(original)) if is_same => original,
            // It was saved over since, and what it was is somewhere else.
            _ => return Err(io::Error::from_raw_os_error(libc::EIO)),
        };
        let times = node.stat()?;
        let mut file = node.open(OFlags::WRONLY | OFlags::TRUNC)?;
        // Shares the blocks where the disk can.
        io::copy(&mut &original, &mut file)?;
        // Those that its writer may have set already.
        node.keep_times(&times)?;
        *copied = None;
        Ok(())
    }
}
