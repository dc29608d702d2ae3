//! The user's own layout: the watched roots and the folders in them that hold assets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::chunks::Chunks;
use crate::id::{AccountId, RootId, RowNumber};

/// A folder of a root, numbered for this run of the daemon. A folder that emptied and filled again gets a new number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DirId(pub u32);

/// A watched folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Root {
    /// Who it is.
    pub id: RootId,
    /// Whose it is.
    pub owner: AccountId,
    /// Its name under `folders/`, unique among the roots of its owner.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was among the folders named last.
    pub watched: bool,
}

/// One folder. Only folders that hold assets, directly or below, exist here.
#[derive(Clone, Debug)]
pub struct Dir {
    /// The root it lies in.
    pub root: RootId,
    /// The folder above; `None` for the root itself.
    pub parent: Option<DirId>,
    /// Its name as on disk; empty for the root itself.
    pub name: Box<[u8]>,
    /// Folders in it.
    pub subdirs: BTreeMap<Box<[u8]>, DirId>,
    /// Rows with a path directly in it, parts and sidecars too.
    pub rows: RoaringBitmap,
}

/// All roots and folders of one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    roots: Arc<Vec<(Root, DirId)>>,
    dirs: Chunks<Dir>,
}

impl Folders {
    /// The roots, in the order they were added.
    pub fn roots(&self) -> impl Iterator<Item = (&Root, DirId)> {
        self.roots.iter().map(|(root, dir)| (root, *dir))
    }

    /// The root with this id.
    pub fn root(&self, id: RootId) -> Option<(&Root, DirId)> {
        self.roots().find(|(root, _)| root.id == id)
    }

    /// A folder.
    pub fn dir(&self, id: DirId) -> Option<&Arc<Dir>> {
        self.dirs.get(RowNumber(id.0))
    }

    /// The path of a folder below its root, as on disk: empty for the root itself.
    pub fn relative_path(&self, id: DirId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = Some(id);
        while let Some(dir) = at.and_then(|id| self.dir(id)) {
            if dir.parent.is_some() {
                names.push(&dir.name);
            }
            at = dir.parent;
        }
        let mut path = Vec::new();
        for name in names.into_iter().rev() {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
        }
        path
    }

    /// The folder at `relative` (components joined by `/`), if it holds anything.
    pub fn find(&self, root: RootId, relative: &[u8]) -> Option<DirId> {
        let (_, mut at) = self.root(root)?;
        for name in relative.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            at = *self.dir(at)?.subdirs.get(name)?;
        }
        Some(at)
    }

    pub(crate) fn set_roots(&mut self, roots: impl IntoIterator<Item = Root>) {
        let mut kept = Vec::new();
        for root in roots {
            let dir = match self.root(root.id) {
                Some((_, dir)) => dir,
                None => self.push(Dir {
                    root: root.id,
                    parent: None,
                    name: Box::default(),
                    subdirs: BTreeMap::new(),
                    rows: RoaringBitmap::new(),
                }),
            };
            kept.push((root, dir));
        }
        self.roots = Arc::new(kept);
    }

    fn push(&mut self, dir: Dir) -> DirId {
        let id = DirId(self.dirs.end());
        self.dirs.set(RowNumber(id.0), Some(Arc::new(dir)));
        id
    }

    fn change(&mut self, id: DirId, change: impl FnOnce(&mut Dir)) {
        if let Some(dir) = self.dirs.get_mut(RowNumber(id.0)) {
            change(dir);
        }
    }

    /// The folder at `relative`, made with its parents where it is not there. `None` when the root is unknown.
    pub(crate) fn make(&mut self, root: RootId, relative: &[u8]) -> Option<DirId> {
        let (_, mut at) = self.root(root)?;
        for name in relative.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            at = match self.dir(at)?.subdirs.get(name) {
                Some(next) => *next,
                None => {
                    let next = self.push(Dir {
                        root,
                        parent: Some(at),
                        name: name.into(),
                        subdirs: BTreeMap::new(),
                        rows: RoaringBitmap::new(),
                    });
                    self.change(at, |dir| {
                        dir.subdirs.insert(name.into(), next);
                    });
                    next
                }
            };
        }
        Some(at)
    }

    pub(crate) fn add_row(&mut self, dir: DirId, row: RowNumber) {
        if self.dir(dir).is_some_and(|dir| !dir.rows.contains(row.0)) {
            self.change(dir, |dir| {
                dir.rows.insert(row.0);
            });
        }
    }

    /// Takes a row out, and with it every folder that is empty then.
    pub(crate) fn remove_row(&mut self, dir: DirId, row: RowNumber) {
        self.change(dir, |dir| {
            dir.rows.remove(row.0);
        });
        let mut at = dir;
        while let Some(dir) = self.dir(at) {
            let (Some(parent), true) = (dir.parent, dir.rows.is_empty() && dir.subdirs.is_empty()) else {
                return;
            };
            let name = dir.name.clone();
            self.dirs.set(RowNumber(at.0), None);
            self.change(parent, |parent| {
                parent.subdirs.remove(&name);
            });
            at = parent;
        }
    }
}
