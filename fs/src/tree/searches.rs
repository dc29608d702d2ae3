//! `searches/NAME/`: queries that were given names. What they find is listed as in `search/`.

use library::{SavedSearch, Scope};

use super::acts::{Onto, Says};
use super::path::DirPath;
use super::probed::is_probed;
use super::state::State;
use super::view::{At, Contents, Naming, View, text};
use crate::error::FsError;
use crate::name::{original, safe};
use crate::source::SearchDecision;
use crate::xattr::Attribute;

/// `searches/`.
#[derive(Debug)]
pub(crate) struct Searches;

/// The query whose directory is called so.
pub(super) fn named<'a>(state: &'a State, name: &[u8]) -> Option<&'a SavedSearch> {
    let (snapshot, account) = (&state.snapshot, state.account());
    let name = text(name)?;
    let is_called = |search: &&SavedSearch| safe(&search.name) == name;
    // A name that had to be cut does not lead back to its word.
    let by_word = original(name).and_then(|word| snapshot.saved_search(account, &word));
    by_word.filter(is_called).or_else(|| snapshot.saved_searches(account).find(is_called))
}

fn at<'a>(state: &'a State, at: At<'_>) -> Option<&'a SavedSearch> {
    match at {
        [name] => named(state, name),
        _ => None,
    }
}

/// The directories of all of them.
pub(super) fn all(state: &State) -> Vec<DirPath> {
    let searches = state.snapshot.saved_searches(state.account());
    searches.map(|search| Searches.path(&[&safe(&search.name)])).collect()
}

/// What somebody calls a query by this name of a directory.
fn word(name: &str) -> Result<String, FsError> {
    let word = original(name).filter(|_| !is_probed(name));
    word.ok_or_else(|| FsError::BadValue(format!("\"{name}\" cannot be a search's name")))
}

impl View for Searches {
    fn name(&self) -> &'static str {
        "searches"
    }

    fn about(&self) -> &'static str {
        "searches to keep: mkdir \"searches/dog in park\" saves one, mv gives it another name"
    }

    /// A query decides by itself whether it asks for the archive.
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn naming(&self) -> Naming {
        Naming::Ranked
    }

    fn has(&self, state: &State, path: At<'_>) -> bool {
        path.is_empty() || at(state, path).is_some()
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        let searches = state.snapshot.saved_searches(state.account());
        match at {
            [] => Contents::of_dirs(searches.map(|search| safe(&search.name))),
            _ => Contents::default(),
        }
    }

    fn mkdir(&self, state: &State, at: At<'_>, name: &str) -> Result<Says, FsError> {
        let (true, word) = (at.is_empty(), word(name)?) else { return Err(FsError::ReadOnly) };
        if state.snapshot.saved_search(state.account(), &word).is_some() {
            return Err(FsError::Exists);
        }
        Ok(Says::OfSearch(SearchDecision::Save { query: word.clone(), name: word }))
    }

    fn rmdir(&self, state: &State, path: At<'_>) -> Result<Says, FsError> {
        self.removed(state, path).ok_or(FsError::ReadOnly)
    }

    fn rename_dir(
        &self,
        state: &State,
        from: At<'_>,
        into: At<'_>,
        name: &str,
        _onto: Onto,
    ) -> Result<Says, FsError> {
        let search = at(state, from).filter(|_| into.is_empty()).ok_or(FsError::ReadOnly)?;
        let word = word(name)?;
        match state.snapshot.saved_search(state.account(), &word) {
            Some(there) if there.id != search.id => Err(FsError::Exists),
            _ => Ok(Says::OfSearch(SearchDecision::Name(search.id, word))),
        }
    }

    fn attribute(&self, state: &State, path: At<'_>, attribute: Attribute) -> Option<String> {
        let search = at(state, path).filter(|_| attribute == Attribute::Query)?;
        Some(search.query.as_ref().to_owned())
    }

    fn set_attribute(
        &self,
        state: &State,
        path: At<'_>,
        attribute: Attribute,
        value: Option<&str>,
    ) -> Result<Says, FsError> {
        match (at(state, path), attribute, value) {
            (Some(search), Attribute::Query, Some(query)) => {
                Ok(Says::OfSearch(SearchDecision::Ask(search.id, query.to_owned())))
            }
            _ => Err(FsError::FixedAttribute),
        }
    }

    fn removed(&self, state: &State, path: At<'_>) -> Option<Says> {
        at(state, path).map(|search| Says::OfSearch(SearchDecision::Forget(search.id)))
    }
}
