//! The queries that have names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalogue::records::SavedSearchRecord;
use crate::id::{AccountId, SearchId};
use crate::names::folded;

/// A query that has a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedSearch {
    /// Which it is, for ever.
    pub id: SearchId,
    /// What it is called.
    pub name: Arc<str>,
    /// What it asks.
    pub query: Arc<str>,
}

/// All of one snapshot, by whose they are and what they are called, folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct SavedSearches(BTreeMap<(AccountId, String), SavedSearch>);

impl SavedSearches {
    pub(crate) fn new(records: impl IntoIterator<Item = (SearchId, SavedSearchRecord)>) -> Self {
        let here = records.into_iter().filter(|(_, record)| !record.gone);
        let by_name = here.map(|(id, record)| {
            let search = SavedSearch { id, name: record.name.into(), query: record.query.into() };
            ((record.owner, folded(&search.name)), search)
        });
        Self(by_name.collect())
    }

    /// Those of an account, by name.
    pub(crate) fn of(&self, owner: AccountId) -> impl Iterator<Item = &SavedSearch> {
        let first = (owner, String::new());
        self.0.range(first..).take_while(move |(key, _)| key.0 == owner).map(|(_, search)| search)
    }

    /// The one of an account that is called so; case and composition do not count.
    pub(crate) fn called(&self, owner: AccountId, name: &str) -> Option<&SavedSearch> {
        self.0.get(&(owner, folded(name)))
    }
}
