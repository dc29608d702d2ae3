//! Directories made, moved and removed: each view says what that means of its own.

use std::collections::BTreeSet;

use library::{AssetId, Decision, Scope};

use super::{Act, MovedDir, Onto, Place, Says};
use crate::error::FsError;
use crate::tree::path::DirPath;
use crate::tree::state::State;
use crate::tree::trash_can::{self, Part};
use crate::tree::view::{At, Naming, View};
use crate::tree::{Node, Tree, folders, people, trash, trash_info, view};

/// A name that somebody types is text.
fn text(name: &[u8]) -> Result<&str, FsError> {
    std::str::from_utf8(name).map_err(|_| FsError::BadValue("the name is not UTF-8 text".into()))
}

impl Tree {
    /// `mkdir DIR/NAME`.
    pub(crate) fn mkdir(&self, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        if Self::child(&state, &dir, name).is_some() {
            return Err(FsError::Exists);
        }
        let (top, at) = dir.split_view().ok_or(FsError::ReadOnly)?;
        let view = view(top).ok_or(FsError::NotFound)?;
        let says = view.mkdir(&state, &at, text(name)?).or_else(|error| {
            // Whoever puts something back makes the directory that went with it.
            let made = dir.join(name);
            if !trash_info::came_from(&state, &made) {
                return Err(error);
            }
            state.lingering.expect(&made);
            Ok(Says::Nothing)
        })?;
        Ok(Act::of(parent, says))
    }

    /// `rmdir DIR/NAME`.
    pub(crate) fn rmdir(&self, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        let Node::Dir(path) = Self::child(&state, &dir, name).ok_or(FsError::NotFound)? else {
            return Err(FsError::NotADirectory);
        };
        if self.end_lingering(&state, &path) {
            return Ok(Act::of(parent, Says::Nothing));
        }
        let (top, at) = path.split_view().ok_or(FsError::ReadOnly)?;
        let says = view(top).ok_or(FsError::NotFound)?.rmdir(&state, &at)?;
        // Its name is free as soon as it is gone.
        state.lingering.end(&path);
        free_names(&state, &says);
        Ok(Act::of(parent, says))
    }

    /// `mv` of a directory.
    pub(super) fn rename_dir(
        &self,
        state: &State,
        moved: &DirPath,
        there: Place,
        onto: Onto,
    ) -> Result<Act, FsError> {
        let (top, at) = moved.split_view().ok_or(FsError::ReadOnly)?;
        let from = view(top).ok_or(FsError::NotFound)?;
        let (new_top, new_at) = there.dir.split_view().ok_or(FsError::ReadOnly)?;
        let says = if new_top == top {
            from.rename_dir(state, &at, &new_at, text(&there.name)?, onto)?
        } else if new_top == trash::NAME.as_bytes() || trash_can::part(&there.dir) == Some(Part::Files) {
            match from.removed(state, &at) {
                Some(says) => says,
                None => Says::OfPhotos(all_to_trash(state, from, &at)?),
            }
        } else {
            return Err(FsError::Computed);
        };
        state.lingering.leave(moved);
        free_names(state, &says);
        let to = there.dir.join(&there.name);
        let inodes = self.inodes();
        let ino = inodes.known_or_spare(moved);
        let moved = MovedDir { from: moved.clone(), to, ino: inodes.known(moved) };
        drop(inodes);
        Ok(Act { says, ino, moved: Some(moved), stale: Some(there), stays: None })
    }
}

/// Somebody who is meant by their number leaves the name of their directory too.
fn free_names(state: &State, says: &Says) {
    if let Says::OfPerson(decision) = says {
        people::paths_of(state, decision).iter().for_each(|path| state.lingering.leave(path));
    }
}

/// All photos in a directory where they are computed to be, and in those below it, into the trash.
fn all_to_trash(
    state: &State,
    from: &dyn View,
    at: At<'_>,
) -> Result<Vec<(AssetId, Vec<Decision>)>, FsError> {
    if at.is_empty() || !matches!(from.naming(), Naming::ByAsset | Naming::OnDisk) {
        return Err(FsError::ReadOnly);
    }
    if from.membership(state, at).is_some() {
        return Err(FsError::Computed);
    }
    let mut photos = BTreeSet::new();
    let mut open: Vec<Vec<Box<[u8]>>> = vec![at.iter().map(|name| (*name).into()).collect()];
    while let Some(path) = open.pop() {
        let at: Vec<&[u8]> = path.iter().map(|name| &**name).collect();
        let contents = from.contents(state, &at);
        let on_disk = match from.naming() {
            Naming::OnDisk => folders::files(state, &at).into_iter().map(|(row, _)| row).collect(),
            _ => Vec::new(),
        };
        let rows = contents.rows.into_iter().chain(on_disk);
        photos.extend(rows.filter_map(|row| Some(state.host(row, Scope::Everything)?.1.id)));
        for dir in contents.dirs {
            open.push(path.iter().cloned().chain([dir]).collect());
        }
    }
    Ok(photos.into_iter().map(|photo| (photo, vec![Decision::Trash(true)])).collect())
}
