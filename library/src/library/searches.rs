//! What the user does with queries that they want again: gives them names, other names, and forgets them.

use super::{Library, LibraryError};
use crate::fact::Fact;
use crate::id::SearchId;
use crate::journal::Face;
use crate::names;
use crate::query::Mode;
use crate::snapshot::{SavedSearch, Snapshot};

/// The longest query, in bytes.
const MAX_QUERY: usize = 4096;

/// Why a query cannot have a name. Nothing was changed then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SavedSearchError {
    /// None has this id.
    #[error("there is no saved search {0}")]
    NoSearch(SearchId),
    /// Another one is called so.
    #[error("there is a search \"{0}\" already: choose another name")]
    NameTaken(String),
    /// Nothing that can be a name.
    #[error(
        "\"{0}\" cannot be a search's name: it is empty, has control characters, or is too long for a folder's"
    )]
    BadName(String),
    /// Nothing that anybody would ask.
    #[error("a search can have {MAX_QUERY} bytes at most")]
    TooLong,
}

impl Library {
    /// Gives a query a name.
    pub fn save_search(&self, face: Face, name: &str, query: &str) -> Result<SearchId, LibraryError> {
        let owner = self.account();
        self.check_query(query)?;
        self.write(owner, face, |tx, _| {
            self.check_name(&self.snapshot(), None, name)?;
            let search = SearchId::random();
            tx.decide(Fact::SavedSearch { search, owner, name: name.to_owned(), query: query.to_owned() })?;
            Ok(search)
        })
    }

    /// Gives a query that has a name another one.
    pub fn rename_search(&self, face: Face, search: SearchId, name: &str) -> Result<(), LibraryError> {
        self.change_search(face, search, Some(name), None)
    }

    /// Has a name stand for another query.
    pub fn set_search_query(&self, face: Face, search: SearchId, query: &str) -> Result<(), LibraryError> {
        self.check_query(query)?;
        self.change_search(face, search, None, Some(query))
    }

    /// Forgets a query that has a name.
    pub fn forget_search(&self, face: Face, search: SearchId) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| {
            self.known_search(&self.snapshot(), search)?;
            Ok(tx.decide(Fact::SavedSearchGone { search, gone: true })?)
        })
    }

    fn change_search(
        &self,
        face: Face,
        search: SearchId,
        name: Option<&str>,
        query: Option<&str>,
    ) -> Result<(), LibraryError> {
        let owner = self.account();
        self.write(owner, face, |tx, _| {
            let snapshot = self.snapshot();
            let known = self.known_search(&snapshot, search)?;
            let name = name.unwrap_or(&known.name).to_owned();
            let query = query.unwrap_or(&known.query).to_owned();
            self.check_name(&snapshot, Some(search), &name)?;
            if (&*known.name, &*known.query) != (name.as_str(), query.as_str()) {
                tx.decide(Fact::SavedSearch { search, owner, name, query })?;
            }
            Ok(())
        })
    }

    fn known_search(&self, snapshot: &Snapshot, search: SearchId) -> Result<SavedSearch, SavedSearchError> {
        let mut searches = snapshot.saved_searches(self.account());
        searches.find(|known| known.id == search).cloned().ok_or(SavedSearchError::NoSearch(search))
    }

    fn check_query(&self, query: &str) -> Result<(), LibraryError> {
        if query.len() > MAX_QUERY {
            return Err(SavedSearchError::TooLong.into());
        }
        self.parse(query, Mode::Strict).map(drop)
    }

    fn check_name(
        &self,
        snapshot: &Snapshot,
        search: Option<SearchId>,
        name: &str,
    ) -> Result<(), SavedSearchError> {
        if !names::is_folders(name) {
            return Err(SavedSearchError::BadName(name.to_owned()));
        }
        match snapshot.saved_search(self.account(), name) {
            Some(other) if Some(other.id) != search => {
                Err(SavedSearchError::NameTaken(other.name.to_string()))
            }
            _ => Ok(()),
        }
    }
}
