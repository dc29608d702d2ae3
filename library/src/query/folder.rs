//! `in:`: everything below the folders of a name or path.

use roaring::RoaringBitmap;

use super::value::{PathMatcher, Value};
use crate::id::AccountId;
use crate::snapshot::{DirId, Folders, Snapshot};

/// The rows with a path in or below a folder called `wanted`, in the roots of `account`. A root is called by its name
/// under `folders/`.
pub(super) fn rows_below(snapshot: &Snapshot, account: AccountId, wanted: &Value) -> RoaringBitmap {
    let matcher = wanted.path_matcher();
    let folders = snapshot.folders();
    let mut rows = RoaringBitmap::new();
    for (root, dir) in folders.roots().filter(|(root, _)| root.owner == account) {
        let mut search =
            Search { folders, matcher: &matcher, path: vec![matcher.part(&root.name)], rows: &mut rows };
        let inside = wanted.is_anything() || matcher.ends(&search.path);
        search.descend(dir, inside);
    }
    rows
}

struct Search<'a> {
    folders: &'a Folders,
    matcher: &'a PathMatcher,
    /// Names of the folders from the root to here, made comparable.
    path: Vec<String>,
    rows: &'a mut RoaringBitmap,
}

impl Search<'_> {
    /// As deep as the user's folders are, which a path's length limits.
    fn descend(&mut self, dir: DirId, inside: bool) {
        let Some(dir) = self.folders.dir(dir) else { return };
        if inside {
            *self.rows |= &dir.rows;
        }
        for (name, subdir) in &dir.subdirs {
            if inside {
                self.descend(*subdir, true);
                continue;
            }
            self.path.push(self.matcher.part(&String::from_utf8_lossy(name)));
            let matches = self.matcher.ends(&self.path);
            self.descend(*subdir, matches);
            self.path.pop();
        }
    }
}
