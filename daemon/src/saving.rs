//! A photo that is saved over through a face of ours: its new bytes take its place, and those before are kept as they were.
//!
//! What makes it hard, and what answers it:
//! 1. An original is never written to. The new bytes are a file of their own, whole and on the disk, which changes places
//!    with the original in one step ([`changing`]).
//! 2. We may be killed at any time. The journal has the new version before the files change places; if they never do, the next
//!    scan finds the old bytes where they always were, and they are the photo's version again.
//! 3. Another program may have changed the file in the meantime. Only what is as the library knows it is replaced.
//! 4. The same bytes may stand in several places, and whoever opened one of them wants to find there what was saved. So all are
//!    replaced, one after the other; what is kept of the others is what is a version already.
//!
//! What was replaced is in `.galleryfs/versions/ASSET/` in its root, numbered, under its name ([`kept`]). Nobody watches that
//! folder. Going back saves a copy of the last that is kept; what that replaces is no version any more, but kept as well.

pub mod changing;
pub mod kept;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use galleryfs_fs::{FileSeen, SourceError};
use library::journal::Face;
use library::metadata::Metadata;
use library::{
    AssetId, Checksum, Digests, FileContent, FilePath, Library, LibraryError, Observation, RowNumber,
    SaveError,
};
use rustix::fs::{AtFlags, Mode, Stat};

use crate::alone::Alone;
use crate::answering;
use crate::pipeline::beneath;
use crate::pipeline::contents::Contents;
use crate::pipeline::describe::Media;
use crate::pipeline::place::is_unchanged;
use crate::service::Service;

use changing::{ChangeError, Changing};

/// A photo is saved by one at a time.
static ALONE: Alone<AssetId> = Alone::new();

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
    let asset = service.library().snapshot().row(row).ok_or(SourceError::Gone)?.id;
    let _alone = ALONE.with([asset]);
    put(service, face, row, new, Replaced::Version, || Ok(())).map(drop)
}

/// Has a photo be what it was before it was last saved over.
pub fn go_back(service: &Service, face: Face, row: RowNumber) -> Result<(), SourceError> {
    let asset = service.library().snapshot().row(row).ok_or(SourceError::Gone)?.id;
    let _alone = ALONE.with([asset]);
    let mut version = service.kept().newest(asset).ok_or(SourceError::Gone)?;
    let snapshot = service.library().snapshot();
    let (root, _) = snapshot.folders().root(version.file.root).ok_or(SourceError::Gone)?;
    answering::expect_answers([root.path.as_path()])?;
    while take_back(service, face, (row, asset), &version.file)? == Put::Same {
        // It was the photo already: we were killed before it was said, or another program was there first.
        match service.kept().newest(asset) {
            Some(before) if before != version => version = before,
            Some(_) => return Err(SourceError::Gone),
            None => break,
        }
    }
    Ok(())
}

/// Has a photo be what a kept file is, which is not kept any more.
fn take_back(
    service: &Service,
    face: Face,
    (row, asset): (RowNumber, AssetId),
    version: &FileSeen,
) -> Result<Put, SourceError> {
    let snapshot = service.library().snapshot();
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

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    Saved,
    /// The photo has these bytes already.
    Same,
}

/// Has the bytes of `new` take the place of a photo's, and does what is to be done before the library tells of it.
fn put(
    service: &Service,
    face: Face,
    row: RowNumber,
    new: &File,
    replaced: Replaced,
    settled: impl FnOnce() -> io::Result<()>,
) -> Result<Put, SourceError> {
    let library = service.library();
    let snapshot = library.snapshot();
    let asset = snapshot.row(row).ok_or(SourceError::Gone)?.id;
    // Whoever gives a file the photo's name keeps all others out of its directory: a disk that does not answer is not
    // waited for.
    let mut silent = Ok(());
    let mut places = library.originals(&snapshot, row).into_iter();
    let known = places.by_ref().find_map(|(root, path)| {
        if let Err(error) = answering::expect_answers([root.as_path()]) {
            silent = Err(error);
            return None;
        }
        as_known(library, &root, &path, asset).map(|from| (root, path, from))
    });
    let Some((root, path, (from, stat))) = known else {
        silent?;
        return Err(SourceError::Refused(SaveError::Changed.to_string()));
    };
    let (digests, contents) = digest(new)?;
    if digests.checksum == from.checksum {
        settled()?;
        return Ok(Put::Same);
    }
    let mut read = new.try_clone()?;
    let metadata = contents.describe(&mut read, path.name(), &[], &Media).map_err(SourceError::Refused)?;
    let room = kept::folder(&root, asset);
    kept::adopt(library, &room, asset)?;
    let mut changing = begin((&room, &root, &path), stat, &read)?;
    if replaced == Replaced::Version {
        changing.number_after(service.kept().newest(asset).map_or(0, |newest| newest.number));
    } else {
        changing.keep_in(kept::undone(&room).inspect_err(|_| changing.give_up())?);
    }
    let pixels = metadata.size;
    let before = library.save_over(face, asset, from.checksum, (digests, pixels)).map_err(|error| {
        changing.give_up();
        refusal(error)
    })?;
    let done = library.sync().map_err(refusal).and_then(|()| Ok(changing.swap()?));
    if let Err(error) = done {
        changing.give_up();
        if let Err(error) = library.save_over(face, asset, digests.checksum, (before, None)) {
            tracing::error!(%error, "a version that could not be saved is found to be none by the next scan");
        }
        return Err(error);
    }
    // It has happened: whatever goes wrong from here on, the library is told.
    let kept_well = changing.settle().and_then(|_| settled());
    service.kept().look_at(path.root, &root, asset);
    let mut replaced = vec![(root, path)];
    for (root, path) in places {
        match put_also(library, asset, from.checksum, (&root, &path), &read) {
            Ok(false) => {}
            Ok(true) => replaced.push((root, path)),
            Err(error) => tracing::warn!(
                %error,
                root = %root.display(),
                "a photo that stands in two places was saved in one of them"
            ),
        }
    }
    observe(service, replaced, digests, &metadata)?;
    kept_well?;
    Ok(Put::Saved)
}

/// Begins to have what `read` reads take the place of a photo's file.
fn begin((room, root, path): (&Path, &Path, &FilePath), stat: Stat, mut read: &File) -> io::Result<Changing> {
    let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
    Changing::begin(room, (root, path), Some(stat), mode, |copy| {
        io::Seek::rewind(&mut read)?;
        io::copy(&mut read, copy)?;
        copy.set_modified(read.metadata()?.modified()?)
    })
}

/// Has what `read` reads take the place of the bytes that a photo had, where they stand a second time; says whether they do.
fn put_also(
    library: &Library,
    asset: AssetId,
    from: Checksum,
    (root, path): (&Path, &FilePath),
    read: &File,
) -> Result<bool, SourceError> {
    answering::expect_answers([root])?;
    let known = as_known(library, root, path, asset);
    let Some((_, stat)) = known.filter(|(digests, _)| digests.checksum == from) else { return Ok(false) };
    let room = kept::folder(root, asset);
    let mut changing = begin((&room, root, path), stat, read)?;
    let swapped = kept::undone(&room).map_err(ChangeError::from).and_then(|folder| {
        changing.keep_in(folder);
        changing.swap()
    });
    if let Err(error) = swapped {
        changing.give_up();
        return Err(error.into());
    }
    changing.settle()?;
    Ok(true)
}

/// Tells the library of what stands in these places since a moment ago, and the watcher to come and look. At once: of a copy
/// that is not what the photo is, the library makes another.
fn observe(
    service: &Service,
    places: Vec<(PathBuf, FilePath)>,
    digests: Digests,
    metadata: &Metadata,
) -> Result<(), SourceError> {
    // While the same bytes as before are known to stand anywhere, what took their place elsewhere is another photo.
    let others = places.iter().skip(1).map(|(_, path)| Observation::Gone { path: path.clone() });
    let others: Vec<Observation> = others.collect();
    if !others.is_empty() {
        service.library().observe(others).map_err(refusal)?;
    }
    let mut seen = Vec::new();
    for (root, path) in &places {
        let stat = beneath::open_root(root).and_then(|root| beneath::regular_file(root, &path.relative))?;
        if let Some(stat) = stat {
            // Its sidecars are read when the watcher comes to look, a moment later.
            let (path, stat, sidecars) = (path.clone(), beneath::file_stat(&stat), Vec::new());
            let metadata = Box::new(metadata.clone());
            seen.push(Observation::Asset { path, stat, digests, metadata, sidecars });
        }
    }
    service.library().observe(seen).map_err(refusal)?;
    if let Some(watcher) = service.watcher() {
        places.into_iter().for_each(|(_, path)| watcher.arrived(path));
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

impl From<ChangeError> for SourceError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Changed => Self::Refused(SaveError::Changed.to_string()),
            ChangeError::Io(error) => error.into(),
        }
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

/// The digests of the file at a path and its looks, if it is the one that the library knows to be there.
pub fn as_known(library: &Library, root: &Path, path: &FilePath, asset: AssetId) -> Option<(Digests, Stat)> {
    let record = library.file(path).ok().flatten()?;
    let FileContent::Asset { asset: known, digests, .. } = record.content else { return None };
    let now =
        beneath::open_root(root).and_then(|root| beneath::regular_file(root, &path.relative)).ok()??;
    (known == asset && is_unchanged(&record.stat, &beneath::file_stat(&now), false)).then_some((digests, now))
}
