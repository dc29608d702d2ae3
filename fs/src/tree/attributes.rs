//! Extended attributes of what the kernel holds.

use library::{AssetInode, RowNumber};

use super::acts::{Act, Says};
use super::state::State;
use super::{Node, Tree, view};
use crate::error::FsError;
use crate::xattr::{Attribute, attribute_text};

impl Tree {
    /// The value of an attribute. May block when the attribute needs the catalogue.
    pub(crate) fn attribute(&self, ino: u64, attribute: Attribute) -> Result<Vec<u8>, FsError> {
        let state = self.state();
        if let Some(number) = asset(&state, ino)? {
            let row = state.row(number).ok_or(FsError::NotFound)?;
            let details = attribute.needs_catalogue().then(|| self.source().details(row.id)).flatten();
            let value = attribute.of_row(&state.snapshot, row, details.as_ref());
            return value.map(String::into_bytes).ok_or(FsError::NoAttribute);
        }
        let value = match (attribute, Self::other_node(&state, ino)) {
            (Attribute::LastError, Some(Node::Unreadable(at))) => {
                state.beside.unreadable.get(at).map(|named| named.file.reason.clone())
            }
            (attribute, None) => self.dir_attribute(&state, ino, attribute),
            _ => None,
        };
        value.map(String::into_bytes).ok_or(FsError::NoAttribute)
    }

    /// Sets an attribute of a photo, or with no value leaves it to the file again.
    pub(crate) fn set_attribute(
        &self,
        ino: u64,
        attribute: Attribute,
        value: Option<&[u8]>,
    ) -> Result<Act, FsError> {
        let state = self.state();
        let Some(number) = asset(&state, ino)? else {
            return self.set_dir_attribute(&state, ino, attribute, value);
        };
        let row = state.row(number).ok_or(FsError::NotFound)?;
        if row.extras.host.is_some() {
            // A part is described by its photo.
            return Err(FsError::FixedAttribute);
        }
        let decision = attribute.decide(&state.snapshot, row, value)?;
        Ok(Act::of(ino, Says::OfPhotos(vec![(row.id, vec![decision])])))
    }

    /// Sets an attribute of a directory.
    fn set_dir_attribute(
        &self,
        state: &State,
        ino: u64,
        attribute: Attribute,
        value: Option<&[u8]>,
    ) -> Result<Act, FsError> {
        let path = self.dir(ino).map_err(|_| FsError::FixedAttribute)?;
        let (top, at) = path.split_view().ok_or(FsError::FixedAttribute)?;
        let value = value.map(attribute_text).transpose()?;
        let view = view(top).ok_or(FsError::NotFound)?;
        Ok(Act::of(ino, view.set_attribute(state, &at, attribute, value)?))
    }

    /// The value of an attribute of a directory.
    fn dir_attribute(&self, state: &State, ino: u64, attribute: Attribute) -> Option<String> {
        if attribute == Attribute::LastError {
            return self.refusal(ino);
        }
        let path = self.dir(ino).ok()?;
        let (top, at) = path.split_view()?;
        view(top)?.attribute(state, &at, attribute)
    }

    /// The names of the attributes something has, each ended by a zero byte.
    pub(crate) fn attributes(&self, ino: u64) -> Result<Vec<u8>, FsError> {
        let state = self.state();
        if let Some(number) = asset(&state, ino)? {
            let row = state.row(number).ok_or(FsError::NotFound)?;
            return Ok(Attribute::names_of_row(&state.snapshot, row));
        }
        Ok(match Self::other_node(&state, ino) {
            Some(Node::Unreadable(_)) => Attribute::names([Attribute::LastError]),
            None => {
                let has = |attribute: &Attribute| self.dir_attribute(&state, ino, *attribute).is_some();
                Attribute::names(Attribute::OF_DIRECTORIES.into_iter().filter(has))
            }
            _ => Vec::new(),
        })
    }
}

/// The row of an asset's inode; `None` for what is no asset.
fn asset(state: &State, ino: u64) -> Result<Option<RowNumber>, FsError> {
    let Some(asset) = AssetInode::from_raw(ino) else { return Ok(None) };
    state.snapshot.by_inode(asset).map(Some).ok_or(FsError::Stale)
}
