//! Where the bytes of a row lie.

use super::folders::DirId;

/// A place in the user's folders where an asset's bytes lie.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RowPath<'a> {
    /// The folder.
    pub dir: DirId,
    /// The file's name there.
    pub file_name: &'a [u8],
}

/// The places of one row. Nearly every photo lies in one place under its own name, and then this points nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paths(Standing);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Standing {
    /// Once, under the row's name.
    Once(DirId),
    /// Anything else: not at all, more than once, under another name.
    Listed(Box<[(DirId, Box<[u8]>)]>),
}

impl Default for Paths {
    fn default() -> Self {
        Self(Standing::Listed(Box::default()))
    }
}

impl Paths {
    /// The places of a row called `name`.
    pub(crate) fn of(name: &str, paths: &[RowPath<'_>]) -> Self {
        match paths {
            [only] if only.file_name == name.as_bytes() => Self(Standing::Once(only.dir)),
            _ => Self(Standing::Listed(paths.iter().map(|path| (path.dir, path.file_name.into())).collect())),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Standing::Once(_) => 1,
            Standing::Listed(paths) => paths.len(),
        }
    }

    /// Each of them, where the row is called `name`.
    pub(super) fn iter<'a>(&'a self, name: &'a str) -> impl Iterator<Item = RowPath<'a>> {
        let (once, listed) = match &self.0 {
            Standing::Once(dir) => (Some(RowPath { dir: *dir, file_name: name.as_bytes() }), &[][..]),
            Standing::Listed(paths) => (None, &**paths),
        };
        once.into_iter().chain(listed.iter().map(|(dir, file_name)| RowPath { dir: *dir, file_name }))
    }
}
