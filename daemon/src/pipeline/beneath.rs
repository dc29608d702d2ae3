//! Opening files beneath a root, and nowhere else.
//!
//! What makes it hard, and what answers it:
//!
//! 1. *A component may be swapped for a symbolic link between any two calls.* Nothing is checked first and opened
//!    later: `openat2` resolves the whole path at once and refuses every link and every way out. Where the kernel has
//!    no `openat2`, the path is walked a component at a time with `O_NOFOLLOW`.
//! 2. *A name may be a pipe, a socket or a tape drive, whose opening blocks or acts.* A file is opened with `O_PATH`
//!    until `fstat` has shown that it is regular; the open that follows is non-blocking all the same.
//! 3. *A held directory keeps its file system from being unmounted.* So the root is opened anew for every piece of
//!    work, and nothing is held in between.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use library::FileStat;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// Set once the kernel has said that it knows no `openat2`.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// How often a lookup is tried again when the kernel says that a rename got in its way.
const LOOKUP_TRIES: usize = 8;

/// Opens a root. Links on the way to it are the user's own and are followed.
pub fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a folder beneath `root` for listing. The empty path is the root itself.
pub fn open_folder(root: impl AsFd, relative: &[u8]) -> io::Result<OwnedFd> {
    open(root, relative, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// What stands at a path: its stat when it is a regular file reached without links, else `None`.
pub fn regular_file(root: impl AsFd, relative: &[u8]) -> io::Result<Option<Stat>> {
    match open(root, relative, OFlags::PATH) {
        Ok(fd) => {
            let stat = rustix::fs::fstat(&fd)?;
            Ok(is_regular(&stat).then_some(stat))
        }
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a regular file for reading; anything else is `None`.
pub fn open_file(root: impl AsFd, relative: &[u8]) -> io::Result<Option<(File, Stat)>> {
    let root = root.as_fd();
    if regular_file(root, relative)?.is_none() {
        return Ok(None);
    }
    let file = match open(root, relative, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
        Ok(fd) => File::from(fd),
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stat = rustix::fs::fstat(&file)?;
    Ok(is_regular(&stat).then_some((file, stat)))
}

/// Whether an error means that nothing we would take in stands at the path.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NXIO)
    )
}

/// Whether a stat is that of a regular file.
pub fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Whether two looks were at one file, with its bytes unchanged.
pub fn is_same(one: &Stat, other: &Stat) -> bool {
    let key = |stat: &Stat| (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    key(one) == key(other)
}

/// The part of a stat that tells whether a file was changed.
pub fn file_stat(stat: &Stat) -> FileStat {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    FileStat {
        size: stat.st_size.max(0) as u64,
        mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec as i64),
        device: stat.st_dev,
        inode: stat.st_ino,
    }
}

/// Opens `relative` beneath `folder` without following links or leaving it.
pub fn open(folder: impl AsFd, relative: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let folder = folder.as_fd();
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let path = if relative.is_empty() { b"." } else { relative };
    if !WITHOUT_OPENAT2.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..LOOKUP_TRIES {
            match rustix::fs::openat2(folder, path, flags, Mode::empty(), resolve) {
                Ok(fd) if flags.contains(OFlags::PATH) => return not_a_link(fd),
                Ok(fd) => return Ok(fd),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(Errno::NOSYS) => {
                    WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
                    break;
                }
                // Sandboxes refuse calls they do not know with EPERM; opening for reading never does.
                Err(Errno::PERM) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    open_by_steps(folder, path, flags)
}

/// With `O_PATH`, `O_NOFOLLOW` opens the link itself; that is as little wanted as what it points to.
fn not_a_link(fd: OwnedFd) -> io::Result<OwnedFd> {
    if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == FileType::Symlink {
        return Err(Errno::LOOP.into());
    }
    Ok(fd)
}

/// The same without `openat2`: a component at a time, none of them a link.
fn open_by_steps(folder: impl AsFd, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = rustix::fs::openat(folder, ".", step, Mode::empty())?;
    let mut components = path.split(|byte| *byte == b'/').peekable();
    while let Some(component) = components.next() {
        if component == b".." {
            return Err(Errno::XDEV.into());
        }
        let last = components.peek().is_none();
        let fd = rustix::fs::openat(&at, component, if last { flags } else { step }, Mode::empty())?;
        if last {
            return if flags.contains(OFlags::PATH) { not_a_link(fd) } else { Ok(fd) };
        }
        at = fd;
    }
    Err(Errno::NOENT.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn only_regular_files_beneath_the_root_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let root_path = dir.path().join("root");
        std::fs::create_dir_all(root_path.join("a/b")).unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        std::fs::write(dir.path().join("outside/secret.jpg"), b"secret").unwrap();
        std::fs::write(root_path.join("a/b/x.jpg"), b"x").unwrap();
        symlink("../outside", root_path.join("out")).unwrap();
        symlink("a", root_path.join("in")).unwrap();
        symlink("x.jpg", root_path.join("a/b/link.jpg")).unwrap();
        rustix::fs::mknodat(CWD, root_path.join("pipe.jpg"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .unwrap();
        let _socket = UnixListener::bind(root_path.join("socket.jpg")).unwrap();
        let root = open_root(&root_path).unwrap();
        for steps in [false, true] {
            let open_file = |path: &[u8]| {
                if steps {
                    match open_by_steps(&root, path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW) {
                        Ok(fd) => is_regular(&rustix::fs::fstat(fd).unwrap()),
                        Err(error) => {
                            assert!(is_absence(&error), "{error}");
                            false
                        }
                    }
                } else {
                    open_file(&root, path).unwrap().is_some()
                }
            };
            assert!(open_file(b"a/b/x.jpg"));
            for path in [
                &b"out/secret.jpg"[..],
                b"in/b/x.jpg",
                b"a/b/link.jpg",
                b"pipe.jpg",
                b"socket.jpg",
                b"../outside/secret.jpg",
                b"a/b",
                b"none.jpg",
                b"a/b/x.jpg/y.jpg",
            ] {
                assert!(!open_file(path), "{}", String::from_utf8_lossy(path));
            }
        }
    }
}
