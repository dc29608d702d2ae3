//! `people/NAME/`, and `people/unnamed/person N/` for those who have none yet.
//!
//! A number is given once: `unnamed/person 7` leads to the same person after they were named or found to be somebody
//! else, though it is not listed any more then.

use library::snapshot::Person;
use library::{Decision, Facet, Row, RowNumber};

use super::acts::{Onto, Says};
use super::groups::{Groups, Word};
use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View, text};
use crate::error::FsError;
use crate::name::{folded, original};
use crate::source::PersonDecision;

/// `people/`.
#[derive(Debug)]
pub(crate) struct People;

/// Where those without a name are.
const UNNAMED: &str = "unnamed";

fn words(person: &Person) -> Vec<String> {
    match &person.name {
        Some(name) if folded(name) == UNNAMED => {
            vec![format!("{name} (person {})", person.number)]
        }
        Some(name) => vec![name.to_string()],
        None => vec![UNNAMED.to_owned(), person.title()],
    }
}

fn groups(state: &State) -> &Groups {
    state.worked_out.people.get_or_init(|| {
        let people = state.snapshot.people(state.account()).filter(|person| person.is_shown());
        Groups::of(
            state,
            people.map(|person| Word {
                set: Some(Facet::Person(person.row)),
                words: words(person),
                // Who has a name is somebody, in photos or not.
                stays: person.name.is_some(),
            }),
        )
    })
}

/// The directory of somebody who is listed.
pub(super) fn path(state: &State, id: library::PersonId) -> Option<DirPath> {
    groups(state).path(People.name(), Facet::Person(state.snapshot.person_by_id(id)?.row))
}

/// The directories of those whose decision this is, which may be meant by their numbers.
pub(super) fn paths_of(state: &State, decision: &PersonDecision) -> Vec<DirPath> {
    let of: &[library::PersonId] = match decision {
        PersonDecision::New(_) => &[],
        PersonDecision::Name(person, _) | PersonDecision::Unname(person) => &[*person],
        PersonDecision::Merge(from, into) => &[*from, *into],
    };
    of.iter().filter_map(|person| path(state, *person)).collect()
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
fn person_at<'a>(state: &'a State, at: At<'_>) -> Option<&'a Person> {
    let listed = groups(state).sets(at).into_iter().flatten().find_map(|facet| match facet {
        Facet::Person(row) => state.snapshot.person(*row).map(|person| &**person),
        _ => None,
    });
    listed.or_else(|| numbered(state, at))
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

    fn is_listed(&self, state: &State, at: At<'_>) -> bool {
        groups(state).has(at)
    }

    fn are_one(&self, state: &State, at: At<'_>, other: At<'_>) -> bool {
        let id = |at| person_at(state, at).map(|person| person.id);
        id(at).is_some() && id(at) == id(other)
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

    fn membership(&self, state: &State, at: At<'_>) -> Option<Membership> {
        let person = person_at(state, at)?.id;
        Some(Membership { joins: vec![Decision::IsIn(person)], leaves: vec![Decision::NotIn(person)] })
    }

    fn mkdir(&self, _state: &State, at: At<'_>, name: &str) -> Result<Says, FsError> {
        match at {
            [] if folded(name) != UNNAMED => Ok(Says::OfPerson(PersonDecision::New(word(name)?))),
            _ => Err(FsError::Computed),
        }
    }

    fn rmdir(&self, state: &State, at: At<'_>) -> Result<Says, FsError> {
        let person = person_at(state, at).filter(|person| person.name.is_some());
        let person = person.ok_or(FsError::ReadOnly)?.id;
        Ok(Says::OfPerson(PersonDecision::Unname(person)))
    }

    fn rename_dir(
        &self,
        state: &State,
        from: At<'_>,
        into: At<'_>,
        name: &str,
        onto: Onto,
    ) -> Result<Says, FsError> {
        let person = person_at(state, from).ok_or(FsError::ReadOnly)?;
        let target: Vec<&[u8]> = into.iter().copied().chain([name.as_bytes()]).collect();
        let other = person_at(state, into)
            .or_else(|| person_at(state, &target).filter(|_| onto == Onto::Anything))
            .filter(|into| into.id != person.id);
        Ok(Says::OfPerson(match other {
            Some(other) => PersonDecision::Merge(person.id, other.id),
            None if into == [UNNAMED.as_bytes()] => PersonDecision::Unname(person.id),
            None if !into.is_empty() || folded(name) == UNNAMED => return Err(FsError::Computed),
            None if person_at(state, &target).is_some_and(|other| other.id != person.id) => {
                return Err(FsError::Exists);
            }
            None => PersonDecision::Name(person.id, name.to_owned()),
        }))
    }

    fn removed(&self, state: &State, at: At<'_>) -> Option<Says> {
        self.rmdir(state, at).ok()
    }
}

/// A name for somebody, which must be one that is kept as it is.
fn word(name: &str) -> Result<String, FsError> {
    let word = original(name).filter(|word| library::people::clean_name(word).as_deref() == Some(word));
    word.ok_or_else(|| FsError::BadValue(format!("\"{name}\" cannot be a person's name")))
}
