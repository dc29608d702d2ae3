//! `archive/`: what was put away, in one directory.

use library::{Decision, Row, RowNumber, Scope, Visibility};

use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `archive/`.
#[derive(Debug)]
pub(crate) struct Archive;

impl View for Archive {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn about(&self) -> &'static str {
        "what you put away: it is here and in all/, and nowhere else"
    }

    fn scope(&self) -> Scope {
        Scope::Archive
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

    fn membership(&self, _state: &State, at: At<'_>) -> Option<Membership> {
        at.is_empty().then(|| Membership {
            joins: vec![Decision::Visibility(Visibility::Archive)],
            leaves: vec![Decision::Visibility(Visibility::Timeline)],
        })
    }
}
