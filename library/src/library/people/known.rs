//! What the journal and the photos say about an account's people.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::telling::SaidOf;
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::{Key, id_of};
use crate::catalogue::records::{AssetRecord, FacesRecord, PersonRecord};
use crate::catalogue::transaction::Transaction;
use crate::checksum::Checksum;
use crate::id::{AccountId, AssetId, FaceId, PersonId};
use crate::people::cast::takes_part;
use crate::people::crowd::{Bonds, Crowd};
use crate::people::linkage::Ties;
use crate::snapshot::Snapshot;

/// What the journal and the photos say about an account's people.
pub(super) struct Known {
    pub(super) people: BTreeMap<PersonId, PersonRecord>,
    /// Who a face is, by the user's word.
    pub(super) is: HashMap<FaceId, PersonId>,
    /// Who it is not.
    pub(super) not: HashMap<FaceId, Vec<PersonId>>,
    /// Who it is, by the word of its file.
    pub(super) drawn: HashMap<FaceId, PersonId>,
    /// The anchors that are there, by who journalled them.
    pub(super) anchors: BTreeMap<PersonId, Vec<FaceId>>,
    /// Models by which photos with anchors were looked at; `None` for one that was not looked at.
    pub(super) anchor_models: BTreeSet<Option<String>>,
    /// Not all faces that will be there are there.
    pub(super) incomplete: bool,
}

impl Known {
    pub(super) fn read(
        tx: &Transaction<'_>,
        account: AccountId,
        crowds: &[(&str, impl std::borrow::Borrow<Crowd>)],
        said: &HashMap<AssetId, SaidOf>,
        snapshot: &Snapshot,
    ) -> Result<Self, CatalogueError> {
        let mut people = BTreeMap::new();
        for (key, record) in tx.scan::<PersonRecord>(&Key::people())? {
            if let Some(id) = id_of(&key).filter(|_| record.owner == account) {
                people.insert(PersonId::from_bytes(id), record);
            }
        }
        let mut known = Self {
            people,
            is: HashMap::new(),
            not: HashMap::new(),
            drawn: HashMap::new(),
            anchors: BTreeMap::new(),
            anchor_models: BTreeSet::new(),
            incomplete: false,
        };
        for said in said.values() {
            for (face, person) in &said.is {
                known.is.extend(known.now(*person).map(|person| (*face, person)));
            }
            for (face, person) in &said.drawn {
                known.drawn.extend(known.now(*person).map(|person| (*face, person)));
            }
            for (face, people) in &said.not {
                let mut people: Vec<PersonId> =
                    people.iter().filter_map(|person| known.now(*person)).collect();
                people.sort_unstable();
                people.dedup();
                known.not.insert(*face, people);
            }
        }
        let mut anchors = BTreeMap::new();
        let mut models = BTreeSet::new();
        let mut looked_at: HashMap<Checksum, Option<(AssetId, Option<String>)>> = HashMap::new();
        for (person, record) in &known.people {
            let Some(now) = known.now(*person) else { continue };
            let mut there = Vec::new();
            for anchor in &record.anchors {
                let photo = match looked_at.get(&anchor.content) {
                    Some(known) => known.clone(),
                    None => {
                        let photo = photo_of(tx, account, &anchor.content, snapshot)?;
                        looked_at.insert(anchor.content, photo.clone());
                        photo
                    }
                };
                let Some((asset, model)) = photo else { continue };
                // One that is away cannot be looked at: nobody waits for it.
                let row = snapshot.by_id(asset).and_then(|row| snapshot.row(row));
                if row.is_some_and(|row| row.present) {
                    models.insert(model);
                }
                let face = crowds.iter().find_map(|(_, crowd)| crowd.borrow().face_at(asset, anchor.at));
                // What the user said something of makes no groups, and so says nothing of any.
                let is_theirs = |face: &FaceId| {
                    known.drawn.get(face).is_none_or(|person| *person == now)
                        && !known.is.contains_key(face)
                        && !known.not.contains_key(face)
                };
                there.extend(face.filter(is_theirs));
            }
            anchors.insert(*person, there);
        }
        (known.anchors, known.anchor_models) = (anchors, models);
        Ok(known)
    }

    /// Who somebody is now.
    pub(super) fn now(&self, mut person: PersonId) -> Option<PersonId> {
        loop {
            match self.people.get(&person)?.into {
                Some(into) => person = into,
                None => return Some(person),
            }
        }
    }

    /// Whether faces, anchors above all, are still to come into the crowd of a model: then a group that is nobody may yet
    /// be somebody, and nothing is to be concluded from it.
    pub(super) fn waits(&self, model: &str) -> bool {
        self.incomplete || self.anchor_models.iter().any(|by| by.as_deref() != Some(model))
    }

    pub(super) fn is_named(&self, person: PersonId) -> bool {
        self.people.get(&person).is_some_and(|record| record.name.is_some())
    }

    /// What faces may be grouped with what.
    pub(super) fn bonds(&self) -> Bonds {
        let mut bonds = Bonds::new();
        for (face, person) in &self.drawn {
            bonds.entry(*face).or_default().is = Some(*person);
        }
        let unwanted: BTreeSet<PersonId> = self.not.values().flatten().copied().collect();
        for (face, people) in &self.not {
            bonds.entry(*face).or_default().not.clone_from(people);
        }
        for (person, faces) in &self.anchors {
            let Some(now) = self.now(*person) else { continue };
            for face in faces {
                if self.is_named(now) {
                    bonds.entry(*face).or_default().is.get_or_insert(now);
                } else if unwanted.contains(&now) {
                    bonds.entry(*face).or_default().anchors.push(now);
                }
            }
        }
        for ties in bonds.values_mut() {
            ties.anchors.sort_unstable();
            ties.anchors.dedup();
        }
        bonds.retain(|_, ties| *ties != Ties::default());
        bonds
    }
}

/// The photo that has these bytes now, if it is there and counts, and the model that looked at it.
fn photo_of(
    tx: &Transaction<'_>,
    account: AccountId,
    content: &Checksum,
    snapshot: &Snapshot,
) -> Result<Option<(AssetId, Option<String>)>, CatalogueError> {
    let Some(asset) = tx.get::<AssetId>(&Key::content(account, content))? else { return Ok(None) };
    // Most photos are there: only of those is more to be read.
    if snapshot.by_id(asset).is_none() {
        return Ok(None);
    }
    let record = tx.get::<AssetRecord>(&Key::asset(asset))?;
    let counts = |record: &AssetRecord| takes_part(record) && record.digests.checksum == *content;
    if !record.as_ref().is_some_and(counts) {
        return Ok(None);
    }
    let found = tx.get::<FacesRecord>(&Key::faces(content))?;
    Ok(Some((asset, found.map(|found| found.model))))
}
