//! `versions/IMG_1.jpg/`: what a photo was before it was saved over, the oldest first, and what it is now last.
//!
//! Removing the last goes back to the one before. A number means the same bytes for as long as they are a version.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use library::{AssetId, RowNumber, Scope};

use super::Node;
use super::inodes::{VERSION_MARK, number_of};
use super::state::State;
use super::view::{At, Contents, Naming, View, text};
use crate::source::Version;

/// Its name.
pub(super) const NAME: &str = "versions";

/// What is kept of photos that were saved over, by photo and numbered.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    list: Arc<Vec<Version>>,
    inodes: Vec<u64>,
    /// By photo, oldest first.
    by_asset: BTreeMap<AssetId, Vec<usize>>,
    by_inode: HashMap<u64, usize>,
}

/// Other bytes under a number that was free again are another file.
fn number(version: &Version, salt: u32) -> u64 {
    let (file, number) = (&version.file, version.number.to_be_bytes());
    let (size, modified) = (file.size.to_be_bytes(), file.modified.as_nanosecond().to_be_bytes());
    let what: [&[u8]; 5] = [version.asset.as_bytes(), &number, &size, &modified, &salt.to_be_bytes()];
    number_of(&what.concat(), VERSION_MARK)
}

impl Versions {
    pub(crate) fn of(list: &Arc<Vec<Version>>) -> Self {
        let mut versions = Self { list: Arc::clone(list), ..Self::default() };
        for (at, version) in list.iter().enumerate() {
            let mut inodes = (0..).map(|salt| number(version, salt));
            let Some(ino) = inodes.find(|ino| !versions.by_inode.contains_key(ino)) else { continue };
            versions.inodes.push(ino);
            versions.by_inode.insert(ino, at);
            versions.by_asset.entry(version.asset).or_default().push(at);
        }
        for older in versions.by_asset.values_mut() {
            older.sort_by_key(|at| (list[*at].number, &list[*at].file));
        }
        versions
    }

    /// Whether it was made of this very list.
    pub(crate) fn is_of(&self, list: &Arc<Vec<Version>>) -> bool {
        Arc::ptr_eq(&self.list, list)
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Version> {
        self.list.get(at)
    }

    /// With its inode number.
    pub(crate) fn numbered(&self, at: usize) -> Option<(&Version, u64)> {
        Some((self.list.get(at)?, *self.inodes.get(at)?))
    }

    pub(crate) fn by_inode(&self, ino: u64) -> Option<usize> {
        self.by_inode.get(&ino).copied()
    }
}

/// The photo whose directory this is, what it was, oldest first, and what its present version is called.
pub(super) fn of_dir<'a>(
    state: &'a State,
    at: At<'_>,
) -> Option<(RowNumber, impl Iterator<Item = usize> + use<'a>, Box<[u8]>)> {
    let [name] = at else { return None };
    let row = state.snapshot.by_name(text(name)?)?;
    let photo = state.row(row).filter(|photo| state.shows(photo, Scope::Everything))?;
    let older = state.beside.versions.by_asset.get(&photo.id)?;
    let last =
        older.iter().filter_map(|at| state.beside.versions.get(*at)).map(|version| version.number).max();
    let present = format!("{:04} {}", last.unwrap_or(0) + 1, photo.name);
    Some((row, older.iter().copied(), present.into_bytes().into()))
}

/// What a name stands for in the directory of a photo.
pub(super) fn find(state: &State, at: At<'_>, name: &[u8]) -> Option<Node> {
    let (row, mut older, present) = of_dir(state, at)?;
    if *present == *name {
        return Some(Node::Row(row));
    }
    let is_called =
        |at: &usize| state.beside.versions.get(*at).is_some_and(|version| version.file.file_name() == name);
    older.find(is_called).map(Node::Version)
}

/// `versions/`.
#[derive(Debug)]
pub(crate) struct VersionsView;

impl View for VersionsView {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "photos that were saved over, as they were: rm of the last version goes back to the one before"
    }

    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn naming(&self) -> Naming {
        Naming::Versions
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        at.is_empty() || of_dir(state, at).is_some()
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        if !at.is_empty() {
            return Contents::default();
        }
        let photos = state.beside.versions.by_asset.keys().filter_map(|asset| {
            let photo = state.row(state.snapshot.by_id(*asset)?)?;
            state.shows(photo, Scope::Everything).then_some(&*photo.name)
        });
        let mut names: Vec<&str> = photos.collect();
        names.sort_unstable();
        Contents::of_dirs(names)
    }

    /// What is kept is not of the library, so no change of a photo tells of it.
    fn drifts(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileSeen;
    use library::RootId;

    #[test]
    fn versions_are_in_order_and_other_bytes_under_a_number_are_another_file() {
        let asset = AssetId::from_bytes([7; 16]);
        let version = |number, size| Version {
            asset,
            number,
            file: FileSeen {
                root: RootId::from_bytes([2; 16]),
                path: format!("x/{number:04} a.jpg").into_bytes().into(),
                size,
                modified: jiff::Timestamp::UNIX_EPOCH,
            },
        };
        let list = Arc::new(vec![version(2, 1), version(1, 1), version(2, 9)]);
        let versions = Versions::of(&list);
        assert!(versions.is_of(&list) && !versions.is_of(&Arc::new(Vec::new())));
        assert_eq!(versions.by_asset[&asset], [1, 0, 2]);
        let inodes: Vec<u64> = (0..3).map(|at| versions.numbered(at).unwrap().1).collect();
        assert!(inodes[0] != inodes[2] && inodes.iter().all(|ino| ino >> 60 == 0b0110));
        assert_eq!(versions.by_inode(inodes[1]), Some(1));
    }
}
