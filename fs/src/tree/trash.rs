//! `trash/`: what was deleted, until it is taken out or the trash is emptied.

use library::{Row, RowNumber, Scope};

use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `trash/`.
#[derive(Debug)]
pub(crate) struct Trash;

/// Its name.
pub(super) const NAME: &str = "trash";

impl View for Trash {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "what you deleted: move it anywhere else to have it back"
    }

    fn scope(&self) -> Scope {
        Scope::Trash
    }

    fn stands(&self, _state: &State, _number: RowNumber, _row: &Row) -> Vec<DirPath> {
        vec![self.path(&[])]
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty()
    }

    fn contents(&self, state: &State, _at: At<'_>) -> Contents {
        Contents::of_rows(state.shown(self.scope()))
    }
}
