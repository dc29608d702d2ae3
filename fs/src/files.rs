//! Open files.
//!
//! 1. Where the kernel allows it (root, Linux 6.9), it reads the original itself: an open registers the file as the
//!    inode's backing file, and no read reaches us (2 us a random read instead of 20).
//! 2. An inode may have one backing file at a time, shared by all its opens, and it must live until the last of them
//!    is released; opens with a backing file and without cannot mix. So the first open of an inode decides, and the
//!    others follow for as long as any is open.
//! 3. Where it is not allowed, that is found out by trying, once a mount. Reads are then answered from the page cache
//!    at once where they can be, and by a pool where a disk must be waited for; the kernel keeps what it read, which
//!    is right for ever since a new version of a photo is another inode.
//!    Nor can what is open for writing be read by the kernel itself: it answers EIO to whoever comes second. So whoever
//!    writes is one of the opens of the inode ([`Unbacked`]).
//! 4. What stands in a photo's place may be ahead of the library ([`Original::Changed`]): an editor saved a moment
//!    ago. It is read past all caches, and the next to open the inode begins with an empty one, since a private
//!    mapping gets there even so.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use fuser::{BackingId, FileAttr};
use library::RootId;
use rustix::io::{Errno, ReadWriteFlags};

use crate::options::Passthrough;
use crate::source::Original;

thread_local! {
    /// What a read is made into: kept from read to read.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What an open file reads.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// Bytes of our own.
    Fixed(&'static [u8]),
    /// An original.
    File(File),
    /// An original that the kernel reads.
    Backed,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    ino: u64,
    bytes: Bytes,
    /// What `stat` said when it was opened: the answer for as long as it is open, should the photo go.
    pub(crate) attr: FileAttr,
    /// Where it lies, so that reading waits with others of that disk.
    pub(crate) root: Option<RootId>,
    caching: Caching,
    /// Keeps the backing file registered.
    _backing: Option<Arc<BackingId>>,
}

/// The outcome of reading without waiting.
#[derive(Debug)]
pub(crate) enum Now<T> {
    /// Done.
    Done(T),
    /// A disk must be waited for.
    Wait,
}

impl OpenFile {
    /// Whether closing it may wait for a disk: what the kernel reads is the kernel's to close.
    pub(crate) fn is_of_disk(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    /// Reads what the page cache has, without waiting, and hands it to `reply`.
    pub(crate) fn read_now<T>(
        &self,
        offset: u64,
        size: u32,
        reply: impl FnOnce(&[u8]) -> T,
    ) -> io::Result<Now<T>> {
        let file = match &self.bytes {
            Bytes::Fixed(bytes) => return Ok(Now::Done(reply(part(bytes, offset, size)))),
            Bytes::File(file) => file,
            Bytes::Backed => return Err(io::ErrorKind::Unsupported.into()),
        };
        with_buffer(size, |buffer| {
            let wanted = buffer.len();
            match rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
                // Short: at the end of the file, or of what is cached. Only a disk can tell.
                Ok(read) if read == wanted || offset + read as u64 >= self.attr.size => {
                    Ok(Now::Done(reply(&buffer[..read])))
                }
                Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(Now::Wait),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Reads, waiting for the disk, and hands it to `reply`.
    pub(crate) fn read<T>(&self, offset: u64, size: u32, reply: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let Bytes::File(file) = &self.bytes else { return Err(io::ErrorKind::Unsupported.into()) };
        with_buffer(size, |buffer| {
            let mut filled = 0;
            while filled < buffer.len() {
                match file.read_at(&mut buffer[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(reply(&buffer[..filled]))
        })
    }
}

fn part(bytes: &[u8], offset: u64, size: u32) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let end = start.saturating_add(size as usize).min(bytes.len());
    &bytes[start..end]
}

fn with_buffer<T>(size: u32, read: impl FnOnce(&mut [u8]) -> io::Result<T>) -> io::Result<T> {
    BUFFER.with_borrow_mut(|buffer| {
        let size = size as usize;
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        read(&mut buffer[..size])
    })
}

/// What the kernel may keep of what it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caching {
    /// All, with what it has.
    Keep,
    /// All, but nothing of what it has.
    Renew,
    /// Nothing.
    Never,
}

/// How an inode is open.
#[derive(Debug, Default)]
struct Mode {
    opens: u64,
    /// Those of them that read what is not the inode's.
    changed: u64,
    /// The kernel may have kept some of that.
    tainted: bool,
    backing: Weak<BackingId>,
}

impl Mode {
    /// One more reads the inode's own bytes.
    fn read_known(&mut self) -> Caching {
        let tainted = self.tainted;
        self.tainted = self.changed > 0;
        if tainted { Caching::Renew } else { Caching::Keep }
    }

    /// One more reads what is not the inode's.
    fn read_changed(&mut self) -> Caching {
        self.changed += 1;
        self.tainted = true;
        Caching::Never
    }
}

/// How an open is to be answered.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The handle.
    pub(crate) handle: u64,
    /// The backing file the kernel reads, if it does.
    pub(crate) backing: Option<Arc<BackingId>>,
    /// What the kernel may keep of what it reads through us.
    pub(crate) caching: Caching,
}

/// How inodes are open, by number.
type Modes = Mutex<HashMap<u64, Mode>>;

fn lock(modes: &Modes) -> MutexGuard<'_, HashMap<u64, Mode>> {
    modes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One open of an inode less; `change` is what else that changes.
fn close(modes: &Modes, ino: u64, change: impl FnOnce(&mut Mode)) {
    let mut modes = lock(modes);
    let Some(mode) = modes.get_mut(&ino) else { return };
    mode.opens = mode.opens.saturating_sub(1);
    change(mode);
    // Until it is read again, what the kernel may have kept has to be remembered.
    if mode.opens == 0 && !mode.tainted {
        modes.remove(&ino);
    }
}

/// An inode that the kernel reads for nobody itself, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Unbacked {
    ino: u64,
    modes: Arc<Modes>,
}

impl Drop for Unbacked {
    fn drop(&mut self) {
        close(&self.modes, self.ino, |_| ());
    }
}

/// All open files.
#[derive(Debug)]
pub(crate) struct Files {
    next: AtomicU64,
    open: RwLock<HashMap<u64, Arc<OpenFile>>>,
    modes: Arc<Modes>,
    passthrough: AtomicBool,
}

impl Files {
    pub(crate) fn new(passthrough: Passthrough) -> Self {
        Self {
            next: AtomicU64::new(0),
            open: RwLock::default(),
            modes: Arc::default(),
            passthrough: AtomicBool::new(passthrough == Passthrough::Auto),
        }
    }

    /// The kernel cannot read originals itself, at all.
    pub(crate) fn no_passthrough(&self) {
        self.passthrough.store(false, Ordering::Relaxed);
    }

    fn modes(&self) -> MutexGuard<'_, HashMap<u64, Mode>> {
        lock(&self.modes)
    }

    fn insert(&self, file: OpenFile) -> Opened {
        let handle = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (backing, caching) = (file._backing.clone(), file.caching);
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(file));
        Opened { handle, backing, caching }
    }

    /// Opens bytes of our own.
    pub(crate) fn open_fixed(&self, bytes: &'static [u8], attr: FileAttr) -> Opened {
        self.modes().entry(attr.ino.0).or_default().opens += 1;
        self.insert(OpenFile {
            ino: attr.ino.0,
            bytes: Bytes::Fixed(bytes),
            attr,
            root: None,
            caching: Caching::Keep,
            _backing: None,
        })
    }

    /// Opens once more what the kernel already reads for somebody: no file need be opened for that.
    pub(crate) fn open_again(&self, attr: FileAttr) -> Option<Opened> {
        let mut modes = self.modes();
        let mode = modes.get_mut(&attr.ino.0)?;
        let backing = mode.backing.upgrade()?;
        mode.opens += 1;
        drop(modes);
        Some(self.insert(OpenFile {
            ino: attr.ino.0,
            bytes: Bytes::Backed,
            attr,
            root: None,
            caching: Caching::Keep,
            _backing: Some(backing),
        }))
    }

    /// Opens an original, asking `register` to make it the inode's backing file where that can be.
    pub(crate) fn open(
        &self,
        attr: FileAttr,
        root: Option<RootId>,
        original: Original,
        register: impl FnOnce(&File) -> io::Result<BackingId>,
    ) -> Opened {
        let changed = matches!(original, Original::Changed(_));
        let (Original::AsKnown(file) | Original::Changed(file)) = original;
        // Held while registering, so that two first opens of an inode cannot decide differently.
        let mut modes = self.modes();
        let mode = modes.entry(attr.ino.0).or_default();
        let backing = match mode.backing.upgrade() {
            Some(shared) => Some(shared),
            None if changed || mode.opens > 0 || !self.passthrough.load(Ordering::Relaxed) => None,
            None => match register(&file) {
                Ok(registered) => Some(Arc::new(registered)),
                Err(error) => {
                    self.refused(&error);
                    None
                }
            },
        };
        mode.opens += 1;
        mode.backing = backing.as_ref().map(Arc::downgrade).unwrap_or_default();
        let caching = match changed {
            // Whoever comes while the kernel reads the right bytes for somebody gets those.
            _ if backing.is_some() => Caching::Keep,
            true => mode.read_changed(),
            false => mode.read_known(),
        };
        drop(modes);
        let bytes = if backing.is_some() { Bytes::Backed } else { Bytes::File(file) };
        self.insert(OpenFile { ino: attr.ino.0, bytes, attr, root, caching, _backing: backing })
    }

    /// The kernel refused a backing file: for good, if it is that we may not.
    fn refused(&self, error: &io::Error) {
        let may_not = matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOTTY | libc::ENOSYS));
        if may_not && self.passthrough.swap(false, Ordering::Relaxed) {
            tracing::info!(%error, "the kernel may not read originals itself (that takes root); reading them for it");
        } else {
            tracing::debug!(%error, "this file cannot be read by the kernel itself; reading it for it");
        }
    }

    pub(crate) fn get(&self, handle: u64) -> Option<Arc<OpenFile>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&handle).cloned()
    }

    /// Has the kernel not read an inode itself. `None` where it does already, for somebody.
    pub(crate) fn unbacked(&self, ino: u64) -> Option<Unbacked> {
        let mut modes = self.modes();
        let mode = modes.entry(ino).or_default();
        if mode.backing.strong_count() > 0 {
            return None;
        }
        mode.opens += 1;
        Some(Unbacked { ino, modes: Arc::clone(&self.modes) })
    }

    /// What `stat` said of an inode that is still open, when it was opened.
    pub(crate) fn attr_of(&self, ino: u64) -> Option<FileAttr> {
        self.modes().get(&ino).filter(|mode| mode.opens > 0)?;
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().find(|file| file.ino == ino).map(|file| FileAttr { nlink: 0, ..file.attr })
    }

    /// The kernel is done with a handle. What is given back may be the last that holds the file: closing that may wait for
    /// its disk.
    pub(crate) fn release(&self, handle: u64) -> Option<Arc<OpenFile>> {
        let file = self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        if let Some(file) = &file {
            close(&self.modes, file.ino, |mode| {
                mode.changed = mode.changed.saturating_sub(u64::from(file.caching == Caching::Never));
            });
        }
        file
    }

    /// Files open now.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.open.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attr::Owner;
    use std::io::Write;
    use std::time::SystemTime;

    fn attr(ino: u64, size: u64) -> FileAttr {
        Owner { uid: 0, gid: 0 }.file(ino, size, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn reads_where_it_is_told_and_no_further() {
        let files = Files::new(Passthrough::Off);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let opened = files.open(attr(9, 10), None, Original::AsKnown(file), |_| unreachable!("switched off"));
        let open = files.get(opened.handle).unwrap();
        assert_eq!(open.read(3, 4, <[u8]>::to_vec).unwrap(), b"3456");
        assert_eq!(open.read(8, 100, <[u8]>::to_vec).unwrap(), b"89");
        assert_eq!(open.read(10, 100, <[u8]>::to_vec).unwrap(), b"");
        if let Now::Done(bytes) = open.read_now(8, 100, <[u8]>::to_vec).unwrap() {
            assert_eq!(bytes, b"89");
        }
        let fixed = files.open_fixed(b"fixed", attr(2, 5));
        let Now::Done(bytes) = files.get(fixed.handle).unwrap().read_now(3, 9, <[u8]>::to_vec).unwrap()
        else {
            panic!("no disk to wait for")
        };
        assert_eq!(bytes, b"ed");
        files.release(opened.handle);
        files.release(fixed.handle);
        assert_eq!(files.count(), 0);
        assert!(files.attr_of(9).is_none());
    }

    #[test]
    fn what_may_not_be_is_tried_once() {
        let files = Files::new(Passthrough::Auto);
        let mut tried = 0;
        for ino in 0..3 {
            files.open(attr(ino, 0), None, Original::AsKnown(tempfile::tempfile().unwrap()), |_| {
                tried += 1;
                Err(io::Error::from_raw_os_error(libc::EPERM))
            });
        }
        assert_eq!(tried, 1);
    }

    #[test]
    fn the_kernel_does_not_read_what_is_written_to() {
        let files = Files::new(Passthrough::Auto);
        let known = || Original::AsKnown(tempfile::tempfile().unwrap());
        let writing = files.unbacked(9).unwrap();
        let read =
            files.open(attr(9, 0), None, known(), |_| unreachable!("it would answer EIO to whoever writes"));
        drop(writing);
        files.release(read.handle);
        let mut tried = false;
        files.open(attr(9, 0), None, known(), |_| {
            tried = true;
            Err(io::Error::from_raw_os_error(libc::EPERM))
        });
        assert!(tried, "nobody writes any more");
    }

    #[test]
    fn what_is_not_as_known_leaves_nothing_behind() {
        let files = Files::new(Passthrough::Auto);
        let open = |original: fn(File) -> Original| {
            let refuse = |_: &File| Err(io::Error::from_raw_os_error(libc::EPERM));
            files.open(attr(9, 0), None, original(tempfile::tempfile().unwrap()), refuse)
        };
        let changed = files.open(attr(9, 0), None, Original::Changed(tempfile::tempfile().unwrap()), |_| {
            unreachable!("the kernel would keep reading it for others")
        });
        assert_eq!(changed.caching, Caching::Never);
        let both = open(Original::AsKnown);
        assert_eq!(both.caching, Caching::Renew);
        files.release(changed.handle);
        files.release(both.handle);
        assert!(files.attr_of(9).is_none());
        assert_eq!(open(Original::AsKnown).caching, Caching::Renew, "the other may have read between");
        assert_eq!(open(Original::AsKnown).caching, Caching::Keep);
    }
}
