//! Names of things that never change: assets, accounts, roots; and the row number that only one catalogue knows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::checksum::Checksum;

/// Declares a UUID newtype, so that an album can never be passed where an asset is asked for.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh random id.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id with exactly these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, which sort as the id does.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One photo, video or sidecar of one account. Derived from the owner and the bytes first seen; moves, renames and
    /// new versions keep it.
    AssetId
);
uuid_id!(
    /// A person with a library of their own.
    AccountId
);
uuid_id!(
    /// A watched folder.
    RootId
);
uuid_id!(
    /// This library: drawn once, when the journal is created, and written in its first line.
    LibraryId
);
uuid_id!(
    /// One life of the catalogue. Drawn anew when the catalogue is created, restored, or found behind a consumer.
    Epoch
);

uuid_id!(
    /// Somebody in photos, named or not. Drawn once and journalled: rebuilds and clustering anew keep it.
    PersonId
);
uuid_id!(
    /// A face in a photo. Derived from the bytes and the box it was first seen in; finding it again, by another model
    /// too, keeps it.
    FaceId
);

uuid_id!(
    /// A named collection of photos. Drawn once and journalled: renaming and moving it keep it.
    AlbumId
);

uuid_id!(
    /// A query that was given a name. Drawn once and journalled: renaming it keeps it.
    SearchId
);

uuid_id!(
    /// Several files of one shot that stand for each other: a RAW file and what was developed from it.
    StackId
);

/// Turns hashed material into a version 8 ("custom") UUID.
fn derived(domain: &str, parts: &[&[u8]]) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key(domain);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    Uuid::new_v8(bytes)
}

impl AssetId {
    /// The id of the asset whose first bytes hashed to `content`, in the library of `owner`.
    pub fn of_content(owner: AccountId, content: &Checksum) -> Self {
        Self(derived("galleryfs asset id 1", &[owner.as_bytes(), content.as_bytes()]))
    }

    /// The id of a sidecar. Identical sidecars of two photos are two parts, so the photo and the sidecar's file name
    /// make it, not its bytes.
    pub fn of_sidecar(host: AssetId, file_name: &[u8]) -> Self {
        Self(derived("galleryfs sidecar id 1", &[host.as_bytes(), file_name]))
    }
}

impl FaceId {
    /// The id of the face first seen in this box of a photo with these bytes. `sides` are the box's, as stored.
    pub(crate) fn first_seen(content: &Checksum, sides: [u16; 4]) -> Self {
        let sides = sides.map(u16::to_be_bytes);
        Self(derived("galleryfs face id 1", &[content.as_bytes(), sides.as_flattened()]))
    }
}

impl StackId {
    /// The id of the stack that this picture leads.
    pub fn led_by(picture: AssetId) -> Self {
        Self(derived("galleryfs stack id 1", &[picture.as_bytes()]))
    }
}

/// A dense index into columns, bitmaps and the slot map. Private to one catalogue, never reused in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowNumber(pub u32);

/// The inode number of an asset in every view: from (asset, version), so that it survives a rebuild.
///
/// Always has the top bit set; directories of the tree take theirs below it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetInode(u64);

impl AssetInode {
    /// The bit that tells an asset's inode from a directory's.
    pub const MARK: u64 = 1 << 63;

    /// The inode number of this version of the asset; `salt` is 0 unless a collision was journalled.
    pub fn of(asset: AssetId, version: &Checksum, salt: u32) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("galleryfs inode 1");
        hasher.update(asset.as_bytes()).update(version.as_bytes()).update(&salt.to_be_bytes());
        let mut bytes = [0; 8];
        hasher.finalize_xof().fill(&mut bytes);
        Self(u64::from_be_bytes(bytes) | Self::MARK)
    }

    /// Reads a number the kernel handed back: `None` when it is not an asset's.
    pub fn from_raw(raw: u64) -> Option<Self> {
        (raw & Self::MARK != 0).then_some(Self(raw))
    }

    /// The number as the kernel sees it.
    pub fn get(self) -> u64 {
        self.0
    }
}
