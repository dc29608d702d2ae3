//! A photo that is saved over through a face of ours: its new bytes take its place, and those before are kept as they were.
//!
//! What makes it hard, and what answers it:
//! 1. An original is never written to. The new bytes are a file of their own, whole and on the disk, which changes places
//!    with the original in one step; where a disk cannot do that, the original gets a second name first.
//! 2. We may be killed at any time. The journal has the new version before the files change places; if they never do, the next
//!    scan finds the old bytes where they always were, and they are the photo's version again.
//! 3. Another program may have changed the file in the meantime. Only what is as the library knows it is replaced.
//!
//! What was replaced is in `.galleryfs/versions/ASSET/` in its root, numbered, under its name ([`kept`]). Nobody watches that
//! folder. Going back saves a copy of the last that is kept; what that replaces is no version any more, but kept as well.

pub mod kept;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

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
use crate::pipeline::place::is_unchanged;
use crate::service::Service;

/// The file that is about to change places, or just did.
const CHANGING: &str = "changing";

/// One photo is saved at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What becomes of the file that is replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replaced {
    /// It is a version that one can go back to.
    Version,
    /// It was gone back from.
    Undone,
}

/// Has the bytes of `new` take the place of a photo's.
pub fn save(service: &Service, face: Face, row: RowNumber, new: &File) -> Result<(), SourceError> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    put(service, face, row, new, Replaced::Version, || Ok(()))
}

/// Has a photo be what it was before it was last saved over.
pub fn go_back(service: &Service, face: Face, row: RowNumber) -> Result<(), SourceError> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let snapshot = service.library().snapshot();
    let asset = snapshot.row(row).ok_or(SourceError::Gone)?.id;
    let version = service.kept().newest(asset).ok_or(SourceError::Gone)?.file;
    let (root, _) = snapshot.folders().root(version.root).ok_or(SourceError::Gone)?;
    let folder = beneath::open_root(&root.path)?;
    let (file, read) = beneath::open_file(&folder, &version.path)?.ok_or(SourceError::Gone)?;
    // It is the photo again, so it is kept twice.
    let removed = || {
        let path = FilePath::new(version.root, version.path.clone());
        let (above, name) = path.split();
        let folder = beneath::open_folder(folder, above)?;
        let name = OsStr::from_bytes(name);
        let there = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if beneath::is_same(&there, &read) {
            rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
        }
        service.kept().look_at(root.id, &root.path, asset);
        Ok(())
    };
    put(service, face, row, &file, Replaced::Undone, removed)
}

/// Has the bytes of `new` take the place of a photo's, and does what is to be done before the library tells of it.
fn put(
    service: &Service,
    face: Face,
    row: RowNumber,
    new: &File,
    replaced: Replaced,
    settled: impl FnOnce() -> io::Result<()>,
) -> Result<(), SourceError> {
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
    let changing = Changing::begin(&root, &path, asset, new, replaced)?;
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
    settled()?;
    service.kept().look_at(path.root, &root, asset);
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
    /// What becomes of the one before.
    replaced: Replaced,
}

impl Changing {
    /// Copies the new bytes to the disk of the original.
    fn begin(
        root: &Path,
        path: &FilePath,
        asset: AssetId,
        new: &File,
        replaced: Replaced,
    ) -> Result<Self, SourceError> {
        let kept_path = kept::folder(root, asset);
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
        let changing = Self { kept, kept_path, folder, name: name.into(), before, copy, replaced };
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
        let (folder, second) = self.second()?;
        rustix::fs::linkat(&self.folder, name, &folder, OsStr::from_bytes(&second), AtFlags::empty())?;
        rustix::fs::fsync(&folder)?;
        Ok(rustix::fs::renameat(&self.kept, CHANGING, &self.folder, name)?)
    }

    /// Where what is replaced is kept, and under which name.
    fn second(&self) -> io::Result<(File, Vec<u8>)> {
        let folder = match self.replaced {
            Replaced::Version => self.kept_path.clone(),
            Replaced::Undone => kept::undone(&self.kept_path)?,
        };
        Ok((File::open(&folder)?, kept::numbered(kept::next(&folder)?, &self.name)))
    }

    /// Gives what was replaced its name, and has all of it on the disk for good.
    fn settle(&self) -> io::Result<()> {
        if rustix::fs::statat(&self.kept, CHANGING, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            let (folder, second) = self.second()?;
            rustix::fs::renameat(&self.kept, CHANGING, &folder, OsStr::from_bytes(&second))?;
            rustix::fs::fsync(&folder)?;
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

/// Keeps what a killed process may have left between two names: it may be an original.
fn finish(folder: &Path) -> io::Result<()> {
    if folder.join(CHANGING).symlink_metadata().is_ok() {
        let kept = folder.join(format!("{:04} interrupted", kept::next(folder)?));
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
        let changing = Changing::begin(&root, &path, asset, &new, Replaced::Version).unwrap();
        let at = changing.kept_path.join(CHANGING);
        changing.give_up();
        assert!(!at.exists());
        // As when another program was there first, and what it put there could not be put back.
        let changing = Changing::begin(&root, &path, asset, &new, Replaced::Version).unwrap();
        changing.swap().unwrap();
        changing.give_up();
        assert_eq!(std::fs::read(&at).unwrap(), b"the original");
        assert_eq!(std::fs::read(root.join("a.jpg")).unwrap(), b"new bytes");
    }

    #[test]
    fn what_was_left_between_two_names_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("0007 a b.jpg"), "x").unwrap();
        std::fs::write(dir.path().join(CHANGING), "maybe an original").unwrap();
        finish(dir.path()).unwrap();
        assert_eq!(std::fs::read(dir.path().join("0008 interrupted")).unwrap(), b"maybe an original");
        finish(dir.path()).unwrap();
    }
}
