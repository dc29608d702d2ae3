//! What is kept of photos that were saved over: `.galleryfs/versions/ASSET/0001 NAME` and so on, in the root of each.
//!
//! The folders are the truth. They are looked through whenever their root comes to be there; whoever adds to one has it looked
//! at again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;
use galleryfs_fs::{FileSeen, Version};
use library::{AssetId, Digests, Library, LibraryError, RootId};

use super::changing::CHANGING;
use crate::pipeline::contents::Contents;
use crate::pipeline::names::OURS;

/// What was replaced, in our folder in a root.
const VERSIONS: &str = "versions";
/// What was gone back from, in the folder of a photo there.
const UNDONE: &str = "undone";

/// The longest name that a disk takes, in bytes.
const LONGEST_NAME: usize = 255;

/// Every version that is kept.
#[derive(Debug, Default)]
pub struct KeptVersions {
    found: Mutex<Found>,
    listeners: Mutex<Vec<Sender<()>>>,
}

#[derive(Debug, Default)]
struct Found {
    /// By the folder that they are in.
    by_folder: BTreeMap<(RootId, AssetId), Vec<Version>>,
    /// All of them, once somebody has asked.
    list: Option<Arc<Vec<Version>>>,
}

impl KeptVersions {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, in no order. Another list when there are others.
    pub fn versions(&self) -> Arc<Vec<Version>> {
        let mut found = self.found();
        let Found { by_folder, list } = &mut *found;
        Arc::clone(list.get_or_insert_with(|| Arc::new(by_folder.values().flatten().cloned().collect())))
    }

    /// Told whenever others were found without a change of the library.
    pub fn tell(&self, listener: Sender<()>) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Looks through the folders of a root, and finishes what was being saved there when a daemon ended.
    pub fn look_through(&self, library: &Library, root: RootId, path: &Path) {
        let entries = std::fs::read_dir(path.join(OURS).join(VERSIONS)).into_iter().flatten().flatten();
        let there = entries.filter_map(|entry| AssetId::from_str(entry.file_name().to_str()?).ok());
        // Those that are not there any more are looked at, too.
        let known =
            self.found().by_folder.keys().filter(|at| at.0 == root).map(|at| at.1).collect::<Vec<_>>();
        let mut changed = false;
        for asset in there.chain(known).collect::<BTreeSet<_>>() {
            let _alone = super::ALONE.with([asset]);
            if let Err(error) = adopt(library, &folder(path, asset), asset) {
                tracing::warn!(%error, "what was being saved when the daemon ended is left where it is");
            }
            changed |= self.look_at(root, path, asset);
        }
        if changed {
            let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.retain(|listener| listener.send(()).is_ok());
        }
    }

    /// Looks at the folder of one photo in a root again. Whether other versions are there.
    pub fn look_at(&self, root: RootId, path: &Path, asset: AssetId) -> bool {
        let (at, mut there) = ((root, asset), read(root, path, asset));
        there.sort_unstable();
        let mut found = self.found();
        let before = match there.is_empty() {
            true => found.by_folder.remove(&at).unwrap_or_default(),
            false => found.by_folder.insert(at, there.clone()).unwrap_or_default(),
        };
        let changed = before != there;
        if changed {
            found.list = None;
        }
        changed
    }

    /// A photo is no more.
    pub fn forget(&self, asset: AssetId) {
        let mut found = self.found();
        found.by_folder.retain(|(_, of), _| *of != asset);
        found.list = None;
    }

    /// The newest of a photo.
    pub fn newest(&self, asset: AssetId) -> Option<Version> {
        let versions = self.versions();
        let of_it = versions.iter().filter(|version| version.asset == asset);
        of_it.max_by_key(|version| (version.number, &version.file)).cloned()
    }
}

/// The folder of a photo in a root.
pub fn folder(root: &Path, asset: AssetId) -> PathBuf {
    root.join(OURS).join(VERSIONS).join(asset.to_string())
}

/// Where in it is kept what was gone back from. It is made where it is not there.
pub fn undone(folder: &Path) -> io::Result<PathBuf> {
    let undone = folder.join(UNDONE);
    match std::fs::create_dir(&undone) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(undone),
    }
}

/// What a killed process left between two names is a version, if it is one of the photo's; but for a copy of the last that is
/// kept, which was to be gone back to and is kept as it is. What it is else, the next save puts aside.
pub fn adopt(library: &Library, folder: &Path, asset: AssetId) -> io::Result<()> {
    let left = folder.join(CHANGING);
    let Ok(mut file) = File::open(&left) else { return Ok(()) };
    let digests = digests(&mut file)?;
    let failed = |error: LibraryError| io::Error::other(error);
    let holding = library.holding(&digests.checksum).map_err(failed)?;
    let now = library.content_of(asset).map_err(failed)?.map(|(_, checksum)| checksum);
    let is_former = holding.is_some_and(|holding| holding.asset == asset) && now != Some(digests.checksum);
    if is_former && is_last(folder, &digests)? {
        std::fs::remove_file(left)?;
    } else if is_former {
        let name = library.details(asset).map_err(failed)?.map(|details| details.name).unwrap_or_default();
        let kept = folder.join(OsStr::from_bytes(&numbered(next(folder)?, name.as_bytes())));
        std::fs::rename(left, kept)?;
    }
    Ok(())
}

fn digests(file: &mut File) -> io::Result<Digests> {
    let size = file.metadata()?.len();
    Contents::default().digest(file, size, &AtomicBool::new(false)).map_err(io::Error::from)
}

/// Whether the last that is kept in a folder has these bytes.
fn is_last(folder: &Path, wanted: &Digests) -> io::Result<bool> {
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Not of what a link points to.
        if entry.file_type()?.is_file()
            && let Some(number) = number(entry.file_name().as_bytes())
        {
            kept.push((number, entry.path()));
        }
    }
    let Some((_, last)) = kept.iter().max() else { return Ok(false) };
    Ok(digests(&mut File::open(last)?)? == *wanted)
}

/// The name of a file that is kept: of a very long one, its end.
pub fn numbered(number: u32, name: &[u8]) -> Vec<u8> {
    let number = format!("{number:04} ");
    let too_long = (number.len() + name.len()).saturating_sub(LONGEST_NAME);
    // Not in the middle of a character.
    let start = (too_long..name.len()).find(|at| name[*at] & 0xC0 != 0x80).unwrap_or(too_long);
    [number.as_bytes(), &name[start..]].concat()
}

/// The number in such a name.
fn number(name: &[u8]) -> Option<u32> {
    let digits = name.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The number of the next file to be kept in a folder.
pub fn next(folder: &Path) -> io::Result<u32> {
    let mut last = 0;
    for entry in std::fs::read_dir(folder)? {
        last = last.max(number(entry?.file_name().as_bytes()).unwrap_or(0));
    }
    Ok(last + 1)
}

fn read(root: RootId, path: &Path, asset: AssetId) -> Vec<Version> {
    let entries = std::fs::read_dir(folder(path, asset)).into_iter().flatten().flatten();
    let version = |entry: std::fs::DirEntry| {
        // Not of what a link points to.
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let name = entry.file_name();
        let number = number(name.as_bytes())?;
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let relative = folder(Path::new(""), asset).join(name);
        Some(Version {
            asset,
            number,
            file: FileSeen {
                root,
                path: relative.as_os_str().as_bytes().into(),
                size: metadata.len(),
                modified: jiff::Timestamp::from_nanosecond(modified).ok()?,
            },
        })
    };
    entries.filter_map(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_numbered_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (root, asset) = (RootId::from_bytes([1; 16]), AssetId::from_bytes([7; 16]));
        let kept = folder(dir.path(), asset);
        std::fs::create_dir_all(&kept).unwrap();
        assert_eq!(next(&kept).unwrap(), 1);
        std::fs::write(kept.join("0007 a b.jpg"), "seven").unwrap();
        std::fs::write(kept.join("changing"), "on its way").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", kept.join("0009 x.jpg")).unwrap();
        std::fs::write(undone(&kept).unwrap().join("0001 a b.jpg"), "gone back from").unwrap();
        undone(&kept).unwrap();
        assert_eq!(next(&kept).unwrap(), 10);
        assert_eq!(numbered(12, b"a.jpg"), b"0012 a.jpg");
        let long = numbered(1, format!("{}.jpg", "é".repeat(125)).as_bytes());
        assert!(long.len() <= 255 && long.starts_with("0001 é".as_bytes()) && long.ends_with(b".jpg"));
        let versions = KeptVersions::default();
        assert!(versions.look_at(root, dir.path(), asset));
        assert!(!versions.look_at(root, dir.path(), asset), "nothing has changed");
        let found = versions.versions();
        assert_eq!(
            found.iter().map(|version| (version.number, version.file.size)).collect::<Vec<_>>(),
            [(7, 5)]
        );
        assert_eq!(found[0].file.file_name(), b"0007 a b.jpg");
        assert_eq!(versions.newest(asset).unwrap(), found[0]);
        assert_eq!(versions.newest(AssetId::from_bytes([8; 16])), None);
    }
}
