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
            let gone = tx.get::<AlbumRecord>(&Key::album(*album))?.is_some_and(|old| old.gone);
            let record = AlbumRecord { owner: *owner, parent: *parent, name: name.clone(), gone };
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
        _ => {}
    }
    Ok(())
}
