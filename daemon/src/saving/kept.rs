//! What is kept of photos that were saved over: `.galleryfs/versions/ASSET/0001 NAME` and so on, in the root of each.
//!
//! The folders are the truth. They are looked through once, at the start; whoever adds to one has it looked at again.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use galleryfs_fs::{FileSeen, Version};
use library::{AssetId, Library, LibraryError, RootId};

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
pub struct KeptVersions(Mutex<Arc<Vec<Version>>>);

impl KeptVersions {
    /// All of them, in no order. Another list when there are others.
    pub fn versions(&self) -> Arc<Vec<Version>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks through the folders of all roots.
    pub fn look_through(&self, library: &Library) {
        let snapshot = library.snapshot();
        let mut found = Vec::new();
        for (root, _) in snapshot.folders().roots() {
            // A root that is away has none to show, nor photos that they would be of.
            let assets =
                std::fs::read_dir(root.path.join(OURS).join(VERSIONS)).into_iter().flatten().flatten();
            for asset in assets.filter_map(|entry| AssetId::from_str(entry.file_name().to_str()?).ok()) {
                if let Err(error) = adopt(library, &folder(&root.path, asset), asset) {
                    tracing::warn!(%error, "what was being saved when the daemon ended is left where it is");
                }
                found.extend(read(root.id, &root.path, asset));
            }
        }
        self.set(found);
    }

    /// Looks at the folder of one photo in a root again.
    pub fn look_at(&self, root: RootId, path: &Path, asset: AssetId) {
        let mut versions = Vec::clone(&self.versions());
        versions.retain(|version| (version.asset, version.file.root) != (asset, root));
        versions.extend(read(root, path, asset));
        self.set(versions);
    }

    /// A photo is no more.
    pub fn forget(&self, asset: AssetId) {
        let mut versions = Vec::clone(&self.versions());
        versions.retain(|version| version.asset != asset);
        self.set(versions);
    }

    /// The newest of a photo.
    pub fn newest(&self, asset: AssetId) -> Option<Version> {
        let versions = self.versions();
        let of_it = versions.iter().filter(|version| version.asset == asset);
        of_it.max_by_key(|version| (version.number, &version.file)).cloned()
    }

    fn set(&self, versions: Vec<Version>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(versions);
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

/// What a killed process left between two names is a version, if it is one of the photo's. What it is else, the next save puts
/// aside.
pub fn adopt(library: &Library, folder: &Path, asset: AssetId) -> io::Result<()> {
    let left = folder.join(CHANGING);
    let Ok(mut file) = File::open(&left) else { return Ok(()) };
    let size = file.metadata()?.len();
    let digests =
        Contents::default().digest(&mut file, size, &AtomicBool::new(false)).map_err(io::Error::from)?;
    let failed = |error: LibraryError| io::Error::other(error);
    let holding = library.holding(&digests.checksum).map_err(failed)?;
    let now = library.content_of(asset).map_err(failed)?.map(|(_, checksum)| checksum);
    let is_former = holding.is_some_and(|holding| holding.asset == asset) && now != Some(digests.checksum);
    if is_former {
        let name = library.details(asset).map_err(failed)?.map(|details| details.name).unwrap_or_default();
        let kept = folder.join(OsStr::from_bytes(&numbered(next(folder)?, name.as_bytes())));
        std::fs::rename(left, kept)?;
    }
    Ok(())
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
        versions.look_at(root, dir.path(), asset);
        versions.look_at(root, dir.path(), asset);
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
