//! `people/NAME/`, and `people/unnamed/person N/` for those who have none yet.
//!
//! A number is given once: `unnamed/person 7` leads to the same person after they were named or found to be somebody
//! else, though it is not listed any more then.

use library::snapshot::Person;
use library::{Facet, Row, RowNumber};

use super::groups::Groups;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View, text};

/// `people/`.
#[derive(Debug)]
pub(crate) struct People;

/// Where those without a name are.
const UNNAMED: &str = "unnamed";

fn words(person: &Person) -> Vec<String> {
    match &person.name {
        Some(name) if crate::name::folded(name) == UNNAMED => {
            vec![format!("{name} (person {})", person.number)]
        }
        Some(name) => vec![name.to_string()],
        None => vec![UNNAMED.to_owned(), person.title()],
    }
}

fn groups(state: &State) -> &Groups {
    state.people.get_or_init(|| {
        let people = state.snapshot.people(state.account()).filter(|person| person.is_shown());
        Groups::of(state, people.map(|person| (Facet::Person(person.row), words(person))))
    })
}

/// The person that a number, listed or not, leads to.
fn numbered<'a>(state: &'a State, at: At<'_>) -> Option<&'a Person> {
    let [top, name] = at else { return None };
    if *top != UNNAMED.as_bytes() {
        return None;
    }
    let digits = text(name)?.strip_prefix("person ")?;
    let number: u32 = digits.parse().ok()?;
    let person = state.snapshot.person_numbered(state.account(), number)?;
    (number.to_string() == digits && !person.hidden).then_some(person)
}

/// Whose directory this is.
pub(super) fn person_at<'a>(state: &'a State, at: At<'_>) -> Option<&'a Person> {
    let listed = groups(state).sets(at).into_iter().flatten().find_map(|facet| match facet {
        Facet::Person(row) => state.snapshot.person(*row).map(|person| &**person),
        _ => None,
    });
    listed.or_else(|| numbered(state, at))
}

/// Whether this is the directory of those without a name.
pub(super) fn is_unnamed(at: At<'_>) -> bool {
    at == [UNNAMED.as_bytes()]
}

impl View for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn about(&self) -> &'static str {
        "by who is in it; those without a name are in people/unnamed"
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        let groups = groups(state);
        let mut paths: Vec<_> = row
            .extras
            .persons
            .iter()
            .filter_map(|person| groups.path(self.name(), Facet::Person(*person)))
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    fn lists(&self, state: &State, number: RowNumber, row: &Row, at: At<'_>) -> bool {
        match numbered(state, at) {
            Some(person) => row.extras.persons.contains(&person.row),
            None => self.stands(state, number, row).contains(&self.path_of(at)),
        }
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        // Listed or not: a folder that stays empty is better than one that a script finds gone.
        groups(state).has(at) || at == [UNNAMED.as_bytes()] || numbered(state, at).is_some()
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        if groups(state).has(at) {
            return groups(state).contents(state, at);
        }
        match numbered(state, at).and_then(|person| state.snapshot.facet(Facet::Person(person.row))) {
            Some(set) => Contents::of_rows(set & state.shown(self.scope())),
            None => Contents::default(),
        }
    }
}
