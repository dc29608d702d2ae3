//! Keys of the catalogue: one letter for the kind of record, then what identifies it, big-endian so that order is
//! meaning.

use super::encode;
use crate::change::{ChangeSeq, Entity};
use crate::checksum::Checksum;
use crate::id::{AccountId, AlbumId, AssetId, FaceId, PersonId, RootId, SearchId};
use crate::metadata::TagPath;
use crate::observation::{FilePath, FileStat};

/// The bytes of one key, or the common start of many.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    fn of(kind: u8, parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        bytes.push(kind);
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }

    /// The key of a record that was scanned.
    pub(crate) fn from_scan(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Schema, library, epoch, seq, floor (the last change pruned), journal, unknown, next row.
    pub(crate) fn meta(name: &str) -> Self {
        Self::of(b'M', &[name.as_bytes()])
    }

    /// Account record.
    pub(crate) fn account(id: AccountId) -> Self {
        Self::of(b'U', &[id.as_bytes()])
    }

    /// Every account.
    pub(crate) fn accounts() -> Self {
        Self::of(b'U', &[])
    }

    /// Root record.
    pub(crate) fn root(id: RootId) -> Self {
        Self::of(b'R', &[id.as_bytes()])
    }

    /// Every root.
    pub(crate) fn roots() -> Self {
        Self::of(b'R', &[])
    }

    /// Asset record.
    pub(crate) fn asset(id: AssetId) -> Self {
        Self::of(b'A', &[id.as_bytes()])
    }

    /// Every asset.
    pub(crate) fn assets() -> Self {
        Self::of(b'A', &[])
    }

    /// Every asset whose id begins with this byte.
    pub(crate) fn assets_from(first: u8) -> Self {
        Self::of(b'A', &[&[first]])
    }

    /// What the user decided of an asset.
    pub(crate) fn decided(id: AssetId) -> Self {
        Self::of(b'd', &[id.as_bytes()])
    }

    /// What the user decided of each asset.
    pub(crate) fn all_decided() -> Self {
        Self::of(b'd', &[])
    }

    /// Album record.
    pub(crate) fn album(id: AlbumId) -> Self {
        Self::of(b'a', &[id.as_bytes()])
    }

    /// Every album.
    pub(crate) fn albums() -> Self {
        Self::of(b'a', &[])
    }

    /// A query that has a name.
    pub(crate) fn saved_search(id: SearchId) -> Self {
        Self::of(b'q', &[id.as_bytes()])
    }

    /// Every query that has a name.
    pub(crate) fn saved_searches() -> Self {
        Self::of(b'q', &[])
    }

    /// A tag that is listed though no photo has it.
    pub(crate) fn kept_tag(owner: AccountId, tag: &TagPath) -> Self {
        Self::of(b't', &[owner.as_bytes(), &encode(&tag.folded())])
    }

    /// Every tag that is listed though no photo has it.
    pub(crate) fn kept_tags() -> Self {
        Self::of(b't', &[])
    }

    /// What stands at a path.
    pub(crate) fn file(path: &FilePath) -> Self {
        Self::of(b'F', &[path.root.as_bytes(), &path.relative])
    }

    /// Every file below a folder whose path starts with these bytes.
    pub(crate) fn files(root: RootId, start: &[u8]) -> Self {
        Self::of(b'F', &[root.as_bytes(), start])
    }

    /// Which asset has had these bytes, in any version.
    pub(crate) fn content(owner: AccountId, checksum: &Checksum) -> Self {
        Self::of(b'C', &[owner.as_bytes(), checksum.as_bytes()])
    }

    /// Who has this name, folded. Reserved for ever.
    pub(crate) fn name(folded: &str) -> Self {
        Self::of(b'N', &[folded.as_bytes()])
    }

    /// The next ordinal to try for this base name, folded.
    pub(crate) fn ordinal(folded: &str) -> Self {
        Self::of(b'O', &[folded.as_bytes()])
    }

    /// The salt of an inode number that collided.
    pub(crate) fn salt(asset: AssetId, version: &Checksum) -> Self {
        Self::of(b'J', &[asset.as_bytes(), version.as_bytes()])
    }

    /// The path where the file with this device and inode number was last seen.
    pub(crate) fn same_file(stat: &FileStat) -> Self {
        Self::of(b'K', &[&stat.device.to_be_bytes(), &stat.inode.to_be_bytes()])
    }

    /// The asset that last stood at a path which is empty now.
    pub(crate) fn vacated(path: &FilePath) -> Self {
        Self::of(b'V', &[path.root.as_bytes(), &path.relative])
    }

    /// Every path that remembers who stood there.
    pub(crate) fn all_vacated() -> Self {
        Self::of(b'V', &[])
    }

    /// The sidecar asset that a sidecar file stands for.
    pub(crate) fn sidecar(path: &FilePath) -> Self {
        Self::of(b'T', &[path.root.as_bytes(), &path.relative])
    }

    /// An asset that carries this live-photo identifier.
    pub(crate) fn live(owner: AccountId, live_id: &str, asset: AssetId) -> Self {
        let hashed = Checksum::of(live_id.as_bytes());
        Self::of(b'G', &[owner.as_bytes(), hashed.as_bytes(), asset.as_bytes()])
    }

    /// Every asset that carries this live-photo identifier.
    pub(crate) fn live_all(owner: AccountId, live_id: &str) -> Self {
        Self::of(b'G', &[owner.as_bytes(), Checksum::of(live_id.as_bytes()).as_bytes()])
    }

    /// A subtree that is away.
    pub(crate) fn away(root: RootId, folder: &[u8]) -> Self {
        Self::of(b'X', &[root.as_bytes(), folder])
    }

    /// Every subtree that is away.
    pub(crate) fn all_away() -> Self {
        Self::of(b'X', &[])
    }

    /// A change by its number.
    pub(crate) fn change(seq: ChangeSeq) -> Self {
        Self::of(b'S', &[&seq.0.to_be_bytes()])
    }

    /// The number of the latest change of an entity that is no asset: an asset's record has its own.
    pub(crate) fn latest(entity: Entity) -> Self {
        Self::of(b'L', &[&encode(&entity)])
    }

    /// An asset of which only older bytes were found so far.
    pub(crate) fn waiting(id: AssetId) -> Self {
        Self::of(b'W', &[id.as_bytes()])
    }

    /// Every asset of which only older bytes were found so far.
    pub(crate) fn all_waiting() -> Self {
        Self::of(b'W', &[])
    }

    /// When an edit took the place of a version of an asset, if the files were not all told since.
    pub(crate) fn superseded(id: AssetId, version: &Checksum) -> Self {
        Self::of(b's', &[id.as_bytes(), version.as_bytes()])
    }

    /// All versions whose place an edit took since the files were all told.
    pub(crate) fn all_superseded() -> Self {
        Self::of(b's', &[])
    }

    /// Bytes that could not be shown.
    pub(crate) fn unseen(content: &Checksum) -> Self {
        Self::of(b'u', &[content.as_bytes()])
    }

    /// All bytes that could not be shown.
    pub(crate) fn all_unseen() -> Self {
        Self::of(b'u', &[])
    }

    /// An unreadable file.
    pub(crate) fn unreadable(path: &FilePath) -> Self {
        Self::of(b'B', &[path.root.as_bytes(), &path.relative])
    }

    /// Every unreadable file.
    pub(crate) fn all_unreadable() -> Self {
        Self::of(b'B', &[])
    }
}

impl Key {
    /// Person record.
    pub(crate) fn person(id: PersonId) -> Self {
        Self::of(b'P', &[id.as_bytes()])
    }

    /// Every person.
    pub(crate) fn people() -> Self {
        Self::of(b'P', &[])
    }

    /// The person with this number.
    pub(crate) fn person_number(owner: AccountId, number: u32) -> Self {
        Self::of(b'Q', &[owner.as_bytes(), &number.to_be_bytes()])
    }

    /// Who is called so, folded, or was last.
    pub(crate) fn person_name(owner: AccountId, folded: &str) -> Self {
        Self::of(b'E', &[owner.as_bytes(), folded.as_bytes()])
    }

    /// The lowest number that no person of an account has had.
    pub(crate) fn next_person(owner: AccountId) -> Self {
        Self::of(b'I', &[owner.as_bytes()])
    }

    /// That all of an account's people were found who were known before this life of the catalogue.
    pub(crate) fn people_returned(owner: AccountId) -> Self {
        Self::of(b'h', &[owner.as_bytes()])
    }

    /// How many faces made an account's groups, by model, when they were made last.
    pub(crate) fn makers(owner: AccountId) -> Self {
        Self::of(b'k', &[owner.as_bytes()])
    }

    /// What was found in a picture.
    pub(crate) fn faces(content: &Checksum) -> Self {
        Self::of(b'H', &[content.as_bytes()])
    }

    /// What was found in each picture.
    pub(crate) fn all_faces() -> Self {
        Self::of(b'H', &[])
    }

    /// The picture that a face is in.
    pub(crate) fn face(id: FaceId) -> Self {
        Self::of(b'D', &[id.as_bytes()])
    }

    /// What was said of the faces in a picture.
    pub(crate) fn said(owner: AccountId, content: &Checksum) -> Self {
        Self::of(b'Z', &[owner.as_bytes(), content.as_bytes()])
    }

    /// Who is in a photo.
    pub(crate) fn cast(asset: AssetId) -> Self {
        Self::of(b'Y', &[asset.as_bytes()])
    }

    /// Who is in each photo.
    pub(crate) fn casts() -> Self {
        Self::of(b'Y', &[])
    }

    /// Who a group of faces is.
    pub(crate) fn group(owner: AccountId, group: u32) -> Self {
        Self::of(b'g', &[owner.as_bytes(), &group.to_be_bytes()])
    }

    /// Every group that is somebody.
    pub(crate) fn groups(owner: AccountId) -> Self {
        Self::of(b'g', &[owner.as_bytes()])
    }
}

/// The id in a key of one letter and an id.
pub(crate) fn id_of(key: &[u8]) -> Option<[u8; 16]> {
    key.get(1..17)?.try_into().ok()
}

/// The number in a key made by [`Key::change`].
pub(crate) fn change_seq(key: &[u8]) -> ChangeSeq {
    let mut bytes = [0; 8];
    if let Some(tail) = key.get(1..9) {
        bytes.copy_from_slice(tail);
    }
    ChangeSeq(u64::from_be_bytes(bytes))
}

/// The bytes meant by a key made by [`Key::unseen`].
pub(crate) fn unseen_content(key: &[u8]) -> Option<Checksum> {
    key.get(1..33)?.try_into().ok().map(Checksum::from_bytes)
}

/// The path in a key made by [`Key::file`], [`Key::unreadable`], [`Key::away`] or their like.
pub(crate) fn path_of(key: &[u8]) -> Option<FilePath> {
    let root: [u8; 16] = key.get(1..17)?.try_into().ok()?;
    Some(FilePath::new(RootId::from_bytes(root), key.get(17..)?))
}
