//! Who is in the photos, and what is decided about it.

use anyhow::Result;
use library::snapshot::Person;
use library::{Details, Named, PersonId, Snapshot, journal};

use super::{Service, Sink, item};
use crate::exit::Exit;
use crate::output::{self, Asset};
use crate::request::{People, Wanted};

/// Whoever types commands.
const VIA: journal::Face = journal::Face::Cli;

impl Service {
    /// Answers what is asked about people, or decides it.
    pub(super) fn people(&self, what: &People, sink: Sink<'_>) -> Result<()> {
        let said = match what {
            People::List => return self.list_people(sink),
            People::Name { person, name } => {
                let found = self.person(person)?;
                match self.library.name_person(VIA, found.id, name)? {
                    Named::As(_) => format!("{} is {name}", found.title()),
                    Named::Merged { .. } => format!("{} is {name}: they are one person now", found.title()),
                }
            }
            People::Unname { person } => {
                let found = self.person(person)?;
                self.library.unname_person(VIA, found.id)?;
                format!("{} has no name any more: person {}", found.title(), found.number)
            }
            People::Merge { from, into } => {
                let (from, into) = (self.person(from)?, self.person(into)?);
                self.library.merge_people(VIA, from.id, into.id)?;
                format!("{} and {} are one person now", from.title(), into.title())
            }
            People::Split { person, photos, name } => self.split(person, photos, name.as_deref())?,
            People::Hide { person, hidden } => {
                let found = self.person(person)?;
                self.library.hide_person(VIA, found.id, *hidden)?;
                let how = if *hidden { "is left out of people/" } else { "is in people/ again" };
                format!("{} {how}", found.title())
            }
        };
        item(sink, &said)
    }

    fn list_people(&self, sink: Sink<'_>) -> Result<()> {
        let snapshot = self.library.snapshot();
        for person in self.library.people(self.library.account()) {
            let mut assets = Vec::new();
            for (asset, _) in self.library.person_faces(person.id)? {
                let shown =
                    snapshot.by_id(asset).and_then(|row| snapshot.row(row)).filter(|row| self.is_shown(row));
                if let Some(details) = shown.map(|row| self.library.details(row.id)).transpose()?.flatten() {
                    assets.extend(details.paths.first().map(|path| path.to_string_lossy().into_owned()));
                }
            }
            assets.sort_unstable();
            assets.dedup();
            item(
                sink,
                &output::Person {
                    id: person.id.to_string(),
                    number: person.number,
                    name: person.name.as_ref().map(ToString::to_string),
                    hidden: person.hidden,
                    faces: u64::from(person.faces),
                    assets,
                },
            )?;
        }
        Ok(())
    }

    fn split(&self, person: &str, photos: &[Wanted], name: Option<&str>) -> Result<String> {
        let found = self.person(person)?;
        let snapshot = self.library.snapshot();
        let mut assets = Vec::new();
        for wanted in photos {
            let row = self.find(wanted, &snapshot).and_then(|number| snapshot.row(number));
            let row = row.filter(|row| self.is_shown(row));
            let row =
                row.ok_or_else(|| Exit::NotFound.because(format!("{} is not in the library", wanted.typed)))?;
            assets.push(row.id);
        }
        let faces = self.library.person_faces(found.id)?;
        let theirs: Vec<_> =
            faces.iter().filter(|(asset, _)| assets.contains(asset)).map(|(_, face)| face.id).collect();
        if theirs.is_empty() {
            return Err(Exit::NotFound.because(format!("{} has no face in these photos", found.title())));
        }
        let other = self.library.split_person(VIA, found.id, &theirs)?;
        if let Some(name) = name {
            self.library.name_person(VIA, other, name)?;
        }
        let other = self.library.person(other).map_or_else(String::new, |other| other.title());
        let faces = output::plural(theirs.len() as u64, "face", "faces");
        Ok(format!("{faces} of {} are {other} now", found.title()))
    }

    /// The person that somebody means: by id, by number (`7`, `person 7`), by name.
    fn person(&self, typed: &str) -> Result<std::sync::Arc<Person>> {
        let snapshot = self.library.snapshot();
        let account = self.library.account();
        let by_id = || typed.parse::<PersonId>().ok().and_then(|id| snapshot.person_by_id(id));
        let by_name = || snapshot.person_named(account, typed);
        let by_number = || {
            let number = typed.strip_prefix("person ").unwrap_or(typed).trim();
            number.parse().ok().and_then(|number| snapshot.person_numbered(account, number))
        };
        by_id()
            .or_else(by_name)
            .or_else(by_number)
            .filter(|person| person.owner == account)
            .cloned()
            .ok_or_else(|| {
                Exit::NotFound
                    .because(format!("nobody is {typed}: `galleryfs people` lists names and numbers"))
            })
    }

    /// An asset as it is told, with who is in it.
    pub(super) fn asset(&self, snapshot: &Snapshot, details: &Details) -> Result<Asset> {
        let row = snapshot.row(details.row);
        let people = row.into_iter().flat_map(|row| &row.extras.persons);
        let mut names: Vec<String> = people
            .filter_map(|person| snapshot.person(*person)?.name.as_ref().map(ToString::to_string))
            .collect();
        names.sort_unstable();
        let faces = self.library.faces(details.id)?;
        let size = details.metadata.size;
        let faces = faces.iter().filter_map(|face| Some(output::Face::new(face, size?))).collect();
        Ok(Asset { people: names, faces, ..Asset::from(details) })
    }
}
