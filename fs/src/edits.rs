//! Photos that are open for writing.
//!
//! 1. An original is never written to. Whoever opens a photo for writing writes to a copy without a name, which takes the
//!    photo's place when it is closed: a version of it.
//! 2. Most writers begin with nothing (`> file`, `cp`), and a copy of a long video would be made for that. So it is copied
//!    only when somebody reads, or writes without having emptied it.
//! 3. All who write to one photo at a time write to one copy, as to one file.
//! 4. `stat` and releases are answered on the threads that answer the kernel, while a save may take seconds. What they ask of is
//!    kept apart from the copy, and locked for a moment only.
//! 5. A close comes with every descriptor of a process, also before the first write (shells do that). Only bytes since the
//!    last one count, and none of a file that is empty.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fuser::FileAttr;
use library::{RootId, RowNumber};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::files::Unbacked;

/// Marks the handles of what is open for writing.
const MARK: u64 = 1 << 62;

/// Whether a handle is of a photo that is open for writing.
pub(crate) fn is_edit(handle: u64) -> bool {
    handle & MARK != 0
}

/// A photo that is being written to.
#[derive(Debug)]
pub(crate) struct Edit {
    /// The photo.
    pub(crate) row: RowNumber,
    /// Where it lies, so that whoever waits for it waits with others of that disk.
    pub(crate) root: Option<RootId>,
    /// What `stat` says of it.
    attr: Mutex<FileAttr>,
    /// Locked for as long as a disk, or a save, takes.
    state: Mutex<State>,
    handles: AtomicUsize,
    _unbacked: Unbacked,
}

#[derive(Debug)]
struct State {
    /// The copy.
    file: File,
    /// The original, until its bytes are in the copy or are not wanted.
    original: Option<File>,
    /// Whether bytes came since it last took the photo's place.
    written: bool,
}

impl State {
    /// The copy, with all that was in the original.
    fn copied(&mut self) -> io::Result<&mut File> {
        if let Some(mut original) = self.original.take() {
            let copied = io::Seek::rewind(&mut original).and_then(|()| {
                // Shares the blocks where the disk can.
                io::copy(&mut original, &mut self.file)
            });
            if let Err(error) = copied {
                self.original = Some(original);
                return self.file.set_len(0).and(Err(error));
            }
        }
        Ok(&mut self.file)
    }
}

impl Edit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `stat` says of it now.
    fn attr(&self) -> FileAttr {
        *self.attr.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It was changed, and its size is what `size` makes of the one before.
    fn changed(&self, state: &mut State, size: impl FnOnce(u64) -> u64) {
        state.written = true;
        let mut attr = self.attr.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, now) = (size(attr.size), SystemTime::now());
        *attr = FileAttr { size, blocks: size.div_ceil(512), mtime: now, ctime: now, ..*attr };
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let mut state = self.state();
        if size == 0 {
            state.original = None;
        }
        state.copied()?.set_len(size)?;
        self.changed(&mut state, |_| size);
        Ok(())
    }

    /// Hands the bytes to `save` if there are any that were not saved.
    pub(crate) fn commit<E: From<io::Error>>(
        &self,
        save: impl FnOnce(&File) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut state = self.state();
        if !state.written || state.file.metadata()?.len() == 0 {
            return Ok(());
        }
        save(&state.file)?;
        state.written = false;
        Ok(())
    }
}

/// All photos that are open for writing.
#[derive(Debug)]
pub(crate) struct Edits {
    /// Where the copies are made.
    dir: PathBuf,
    by_handle: Mutex<HashMap<u64, Arc<Edit>>>,
    by_ino: Mutex<HashMap<u64, Arc<Edit>>>,
    next: AtomicU64,
}

/// A file without a name on the disk of a directory.
fn nameless(dir: &Path) -> io::Result<File> {
    std::fs::create_dir_all(dir)?;
    let mode = Mode::from_raw_mode(0o600);
    match rustix::fs::open(dir, OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC, mode) {
        Ok(file) => Ok(file.into()),
        // A file system that has none: one that loses its name at once.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            let path = dir.join(".being-written");
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
        Err(error) => Err(error.into()),
    }
}

impl Edits {
    /// Copies are made in `dir`.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, by_handle: Mutex::default(), by_ino: Mutex::default(), next: AtomicU64::new(1) }
    }

    fn by_handle(&self) -> MutexGuard<'_, HashMap<u64, Arc<Edit>>> {
        self.by_handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_ino(&self) -> MutexGuard<'_, HashMap<u64, Arc<Edit>>> {
        self.by_ino.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a photo for writing, which `original` reads; the kernel does not meanwhile.
    pub(crate) fn open(
        &self,
        (row, root): (RowNumber, Option<RootId>),
        attr: FileAttr,
        (original, unbacked): (File, Unbacked),
    ) -> io::Result<u64> {
        let state = State { file: nameless(&self.dir)?, original: Some(original), written: false };
        let (attr, state) = (Mutex::new(attr), Mutex::new(state));
        let new = Edit { row, root, attr, state, handles: AtomicUsize::new(0), _unbacked: unbacked };
        let ino = new.attr().ino.0;
        // Kept beyond the lock: where somebody has it open already, this one closes its files, which may wait for a disk.
        let new = Arc::new(new);
        let mut open = self.by_ino();
        let edit = Arc::clone(open.entry(ino).or_insert_with(|| Arc::clone(&new)));
        edit.handles.fetch_add(1, Ordering::Relaxed);
        drop(open);
        let handle = MARK | self.next.fetch_add(1, Ordering::Relaxed);
        self.by_handle().insert(handle, edit);
        Ok(handle)
    }

    /// The root of a photo that is open under a handle.
    pub(crate) fn root_of(&self, handle: u64) -> Option<RootId> {
        self.by_handle().get(&handle)?.root
    }

    /// What is open under a handle.
    pub(crate) fn get(&self, handle: u64) -> io::Result<Arc<Edit>> {
        self.by_handle().get(&handle).cloned().ok_or_else(|| Errno::BADF.into())
    }

    /// What `stat` says of a photo while it is open for writing.
    pub(crate) fn attr_of(&self, ino: u64) -> Option<FileAttr> {
        self.by_ino().get(&ino).map(|edit| edit.attr())
    }

    /// Cuts or lengthens a photo that is open for writing; `None` for one that is not.
    pub(crate) fn truncate(&self, ino: u64, size: u64) -> Option<io::Result<FileAttr>> {
        let edit = self.by_ino().get(&ino).cloned()?;
        Some(edit.truncate(size).map(|()| edit.attr()))
    }

    pub(crate) fn read(&self, handle: u64, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let edit = self.get(handle)?;
        let mut state = edit.state();
        let file = state.copied()?;
        let mut bytes = vec![0; size as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    pub(crate) fn write(&self, handle: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let edit = self.get(handle)?;
        let mut state = edit.state();
        state.copied()?.write_all_at(bytes, offset)?;
        edit.changed(&mut state, |size| size.max(offset + bytes.len() as u64));
        Ok(())
    }

    /// The kernel is done with a handle. What is given back may be the last that holds files, whose closing may wait for a
    /// disk.
    pub(crate) fn release(&self, handle: u64) -> Option<Arc<Edit>> {
        let edit = self.by_handle().remove(&handle)?;
        // Counted while nobody can open it anew.
        let mut open = self.by_ino();
        if edit.handles.fetch_sub(1, Ordering::Relaxed) == 1 {
            open.remove(&edit.attr().ino.0);
        }
        Some(edit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attr::Owner;
    use crate::files::Files;
    use crate::options::Passthrough;
    use std::io::Write;

    fn unbacked() -> Unbacked {
        Files::new(Passthrough::Off).unbacked(9).unwrap()
    }

    fn edits(original: &str) -> (tempfile::TempDir, Edits, u64) {
        let dir = tempfile::tempdir().unwrap();
        let edits = Edits::new(dir.path().join("edits"));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(original.as_bytes()).unwrap();
        let attr = Owner { uid: 0, gid: 0 }.file(9, original.len() as u64, SystemTime::UNIX_EPOCH);
        let handle = edits.open((RowNumber(0), None), attr, (file, unbacked())).unwrap();
        (dir, edits, handle)
    }

    fn saved(edits: &Edits, handle: u64) -> Option<String> {
        let mut saved = None;
        let save = |file: &File| {
            let mut bytes = vec![0; file.metadata()?.len() as usize];
            file.read_exact_at(&mut bytes, 0)?;
            saved = Some(String::from_utf8(bytes).unwrap());
            Ok::<(), io::Error>(())
        };
        edits.get(handle).unwrap().commit(save).unwrap();
        saved
    }

    #[test]
    fn what_is_written_in_the_middle_leaves_the_rest_and_is_saved_once() {
        let (_dir, edits, handle) = edits("0123456789");
        assert_eq!(saved(&edits, handle), None, "a close before the first write");
        edits.write(handle, 3, b"abc").unwrap();
        assert_eq!(edits.attr_of(9).unwrap().size, 10);
        assert_eq!(edits.read(handle, 2, 5).unwrap(), b"2abc6");
        assert_eq!(saved(&edits, handle).as_deref(), Some("012abc6789"));
        assert_eq!(saved(&edits, handle), None, "nothing came since");
        edits.write(handle, 10, b"!").unwrap();
        assert_eq!(saved(&edits, handle).as_deref(), Some("012abc6789!"));
        edits.release(handle);
        assert!(edits.attr_of(9).is_none() && edits.get(handle).is_err());
    }

    #[test]
    fn what_is_emptied_is_saved_only_with_bytes() {
        let (_dir, edits, handle) = edits("0123456789");
        assert_eq!(edits.truncate(9, 0).unwrap().unwrap().size, 0);
        assert_eq!(saved(&edits, handle), None, "a version of nothing is none");
        edits.write(handle, 0, b"new").unwrap();
        assert_eq!(saved(&edits, handle).as_deref(), Some("new"));
        assert!(edits.truncate(8, 0).is_none(), "it is not open");
    }

    #[test]
    fn stat_and_release_do_not_wait_for_a_save() {
        let (_dir, edits, one) = edits("0123456789");
        let other = edits
            .open(
                (RowNumber(0), None),
                edits.attr_of(9).unwrap(),
                (tempfile::tempfile().unwrap(), unbacked()),
            )
            .unwrap();
        edits.write(one, 10, b"!").unwrap();
        let during = |_: &File| {
            assert_eq!(edits.attr_of(9).unwrap().size, 11);
            edits.release(other);
            Ok::<(), io::Error>(())
        };
        edits.get(one).unwrap().commit(during).unwrap();
        edits.release(one);
        assert!(edits.attr_of(9).is_none());
    }

    #[test]
    fn two_writers_write_to_one_copy() {
        let (_dir, edits, one) = edits("0123456789");
        let attr = edits.attr_of(9).unwrap();
        let other =
            edits.open((RowNumber(0), None), attr, (tempfile::tempfile().unwrap(), unbacked())).unwrap();
        edits.write(one, 0, b"a").unwrap();
        edits.write(other, 1, b"b").unwrap();
        edits.release(one);
        assert_eq!(saved(&edits, other).as_deref(), Some("ab23456789"));
    }
}
