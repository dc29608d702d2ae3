//! A file moved to its place in the upload folder: nothing is ever overwritten, and no link is followed on the way.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// How many files of one name a folder may have.
const MOST_ALIKE: u32 = 10_000;

/// Counts the copies this process made, for their temporary names.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// Opens a folder beneath `base`, making what is missing. What was made is on the disk afterwards.
pub(super) fn folder(base: BorrowedFd<'_>, folders: &[String]) -> io::Result<OwnedFd> {
    let open = |dir: BorrowedFd<'_>, name: &str| {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(dir, name, flags, Mode::empty())
    };
    let mut at = open(base, ".")?;
    for name in folders {
        at = match open(at.as_fd(), name) {
            Ok(below) => below,
            Err(Errno::NOENT) => {
                match rustix::fs::mkdirat(&at, name.as_str(), Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                rustix::fs::fsync(&at)?;
                open(at.as_fd(), name)?
            }
            Err(error) => return Err(error.into()),
        };
    }
    Ok(at)
}

/// The `ordinal`th name to try: `a.jpg`, `a (2).jpg`.
fn numbered(name: &[u8], ordinal: u32) -> Vec<u8> {
    match std::str::from_utf8(name) {
        Ok(name) => library::names::with_ordinal(name, ordinal).into_bytes(),
        Err(_) if ordinal == 1 => name.to_owned(),
        Err(_) => [format!("({ordinal}) ").as_bytes(), name].concat(),
    }
}

/// Moves a file into a folder, under its own name or the next that is free, which it returns. The folder is not yet on
/// the disk then.
pub(super) fn place(
    (dir, name, file): (BorrowedFd<'_>, &[u8], &File),
    folder: BorrowedFd<'_>,
    wanted: &[u8],
) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    if metadata.mode() & 0o7000 != 0 {
        rustix::fs::fchmod(file, Mode::from_raw_mode(metadata.mode() & 0o777))?;
    }
    // What has other names could be written to by them: those keep the file, and the library gets a copy.
    if metadata.nlink() > 1 {
        return copied((dir, name, file), folder, wanted);
    }
    for ordinal in 1..=MOST_ALIKE {
        let free = numbered(wanted, ordinal);
        match moved(dir, name, folder, &free) {
            Ok(()) => return Ok(free),
            Err(Errno::EXIST) => {}
            Err(Errno::XDEV) => return copied((dir, name, file), folder, wanted),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::EXIST.into())
}

/// Moves a file to a name that nobody has.
pub(crate) fn moved(
    dir: BorrowedFd<'_>,
    name: &[u8],
    folder: BorrowedFd<'_>,
    free: &[u8],
) -> rustix::io::Result<()> {
    let (from, to) = (OsStr::from_bytes(name), OsStr::from_bytes(free));
    match rustix::fs::renameat_with(dir, from, folder, to, RenameFlags::NOREPLACE) {
        // A file system that cannot refuse to replace, but perhaps to link.
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::linkat(dir, from, folder, to, AtFlags::empty())
        {
            Ok(()) => rustix::fs::unlinkat(dir, from, AtFlags::empty()),
            Err(Errno::PERM | Errno::OPNOTSUPP) => {
                match rustix::fs::statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => rustix::fs::renameat(dir, from, folder, to),
                    Ok(_) => Err(Errno::EXIST),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        },
        done => done,
    }
}

/// A copy of a file in a folder, whole or not at all; its name where it was is gone then.
fn copied(
    (dir, name, file): (BorrowedFd<'_>, &[u8], &File),
    folder: BorrowedFd<'_>,
    wanted: &[u8],
) -> io::Result<Vec<u8>> {
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let begun = format!(".galleryfs-{}-{number}", std::process::id()).into_bytes();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut copy =
        File::from(rustix::fs::openat(folder, OsStr::from_bytes(&begun), flags, Mode::from_raw_mode(0o644))?);
    let mut fill = || -> io::Result<Vec<u8>> {
        let mut from = file.try_clone()?;
        io::Seek::rewind(&mut from)?;
        io::copy(&mut from, &mut copy)?;
        copy.set_modified(file.metadata()?.modified()?)?;
        copy.sync_all()?;
        for ordinal in 1..=MOST_ALIKE {
            let free = numbered(wanted, ordinal);
            match moved(folder, &begun, folder, &free) {
                Ok(()) => return Ok(free),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    };
    let placed = fill();
    match &placed {
        Ok(_) => rustix::fs::unlinkat(dir, OsStr::from_bytes(name), AtFlags::empty())?,
        Err(_) => {
            let _ = rustix::fs::unlinkat(folder, OsStr::from_bytes(&begun), AtFlags::empty());
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_and_other_names_keep_their_file() {
        let dir = tempfile::tempdir().unwrap();
        let (inbox, upload) = (dir.path().join("inbox"), dir.path().join("upload"));
        std::fs::create_dir(&inbox).unwrap();
        std::fs::create_dir(&upload).unwrap();
        let open = |path: &std::path::Path| File::open(path).unwrap();
        let day = folder(open(&upload).as_fd(), &["2024".into(), "05".into()]).unwrap();
        for (at, expected) in ["a.jpg", "a (2).jpg", "a (3).jpg"].into_iter().enumerate() {
            std::fs::write(inbox.join("a.jpg"), at.to_string()).unwrap();
            let other = inbox.join("other.jpg");
            if at == 1 {
                std::fs::hard_link(inbox.join("a.jpg"), &other).unwrap();
            }
            let (from, file) = (open(&inbox), open(&inbox.join("a.jpg")));
            let name = place((from.as_fd(), b"a.jpg", &file), day.as_fd(), b"a.jpg").unwrap();
            assert_eq!(String::from_utf8(name).unwrap(), expected);
            assert_eq!(
                std::fs::read_to_string(upload.join("2024/05").join(expected)).unwrap(),
                at.to_string()
            );
            assert!(!inbox.join("a.jpg").exists());
            if at == 1 {
                std::fs::write(&other, "changed").unwrap();
                assert_eq!(std::fs::read_to_string(upload.join("2024/05/a (2).jpg")).unwrap(), "1");
            }
        }
        std::os::unix::fs::symlink("/tmp", upload.join("out")).unwrap();
        assert!(folder(open(&upload).as_fd(), &["out".into()]).is_err(), "no link is followed");
        assert_eq!(std::fs::read_dir(upload.join("2024/05")).unwrap().count(), 3, "nothing is left behind");
    }
}
