//! `folders/ROOT/...`: the user's own layout, names as on disk, parts and sidecars where they lie.

use library::snapshot::{Dir, DirId};
use library::{Row, RowNumber, Scope};

use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, Naming, View};
use crate::name::safe;

/// `folders/`.
#[derive(Debug)]
pub(crate) struct Folders;

/// The folder on disk behind a directory below `folders/`, whether or not anything in it may show.
pub(crate) fn folder(state: &State, at: At<'_>) -> Option<DirId> {
    let [root, below @ ..] = at else { return None };
    let folders = state.snapshot.folders();
    let (_, mut dir) = folders
        .roots()
        .find(|(found, _)| found.owner == state.account() && safe(&found.name).as_bytes() == *root)?;
    for name in below {
        dir = *folders.dir(dir)?.subdirs.get(*name)?;
    }
    Some(dir)
}

/// The directory that shows a folder.
fn shown_at(state: &State, dir: DirId) -> Option<DirPath> {
    let folders = state.snapshot.folders();
    let (root, _) = folders.root(folders.dir(dir)?.root)?;
    let top = DirPath::of([Folders.name(), &safe(&root.name)]);
    let relative = folders.relative_path(dir);
    Some(if relative.is_empty() { top } else { top.join(&relative) })
}

/// Whether anything in the folder or below may show: a folder of locked photos is not even named.
fn shows_any(state: &State, dir: &Dir) -> bool {
    let rows = &dir.rows;
    !rows.is_disjoint(state.shown(Scope::Everything))
        || rows.iter().any(|row| state.host(RowNumber(row), Scope::Everything).is_some())
        || dir
            .subdirs
            .values()
            .filter_map(|below| state.snapshot.folders().dir(*below))
            .any(|below| shows_any(state, below))
}

/// The files lying in a folder, with their names on disk.
pub(crate) fn files(state: &State, at: At<'_>) -> Vec<(RowNumber, Box<[u8]>)> {
    let Some(id) = folder(state, at) else { return Vec::new() };
    let Some(dir) = state.snapshot.folders().dir(id) else { return Vec::new() };
    let mut files = Vec::new();
    for number in dir.rows.iter().map(RowNumber) {
        if let (Some(_), Some(row)) = (state.host(number, Scope::Everything), state.row(number)) {
            let here = row.paths().filter(|path| path.dir == id);
            files.extend(here.map(|path| (number, path.file_name.into())));
        }
    }
    files
}

/// The file of this name in a folder.
pub(crate) fn find(state: &State, at: At<'_>, name: &[u8]) -> Option<RowNumber> {
    let number = state.snapshot.by_path(folder(state, at)?, name)?;
    state.host(number, Scope::Everything).map(|_| number)
}

/// Every name under which a row stands in `folders/`.
pub(crate) fn stands_as(state: &State, row: &Row) -> Vec<(DirPath, Box<[u8]>)> {
    row.paths().filter_map(|path| Some((shown_at(state, path.dir)?, path.file_name.into()))).collect()
}

impl View for Folders {
    fn name(&self) -> &'static str {
        "folders"
    }

    fn about(&self) -> &'static str {
        "your own folders as they are on disk, sidecars included"
    }

    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn naming(&self) -> Naming {
        Naming::OnDisk
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        let mut dirs: Vec<_> = stands_as(state, row).into_iter().map(|(dir, _)| dir).collect();
        dirs.sort();
        dirs.dedup();
        dirs
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        let Some(id) = folder(state, at) else { return at.is_empty() };
        // A root is there even when it is empty, so that it can be seen that nothing was found in it.
        at.len() == 1 || state.snapshot.folders().dir(id).is_some_and(|dir| shows_any(state, dir))
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        let folders = state.snapshot.folders();
        if at.is_empty() {
            let roots = folders.roots().filter(|(root, _)| root.owner == state.account());
            return Contents::of_dirs(roots.map(|(root, _)| safe(&root.name)));
        }
        let Some(dir) = folder(state, at).and_then(|id| folders.dir(id)) else { return Contents::default() };
        let shown = dir
            .subdirs
            .iter()
            .filter(|(_, below)| folders.dir(**below).is_some_and(|below| shows_any(state, below)));
        Contents::of_dirs(shown.map(|(name, _)| name))
    }
}
