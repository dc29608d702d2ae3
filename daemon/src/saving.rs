//! A photo that is saved over through a face of ours: its new bytes take its place, and those before are kept as they were.
//!
//! What makes it hard, and what answers it:
//! 1. An original is never written to. The new bytes are a file of their own, whole and on the disk, which changes places
//!    with the original in one step; where a disk cannot do that, the original gets a second name first.
//! 2. We may be killed at any time. The journal has the new version before the files change places; if they never do, the next
//!    scan finds the old bytes where they always were, and they are the photo's version again.
//! 3. Another program may have changed the file in the meantime. Only what is as the library knows it is replaced.
//!
//! What was replaced is in `.galleryfs/versions/ASSET/` in its root, numbered, under its name. Nobody watches that folder.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use galleryfs_fs::SourceError;
use library::journal::Face;
use library::{
    AssetId, Digests, FileContent, FilePath, Library, LibraryError, Observation, RowNumber, SaveError,
};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::pipeline::beneath;
use crate::pipeline::contents::Contents;
use crate::pipeline::describe::Media;
use crate::pipeline::names::OURS;
use crate::pipeline::place::is_unchanged;
use crate::service::Service;

/// What was replaced, in our folder in a root.
const VERSIONS: &str = "versions";
/// The file that is about to change places, or just did.
const CHANGING: &str = "changing";

/// One photo is saved at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Has the bytes of `new` take the place of a photo's.
pub fn save(service: &Service, face: Face, row: RowNumber, new: &File) -> Result<(), SourceError> {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let library = service.library();
    let snapshot = library.snapshot();
    let asset = snapshot.row(row).ok_or(SourceError::Gone)?.id;
    let (root, path, from) = library
        .originals(&snapshot, row)
        .into_iter()
        .find_map(|(root, path)| as_known(library, &root, &path, asset).map(|from| (root, path, from)))
        .ok_or_else(|| SourceError::Refused(SaveError::Changed.to_string()))?;
    let (digests, contents) = digest(new)?;
    if digests.checksum == from.checksum {
        return Ok(());
    }
    let mut read = new.try_clone()?;
    let metadata = contents.describe(&mut read, path.name(), &[], &Media).map_err(SourceError::Refused)?;
    let changing = Changing::begin(&root, &path, asset, new)?;
    let before = library.save_over(face, asset, from.checksum, digests).map_err(|error| {
        changing.give_up();
        refusal(error)
    })?;
    let done = library.sync().map_err(refusal).and_then(|()| changing.swap());
    if let Err(error) = done {
        changing.give_up();
        if let Err(error) = library.save_over(face, asset, digests.checksum, before) {
            tracing::error!(%error, "a version that could not be saved is found to be none by the next scan");
        }
        return Err(error);
    }
    changing.settle()?;
    let stat = beneath::open_root(&root).and_then(|root| beneath::regular_file(root, &path.relative))?;
    if let Some(stat) = stat {
        // Its sidecars are read when the watcher comes to look, a moment later.
        let (stat, sidecars) = (beneath::file_stat(&stat), Vec::new());
        let metadata = Box::new(metadata);
        let seen = Observation::Asset { path: path.clone(), stat, digests, metadata, sidecars };
        library.observe(vec![seen]).map_err(refusal)?;
    }
    if let Some(watcher) = service.watcher() {
        watcher.arrived(path);
    }
    Ok(())
}

fn refusal(error: LibraryError) -> SourceError {
    match error {
        LibraryError::Save(error) => SourceError::Refused(error.to_string()),
        LibraryError::NoAsset(_) => SourceError::Gone,
        error => io::Error::other(error).into(),
    }
}

fn digest(file: &File) -> Result<(Digests, Contents), SourceError> {
    let mut file = file.try_clone()?;
    let size = file.metadata()?.len();
    if size == 0 {
        return Err(SourceError::Refused("the file is empty".into()));
    }
    io::Seek::rewind(&mut file)?;
    let mut contents = Contents::default();
    let digests = contents.digest(&mut file, size, &AtomicBool::new(false)).map_err(io::Error::from)?;
    Ok((digests, contents))
}

/// The digests of the file at a path, if it is the one that the library knows to be there.
fn as_known(library: &Library, root: &Path, path: &FilePath, asset: AssetId) -> Option<Digests> {
    let record = library.file(path).ok().flatten()?;
    let FileContent::Asset { asset: known, digests, .. } = record.content else { return None };
    let now =
        beneath::open_root(root).and_then(|root| beneath::regular_file(root, &path.relative)).ok()??;
    (known == asset && is_unchanged(&record.stat, &beneath::file_stat(&now), false)).then_some(digests)
}

/// A new file on its way to the place of an original.
struct Changing {
    /// Where what is replaced is kept.
    kept: OwnedFd,
    kept_path: PathBuf,
    /// The folder of the original, and its name there.
    folder: OwnedFd,
    name: Box<[u8]>,
    /// The original, as it was looked at.
    before: Stat,
    /// The new file.
    copy: File,
}

impl Changing {
    /// Copies the new bytes to the disk of the original.
    fn begin(root: &Path, path: &FilePath, asset: AssetId, new: &File) -> Result<Self, SourceError> {
        let kept_path = root.join(OURS).join(VERSIONS).join(asset.to_string());
        std::fs::create_dir_all(&kept_path)?;
        // It, and those above it that may be new.
        kept_path.ancestors().take(4).try_for_each(|folder| File::open(folder)?.sync_all())?;
        finish(&kept_path)?;
        let kept = readable(&beneath::open_root(&kept_path)?)?;
        let (above, name) = path.split();
        let folder = readable(&beneath::open_folder(beneath::open_root(root)?, above)?)?;
        let before = rustix::fs::statat(&folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(io::Error::from)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(before.st_mode & 0o777);
        let made = rustix::fs::openat(&kept, CHANGING, flags, mode).map_err(io::Error::from)?;
        let mut copy = File::from(made);
        let mut fill = || -> io::Result<()> {
            let mut from = new.try_clone()?;
            io::Seek::rewind(&mut from)?;
            io::copy(&mut from, &mut copy)?;
            rustix::fs::fchmod(&copy, mode)?;
            copy.set_modified(new.metadata()?.modified()?)?;
            copy.sync_all()
        };
        let filled = fill();
        let changing = Self { kept, kept_path, folder, name: name.into(), before, copy };
        if let Err(error) = filled {
            changing.give_up();
            return Err(error.into());
        }
        Ok(changing)
    }

    /// Has the two files change places, or with an error not.
    fn swap(&self) -> Result<(), SourceError> {
        let name = OsStr::from_bytes(&self.name);
        let exchange =
            || rustix::fs::renameat_with(&self.kept, CHANGING, &self.folder, name, RenameFlags::EXCHANGE);
        match exchange() {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return Ok(self.replace()?),
            done => done.map_err(io::Error::from)?,
        }
        // What came out must be what was looked at: another program may have been there first.
        let out = rustix::fs::statat(&self.kept, CHANGING, AtFlags::SYMLINK_NOFOLLOW);
        if !out.is_ok_and(|out| beneath::is_same(&out, &self.before)) {
            exchange().map_err(io::Error::from)?;
            return Err(SourceError::Refused(SaveError::Changed.to_string()));
        }
        Ok(())
    }

    /// The same where names cannot be exchanged.
    fn replace(&self) -> io::Result<()> {
        let name = OsStr::from_bytes(&self.name);
        let second = numbered(next(&self.kept_path)?, &self.name);
        let second = OsStr::from_bytes(&second);
        rustix::fs::linkat(&self.folder, name, &self.kept, second, AtFlags::empty())?;
        rustix::fs::fsync(&self.kept)?;
        Ok(rustix::fs::renameat(&self.kept, CHANGING, &self.folder, name)?)
    }

    /// Gives what was replaced its name, and has all of it on the disk for good.
    fn settle(&self) -> io::Result<()> {
        if rustix::fs::statat(&self.kept, CHANGING, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            let second = numbered(next(&self.kept_path)?, &self.name);
            rustix::fs::renameat(&self.kept, CHANGING, &self.kept, OsStr::from_bytes(&second))?;
        }
        rustix::fs::fsync(&self.kept)?;
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    /// Removes the copy that was not needed: that alone, whatever went wrong before.
    fn give_up(&self) {
        let there = rustix::fs::statat(&self.kept, CHANGING, AtFlags::SYMLINK_NOFOLLOW);
        let is_copy =
            |there: &Stat| rustix::fs::fstat(&self.copy).is_ok_and(|copy| beneath::is_same(there, &copy));
        if there.is_ok_and(|there| is_copy(&there)) {
            let _ = rustix::fs::unlinkat(&self.kept, CHANGING, AtFlags::empty());
        }
    }
}

/// A folder opened to be synced, which one that is only looked up in cannot be.
fn readable(folder: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, ".", flags, Mode::empty())?)
}

fn numbered(number: u32, name: &[u8]) -> Vec<u8> {
    [format!("{number:04} ").as_bytes(), name].concat()
}

/// The number of the next file to be kept in a folder.
fn next(folder: &Path) -> io::Result<u32> {
    let mut last = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().into_encoded_bytes();
        let digits = name.split(|byte| *byte == b' ').next().unwrap_or_default();
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last + 1)
}

/// Keeps what a killed process may have left between two names: it may be an original.
fn finish(folder: &Path) -> io::Result<()> {
    if folder.join(CHANGING).symlink_metadata().is_ok() {
        let kept = folder.join(format!("{:04} interrupted", next(folder)?));
        std::fs::rename(folder.join(CHANGING), kept)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_up_removes_the_copy_and_never_what_came_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::write(root.join("a.jpg"), "the original").unwrap();
        std::fs::write(root.join("new"), "new bytes").unwrap();
        let path = FilePath::new(library::RootId::from_bytes([1; 16]), b"a.jpg".as_slice());
        let new = File::open(root.join("new")).unwrap();
        let asset = AssetId::from_bytes([7; 16]);
        let changing = Changing::begin(&root, &path, asset, &new).unwrap();
        let at = changing.kept_path.join(CHANGING);
        changing.give_up();
        assert!(!at.exists());
        // As when another program was there first, and what it put there could not be put back.
        let changing = Changing::begin(&root, &path, asset, &new).unwrap();
        changing.swap().unwrap();
        changing.give_up();
        assert_eq!(std::fs::read(&at).unwrap(), b"the original");
        assert_eq!(std::fs::read(root.join("a.jpg")).unwrap(), b"new bytes");
    }

    #[test]
    fn what_is_replaced_is_numbered_and_what_was_left_between_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(next(dir.path()).unwrap(), 1);
        std::fs::write(dir.path().join("0007 a b.jpg"), "x").unwrap();
        std::fs::write(dir.path().join(CHANGING), "maybe an original").unwrap();
        assert_eq!(next(dir.path()).unwrap(), 8);
        finish(dir.path()).unwrap();
        assert_eq!(std::fs::read(dir.path().join("0008 interrupted")).unwrap(), b"maybe an original");
        finish(dir.path()).unwrap();
        assert_eq!(numbered(12, b"a.jpg"), b"0012 a.jpg");
    }
}
