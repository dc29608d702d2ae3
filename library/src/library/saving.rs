//! A photo that was saved over: other bytes take its place, and it is still that photo.
//!
//! In a folder that is decided by what the new bytes show (a file that was replaced by another photo is another photo).
//! Whoever saves through a face of ours has said which photo it is.

use super::people::carry;
use super::{Library, LibraryError};
use crate::catalogue::keys::Key;
use crate::checksum::{Checksum, Digests};
use crate::fact::Fact;
use crate::id::AssetId;
use crate::journal::Face;
use crate::metadata::PixelSize;

/// Why a photo cannot be saved over. Nothing was changed then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SaveError {
    /// The bytes are those of another photo.
    #[error("these are the bytes of another photo in this library, {name}: copy that one instead")]
    AnotherPhoto {
        /// What it is called.
        name: String,
    },
    /// It has other bytes by now.
    #[error("the photo was changed by somebody else a moment ago: open it again")]
    Changed,
}

impl Library {
    /// These bytes, of a picture of so many pixels, take the place of those with the checksum `from` from now on, though they may
    /// yet have to be put there. Who was said to be in it still is. Returns the digests of the ones before.
    pub fn save_over(
        &self,
        face: Face,
        asset: AssetId,
        from: Checksum,
        (to, pixels): (Digests, Option<PixelSize>),
    ) -> Result<Digests, LibraryError> {
        self.write(self.account(), face, |tx, _| {
            let record = tx.asset(asset)?.ok_or(LibraryError::NoAsset(asset))?;
            let (owner, before) = (record.owner, record.digests);
            let pixels_before = record.metadata.as_ref().and_then(|metadata| metadata.size);
            if before.checksum != from {
                return Err(SaveError::Changed.into());
            }
            if let Some(other) = tx.get::<AssetId>(&Key::content(owner, &to.checksum))?
                && other != asset
            {
                let name = tx.asset(other)?.map(|other| other.name.clone()).unwrap_or_default();
                return Err(SaveError::AnotherPhoto { name }.into());
            }
            if to.checksum != from {
                tx.decide(Fact::Version { asset, from, to })?;
                carry(tx, owner, (&from, pixels_before), (&to.checksum, pixels))?;
            }
            Ok(before)
        })
    }
}
