//! Photos that are written to, and files that are given a photo's name.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use fuser::{
    FileAttr, FileHandle, FopenFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyEmpty, ReplyOpen, ReplyWrite,
};
use rustix::io::Errno;

use super::{GENERATION, Shared, refusal};
use crate::edits::Edits;
use crate::error::FsError;
use crate::pool::{Pool, Turn};
use crate::source::Original;
use crate::tree::Readable;

impl Shared {
    fn edits(&self) -> Result<&Edits, FsError> {
        self.arriving.as_ref().map(|arriving| &arriving.edits).ok_or(FsError::ReadOnly)
    }

    /// What `stat` says of a photo that is open for writing.
    pub(super) fn edited_attr(&self, ino: u64) -> Option<FileAttr> {
        self.arriving.as_ref()?.edits.attr_of(ino)
    }

    /// The pool of those who write to what is open under a handle.
    fn edits_of(&self, handle: u64) -> Pool {
        self.pools.edits(self.edits().ok().and_then(|edits| edits.root_of(handle)))
    }

    /// The pool of those who write to a photo that they have yet to open.
    fn edits_of_photo(&self, ino: u64) -> Pool {
        self.pools.edits(self.tree.readable(ino).ok().and_then(|readable| readable.root()))
    }

    /// Does something that may wait for a disk, and hands what came of it to `answer`.
    fn edit<T: 'static>(
        self: &Arc<Self>,
        pool: &Pool,
        (operation, ino): (&'static str, u64),
        work: impl FnOnce(&Self) -> Result<T, FsError> + Send + 'static,
        answer: impl FnOnce(Result<T, fuser::Errno>) + Send + 'static,
    ) {
        let shared = Arc::clone(self);
        pool.submit(move |turn| {
            let done = match turn {
                Turn::Refused => Err(FsError::Busy),
                Turn::Run => work(&shared),
            };
            answer(done.map_err(|error| refusal(operation, ino, &error)));
        });
    }

    /// Opens a photo for writing.
    fn begin_edit(&self, ino: u64, empties: bool) -> Result<u64, FsError> {
        let edits = self.edits()?;
        let Readable::Row(row, state) = self.tree.readable(ino)? else { return Err(FsError::ReadOnly) };
        if !self.tree.may_save(row) {
            return Err(FsError::ReadOnly);
        }
        // Where the kernel reads the original for somebody, it would answer EIO to whoever opens it otherwise.
        let unbacked = self.files.unbacked(ino).ok_or(FsError::Io(Errno::TXTBSY.into()))?;
        let (Original::AsKnown(original) | Original::Changed(original)) =
            self.tree.source().open_original(row, &state.snapshot)?;
        let handle = edits.open((row, state.root_of(row)), self.tree.attr(ino)?, (original, unbacked))?;
        if empties {
            edits.truncate(ino, 0).transpose()?;
        }
        Ok(handle)
    }

    /// `open` for writing.
    pub(super) fn edit_open(self: &Arc<Self>, ino: u64, flags: i32, reply: ReplyOpen) {
        let work = move |shared: &Self| shared.begin_edit(ino, flags & libc::O_TRUNC != 0);
        self.edit(&self.edits_of_photo(ino), ("open", ino), work, |done| match done {
            // Past the kernel's cache, which is of the version that readers have.
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(error),
        });
    }

    /// `create` of the name of a photo that does not go by it for a moment.
    pub(super) fn edit_create(self: &Arc<Self>, ino: u64, reply: ReplyCreate) {
        let work = move |shared: &Self| {
            let handle = shared.begin_edit(ino, true)?;
            let attr = shared.edited_attr(ino).ok_or(FsError::NotFound)?;
            Ok((attr, handle))
        };
        self.edit(&self.edits_of_photo(ino), ("create", ino), work, |done| match done {
            Ok((attr, handle)) => reply.created(
                &std::time::Duration::ZERO,
                &attr,
                GENERATION,
                FileHandle(handle),
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn edit_read(
        self: &Arc<Self>,
        ino: u64,
        handle: u64,
        (offset, size): (u64, u32),
        reply: ReplyData,
    ) {
        let work = move |shared: &Self| Ok(shared.edits()?.read(handle, offset, size)?);
        self.edit(&self.edits_of(handle), ("read", ino), work, |done| match done {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        });
    }

    pub(super) fn edit_write(
        self: &Arc<Self>,
        ino: u64,
        (handle, offset): (u64, u64),
        bytes: &[u8],
        reply: ReplyWrite,
    ) {
        let bytes = bytes.to_owned();
        let work = move |shared: &Self| {
            shared.edits()?.write(handle, offset, &bytes)?;
            Ok(bytes.len() as u32)
        };
        self.edit(&self.edits_of(handle), ("write", ino), work, |done| match done {
            Ok(written) => reply.written(written),
            Err(error) => reply.error(error),
        });
    }

    /// `setattr` of a size. A photo that nobody has open for writing cannot be cut: there would be no end to it.
    pub(super) fn edit_truncate(self: &Arc<Self>, ino: u64, size: u64, reply: ReplyAttr) {
        let work =
            move |shared: &Self| Ok(shared.edits()?.truncate(ino, size).ok_or(FsError::ReadOnly)??);
        self.edit(&self.edits_of_photo(ino), ("setattr", ino), work, |done| match done {
            Ok(attr) => reply.attr(&std::time::Duration::ZERO, &attr),
            Err(error) => reply.error(error),
        });
    }

    /// `flush`: what was written since the last one takes the photo's place.
    pub(super) fn edit_flush(self: &Arc<Self>, ino: u64, handle: u64, reply: ReplyEmpty) {
        let work = move |shared: &Self| {
            let edit = shared.edits()?.get(handle)?;
            edit.commit(|file| shared.tree.save(edit.row, file))
        };
        // It may wait for the library; nothing that others write waits for that.
        let root = self.edits().ok().and_then(|edits| edits.root_of(handle));
        self.edit(&self.pools.changes(root), ("flush", ino), work, |done| match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        });
    }

    /// `rename` of a photo to a name that it has for a moment.
    pub(super) fn set_aside(&self, dir: u64, aside: &OsStr, photo: u64, reply: ReplyEmpty) {
        reply.ok();
        // The kernel would believe in the name for as long as in the photo's own.
        if let Some(changes) = self.tree.renamed_over(dir, aside.as_bytes(), photo) {
            self.tree.told.tell(changes.dirs);
        }
    }

    /// `rename` of a file that is none of the library's onto a photo: its bytes take the photo's place.
    pub(super) fn save_renamed(
        self: &Arc<Self>,
        (dir, name): (u64, &OsStr),
        (new_dir, new_name): (u64, &OsStr),
        reply: ReplyEmpty,
    ) {
        let Some(row) = self.tree.photo_named(new_dir, new_name.as_bytes()) else {
            return reply.error(refusal("rename", new_dir, &FsError::ReadOnly));
        };
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        let renamed = new_name.clone();
        let work = move |shared: &Self| {
            let _busy = shared.tree.told.busy([dir, new_dir]);
            let (inbox, from) = shared.node(dir)?;
            let (node, file) = inbox.open_complete(&from, name.as_bytes())?;
            shared.tree.save(row, &file).inspect_err(|error| shared.tree.note_refusal(new_dir, error))?;
            node.set_saved();
            inbox.unlink(&from, name.as_bytes())?;
            shared.tree.begun_anew(new_dir, new_name.as_bytes());
            Ok(node.ino())
        };
        let shared = Arc::clone(self);
        let pool = self.pools.changes(self.tree.state().root_of(row));
        self.edit(&pool, ("rename", new_dir), work, move |done| match done {
            Ok(ino) => {
                reply.ok();
                // Only now: the kernel takes the new name for the file that had the old one.
                if let Some(changes) = shared.tree.renamed_over(new_dir, renamed.as_bytes(), ino) {
                    shared.tree.told.tell(changes.dirs);
                }
            }
            Err(error) => reply.error(error),
        });
    }
}
