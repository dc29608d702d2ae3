//! Originals removed for good, which nothing else here does: those of a photo in the trash, when the user removes it from there.
//!
//! What makes it hard, and what answers it:
//! 1. What is removed must be what the user saw: each file is opened beneath its root and its bytes are compared with
//!    those that the library knows, and it must still be that file when it is moved out of the way.
//! 2. All files of a photo and of its parts go, or none: they are moved into a folder of ours in their root first, and
//!    moved back where one cannot be.
//! 3. We may be killed at any time. A list of what is moved where is on the disk before the first move; the journal says
//!    whether the user's decision stands. At the next start what it says was removed is finished, and all else is put back.
//! 4. What the photo was before it was saved over goes with it, last of all.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::AtomicBool;

use library::journal::Face;
use library::library::DoomedFile;
use library::{AssetId, Library, LibraryError, RootId};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rustix::fs::{AtFlags, Stat};

use crate::alone::{Alone, Taken};
use crate::answering;
use crate::importing::placing::moved;
use crate::pipeline::beneath;
use crate::pipeline::contents::{Contents, ContentsError};
use crate::pipeline::names::OURS;
use crate::saving::kept;
use crate::sidecars;

/// What is being removed, in our folder in a root.
const REMOVING: &str = "removing";
/// The list of what was where.
const LIST: &str = "list";

/// Removals come one after the other in a root.
static ALONE: Alone<RootId> = Alone::new();

/// Nothing is removed from these roots while this is held.
pub fn alone(roots: impl IntoIterator<Item = RootId>) -> Taken<'static, RootId> {
    ALONE.with(roots)
}

/// Why a photo in the trash was not removed. Nothing was, then.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The library's own reason.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A file is not what it was.
    #[error("{path} is not the file that is in the trash: it was changed since, so nothing is removed", path = path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// A folder is away.
    #[error("{path} is away, so nothing is removed", path = path.display())]
    Away {
        /// Which.
        path: PathBuf,
    },
    /// The disk says no.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A file on its way out.
struct Leaving {
    root: PathBuf,
    relative: Box<[u8]>,
    /// What was compared.
    stat: Stat,
}

impl Leaving {
    fn path(&self) -> PathBuf {
        self.root.join(OsStr::from_bytes(&self.relative))
    }

    fn failed(&self, error: io::Error) -> PurgeError {
        PurgeError::Io { path: self.path(), error }
    }
}

/// Removes a photo that is in the trash, with all its files.
pub fn purge(library: &Library, face: Face, asset: AssetId) -> Result<(), PurgeError> {
    let mut roots = BTreeSet::new();
    loop {
        let _alone = alone(roots.iter().copied());
        let files = library.doomed(asset)?;
        let all: BTreeSet<RootId> = files.iter().map(|file| file.path.root).collect();
        if all.is_subset(&roots) {
            expect_answers(library, &all)?;
            return remove(library, face, asset, &files);
        }
        roots = all;
    }
}

/// Whoever removes something from a directory of the mount keeps all others out of it.
fn expect_answers(library: &Library, roots: &BTreeSet<RootId>) -> Result<(), PurgeError> {
    let snapshot = library.snapshot();
    for root in roots {
        let Some((root, _)) = snapshot.folders().root(*root) else { continue };
        let failed = |error| PurgeError::Io { path: root.path.clone(), error };
        answering::expect_answers([root.path.as_path()]).map_err(failed)?;
    }
    Ok(())
}

fn remove(library: &Library, face: Face, asset: AssetId, files: &[DoomedFile]) -> Result<(), PurgeError> {
    let leaving = files.iter().map(|file| compared(library, file)).collect::<Result<Vec<_>, _>>()?;
    // One that is not where it was may stand somewhere else, and then it is the photo again.
    let all_found = leaving.iter().all(Option::is_some);
    let leaving: Vec<Leaving> = leaving.into_iter().flatten().collect();
    let folders = lists(&leaving, asset)?;
    let mut moved = Vec::new();
    for (number, file) in leaving.iter().enumerate() {
        if let Err(error) = move_out(file, asset, number) {
            put_back(&moved, asset);
            folders.iter().for_each(|folder| tidy(folder));
            return Err(error);
        }
        moved.push((number, file));
    }
    let decided = folders
        .iter()
        .try_for_each(|folder| {
            let synced = File::open(folder).and_then(|open| open.sync_all());
            synced.map_err(|error| PurgeError::Io { path: folder.clone(), error })
        })
        .and_then(|()| Ok(library.purge(face, asset, files)?));
    if let Err(error) = decided {
        put_back(&moved, asset);
        folders.iter().for_each(|folder| tidy(folder));
        return Err(error);
    }
    library.sync()?;
    folders.iter().for_each(|folder| clear(folder));
    if all_found {
        forget_kept(library, asset, &files.iter().map(|file| file.path.root).collect());
    }
    Ok(())
}

/// Removes what is kept of a photo that is no more: what was saved over, and what was in its sidecars. It may be in roots that
/// the photo has been in before, whose disks nobody waits for.
fn forget_kept(library: &Library, asset: AssetId, from: &BTreeSet<RootId>) {
    let forget = move |root: &Path| {
        for folder in [kept::folder(root, asset), sidecars::room(root, asset)] {
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %folder.display(), %error, "what is kept of a photo that was removed is left");
                }
                _ => {}
            }
        }
    };
    for (root, _) in library.snapshot().folders().roots() {
        if from.contains(&root.id) {
            forget(&root.path);
            continue;
        }
        let path = root.path.clone();
        let elsewhere = std::thread::Builder::new().name("forget kept".into()).spawn(move || forget(&path));
        if let Err(error) = elsewhere {
            tracing::warn!(%error, "what is kept of a photo that was removed is left");
        }
    }
}

/// A file as it should be. `None` where none is any more.
fn compared(library: &Library, file: &DoomedFile) -> Result<Option<Leaving>, PurgeError> {
    let snapshot = library.snapshot();
    let Some(root) = snapshot.folders().root(file.path.root).map(|(root, _)| root.path.clone()) else {
        return Err(PurgeError::Away { path: PathBuf::from(OsStr::from_bytes(&file.path.relative)) });
    };
    let path = root.join(OsStr::from_bytes(&file.path.relative));
    let failed = |error: io::Error| PurgeError::Io { path: path.clone(), error };
    let folder = beneath::open_root(&root).map_err(|_| PurgeError::Away { path: root.clone() })?;
    let Some((mut opened, stat)) = beneath::open_file(&folder, &file.path.relative).map_err(failed)? else {
        return Ok(None);
    };
    let size = stat.st_size.max(0) as u64;
    match Contents::default().digest(&mut opened, size, &AtomicBool::new(false)) {
        Ok(digests) if digests.checksum == file.checksum => {
            Ok(Some(Leaving { root, relative: file.path.relative.clone(), stat }))
        }
        Ok(_) | Err(ContentsError::Changed | ContentsError::Stopped) => Err(PurgeError::Changed { path }),
        Err(ContentsError::Io(error)) => Err(failed(error)),
    }
}

fn folder_of(root: &Path, asset: AssetId) -> PathBuf {
    root.join(OURS).join(REMOVING).join(asset.to_string())
}

/// Makes the folders that the files are moved into, with the lists of them.
fn lists(leaving: &[Leaving], asset: AssetId) -> Result<Vec<PathBuf>, PurgeError> {
    let mut folders: Vec<PathBuf> = leaving.iter().map(|file| folder_of(&file.root, asset)).collect();
    folders.sort();
    folders.dedup();
    for folder in &folders {
        let write = || -> io::Result<()> {
            std::fs::create_dir_all(folder)?;
            let mut list = File::create(folder.join(LIST))?;
            for (number, file) in leaving.iter().enumerate() {
                if folder_of(&file.root, asset) == *folder {
                    writeln!(list, "{number} {}", percent_encode(&file.relative, NON_ALPHANUMERIC))?;
                }
            }
            list.sync_all()?;
            // The folder itself, and those above it that may be new.
            folder.ancestors().take(3).try_for_each(|folder| File::open(folder)?.sync_all())
        };
        if let Err(error) = write() {
            folders.iter().for_each(|folder| tidy(folder));
            return Err(PurgeError::Io { path: folder.clone(), error });
        }
    }
    Ok(folders)
}

/// The directory that a file lies in, and its name there.
fn parent(root: &Path, relative: &[u8]) -> io::Result<(OwnedFd, Box<[u8]>)> {
    let at = relative.iter().rposition(|byte| *byte == b'/');
    let (folder, name) = at.map_or((&b""[..], relative), |at| (&relative[..at], &relative[at + 1..]));
    Ok((beneath::open_folder(beneath::open_root(root)?, folder)?, name.into()))
}

fn move_out(file: &Leaving, asset: AssetId, number: usize) -> Result<(), PurgeError> {
    let failed = |error: io::Error| file.failed(error);
    let (folder, name) = parent(&file.root, &file.relative).map_err(failed)?;
    let out = File::open(folder_of(&file.root, asset)).map_err(failed)?;
    let to = number.to_string();
    moved(folder.as_fd(), &name, out.as_fd(), to.as_bytes()).map_err(|error| failed(error.into()))?;
    let now = rustix::fs::statat(&out, to.as_str(), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| failed(error.into()))?;
    if !beneath::is_same(&now, &file.stat) {
        bring_back(out.as_fd(), number, &file.root, &file.relative);
        return Err(PurgeError::Changed { path: file.path() });
    }
    Ok(())
}

fn put_back(moved: &[(usize, &Leaving)], asset: AssetId) {
    for (number, file) in moved {
        match File::open(folder_of(&file.root, asset)) {
            Ok(out) => bring_back(out.as_fd(), *number, &file.root, &file.relative),
            Err(error) => tracing::error!(%error, "a file in the trash could not be put back"),
        }
    }
}

/// Moves a file back to where it was, or where that is taken by now, beside it.
fn bring_back(out: std::os::fd::BorrowedFd<'_>, number: usize, root: &Path, relative: &[u8]) {
    let back = || -> io::Result<()> {
        let (folder, name) = parent(root, relative)?;
        let from = number.to_string();
        for ordinal in 1..1000 {
            let to = match std::str::from_utf8(&name) {
                Ok(name) => library::names::with_ordinal(name, ordinal).into_bytes(),
                Err(_) => name.to_vec(),
            };
            let done = moved(out, from.as_bytes(), folder.as_fd(), &to);
            match done {
                Err(rustix::io::Errno::EXIST) => {}
                done => return Ok(done?),
            }
        }
        Err(rustix::io::Errno::EXIST.into())
    };
    if let Err(error) = back() {
        let path = root.join(OsStr::from_bytes(relative));
        tracing::error!(path = %path.display(), %error, "a file in the trash could not be put back; it is in {OURS}/{REMOVING}");
    }
}

/// Removes a folder that files were moved into, and the files.
fn clear(folder: &Path) {
    let Ok(listed) = std::fs::read_to_string(folder.join(LIST)) else { return };
    for number in listed.lines().filter_map(|line| line.split(' ').next()) {
        if number.bytes().all(|digit| digit.is_ascii_digit()) {
            let _ = std::fs::remove_file(folder.join(number));
        }
    }
    tidy(folder);
}

/// Removes a folder that nothing is in but the list. Whatever is could not be put back: the next start tries again.
fn tidy(folder: &Path) {
    let others = std::fs::read_dir(folder).into_iter().flatten().flatten();
    if others.map(|entry| entry.file_name()).any(|name| name != LIST) {
        return;
    }
    let _ = std::fs::remove_file(folder.join(LIST));
    let _ = std::fs::remove_dir(folder);
}

/// Finishes what a killed process had begun in a root: what the journal says is removed, all else is put back.
pub fn resume(library: &Library, root: RootId, path: &Path) {
    let _alone = alone([root]);
    let Ok(removing) = std::fs::read_dir(path.join(OURS).join(REMOVING)) else { return };
    for folder in removing.flatten() {
        let Some(asset) = folder.file_name().to_str().and_then(|name| AssetId::from_str(name).ok()) else {
            continue;
        };
        match library.is_purged(asset) {
            Ok(true) => {
                clear(&folder.path());
                forget_kept(library, asset, &BTreeSet::from([root]));
            }
            // Also what another library had begun, of which this one knows nothing.
            Ok(false) => restore(path, &folder.path()),
            Err(error) => tracing::error!(%error, "what was being removed waits for the next start"),
        }
    }
}

fn restore(root: &Path, folder: &Path) {
    let Ok(list) = std::fs::read_to_string(folder.join(LIST)) else { return };
    let Ok(out) = File::open(folder) else { return };
    for line in list.lines() {
        let Some((number, path)) = line.split_once(' ') else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        if rustix::fs::statat(&out, number.to_string(), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            let relative: Vec<u8> = percent_decode_str(path).collect();
            bring_back(out.as_fd(), number, root, &relative);
        }
    }
    tidy(folder);
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::RootSpec;

    #[test]
    fn what_this_library_did_not_decide_to_remove_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("photos");
        let folder = folder_of(&root, AssetId::from_bytes([7; 16]));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir(root.join("x y")).unwrap();
        std::fs::write(folder.join(LIST), "0 x%20y%2Fa%2Ejpg\n1 b%2Ejpg\n").unwrap();
        std::fs::write(folder.join("0"), "a photo of another library").unwrap();
        let (library, _) = Library::open(&dir.path().join("data")).unwrap();
        let roots = library.set_roots(library.account(), &[RootSpec { path: root.clone() }]).unwrap();
        resume(&library, roots[0], &root);
        assert_eq!(std::fs::read(root.join("x y/a.jpg")).unwrap(), b"a photo of another library");
        assert!(!folder.exists() && !root.join("b.jpg").exists());
    }
}
