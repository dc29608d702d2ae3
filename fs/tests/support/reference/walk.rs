//! What there is in a mount.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Reference;
use super::picture::mark;

/// What a walk through the views at `top` finds, as [`Reference::listed`] has it.
pub fn walked(top: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = Reference::VIEWS.map(str::to_owned).into();
    while let Some(dir) = open.pop() {
        found.insert(format!("{dir}/"));
        if dir.starts_with("searches/") {
            continue;
        }
        let entries = match std::fs::read_dir(top.join(&dir)) {
            Ok(entries) => entries,
            Err(error) => {
                found.insert(format!("{dir}: {error}"));
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found.insert(format!("in {dir}: {error}"));
                    continue;
                }
            };
            let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                _ => drop(found.insert(path)),
            }
        }
    }
    found
}

/// What the files hold that are walked, as [`Reference::contents`] has it.
pub fn read(top: &Path) -> BTreeMap<String, u64> {
    let is_read = |path: &String| {
        let is_in = |view: &str| path.starts_with(view) && !path.ends_with('/');
        ["all/", "trash/", "versions/"].into_iter().any(is_in)
    };
    let files = walked(top).into_iter().filter(is_read);
    files.map(|path| (path.clone(), std::fs::read(top.join(&path)).map_or(0, |bytes| mark(&bytes)))).collect()
}

/// What stays in `inbox/`, as [`Reference::left`] has it: whatever says why.
pub fn left(top: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(top.join("inbox")) else { return BTreeSet::new() };
    let says_why = |path: &String| {
        let mut value = [0; 200];
        let size = rustix::fs::getxattr(top.join(path), "user.galleryfs.last_error", &mut value[..]);
        size.is_ok_and(|size| size > 0)
    };
    let path = |entry: std::io::Result<std::fs::DirEntry>| {
        Some(format!("inbox/{}", entry.ok()?.file_name().to_string_lossy()))
    };
    entries.filter_map(path).filter(says_why).collect()
}
