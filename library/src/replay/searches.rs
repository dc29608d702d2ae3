//! What facts about queries that have names do to the catalogue.

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::SavedSearchRecord;
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::fact::Fact;

pub(super) fn apply(tx: &mut Transaction<'_>, fact: &Fact) -> Result<(), CatalogueError> {
    match fact {
        Fact::SavedSearch { search, owner, name, query } => {
            let key = Key::saved_search(*search);
            let gone = tx.get::<SavedSearchRecord>(&key)?.is_some_and(|old| old.gone);
            let (name, query) = (name.clone(), query.clone());
            tx.put(key, &SavedSearchRecord { owner: *owner, name, query, gone });
        }
        Fact::SavedSearchGone { search, gone } => {
            let key = Key::saved_search(*search);
            if let Some(record) = tx.get::<SavedSearchRecord>(&key)? {
                tx.put(key, &SavedSearchRecord { gone: *gone, ..record });
            }
        }
        _ => return Ok(()),
    }
    tx.touch(Entity::SavedSearches);
    Ok(())
}
