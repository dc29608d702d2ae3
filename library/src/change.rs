//! The change feed's words: what changed, and how far a consumer has read.

use serde::{Deserialize, Serialize};

use crate::id::{AlbumId, AssetId, Epoch, FaceId, PersonId, StackId};

/// Position in the change feed: 0 is before the first change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeSeq(pub u64);

/// How far a consumer has read, and in which life of the catalogue. An unknown epoch, a sequence above the head, or
/// one from before tombstones were pruned means that everything must be read anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// The life of the catalogue that numbered the changes.
    pub epoch: Epoch,
    /// The last change read.
    pub seq: ChangeSeq,
}

/// What kind of thing changed, and which one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Entity {
    /// An asset or a part.
    Asset(AssetId),
    /// A stack: which files are in it.
    Stack(StackId),
    /// The set of roots, or the state of one.
    Roots,
    /// The set of unreadable files.
    Unreadable,
    /// A person: their name, whether they are hidden, who they became, their faces.
    Person(PersonId),
    /// A face: that it is there, and who it is.
    Face(FaceId),
    /// An album: its name, where it lies, that it is gone.
    Album(AlbumId),
    /// The tags that are listed though no photo has them.
    KeptTags,
    /// The queries that have names.
    SavedSearches,
}

/// One change: the latest of its entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Its place in the feed.
    pub seq: ChangeSeq,
    /// What changed.
    pub entity: Entity,
    /// Whether it is gone: a tombstone, kept 90 days at least.
    pub gone: bool,
}
