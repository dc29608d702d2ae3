//! What facts about albums do to the catalogue. Who is in one is decided of the asset.

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::AlbumRecord;
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::fact::Fact;

pub(super) fn apply(tx: &mut Transaction<'_>, fact: &Fact) -> Result<(), CatalogueError> {
    match fact {
        Fact::Album { album, owner, parent, name } => {
            let (parent, name) = (*parent, name.clone());
            let record = match tx.get::<AlbumRecord>(&Key::album(*album))? {
                Some(old) => AlbumRecord { parent, name, ..old },
                None => {
                    AlbumRecord { owner: *owner, parent, name, gone: false, order: Vec::new(), cover: None }
                }
            };
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
            if let Some(record) = tx.get::<AlbumRecord>(&Key::album(*album))? {
                tx.put(Key::album(*album), &AlbumRecord { order: assets.clone(), ..record });
                tx.touch(Entity::Album(*album));
            }
        }
        Fact::AlbumCover { album, asset } => {
            if let Some(record) = tx.get::<AlbumRecord>(&Key::album(*album))? {
                tx.put(Key::album(*album), &AlbumRecord { cover: *asset, ..record });
                tx.touch(Entity::Album(*album));
            }
        }
        _ => {}
    }
    Ok(())
}
