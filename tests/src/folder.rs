//! What is in a folder, for comparing: a mount with itself after a crash, a folder with what was reported of it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// One name in a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its inode number.
    pub inode: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Bytes.
    pub size: u64,
}

/// Everything below `root`, by path below it; nothing when it is not there. What vanishes meanwhile is left out.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                waiting.push(path.clone());
            }
            let size = if metadata.is_dir() { 0 } else { metadata.len() };
            found.insert(path, Entry { inode: metadata.ino(), is_dir: metadata.is_dir(), size });
        }
    }
    found
}

/// Where two trees differ, a line each: nothing where they are the same.
pub fn differences(before: &BTreeMap<PathBuf, Entry>, after: &BTreeMap<PathBuf, Entry>) -> Vec<String> {
    let lost = before.iter().filter(|(path, entry)| after.get(*path) != Some(*entry));
    let come = after.iter().filter(|(path, entry)| before.get(*path) != Some(*entry));
    let line = |sign: &str, (path, entry): (&PathBuf, &Entry)| format!("{sign}{} {entry:?}", path.display());
    lost.map(|entry| line("-", entry)).chain(come.map(|entry| line("+", entry))).collect()
}

/// The names of the files below `root`, without their folders, sorted.
pub fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = tree(root)
        .into_iter()
        .filter(|(_, entry)| !entry.is_dir)
        .filter_map(|(path, _)| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// The contents of every file below `root`.
pub fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = tree(root).into_iter().filter(|(_, entry)| !entry.is_dir);
    files.filter_map(|(path, _)| Some((path.clone(), std::fs::read(root.join(path)).ok()?))).collect()
}
