//! Photos put into directories, moved between them, and taken out.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use library::{AssetId, AssetInode, Decision, RowNumber, Scope, Visibility};

use super::{Act, Onto, Place, Says};
use crate::error::FsError;
use crate::tree::membership::Membership;
use crate::tree::path::DirPath;
use crate::tree::state::State;
use crate::tree::trash_can::{self, Part};
use crate::tree::view::Naming;
use crate::tree::{Node, Tree, trash, versions, view};

/// What it says of a photo to be in a directory.
enum Class {
    /// Somebody decides it.
    Decided(Membership),
    /// It is in the trash.
    Trash,
    /// It goes for good.
    Expunged,
    /// It follows from the photo.
    Computed,
    /// It was found by a search, or is no place for photos.
    Found,
}

fn class(state: &State, dir: &DirPath) -> Class {
    let Some((top, at)) = dir.split_view() else { return Class::Found };
    match view(top) {
        Some(view) if view.name() == trash::NAME => Class::Trash,
        Some(_) if trash_can::user(top).is_some() => match trash_can::part(dir) {
            Some(Part::Files) => Class::Trash,
            Some(Part::Expunged) => Class::Expunged,
            _ => Class::Found,
        },
        Some(view) => match view.membership(state, &at) {
            Some(membership) => Class::Decided(membership),
            None if matches!(view.naming(), Naming::ByAsset | Naming::OnDisk) => Class::Computed,
            None => Class::Found,
        },
        None => Class::Found,
    }
}

/// Whether it is decided what is in a directory: photos are put there.
pub(in crate::tree) fn is_decided(state: &State, dir: &DirPath) -> bool {
    matches!(class(state, dir), Class::Decided(_) | Class::Trash)
}

/// Whether a directory holds photos, so that savers work in it.
pub(in crate::tree) fn takes_scratch(state: &State, dir: &DirPath) -> bool {
    dir.split_view().is_some_and(|(_, at)| !at.is_empty())
        && matches!(class(state, dir), Class::Decided(_) | Class::Computed)
        || matches!(class(state, dir), Class::Decided(_))
}

impl Tree {
    /// `ln PHOTO DIR/NAME`: puts a photo into a directory.
    pub(crate) fn link(&self, ino: u64, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        let row = asset(&state, ino)?;
        let joins = match class(&state, &dir) {
            Class::Decided(membership) => membership.joins,
            Class::Trash => vec![Decision::Trash(true)],
            Class::Computed | Class::Found | Class::Expunged => return Err(FsError::Computed),
        };
        free_for(&state, &dir, name, row)?;
        let stale = Place { ino: parent, dir, name: name.into() };
        put(&state, row, joins, stale, None)
    }

    /// `ln -s TARGET DIR/NAME`: puts the photo that it points to into a directory. The target is read as text, beginning at
    /// the directory or, below `mountpoint`, at the root: following it would ask ourselves.
    pub(crate) fn symlink(
        &self,
        parent: u64,
        name: &[u8],
        target: &Path,
        mountpoint: &Path,
    ) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        let Class::Decided(membership) = class(&state, &dir) else { return Err(FsError::ReadOnly) };
        let nowhere = || FsError::BadValue("the link points to no photo of this gallery".into());
        let pointed = pointed_to(&dir, target, mountpoint).ok_or_else(nowhere)?;
        let (at, called) = pointed.parent().ok_or_else(nowhere)?;
        let Some(Node::Row(row)) = Self::child(&state, &at, called) else { return Err(nowhere()) };
        free_for(&state, &dir, name, row)?;
        let stale = Place { ino: parent, dir, name: name.into() };
        put(&state, row, membership.joins, stale, None)
    }

    /// What is decided of a photo that is copied into a directory. `None` where nothing can be copied.
    pub(crate) fn joins(&self, dir: u64) -> Option<Vec<Decision>> {
        match class(&self.state(), &self.dir(dir).ok()?) {
            Class::Decided(membership) => Some(membership.joins),
            _ => None,
        }
    }

    /// `rm DIR/NAME`: takes a photo out of a directory; where it is computed to be in it, puts it into the trash; and there,
    /// removes it for good.
    pub(crate) fn unlink(&self, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        let row = match Self::child(&state, &dir, name).ok_or(FsError::NotFound)? {
            Node::Row(row) => row,
            Node::Dir(_) => return Err(FsError::IsADirectory),
            Node::Version(_) => return Err(FsError::OlderVersion),
            Node::Fixed(_) | Node::Unreadable(_) | Node::Info(_) => return Err(FsError::ReadOnly),
        };
        if dir.split_view().is_some_and(|(top, _)| top == versions::NAME.as_bytes()) {
            let ino = state.row(row).ok_or(FsError::NotFound)?.inode.get();
            return Ok(Act::of(ino, Says::GoBack(row)));
        }
        let leaves = match class(&state, &dir) {
            Class::Decided(membership) => Some(membership.leaves),
            Class::Computed => Some(vec![Decision::Trash(true)]),
            Class::Trash => None,
            Class::Found | Class::Expunged => return Err(FsError::ReadOnly),
        };
        let shown = state.row(row).ok_or(FsError::NotFound)?;
        state.lingering.begin(&dir);
        // The kernel takes the name of a part for gone; it goes with its photo only.
        let is_part = shown.extras.host.is_some();
        let stays = is_part.then(|| Place { ino: parent, dir, name: name.into() });
        let says = match leaves {
            _ if is_part => Says::Nothing,
            Some(leaves) => Says::OfPhotos(vec![(shown.id, leaves)]),
            None => Says::Purge(shown.id),
        };
        Ok(Act { says, ino: shown.inode.get(), moved: None, stale: None, stays })
    }

    /// Whether a photo is in a directory under its name.
    pub(crate) fn has_photo(&self, dir: u64, asset: AssetId) -> bool {
        let state = self.state();
        let Some((row, path)) = state.snapshot.by_id(asset).zip(self.dir(dir).ok()) else { return false };
        let is_it = |name: &str| Self::child(&state, &path, name.as_bytes()) == Some(Node::Row(row));
        state.row(row).is_some_and(|shown| is_it(&shown.name))
    }

    /// `rm` of the name that a photo was copied into a directory under a moment ago: takes it out again.
    pub(crate) fn unlink_joined(&self, dir: u64, asset: AssetId) -> Result<Act, FsError> {
        let (state, path) = (self.state(), self.dir(dir)?);
        let row = state.snapshot.by_id(asset).ok_or(FsError::NotFound)?;
        let shown = state.row(row).ok_or(FsError::NotFound)?;
        let says = match class(&state, &path) {
            Class::Decided(membership) => Says::OfPhotos(vec![(asset, membership.leaves)]),
            _ => Says::Nothing,
        };
        Ok(Act::of(shown.inode.get(), says))
    }

    /// `mv DIR/NAME OTHER/NAME`.
    pub(crate) fn rename(
        &self,
        (parent, name): (u64, &[u8]),
        (new_parent, new_name): (u64, &[u8]),
        onto: Onto,
    ) -> Result<Act, FsError> {
        let (state, dir, new_dir) = (self.state(), self.dir(parent)?, self.dir(new_parent)?);
        let there = Place { ino: new_parent, dir: new_dir.clone(), name: new_name.into() };
        let row = match Self::child(&state, &dir, name).ok_or(FsError::NotFound)? {
            Node::Row(row) => row,
            Node::Dir(moved) => return self.rename_dir(&state, &moved, there, onto),
            Node::Fixed(_) | Node::Unreadable(_) | Node::Version(_) | Node::Info(_) => {
                return Err(FsError::ReadOnly);
            }
        };
        let (from, into) = (class(&state, &dir), class(&state, &new_dir));
        if matches!(into, Class::Expunged) {
            return expunge(&state, row, &from, there);
        }
        let moved_in = moved_in(&state, &new_dir, row).filter(|_| dir != new_dir);
        // Where it was found and deleted, it is not put: it is out of the trash, and found there again or not.
        let is_put_back = matches!(from, Class::Trash) && is_asked(&new_dir);
        if matches!(into, Class::Found) && !is_put_back
            || moved_in.is_none()
                && matches!((&from, &into), (Class::Decided(_) | Class::Computed, Class::Computed))
        {
            // What is decided may be taken back by rm, but where a photo is computed to be, nobody decides.
            return Err(FsError::Computed);
        }
        let occupant = Self::child(&state, &new_dir, new_name);
        if occupant.is_some() && onto == Onto::Nothing {
            return Err(FsError::Exists);
        }
        if !is_put_back {
            free_for(&state, &new_dir, new_name, row)?;
        }
        let here = Place { ino: parent, dir: dir.clone(), name: name.into() };
        if dir == new_dir {
            // Another name where it is: it keeps its own.
            let act = put(&state, row, Vec::new(), there, Some(here))?;
            return Ok(Act { says: Says::Nothing, ..act });
        }
        let is_part = state.row(row).is_some_and(|row| row.extras.host.is_some());
        let joins = match into {
            Class::Decided(into) => into.joins,
            // Whatever is decided of it stays, for when it comes out again.
            Class::Trash => {
                if let (Some(_), Some(photo)) = (trash_can::user_of(&new_dir), state.row(row)) {
                    state.infos.is_called(new_name, photo.name.as_bytes());
                }
                return put(&state, row, vec![Decision::Trash(true)], there, None);
            }
            Class::Computed | Class::Found | Class::Expunged => moved_in.unwrap_or_default(),
        };
        match from {
            Class::Decided(from) if !is_part => {
                let decisions = from.leaves.into_iter().chain(joins).collect();
                put(&state, row, decisions, there, None)
            }
            Class::Trash => put(&state, row, joins, there, None),
            _ => put(&state, row, joins, there, Some(here)),
        }
    }

    /// Whether there is anything about it that one can change: a photo, or a directory that photos are put into or
    /// removed from.
    pub(crate) fn may_change(&self, ino: u64) -> bool {
        let state = self.state();
        match self.dir(ino) {
            Ok(dir) => trash_can::user_of(&dir).is_some() || !matches!(class(&state, &dir), Class::Found),
            Err(_) => asset(&state, ino).is_ok(),
        }
    }
}

/// What is moved out of the trash to where it goes for good.
fn expunge(state: &State, row: RowNumber, from: &Class, there: Place) -> Result<Act, FsError> {
    let (Class::Trash, Some(photo)) = (from, state.row(row)) else { return Err(FsError::Computed) };
    // A part goes with its photo.
    let says = if photo.extras.host.is_some() { Says::Nothing } else { Says::Purge(photo.id) };
    Ok(Act { says, ino: photo.inode.get(), moved: None, stale: Some(there), stays: None })
}

/// What is decided of a photo, or what a part is of, that is moved into a directory where photos are computed to be.
fn moved_in(state: &State, dir: &DirPath, row: RowNumber) -> Option<Vec<Decision>> {
    let (top, at) = dir.split_view()?;
    let (_, host) = state.host(row, Scope::Anywhere)?;
    view(top)?.moved_in(&at, host)
}

/// Where in the tree a link in the directory `dir` points to. `None`: out of it.
fn pointed_to(dir: &DirPath, target: &Path, mountpoint: &Path) -> Option<DirPath> {
    let (mut at, below) = match target.is_absolute() {
        true => (DirPath::root(), target.strip_prefix(mountpoint).ok()?),
        false => (dir.clone(), target),
    };
    for component in below.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => at = at.parent()?.0,
            Component::Normal(name) => at = at.join(name.as_bytes()),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(at)
}

/// Whether what is in a directory is found by asking for it.
fn is_asked(dir: &DirPath) -> bool {
    let Some((top, at)) = dir.split_view() else { return false };
    !at.is_empty() && view(top).is_some_and(|view| view.naming() == Naming::Ranked)
}

/// A name may be given to a photo where nothing is called so, or it itself.
fn free_for(state: &State, dir: &DirPath, name: &[u8], row: RowNumber) -> Result<(), FsError> {
    match Tree::child(state, dir, name) {
        None => Ok(()),
        Some(Node::Row(there)) if there == row => Ok(()),
        Some(Node::Dir(_)) => Err(FsError::IsADirectory),
        Some(_) => Err(FsError::Exists),
    }
}

/// The act of deciding this of a photo, or of what a part is of. What is in the trash is taken out of it.
fn put(
    state: &State,
    row: RowNumber,
    mut decisions: Vec<Decision>,
    stale: Place,
    stays: Option<Place>,
) -> Result<Act, FsError> {
    let (_, host) = state.host(row, Scope::Anywhere).ok_or(FsError::NotFound)?;
    let shown = state.row(row).ok_or(FsError::NotFound)?;
    if host.visibility == Visibility::Trashed && !decisions.contains(&Decision::Trash(true)) {
        decisions.insert(0, Decision::Trash(false));
    }
    let says = Says::OfPhotos(vec![(host.id, decisions)]);
    Ok(Act { says, ino: shown.inode.get(), moved: None, stale: Some(stale), stays })
}

/// The row of a photo that may be seen.
fn asset(state: &State, ino: u64) -> Result<RowNumber, FsError> {
    let asset = AssetInode::from_raw(ino).ok_or(FsError::ReadOnly)?;
    let row = state.snapshot.by_inode(asset).ok_or(FsError::Stale)?;
    state.host(row, Scope::Anywhere).map(|_| row).ok_or(FsError::Stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_from_where_it_stands_and_not_out_of_the_mount() {
        let dir = DirPath::of(["albums", "A"]);
        let mount = Path::new("/home/u/Gallery");
        for (target, pointed) in [
            ("../../all/2024/05/a.jpg", Some("all/2024/05/a.jpg")),
            ("./b.jpg", Some("albums/A/b.jpg")),
            ("/home/u/Gallery/tags/x/../a.jpg", Some("tags/a.jpg")),
            ("/home/u/Pictures/a.jpg", None),
            ("../../../../etc/passwd", None),
        ] {
            let found = pointed_to(&dir, Path::new(target), mount);
            assert_eq!(found, pointed.map(|path| DirPath::of(path.split('/'))), "{target}");
        }
    }
}
