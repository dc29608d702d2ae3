//! Who is in the photos: people made, named, merged and left without a name.

use std::collections::BTreeSet;

use super::picture::Faces;
use super::{Known, Reference, split};

/// Somebody, whose number is their place among all who ever were.
#[derive(Clone, Debug)]
pub(super) struct Somebody {
    name: Option<String>,
    /// Whom they became.
    into: Option<usize>,
}

const UNNAMED: &str = "people/unnamed";

fn folded(name: &str) -> String {
    name.to_lowercase()
}

impl Reference {
    /// Somebody who is in these photos.
    pub fn meet(&mut self, name: Option<&str>, photos: &[&str]) {
        let person = self.people.len();
        self.people.push(Somebody { name: name.map(str::to_owned), into: None });
        for photo in self.photos.iter_mut().filter(|photo| photos.contains(&&*photo.name)) {
            photo.people.insert(person);
        }
    }

    /// All who are nobody else.
    fn everybody(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.people.len()).filter(|person| self.people[*person].into.is_none())
    }

    fn faces_of(&self, person: usize) -> usize {
        let is_seen =
            |photo: &&Known| !photo.gone && photo.people.contains(&person) && photo.faces() != Faces::None;
        self.photos.iter().filter(is_seen).count()
    }

    /// Where somebody is listed, if they are.
    fn person_path(&self, person: usize) -> Option<String> {
        let shows = |photo: &&Known| !photo.gone && !photo.archived && !photo.trashed;
        let is_met = || self.faces_of(person) >= self.shown_at;
        let is_shown = || self.photos.iter().filter(shows).any(|photo| photo.people.contains(&person));
        match &self.people[person].name {
            Some(name) => Some(format!("people/{name}")),
            None => (is_met() && is_shown()).then(|| format!("{UNNAMED}/person {}", person + 1)),
        }
    }

    /// The directories of those who are listed.
    pub(super) fn people_listed(&self) -> impl Iterator<Item = String> + '_ {
        self.everybody().filter_map(|person| self.person_path(person))
    }

    /// The directories by which everybody is found, listed or not, whoever they became.
    pub(super) fn people_numbered(&self) -> impl Iterator<Item = String> {
        (1..=self.people.len()).map(|number| format!("{UNNAMED}/person {number}"))
    }

    /// Whether a directory of people is there that need not be listed.
    pub(super) fn is_of_people(&self, path: &str) -> bool {
        path == UNNAMED || self.person_at(path).is_some()
    }

    /// The directories that list the people of a photo.
    pub(super) fn people_in(&self, photo: &Known) -> Vec<String> {
        photo.people.iter().filter_map(|person| self.person_path(*person)).collect()
    }

    /// Whose directory this is.
    pub(super) fn person_at(&self, path: &str) -> Option<usize> {
        if let Some(number) = path.strip_prefix(UNNAMED).and_then(|rest| rest.strip_prefix("/person ")) {
            let mut person = number.parse::<usize>().ok()?.checked_sub(1)?;
            while let Some(into) = self.people.get(person)?.into {
                person = into;
            }
            return Some(person);
        }
        let name = path.strip_prefix("people/")?;
        self.everybody().find(|person| self.people[*person].name.as_deref() == Some(name))
    }

    /// Who is called so, in whatever spelling.
    fn called(&self, name: &str) -> Option<usize> {
        let is = |known: &String| folded(known) == folded(name);
        self.everybody().find(|person| self.people[*person].name.as_ref().is_some_and(is))
    }

    pub(super) fn make_person(&mut self, path: &str) -> Option<()> {
        let (parent, name) = split(path);
        if parent != "people" || self.called(name).is_some() || folded(name) == "unnamed" {
            return None;
        }
        self.meet(Some(name), &[]);
        Some(())
    }

    /// They are called nothing.
    pub(super) fn unname(&mut self, person: usize) -> Option<()> {
        self.people[person].name.take().map(drop)
    }

    fn merge(&mut self, from: usize, into: usize) {
        let name = self.people[from].name.take();
        self.people[from].into = Some(into);
        let kept = &mut self.people[into].name;
        *kept = kept.take().or(name);
        for photo in &mut self.photos {
            let is_renamed = photo.people.remove(&from);
            photo.people.extend(is_renamed.then_some(into));
        }
    }

    pub(super) fn move_person(&mut self, from: &str, to: &str) -> Option<()> {
        let person = self.person_at(from)?;
        let (parent, name) = split(to);
        let other = self.person_at(parent).or_else(|| self.person_at(to)).filter(|other| *other != person);
        if let Some(other) = other {
            self.merge(person, other);
            return Some(());
        }
        if parent == UNNAMED {
            self.people[person].name = None;
            return Some(());
        }
        if parent != "people" || folded(name) == "unnamed" {
            return None;
        }
        match self.called(name).filter(|other| *other != person) {
            Some(other) if self.people[person].name.is_none() => self.merge(person, other),
            Some(_) => return None,
            None => self.people[person].name = Some(name.to_owned()),
        }
        Some(())
    }

    /// It is said that somebody is in a photo.
    pub(super) fn is_in(&mut self, photo: usize, person: usize) -> Option<()> {
        let photo = &mut self.photos[photo];
        let can_be = match photo.faces() {
            Faces::None => false,
            Faces::One => photo.people.is_empty(),
            Faces::Many => true,
        };
        let may_be = photo.people.contains(&person) || can_be;
        photo.people.extend(may_be.then_some(person));
        may_be.then_some(())
    }

    /// The photos in a directory of people that need not be listed.
    pub(super) fn photos_of(&self, dir: &str) -> BTreeSet<usize> {
        let Some(person) = self.person_at(dir) else { return BTreeSet::new() };
        let shows = |photo: &Known| !photo.gone && !photo.archived && !photo.trashed;
        let is_there = |at: &usize| shows(&self.photos[*at]) && self.photos[*at].people.contains(&person);
        (0..self.photos.len()).filter(is_there).collect()
    }
}
