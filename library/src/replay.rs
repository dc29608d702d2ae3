//! What a fact does to the catalogue: the same when it is made and when the journal is replayed.

mod albums;
mod people;
mod searches;

use jiff::Timestamp;

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AccountRecord, AssetRecord, AwayRecord, DecidedRecord, RootRecord};
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::fact::{Fact, Watch};
use crate::id::{AssetId, AssetInode};
use crate::journal::Sequence;
use crate::names;

/// Applies one fact. `time` and `sequence` are its journal record's. Applying it twice is applying it once.
pub(crate) fn apply(
    tx: &mut Transaction<'_>,
    fact: &Fact,
    time: Timestamp,
    sequence: Sequence,
) -> Result<(), CatalogueError> {
    match fact {
        Fact::Account { account, name } => {
            let order = tx.get::<AccountRecord>(&Key::account(*account))?.map_or(sequence.0, |old| old.order);
            tx.put(Key::account(*account), &AccountRecord { name: name.clone(), order });
        }
        Fact::Root { root, owner, path, name } => {
            let old = tx.get::<RootRecord>(&Key::root(*root))?;
            let (order, watch) = old.map_or((sequence.0, Watch::On), |old| (old.order, old.watch));
            let record = RootRecord { owner: *owner, path: path.into(), name: name.clone(), order, watch };
            tx.put(Key::root(*root), &record);
            tx.touch(Entity::Roots);
        }
        Fact::Watch { root, watch } => {
            if let Some(record) = tx.get::<RootRecord>(&Key::root(*root))? {
                tx.put(Key::root(*root), &RootRecord { watch: *watch, ..record });
            }
            tx.touch(Entity::Roots);
        }
        Fact::Asset { asset, owner, digests, base, name, host } => {
            if tx.asset(*asset)?.is_none() {
                let inode = inode_of(tx, *asset, digests)?;
                let row = tx.next_row()?;
                tx.add_asset(
                    *asset,
                    AssetRecord {
                        row,
                        changed: Default::default(),
                        owner: *owner,
                        digests: *digests,
                        inode,
                        added: time,
                        decided: time,
                        base: base.clone(),
                        name: name.clone(),
                        former_names: Vec::new(),
                        visibility: Default::default(),
                        host: *host,
                        parts: Vec::new(),
                        developed: None,
                        raws: Vec::new(),
                        standing: Vec::new(),
                        missing_since: Some(time),
                        metadata: None,
                        described_at: None,
                    },
                );
            }
            if host.is_none() {
                tx.put(Key::content(*owner, &digests.checksum), asset);
            }
            reserve(tx, base, name, *asset)?;
        }
        Fact::Name { asset, base, name } => {
            reserve(tx, base, name, *asset)?;
            if let Some(record) = tx.asset_mut(*asset)? {
                if record.name != *name {
                    let former = (
                        std::mem::replace(&mut record.base, base.clone()),
                        std::mem::replace(&mut record.name, name.clone()),
                    );
                    record.former_names.retain(|(_, kept)| kept != name);
                    record.former_names.push(former);
                }
                record.decided = time;
            }
        }
        Fact::Version { asset, from, to } => {
            let inode = inode_of(tx, *asset, to)?;
            let owner = tx.asset(*asset)?.map(|record| record.owner);
            if let Some(owner) = owner
                && tx.get::<AssetId>(&Key::content(owner, &to.checksum))?.is_none()
            {
                // Bytes nobody had before: an edit, and not the way back to an older version.
                tx.put(Key::superseded(*asset, from), &time);
            }
            if let Some(record) = tx.asset_mut(*asset)? {
                record.digests = *to;
                record.inode = inode;
                record.decided = time;
                let owner = record.owner;
                tx.put(Key::content(owner, &to.checksum), asset);
            }
        }
        Fact::Scanned {} => {
            for (key, _) in tx.scan::<Timestamp>(&Key::all_superseded())? {
                tx.remove(Key::from_scan(key));
            }
        }
        Fact::Inode { asset, version, salt } => {
            tx.put(Key::salt(*asset, version), salt);
            let inode = AssetInode::of(*asset, version, *salt);
            if let Some(record) = tx.asset_mut(*asset)?
                && record.digests.checksum == *version
            {
                record.inode = inode;
            }
        }
        Fact::Visibility { asset, visibility } => {
            if let Some(record) = tx.asset_mut(*asset)? {
                record.visibility = *visibility;
                record.decided = time;
            }
        }
        Fact::Favourite { .. }
        | Fact::Rating { .. }
        | Fact::Tag { .. }
        | Fact::Description { .. }
        | Fact::Taken { .. }
        | Fact::Trash { .. }
        | Fact::Purge { .. }
        | Fact::AlbumAsset { .. } => decided(tx, fact, time)?,
        // What that means is journalled with it.
        Fact::Undo { .. } => {}
        Fact::Album { .. } | Fact::AlbumGone { .. } | Fact::AlbumOrder { .. } | Fact::AlbumCover { .. } => {
            albums::apply(tx, fact)?;
        }
        Fact::TagKept { owner, tag, kept } => {
            let key = Key::kept_tag(*owner, tag);
            match kept {
                true => tx.put(key, &(*owner, tag)),
                false => tx.remove(key),
            }
            tx.touch(Entity::KeptTags);
        }
        Fact::SavedSearch { .. } | Fact::SavedSearchGone { .. } => searches::apply(tx, fact)?,
        Fact::Forget { root, folder } => {
            let folder = decode_path(folder);
            let away: Vec<(Vec<u8>, AwayRecord)> = tx.scan(&Key::away(*root, &folder))?;
            for (key, _) in away {
                if let Some(at) = crate::catalogue::keys::path_of(&key)
                    && at.is_under(&folder)
                {
                    tx.remove(Key::away(*root, &at.relative));
                }
            }
            tx.touch(Entity::Roots);
        }
        Fact::Person { .. }
        | Fact::PersonName { .. }
        | Fact::PersonMerge { .. }
        | Fact::PersonHidden { .. }
        | Fact::PersonAnchors { .. }
        | Fact::Face { .. } => people::apply(tx, fact)?,
    }
    Ok(())
}

/// What the user decided of an asset itself.
fn decided(tx: &mut Transaction<'_>, fact: &Fact, time: Timestamp) -> Result<(), CatalogueError> {
    let (Fact::Favourite { asset, .. }
    | Fact::Rating { asset, .. }
    | Fact::Tag { asset, .. }
    | Fact::Description { asset, .. }
    | Fact::Taken { asset, .. }
    | Fact::Trash { asset, .. }
    | Fact::Purge { asset }
    | Fact::AlbumAsset { asset, .. }) = fact
    else {
        return Ok(());
    };
    let key = Key::decided(*asset);
    let mut decided = tx.get::<DecidedRecord>(&key)?.unwrap_or_default();
    match fact {
        Fact::Favourite { favourite, .. } => decided.favourite = *favourite,
        Fact::Rating { stars, .. } => decided.stars = *stars,
        Fact::Tag { tag, has, .. } => decided.set_tag(tag, *has),
        Fact::Description { text, .. } => decided.description.clone_from(text),
        Fact::Taken { taken, .. } => decided.taken = *taken,
        Fact::Trash { trashed, .. } => {
            decided.trashed = trashed.then_some(time);
            decided.purged = false;
        }
        Fact::Purge { .. } => {
            decided.trashed = None;
            decided.purged = true;
        }
        Fact::AlbumAsset { album, has, .. } => {
            decided.albums.retain(|known| known != album);
            decided.albums.extend(has.then_some(*album));
        }
        _ => {}
    }
    match decided == DecidedRecord::default() {
        true => tx.remove(key),
        false => tx.put(key, &decided),
    }
    if let Some(record) = tx.asset_mut(*asset)? {
        record.decided = time;
    }
    Ok(())
}

/// The inode number of a version: salted only where a journalled collision says so.
fn inode_of(
    tx: &Transaction<'_>,
    asset: AssetId,
    digests: &crate::checksum::Digests,
) -> Result<AssetInode, CatalogueError> {
    let salt = tx.get::<u32>(&Key::salt(asset, &digests.checksum))?.unwrap_or(0);
    Ok(AssetInode::of(asset, &digests.checksum, salt))
}

fn reserve(tx: &mut Transaction<'_>, base: &str, name: &str, asset: AssetId) -> Result<(), CatalogueError> {
    let ordinal = names::ordinal_of(name, base);
    // Most names are the only one of their kind: no hint means that the search for a free one begins at 1.
    if ordinal > 1 {
        let hint = Key::ordinal(&names::folded(base));
        if tx.get::<u32>(&hint)?.unwrap_or(1) <= ordinal {
            tx.put(hint, &(ordinal + 1));
        }
    }
    tx.put(Key::name(&names::folded(name)), &asset);
    Ok(())
}

/// A folder's bytes as journal text: percent-encoded where they are not plain UTF-8.
pub(crate) fn encode_path(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.contains('%') && !text.chars().any(char::is_control) => text.to_owned(),
        _ => path
            .iter()
            .map(|byte| match byte {
                b' '..=b'~' if *byte != b'%' => char::from(*byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect(),
    }
}

/// The bytes behind [`encode_path`].
pub(crate) fn decode_path(text: &str) -> Box<[u8]> {
    let bytes = text.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        path.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    path.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_the_journal_whatever_their_bytes() {
        for path in [&b"a/b c"[..], b"caf\xe9", b"100%", b"new\nline", "\u{e9}t\u{e9}".as_bytes()] {
            let text = encode_path(path);
            assert!(!text.contains('\n'));
            assert_eq!(&*decode_path(&text), path);
        }
    }
}
