//! What facts about albums do to the catalogue. Who is in one is decided of the asset.

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::AlbumRecord;
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::fact::Fact;
use crate::id::{AccountId, AlbumId};

pub(super) fn apply(tx: &mut Transaction<'_>, fact: &Fact) -> Result<(), CatalogueError> {
    match fact {
        Fact::Album { album, owner, parent, name } => {
            let (parent, name) = (*parent, name.clone());
            let record = AlbumRecord { owner: *owner, parent, name, ..known(tx, *album)? };
            tx.put(Key::album(*album), &record);
            tx.touch(Entity::Album(*album));
        }
        Fact::AlbumGone { album, gone } => {
            if let Some(record) = tx.get::<AlbumRecord>(&Key::album(*album))? {
                tx.put(Key::album(*album), &AlbumRecord { gone: *gone, ..record });
            }
            match gone {
                true => tx.end(Entity::Album(*album)),
                false => tx.touch(Entity::Album(*album)),
            }
        }
        Fact::AlbumOrder { album, assets } => {
            let record = AlbumRecord { order: assets.clone(), ..known(tx, *album)? };
            tx.put(Key::album(*album), &record);
            tx.touch(Entity::Album(*album));
        }
        Fact::AlbumCover { album, asset } => {
            let record = AlbumRecord { cover: *asset, ..known(tx, *album)? };
            tx.put(Key::album(*album), &record);
            tx.touch(Entity::Album(*album));
        }
        _ => {}
    }
    Ok(())
}

/// What is known of an album. Of one that was renamed, its order may come before it does in a compacted journal, which has its
/// latest name only.
fn known(tx: &Transaction<'_>, album: AlbumId) -> Result<AlbumRecord, CatalogueError> {
    let nobody = AccountId::from_bytes([0; 16]);
    Ok(tx.get::<AlbumRecord>(&Key::album(album))?.unwrap_or_else(|| AlbumRecord {
        owner: nobody,
        parent: None,
        name: String::new(),
        gone: false,
        order: Vec::new(),
        cover: None,
    }))
}
