//! What a view is: a way to place assets in directories.

use library::{Decision, Row, RowNumber, Scope};

use super::acts::{Onto, Says};
use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use crate::error::FsError;
use crate::xattr::Attribute;

/// The components of a directory's path below its view; empty for the view's own directory.
pub(crate) type At<'a> = &'a [&'a [u8]];

/// A top directory of the mount and all below it.
///
/// A view answers the same question from both ends: which directories list this asset ([`View::stands`], from the
/// asset's own columns, so that a lookup costs no listing), and what does this directory list ([`View::contents`]).
/// The tests hold the two against each other.
pub(crate) trait View: Send + Sync {
    /// Its name in the root.
    fn name(&self) -> &'static str;

    /// The line about it in the README.
    fn about(&self) -> &'static str;

    /// Whose visibility shows here.
    fn scope(&self) -> Scope {
        Scope::Timeline
    }

    /// The directories that list this asset, as paths from the root of the mount. The asset is listed and shows in
    /// the view's scope: the tree has seen to it. Parts follow their host. None where that does not follow from the asset
    /// itself: what is searched for, what it was, what cannot be read.
    fn stands(&self, _state: &State, _number: RowNumber, _row: &Row) -> Vec<DirPath> {
        Vec::new()
    }

    /// Whether the directory at `at` lists this asset.
    fn lists(&self, state: &State, number: RowNumber, row: &Row, at: At<'_>) -> bool {
        self.stands(state, number, row).contains(&self.path_of(at))
    }

    /// Whether there is such a directory.
    fn has(&self, state: &State, at: At<'_>) -> bool;

    /// Whether the directory above lists it, where it is.
    fn is_listed(&self, state: &State, at: At<'_>) -> bool {
        self.has(state, at)
    }

    /// Whether these two directories are of the same, who is found by several names.
    fn are_one(&self, _state: &State, _at: At<'_>, _other: At<'_>) -> bool {
        false
    }

    /// What such a directory lists.
    fn contents(&self, state: &State, at: At<'_>) -> Contents;

    /// What it says of a photo that it is listed in the directory at `at`; `None` where nobody decides that.
    fn membership(&self, _state: &State, _at: At<'_>) -> Option<Membership> {
        None
    }

    /// What is decided of a photo that is moved into the directory at `at`, where photos are computed to be; `None` where
    /// nothing would have it there.
    fn moved_in(&self, _at: At<'_>, _row: &Row) -> Option<Vec<Decision>> {
        None
    }

    /// What making a directory called `name` in the one at `at` stands for.
    fn mkdir(&self, _state: &State, _at: At<'_>, _name: &str) -> Result<Says, FsError> {
        Err(FsError::ReadOnly)
    }

    /// What removing the directory at `at` stands for.
    fn rmdir(&self, _state: &State, _at: At<'_>) -> Result<Says, FsError> {
        Err(FsError::ReadOnly)
    }

    /// What moving a directory stands for, to `name` in the one at `into`.
    fn rename_dir(
        &self,
        _state: &State,
        _from: At<'_>,
        _into: At<'_>,
        _name: &str,
        _onto: Onto,
    ) -> Result<Says, FsError> {
        Err(FsError::ReadOnly)
    }

    /// What moving the directory at `at` into the trash stands for, where that is not of its photos.
    fn removed(&self, _state: &State, _at: At<'_>) -> Option<Says> {
        None
    }

    /// The value of an attribute that the directory at `at` has of its own.
    fn attribute(&self, _state: &State, _at: At<'_>, _attribute: Attribute) -> Option<String> {
        None
    }

    /// What setting an attribute of the directory at `at` stands for; no value takes it away.
    fn set_attribute(
        &self,
        _state: &State,
        _at: At<'_>,
        _attribute: Attribute,
        _value: Option<&str>,
    ) -> Result<Says, FsError> {
        Err(FsError::FixedAttribute)
    }

    /// The rule by which its files are named and found.
    fn naming(&self) -> Naming {
        Naming::ByAsset
    }

    /// Whether assets come and go here without a change of their own: as days pass, as newer ones arrive.
    fn drifts(&self) -> bool {
        false
    }

    /// The path of the directory at `at`.
    fn path_of(&self, at: At<'_>) -> DirPath {
        at.iter().fold(self.path(&[]), |path, name| path.join(name))
    }

    /// The path of a directory below this view.
    fn path(&self, components: &[&str]) -> DirPath {
        DirPath::of(std::iter::once(self.name()).chain(components.iter().copied()))
    }
}

/// By what rule a view names its files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Naming {
    /// By [`Row::name`], parts beside their host.
    ByAsset,
    /// By the name on disk, each file where it lies.
    OnDisk,
    /// By [`Row::name`] after a rank that says nothing.
    Ranked,
    /// No assets here.
    Unreadable,
    /// What photos were, numbered.
    Versions,
}

/// What a directory lists.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Names of directories, in the order listed.
    pub(crate) dirs: Vec<Box<[u8]>>,
    /// Assets, in the order listed; without their parts.
    pub(crate) rows: Vec<RowNumber>,
}

impl Contents {
    /// Only directories.
    pub(crate) fn of_dirs<T: AsRef<[u8]>>(dirs: impl IntoIterator<Item = T>) -> Self {
        Self { dirs: dirs.into_iter().map(|name| name.as_ref().into()).collect(), rows: Vec::new() }
    }

    /// Only assets.
    pub(crate) fn of_rows(rows: impl IntoIterator<Item = u32>) -> Self {
        Self { dirs: Vec::new(), rows: rows.into_iter().map(RowNumber).collect() }
    }
}

/// Reads a component that is text in this view.
pub(crate) fn text(component: &[u8]) -> Option<&str> {
    std::str::from_utf8(component).ok()
}
