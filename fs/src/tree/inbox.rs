//! `inbox/`: its place in the tree. What is in it is no part of the tree, but of [`crate::inbox`].

use super::state::State;
use super::view::{At, Contents, Naming, View};

/// `inbox/`.
#[derive(Debug)]
pub(crate) struct Inbox;

/// Its name.
pub(super) const NAME: &str = "inbox";

impl View for Inbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "copy photos and videos here, and they are in the library"
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty()
    }

    fn contents(&self, _state: &State, _at: At<'_>) -> Contents {
        Contents::default()
    }

    fn naming(&self) -> Naming {
        Naming::Ranked
    }
}
