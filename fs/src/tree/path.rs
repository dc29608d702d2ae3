//! Where a directory stands in the tree.

use std::fmt;
use std::sync::Arc;

use library::Checksum;

/// The path of a directory below the mount point, components joined by `/`: empty for the root.
///
/// Bytes, since `folders/` shows names as they are on disk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirPath(Arc<[u8]>);

impl DirPath {
    /// The root of the mount.
    pub fn root() -> Self {
        Self(Arc::from([]))
    }

    /// The directory at these components.
    pub fn of<T: AsRef<[u8]>>(components: impl IntoIterator<Item = T>) -> Self {
        let mut path = Vec::new();
        for component in components {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(component.as_ref());
        }
        Self(path.into())
    }

    /// The directory called `name` in this one.
    pub fn join(&self, name: &[u8]) -> Self {
        if self.is_root() {
            Self(name.into())
        } else {
            Self([&self.0, b"/".as_slice(), name].concat().into())
        }
    }

    /// Whether it is the root of the mount.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory above, and this one's name there. `None` for the root.
    pub fn parent(&self) -> Option<(Self, &[u8])> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (Self(self.0[..at].into()), &self.0[at + 1..]),
            None => (Self::root(), &self.0),
        })
    }

    /// Where it is once `from`, which it is or is below, is `to`.
    pub(crate) fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(&*from.0)?;
        let is_at_or_below = rest.is_empty() || rest.starts_with(b"/");
        is_at_or_below.then(|| Self([&to.0, rest].concat().into()))
    }

    /// The name of the view it belongs to, and the components below. `None` for the root.
    pub fn split_view(&self) -> Option<(&[u8], Vec<&[u8]>)> {
        let mut components = self.0.split(|byte| *byte == b'/');
        let view = components.next().filter(|view| !view.is_empty())?;
        Some((view, components.collect()))
    }

    /// A number for the path, the `salt`th of its kind: an inode number before its class is put on it.
    pub(super) fn number(&self, salt: u32) -> u64 {
        let hash = Checksum::of(&[&salt.to_be_bytes(), b"/".as_slice(), &self.0].concat());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.as_bytes()[..8]);
        u64::from_be_bytes(bytes)
    }
}

impl fmt::Debug for DirPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.escape_ascii())
    }
}

impl fmt::Display for DirPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_apart_as_they_were_put_together() {
        let path = DirPath::of(["places", "Italy"]).join(b"Rome");
        assert_eq!(path.as_bytes(), b"places/Italy/Rome");
        assert_eq!(path.parent(), Some((DirPath::of(["places", "Italy"]), b"Rome".as_slice())));
        assert_eq!(DirPath::of(["all"]).parent(), Some((DirPath::root(), b"all".as_slice())));
        assert_eq!(DirPath::root().parent(), None);
        assert_eq!(path.split_view(), Some((b"places".as_slice(), vec![b"Italy".as_slice(), b"Rome"])));
        assert_eq!(DirPath::root().split_view(), None);
    }
}
