//! What the catalogue keeps of each asset, root and account.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::ChangeSeq;
use crate::checksum::{Checksum, Digests};
use crate::fact::{FaceSaid, Watch};
use crate::format::{Format, Kind};
use crate::id::{AccountId, AlbumId, AssetId, AssetInode, FaceId, PersonId, RowNumber};
use crate::metadata::{Metadata, Rating, TagPath, Taken};
use crate::observation::FilePath;
use crate::people::{DetectedFace, FaceBox, FaceKey};
use crate::visibility::Visibility;

/// A person with a library of their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct AccountRecord {
    pub(crate) name: String,
    /// Position of its journal record: the first account is the one with the lowest.
    pub(crate) order: u64,
}

/// A watched folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RootRecord {
    pub(crate) owner: AccountId,
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    /// Position of its journal record: roots are listed in the order they were added.
    pub(crate) order: u64,
    pub(crate) watch: Watch,
}

/// A subtree that is away.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct AwayRecord {
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
}

/// One place where bytes of an asset lie.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) path: FilePath,
    /// The bytes there: usually the current version, sometimes an older one.
    pub(crate) checksum: Checksum,
    pub(crate) mtime_ns: i64,
}

/// All that is known of an asset.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct AssetRecord {
    pub(crate) row: RowNumber,
    /// Its latest change, so that the feed keeps one an asset.
    pub(crate) changed: ChangeSeq,
    pub(crate) owner: AccountId,
    /// The current version.
    pub(crate) digests: Digests,
    pub(crate) inode: AssetInode,
    pub(crate) added: Timestamp,
    pub(crate) decided: Timestamp,
    /// The file name shown before its ordinal, and with it.
    pub(crate) base: String,
    pub(crate) name: String,
    /// Other names it had, with their bases: still its own.
    pub(crate) former_names: Vec<(String, String)>,
    pub(crate) visibility: Visibility,
    /// What it is a part of: a live photo's video, a sidecar.
    pub(crate) host: Option<AssetId>,
    pub(crate) parts: Vec<AssetId>,
    /// The picture that leads the stack of this RAW file.
    pub(crate) developed: Option<AssetId>,
    /// The RAW files of the stack that this picture leads.
    pub(crate) raws: Vec<AssetId>,
    pub(crate) standing: Vec<Standing>,
    pub(crate) missing_since: Option<Timestamp>,
    /// `None` until its bytes were read in this life of the catalogue.
    pub(crate) metadata: Option<Metadata>,
    /// The copy whose metadata, sidecars and all, that is.
    pub(crate) described_at: Option<FilePath>,
}

impl AssetRecord {
    /// Whether it describes another asset, rather than being a picture itself.
    pub(crate) fn is_sidecar(&self) -> bool {
        self.format().kind() == Kind::Sidecar
    }

    /// The format by content, or by name while the content is unread.
    pub(crate) fn format(&self) -> Format {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.format)
            .or_else(|| {
                let (_, extension) = crate::names::split_extension(&self.base);
                Format::from_extension(extension.trim_start_matches('.'))
            })
            .unwrap_or(Format::Jpeg)
    }

    /// Where the bytes of the current version lie.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Standing> {
        self.standing.iter().filter(|standing| standing.checksum == self.digests.checksum)
    }
}

/// What the user decided of an asset: it counts before what the file says.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DecidedRecord {
    pub(crate) favourite: bool,
    pub(crate) stars: Option<Rating>,
    /// Tags it has, and those of the file that it has not.
    pub(crate) tags: Vec<(TagPath, bool)>,
    pub(crate) description: Option<String>,
    pub(crate) taken: Option<Taken>,
    /// The albums it is in, those that are gone too.
    pub(crate) albums: Vec<AlbumId>,
    /// Since when it is in the trash.
    pub(crate) trashed: Option<Timestamp>,
    /// Whether it was removed from there for good.
    pub(crate) purged: bool,
}

impl DecidedRecord {
    /// Says whether it has a tag; `None` leaves that to the file.
    pub(crate) fn set_tag(&mut self, tag: &TagPath, has: Option<bool>) {
        let folded = tag.folded();
        self.tags.retain(|(known, _)| known.folded() != folded);
        self.tags.extend(has.map(|has| (tag.clone(), has)));
        self.tags.sort();
    }

    /// What is known of the asset, all in all.
    pub(crate) fn over(&self, mut metadata: Metadata) -> Metadata {
        metadata.rating = self.stars.or(metadata.rating);
        metadata.taken = self.taken.or(metadata.taken);
        if let Some(text) = &self.description {
            metadata.description = Some(text.clone()).filter(|text| !text.is_empty());
        }
        tags_over(&self.tags, &mut metadata.tags);
        metadata
    }
}

/// Makes of the tags that a file says those that it has.
pub(crate) fn tags_over(decided: &[(TagPath, bool)], tags: &mut Vec<TagPath>) {
    for (tag, has) in decided {
        let folded = tag.folded();
        match has {
            false => tags.retain(|known| known.folded() != folded),
            true if tags.iter().any(|known| known.folded() == folded) => {}
            true => tags.push(tag.clone()),
        }
    }
    tags.sort();
}

/// A named collection of photos.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct AlbumRecord {
    pub(crate) owner: AccountId,
    pub(crate) parent: Option<AlbumId>,
    pub(crate) name: String,
    pub(crate) gone: bool,
    /// Those that come first, in this order; among them may be some that are not in it.
    pub(crate) order: Vec<AssetId>,
    /// The photo that stands for it, whether or not that is in it now.
    pub(crate) cover: Option<AssetId>,
}

/// A query that has a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SavedSearchRecord {
    pub(crate) owner: AccountId,
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) gone: bool,
}

/// Somebody.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct PersonRecord {
    pub(crate) owner: AccountId,
    pub(crate) number: u32,
    pub(crate) name: Option<String>,
    pub(crate) hidden: bool,
    /// Who they became.
    pub(crate) into: Option<PersonId>,
    /// Faces by which they are known again.
    pub(crate) anchors: Vec<FaceKey>,
    /// Their faces now, in photos that are there.
    pub(crate) faces: u32,
    /// The face that stands for them, and how good it is.
    pub(crate) cover: Option<(FaceKey, f32)>,
}

/// What was found in a picture. Shared by the accounts that have it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FacesRecord {
    pub(crate) model: String,
    /// From left to right.
    pub(crate) faces: Vec<FoundFace>,
}

/// A face in a picture.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct FoundFace {
    pub(crate) id: FaceId,
    pub(crate) at: FaceBox,
    pub(crate) score: f32,
    pub(crate) side_px: f32,
    pub(crate) sharpness: f32,
}

impl FoundFace {
    /// As the detector gave it.
    pub(crate) fn detected(&self) -> DetectedFace {
        let Self { at, score, side_px, sharpness, .. } = *self;
        DetectedFace { at, score, side_px, sharpness }
    }

    /// How well it would stand for somebody: large, sharp and surely a face.
    pub(crate) fn worth(&self) -> f32 {
        self.side_px.clamp(1.0, 400.0) * self.score * (self.sharpness / (self.sharpness + 100.0)).sqrt()
    }
}

/// What the user said of the faces in one picture, by the box that it was said of.
pub(crate) type SaidRecord = Vec<(FaceBox, FaceSaid)>;

/// Who is in a photo.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CastRecord {
    pub(crate) faces: Vec<CastFace>,
    /// Those of whom it is said, by the user or the file, but no face was found there.
    pub(crate) others: Vec<PersonId>,
}

impl CastRecord {
    /// Everybody in it.
    pub(crate) fn persons(&self) -> impl Iterator<Item = PersonId> {
        self.faces.iter().filter_map(|face| face.person).chain(self.others.iter().copied())
    }
}

/// A face and who it is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct CastFace {
    pub(crate) id: FaceId,
    /// Whether it was compared with others.
    pub(crate) compared: bool,
    /// The faces that it looks like.
    pub(crate) group: Option<u32>,
    pub(crate) person: Option<PersonId>,
}
