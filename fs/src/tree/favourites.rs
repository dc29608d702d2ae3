//! `favourites/`: in one directory.

use library::{Decision, Facet, Row, RowNumber};

use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `favourites/`.
#[derive(Debug)]
pub(crate) struct Favourites;

impl View for Favourites {
    fn name(&self) -> &'static str {
        "favourites"
    }

    fn about(&self) -> &'static str {
        "those you like best"
    }

    fn stands(&self, _state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        if row.favourite { vec![self.path(&[])] } else { Vec::new() }
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty()
    }

    fn contents(&self, state: &State, _at: At<'_>) -> Contents {
        match state.snapshot.facet(Facet::Favourite) {
            Some(set) => Contents::of_rows(set & state.shown(self.scope())),
            None => Contents::default(),
        }
    }

    fn membership(&self, _state: &State, at: At<'_>) -> Option<Membership> {
        at.is_empty().then(|| Membership {
            joins: vec![Decision::Favourite(true)],
            leaves: vec![Decision::Favourite(false)],
        })
    }
}
