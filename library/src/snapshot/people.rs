//! Who is in the library: people by row, id, number and name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::interner::PersonRow;
use crate::catalogue::records::PersonRecord;
use crate::id::{AccountId, PersonId};
use crate::people::FaceKey;
use crate::people::names::folded;

/// Faces that an unnamed person must have to be worth showing.
const SHOWN_AT: u32 = 3;

/// Somebody in photos.
#[derive(Clone, PartialEq, Debug)]
pub struct Person {
    /// Their row: the photos they are in are [`Facet::Person`](super::Facet::Person) of it.
    pub row: PersonRow,
    /// Who it is, for ever.
    pub id: PersonId,
    /// Whose library they are in.
    pub owner: AccountId,
    /// Their number in it, given once.
    pub number: u32,
    /// What they are called.
    pub name: Option<Arc<str>>,
    /// Whether the user hid them.
    pub hidden: bool,
    /// Their faces, in photos that are there. They may be in others by the word of a file.
    pub faces: u32,
    /// The face that stands for them.
    pub cover: Option<FaceKey>,
}

impl Person {
    /// The name, or `person 12`.
    pub fn title(&self) -> String {
        self.name.as_ref().map_or_else(|| format!("person {}", self.number), ToString::to_string)
    }

    /// Whether they are worth showing in a list: not hidden, and named or met a few times.
    pub fn is_shown(&self) -> bool {
        !self.hidden && (self.name.is_some() || self.faces >= SHOWN_AT)
    }
}

/// All people of one snapshot, of every account. Copied when one changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    rows: Vec<Arc<Person>>,
    by_id: HashMap<PersonId, PersonRow>,
    by_number: BTreeMap<(AccountId, u32), PersonRow>,
    by_name: HashMap<(AccountId, String), PersonRow>,
    /// Who became whom.
    into: HashMap<PersonId, PersonId>,
}

impl People {
    pub(crate) fn get(&self, row: PersonRow) -> Option<&Arc<Person>> {
        self.rows.get(row.index() as usize)
    }

    /// The row of a person, or of whom they became.
    pub(crate) fn row_of(&self, mut id: PersonId) -> Option<PersonRow> {
        while let Some(into) = self.into.get(&id) {
            id = *into;
        }
        self.by_id.get(&id).copied()
    }

    pub(crate) fn by_id(&self, id: PersonId) -> Option<&Arc<Person>> {
        self.get(self.row_of(id)?)
    }

    /// The very row of a person, whoever they became since.
    pub(crate) fn former_row(&self, id: PersonId) -> Option<PersonRow> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn by_number(&self, owner: AccountId, number: u32) -> Option<&Arc<Person>> {
        let row = *self.by_number.get(&(owner, number))?;
        self.by_id(self.get(row)?.id)
    }

    pub(crate) fn by_name(&self, owner: AccountId, name: &str) -> Option<&Arc<Person>> {
        self.get(*self.by_name.get(&(owner, folded(name)))?)
    }

    /// Those of an account who are nobody else now: the named ones by name, then the others by number.
    pub(crate) fn of(&self, owner: AccountId) -> Vec<&Arc<Person>> {
        let mut people: Vec<_> = self.everybody().filter(|person| person.owner == owner).collect();
        people.sort_by_cached_key(|person| {
            (person.name.is_none(), person.name.as_deref().map(folded), person.number)
        });
        people
    }

    /// All who are nobody else now, in no order.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Arc<Person>> {
        self.rows.iter().filter(|person| !self.into.contains_key(&person.id))
    }

    /// Takes in what the catalogue has of somebody.
    pub(crate) fn put(&mut self, id: PersonId, record: &PersonRecord) {
        let row = self.by_id.get(&id).copied().unwrap_or(PersonRow::at(self.rows.len() as u32));
        if let Some(name) = self.get(row).and_then(|old| old.name.as_deref()) {
            let key = (record.owner, folded(name));
            if self.by_name.get(&key) == Some(&row) {
                self.by_name.remove(&key);
            }
        }
        let person = Arc::new(Person {
            row,
            id,
            owner: record.owner,
            number: record.number,
            name: record.name.as_deref().map(Into::into),
            hidden: record.hidden,
            faces: record.faces,
            cover: record.cover.map(|(face, _)| face),
        });
        match record.into {
            Some(into) => {
                self.into.insert(id, into);
            }
            None => {
                if let Some(name) = &record.name {
                    self.by_name.insert((record.owner, folded(name)), row);
                }
            }
        }
        self.by_id.insert(id, row);
        self.by_number.insert((record.owner, record.number), row);
        if row.index() as usize == self.rows.len() {
            self.rows.push(person);
        } else {
            self.rows[row.index() as usize] = person;
        }
    }
}
