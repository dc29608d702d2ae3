//! What facts about people do to the catalogue.

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::{Key, id_of};
use crate::catalogue::records::{CastRecord, PersonRecord, SaidRecord};
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::fact::{FaceSaid, Fact};
use crate::id::{AccountId, AssetId, PersonId};
use crate::people::FaceKey;
use crate::people::cast::existing;
use crate::people::names::folded;

/// Applies a fact about people; any other does nothing.
pub(super) fn apply(tx: &mut Transaction<'_>, fact: &Fact) -> Result<(), CatalogueError> {
    match fact {
        Fact::Person { person, owner, number } => met(tx, *person, *owner, *number),
        Fact::PersonName { person, name } => {
            let owner = change(tx, *person, |record| record.name.clone_from(name))?;
            if let (Some(owner), Some(name)) = (owner, name) {
                let key = Key::person_name(owner, &folded(name));
                // Files that say this name meant another until now.
                if let Some(other) = tx.get::<PersonId>(&key)?
                    && let Some(other) = existing(tx, other)?.filter(|other| other != person)
                {
                    look_again(tx, &[other])?;
                }
                tx.put(key, person);
            }
            Ok(())
        }
        Fact::PersonMerge { person, into } => merged(tx, *person, *into),
        Fact::PersonHidden { person, hidden } => {
            change(tx, *person, |record| record.hidden = *hidden).map(|_| ())
        }
        Fact::PersonAnchors { person, faces } => {
            change(tx, *person, |record| record.anchors.clone_from(faces)).map(|_| ())
        }
        Fact::Face { owner, face, said } => said_of(tx, *owner, face, said),
        _ => Ok(()),
    }
}

fn met(
    tx: &mut Transaction<'_>,
    person: PersonId,
    owner: AccountId,
    number: u32,
) -> Result<(), CatalogueError> {
    if tx.get::<PersonRecord>(&Key::person(person))?.is_none() {
        let record = PersonRecord {
            owner,
            number,
            name: None,
            hidden: false,
            into: None,
            anchors: Vec::new(),
            faces: 0,
            cover: None,
        };
        tx.put(Key::person(person), &record);
        tx.touch(Entity::Person(person));
    }
    tx.put(Key::person_number(owner, number), &person);
    let next = tx.get::<u32>(&Key::next_person(owner))?.unwrap_or(1).max(number.saturating_add(1));
    tx.put(Key::next_person(owner), &next);
    Ok(())
}

/// Changes a person's record, and says whose library they are in.
fn change(
    tx: &mut Transaction<'_>,
    person: PersonId,
    change: impl FnOnce(&mut PersonRecord),
) -> Result<Option<AccountId>, CatalogueError> {
    let Some(mut record) = tx.get::<PersonRecord>(&Key::person(person))? else { return Ok(None) };
    change(&mut record);
    tx.put(Key::person(person), &record);
    tx.touch(Entity::Person(person));
    Ok(Some(record.owner))
}

fn merged(tx: &mut Transaction<'_>, person: PersonId, into: PersonId) -> Result<(), CatalogueError> {
    // Whoever became this one already cannot take it in, nor can one be merged twice.
    let Some(into) = existing(tx, into)?.filter(|into| *into != person) else { return Ok(()) };
    let Some(mut record) = tx.get::<PersonRecord>(&Key::person(person))? else { return Ok(()) };
    if record.into.is_some() {
        return Ok(());
    }
    let (faces, cover) = (std::mem::take(&mut record.faces), record.cover.take());
    record.into = Some(into);
    tx.put(Key::person(person), &record);
    tx.end(Entity::Person(person));
    // Also in the photos of the other: somebody there may not be the one who joins.
    look_again(tx, &[person, into])?;
    change(tx, into, |record| {
        record.faces += faces;
        if let Some(cover) = cover.filter(|(_, worth)| record.cover.is_none_or(|(_, known)| *worth > known)) {
            record.cover = Some(cover);
        }
    })?;
    Ok(())
}

/// Has it worked out anew who is in the photos of some people. Seldom asked for, so all photos are looked through.
fn look_again(tx: &mut Transaction<'_>, people: &[PersonId]) -> Result<(), CatalogueError> {
    for (key, cast) in tx.scan::<CastRecord>(&Key::casts())? {
        if let Some(asset) = id_of(&key).filter(|_| cast.persons().any(|who| people.contains(&who))) {
            tx.asset_mut(AssetId::from_bytes(asset))?;
        }
    }
    Ok(())
}

fn said_of(
    tx: &mut Transaction<'_>,
    owner: AccountId,
    face: &FaceKey,
    said: &FaceSaid,
) -> Result<(), CatalogueError> {
    let key = Key::said(owner, &face.content);
    let mut record: SaidRecord = tx.get(&key)?.unwrap_or_default();
    record.retain(|(at, _)| *at != face.at);
    if !said.is_nothing() {
        record.push((face.at, said.clone()));
    }
    record.sort_by_key(|(at, _)| *at);
    if record.is_empty() {
        tx.remove(key);
    } else {
        tx.put(key, &record);
    }
    if let Some(asset) = tx.get::<AssetId>(&Key::content(owner, &face.content))? {
        // Who is in it is worked out anew.
        tx.asset_mut(asset)?;
    }
    Ok(())
}
