//! `similar/IMG_1.jpg/`: the photos that look like this one, most alike first. None is listed, each is there.

use library::Scope;

use super::state::State;
use super::view::{At, Contents, Naming, View, text};

/// `similar/`.
#[derive(Debug)]
pub(crate) struct Similar;

impl View for Similar {
    fn name(&self) -> &'static str {
        "similar"
    }

    fn about(&self) -> &'static str {
        "similar/IMG_1.jpg: open the name of any photo here for what looks like it"
    }

    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn naming(&self) -> Naming {
        Naming::Ranked
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        match at {
            [] => true,
            [name] => text(name)
                .and_then(|name| state.snapshot.by_name(name))
                .is_some_and(|number| state.host(number, self.scope()).is_some()),
            _ => false,
        }
    }

    fn contents(&self, _state: &State, _at: At<'_>) -> Contents {
        Contents::default()
    }
}
