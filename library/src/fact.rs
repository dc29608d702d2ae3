//! What the journal says: one variant a record kind. Written once, read for ever: fields are added, never changed.

use serde::{Deserialize, Serialize};

use crate::checksum::{Checksum, Digests};
use crate::id::{AccountId, AlbumId, AssetId, PersonId, RootId, SearchId};
use crate::metadata::{Rating, TagPath, Taken};
use crate::people::FaceKey;
use crate::visibility::Visibility;

/// A decision or a first sight, as journalled.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content", rename_all = "snake_case")]
pub enum Fact {
    /// There is this account.
    Account {
        /// Its id.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// A folder is watched for an account, and stands under `folders/` with this name.
    Root {
        /// Its id.
        root: RootId,
        /// Whose it is.
        owner: AccountId,
        /// Where it is.
        path: String,
        /// What it is called.
        name: String,
    },
    /// Whether a root is watched, from now on.
    Watch {
        /// The root.
        root: RootId,
        /// Whether it is.
        watch: Watch,
    },
    /// An asset was seen for the first time.
    Asset {
        /// Its id, for ever.
        asset: AssetId,
        /// Whose it is.
        owner: AccountId,
        /// The bytes first seen.
        #[serde(flatten)]
        digests: Digests,
        /// The file's name as shown, before any ordinal.
        base: String,
        /// The name in the mount: `base` with its ordinal.
        name: String,
        /// What it is a sidecar of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<AssetId>,
    },
    /// An asset took another name, since its file did. The old one stays its own.
    Name {
        /// Which.
        asset: AssetId,
        /// The file's name as shown.
        base: String,
        /// The name in the mount.
        name: String,
    },
    /// Other bytes took an asset's place.
    Version {
        /// Which.
        asset: AssetId,
        /// The bytes before.
        from: Checksum,
        /// The bytes now.
        to: Digests,
    },
    /// All files were told once, after edits: whatever stood when they were made is known by now.
    Scanned {},
    /// The inode number of this version collided with another's, and is salted.
    Inode {
        /// Which.
        asset: AssetId,
        /// The version.
        version: Checksum,
        /// The salt that makes it unique.
        salt: u32,
    },
    /// An asset shows this far.
    Visibility {
        /// Which.
        asset: AssetId,
        /// How far.
        visibility: Visibility,
    },
    /// Whether an asset is a favourite.
    Favourite {
        /// Which.
        asset: AssetId,
        /// Whether it is.
        favourite: bool,
    },
    /// How many stars an asset has.
    Rating {
        /// Which.
        asset: AssetId,
        /// The stars, 0 for none; without them it has those that the file says.
        stars: Option<Rating>,
    },
    /// Whether an asset has a tag.
    Tag {
        /// Which.
        asset: AssetId,
        /// The tag, outermost word first. Case and composition do not count.
        tag: TagPath,
        /// Whether it has it; `None`: as the file says.
        has: Option<bool>,
    },
    /// The caption of an asset.
    Description {
        /// Which.
        asset: AssetId,
        /// The words, empty for none; `None`: as the file says.
        text: Option<String>,
    },
    /// When an asset was taken.
    Taken {
        /// Which.
        asset: AssetId,
        /// When; `None`: as the file says.
        taken: Option<Taken>,
    },
    /// Whether an asset is in the trash.
    Trash {
        /// Which.
        asset: AssetId,
        /// Whether it is.
        trashed: bool,
    },
    /// An asset that was in the trash is removed for good, with its files. Its bytes, should they come again, are it.
    Purge {
        /// Which.
        asset: AssetId,
    },
    /// An album is called so and lies there, from now on.
    Album {
        /// Its id, for ever.
        album: AlbumId,
        /// Whose it is.
        owner: AccountId,
        /// The album it lies in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<AlbumId>,
        /// Its name.
        name: String,
    },
    /// Whether an album is gone. What is in it is kept, so that it can come back whole.
    AlbumGone {
        /// Which.
        album: AlbumId,
        /// Whether it is.
        gone: bool,
    },
    /// In which order the photos of an album are. It replaces the one before.
    AlbumOrder {
        /// Which album.
        album: AlbumId,
        /// Those that come first; all others come after them by themselves.
        assets: Vec<AssetId>,
    },
    /// Which photo stands for an album.
    AlbumCover {
        /// Which album.
        album: AlbumId,
        /// The photo; `None`: any.
        asset: Option<AssetId>,
    },
    /// Whether an asset is in an album.
    AlbumAsset {
        /// Which album.
        album: AlbumId,
        /// Which asset.
        asset: AssetId,
        /// Whether it is in it.
        has: bool,
    },
    /// Whether a tag is listed though no photo has it.
    TagKept {
        /// In whose library.
        owner: AccountId,
        /// The tag, outermost word first. Case and composition do not count.
        tag: TagPath,
        /// Whether it is.
        kept: bool,
    },
    /// A query has this name, from now on.
    SavedSearch {
        /// Its id, for ever.
        search: SearchId,
        /// Whose it is.
        owner: AccountId,
        /// Its name.
        name: String,
        /// What it asks.
        query: String,
    },
    /// Whether a query that had a name is forgotten.
    SavedSearchGone {
        /// Which.
        search: SearchId,
        /// Whether it is.
        gone: bool,
    },
    /// What was journalled in these places was taken back.
    Undo {
        /// The first of them.
        first: u64,
        /// The last.
        last: u64,
    },
    /// What was away under this folder is gone for good.
    Forget {
        /// The root.
        root: RootId,
        /// The folder below it, percent-encoded where it is not UTF-8; empty for all.
        folder: String,
    },
    /// Somebody was met in photos, or made by the user.
    Person {
        /// Their id, for ever.
        person: PersonId,
        /// Whose library they are in.
        owner: AccountId,
        /// Their number in that library, never given to anybody else.
        number: u32,
    },
    /// A person is called this. What they were called before still means them, until another is called so.
    PersonName {
        /// Who.
        person: PersonId,
        /// The name; `None` takes it away.
        name: Option<String>,
    },
    /// Two are one. The number and names of the first mean the second from now on.
    PersonMerge {
        /// Who is no more.
        person: PersonId,
        /// Who it is.
        into: PersonId,
    },
    /// Whether a person is shown.
    PersonHidden {
        /// Who.
        person: PersonId,
        /// Whether they are hidden.
        hidden: bool,
    },
    /// Faces by which a person is known again, when faces are grouped anew. They replace the ones before.
    PersonAnchors {
        /// Who.
        person: PersonId,
        /// The faces.
        faces: Vec<FaceKey>,
    },
    /// What the user decided of a face, all of it.
    Face {
        /// In whose library.
        owner: AccountId,
        /// Which.
        #[serde(flatten)]
        face: FaceKey,
        /// What.
        #[serde(flatten)]
        said: FaceSaid,
    },
}

/// What the user said of a face. Nothing at all takes back what was said before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FaceSaid {
    /// Who it is.
    #[serde(default)]
    pub is: Option<PersonId>,
    /// Who it is not.
    #[serde(default)]
    pub not: Vec<PersonId>,
    /// That it is no face.
    #[serde(default)]
    pub none: bool,
}

impl FaceSaid {
    /// Whether nothing is said.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a root is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watch {
    /// It was among the folders named last.
    #[default]
    On,
    /// It was not: what is in it is away until it is named again.
    Off,
    /// It was away and the user said that it will not come back: nobody is told of it until it is named again.
    Retired,
}

/// A record kind this version does not know, or whose content it cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the journal holds a record of kind \"{kind}\" that this version cannot read: {reason}")]
pub struct UnknownFact {
    /// The kind.
    pub kind: String,
    /// What did not fit.
    pub reason: String,
}

/// The kinds this version writes and reads.
const KINDS: &[&str] = &[
    "account",
    "root",
    "watch",
    "asset",
    "name",
    "version",
    "scanned",
    "inode",
    "visibility",
    "favourite",
    "rating",
    "tag",
    "description",
    "taken",
    "trash",
    "purge",
    "album",
    "album_gone",
    "album_order",
    "album_cover",
    "album_asset",
    "tag_kept",
    "saved_search",
    "saved_search_gone",
    "undo",
    "forget",
    "person",
    "person_name",
    "person_merge",
    "person_hidden",
    "person_anchors",
    "face",
];

impl Fact {
    /// The record kind and content, for the journal.
    pub fn to_record(&self) -> (String, serde_json::Value) {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        (kind, value["content"].take())
    }

    /// Reads a record back.
    pub fn from_record(kind: &str, content: &serde_json::Value) -> Result<Self, UnknownFact> {
        let unknown = |reason: String| UnknownFact { kind: kind.to_owned(), reason };
        if !KINDS.contains(&kind) {
            return Err(unknown("it was written by a newer version".into()));
        }
        serde_json::from_value(serde_json::json!({ "kind": kind, "content": content }))
            .map_err(|error| unknown(error.to_string()))
    }

    /// Records with one key supersede each other, the latest counts. `None`: each stands for itself for ever.
    pub fn supersedes(&self) -> Option<String> {
        match self {
            Self::Account { account, .. } => Some(format!("account {account}")),
            Self::Root { root, .. } => Some(format!("root {root}")),
            Self::Watch { root, .. } => Some(format!("watch {root}")),
            Self::Visibility { asset, .. } => Some(format!("visibility {asset}")),
            Self::Scanned {} => Some("scanned".to_owned()),
            Self::Favourite { asset, .. } => Some(format!("favourite {asset}")),
            Self::Rating { asset, .. } => Some(format!("rating {asset}")),
            Self::Tag { asset, tag, .. } => Some(format!("tag {asset} {:?}", tag.folded())),
            Self::Description { asset, .. } => Some(format!("description {asset}")),
            Self::Taken { asset, .. } => Some(format!("taken {asset}")),
            Self::Trash { asset, .. } | Self::Purge { asset } => Some(format!("trash {asset}")),
            Self::Album { album, .. } => Some(format!("album {album}")),
            Self::AlbumGone { album, .. } => Some(format!("album gone {album}")),
            Self::AlbumOrder { album, .. } => Some(format!("album order {album}")),
            Self::AlbumCover { album, .. } => Some(format!("album cover {album}")),
            Self::AlbumAsset { album, asset, .. } => Some(format!("album asset {album} {asset}")),
            Self::TagKept { owner, tag, .. } => Some(format!("tag kept {owner} {:?}", tag.folded())),
            Self::SavedSearch { search, .. } => Some(format!("saved search {search}")),
            Self::SavedSearchGone { search, .. } => Some(format!("saved search gone {search}")),
            Self::Forget { root, folder } => Some(format!("forget {root} {folder}")),
            Self::PersonHidden { person, .. } => Some(format!("person hidden {person}")),
            Self::PersonAnchors { person, .. } => Some(format!("person anchors {person}")),
            Self::Face { owner, face, .. } => Some(format!("face {owner} {} {:?}", face.content, face.at)),
            // Names once given stay reserved, and superseded bytes stay known. A person's former names are theirs.
            Self::Asset { .. }
            | Self::Name { .. }
            | Self::Version { .. }
            | Self::Inode { .. }
            | Self::Person { .. }
            | Self::PersonName { .. }
            | Self::PersonMerge { .. }
            | Self::Undo { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::FaceBox;

    #[test]
    fn facts_survive_the_journal() {
        let asset = AssetId::from_bytes([7; 16]);
        let person = PersonId::from_bytes([5; 16]);
        let at = FaceBox::from_fractions([0.1234, 0.2, 0.5678, 0.9]).unwrap();
        let face = FaceKey { content: Checksum::of(b"x"), at };
        let facts = [
            Fact::Asset {
                asset,
                owner: AccountId::from_bytes([1; 16]),
                digests: Digests::of(b"x"),
                base: "a.jpg".into(),
                name: "a (2).jpg".into(),
                host: None,
            },
            Fact::Version { asset, from: Checksum::of(b"x"), to: Digests::of(b"y") },
            Fact::Visibility { asset, visibility: Visibility::Archive },
            Fact::Scanned {},
            Fact::Favourite { asset, favourite: true },
            Fact::Rating { asset, stars: Rating::new(4) },
            Fact::Rating { asset, stars: None },
            Fact::Tag { asset, tag: TagPath::new(["Trips", "AC/DC"]).unwrap(), has: Some(false) },
            Fact::Description { asset, text: Some("\u{1f600}".into()) },
            Fact::Taken {
                asset,
                taken: Some(Taken { local: "2024-05-01T10:20:30.5".parse().unwrap(), zone: None }),
            },
            Fact::Trash { asset, trashed: true },
            Fact::Purge { asset },
            Fact::Undo { first: 3, last: 7 },
            Fact::Album {
                album: AlbumId::from_bytes([8; 16]),
                owner: AccountId::from_bytes([1; 16]),
                parent: Some(AlbumId::from_bytes([9; 16])),
                name: "Summer / 24".into(),
            },
            Fact::AlbumGone { album: AlbumId::from_bytes([8; 16]), gone: true },
            Fact::AlbumOrder { album: AlbumId::from_bytes([8; 16]), assets: vec![asset] },
            Fact::AlbumCover { album: AlbumId::from_bytes([8; 16]), asset: Some(asset) },
            Fact::AlbumAsset { album: AlbumId::from_bytes([8; 16]), asset, has: false },
            Fact::TagKept {
                owner: AccountId::from_bytes([1; 16]),
                tag: TagPath::new(["Trips", "Rome"]).unwrap(),
                kept: true,
            },
            Fact::SavedSearch {
                search: SearchId::from_bytes([4; 16]),
                owner: AccountId::from_bytes([1; 16]),
                name: "Dogs".into(),
                query: "dog in park".into(),
            },
            Fact::SavedSearchGone { search: SearchId::from_bytes([4; 16]), gone: true },
            Fact::Forget { root: RootId::from_bytes([2; 16]), folder: "a/b".into() },
            Fact::Watch { root: RootId::from_bytes([2; 16]), watch: Watch::Retired },
            Fact::Person { person, owner: AccountId::from_bytes([1; 16]), number: 7 },
            Fact::PersonName { person, name: Some("Ann \u{1f600}".into()) },
            Fact::PersonName { person, name: None },
            Fact::PersonMerge { person, into: PersonId::from_bytes([6; 16]) },
            Fact::PersonHidden { person, hidden: true },
            Fact::PersonAnchors { person, faces: vec![face] },
            Fact::Face {
                owner: AccountId::from_bytes([1; 16]),
                face,
                said: FaceSaid { is: None, not: vec![person], none: false },
            },
        ];
        for fact in facts {
            let (kind, content) = fact.to_record();
            assert!(KINDS.contains(&kind.as_str()), "{kind}");
            assert_eq!(Fact::from_record(&kind, &content).unwrap(), fact);
        }
    }

    #[test]
    fn what_cannot_be_is_not_read() {
        let asset = AssetId::from_bytes([7; 16]);
        for (kind, content) in [
            ("rating", serde_json::json!({ "asset": asset, "stars": 200 })),
            ("tag", serde_json::json!({ "asset": asset, "tag": [" "], "has": true })),
        ] {
            assert!(Fact::from_record(kind, &content).is_err(), "{kind}");
        }
    }

    #[test]
    fn a_kind_from_a_newer_version_is_named() {
        let error = Fact::from_record("hologram", &serde_json::json!({})).unwrap_err();
        assert!(error.to_string().contains("hologram"));
    }
}
