//! Who is in a photo: worked out anew whenever its faces, its words, or what was said of it changed.
//!
//! For each face the first that says anything decides: the user, a region that another program drew and named, the group
//! of faces that it looks like. Whoever was said to be in the photo without a face being found there is in it all the
//! same.

use std::collections::{BTreeMap, BTreeSet};

use super::face::{drawn_around, same_places};
use super::{FaceBox, FaceKey, names};
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AssetRecord, CastFace, CastRecord, FacesRecord, PersonRecord, SaidRecord};
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::checksum::Checksum;
use crate::fact::{FaceSaid, Fact};
use crate::id::{AccountId, AssetId, FaceId, PersonId, RowNumber};
use crate::snapshot::{Facet, Snapshot};
use crate::visibility::Visibility;

/// Photos that are looked through for another face to stand for a person.
const COVERS_TRIED: usize = 200;

/// Why a face is somebody, the strongest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Because {
    Alike,
    Drawn,
    Said,
}

/// Whether the faces of a photo count: it is there, a picture, and not locked away.
pub(crate) fn takes_part(record: &AssetRecord) -> bool {
    !record.is_sidecar() && record.visibility != Visibility::Locked && record.current().next().is_some()
}

/// Works out who is in each photo that changed. With `may_found` a name in a file that nobody has makes a person.
pub(crate) fn settle(
    tx: &mut Transaction<'_>,
    snapshot: &Snapshot,
    may_found: bool,
) -> Result<(), CatalogueError> {
    for asset in tx.changed_assets() {
        recast(tx, asset, may_found)?;
    }
    for person in std::mem::take(&mut tx.coverless) {
        find_cover(tx, snapshot, person)?;
    }
    Ok(())
}

fn recast(tx: &mut Transaction<'_>, asset: AssetId, may_found: bool) -> Result<(), CatalogueError> {
    let before: CastRecord = tx.get(&Key::cast(asset))?.unwrap_or_default();
    let mut now = CastRecord::default();
    let mut worths: BTreeMap<FaceId, (FaceKey, f32)> = BTreeMap::new();
    let taking_part = tx.asset(asset)?.filter(|record| takes_part(record)).map(|record| {
        let regions = record.metadata.as_ref().map(|metadata| metadata.faces.clone()).unwrap_or_default();
        (record.owner, record.digests.checksum, regions)
    });
    if let Some((owner, content, regions)) = taking_part {
        let found: FacesRecord = tx.get(&Key::faces(&content))?.unwrap_or_default();
        let said: SaidRecord = tx.get(&Key::said(owner, &content))?.unwrap_or_default();
        let places: Vec<FaceBox> = found.faces.iter().map(|face| face.at).collect();
        let said_at: Vec<FaceBox> = said.iter().map(|(at, _)| *at).collect();
        let said_of = same_places(&said_at, &places);
        // A region that encloses no area still says who is there.
        let mut drawn: Vec<(FaceBox, PersonId)> = Vec::new();
        for region in &regions {
            let Some(name) = region.name.as_deref().and_then(names::clean) else { continue };
            let Some(person) = called(tx, owner, &name, may_found)? else { continue };
            match FaceBox::of_region(region) {
                Some(at) => drawn.push((at, person)),
                None => now.others.push(person),
            }
        }
        let drawn_at: Vec<FaceBox> = drawn.iter().map(|(at, _)| *at).collect();
        let drawn_of = drawn_around(&drawn_at, &places);
        let nothing = FaceSaid::default();
        let mut why = Vec::with_capacity(places.len());
        for (at, face) in found.faces.iter().enumerate() {
            let said = said_of[at].map_or(&nothing, |of| &said[of].1);
            let known = before.faces.iter().find(|known| known.id == face.id);
            let (compared, group) = known.map_or((false, None), |known| (known.compared, known.group));
            let (person, because) = who(tx, owner, said, drawn_of[at].map(|of| drawn[of].1), group)?;
            why.push(because);
            now.faces.push(CastFace { id: face.id, compared, group, person });
            worths.insert(face.id, (FaceKey { content, at: face.at }, face.worth()));
        }
        for (at, (_, said)) in said.iter().enumerate() {
            if let Some(person) = said.is.filter(|_| !said.none && !said_of.contains(&Some(at))) {
                now.others.extend(existing(tx, person)?);
            }
        }
        for (at, (_, person)) in drawn.iter().enumerate() {
            if !drawn_of.contains(&Some(at)) {
                now.others.push(*person);
            }
        }
        once_each(&mut now, &why, |face| worths.get(&face).map_or(0.0, |(_, worth)| *worth));
    }
    if now == before {
        return Ok(());
    }
    count(tx, &before, &now, &worths)?;
    if now == CastRecord::default() {
        tx.remove(Key::cast(asset));
    } else {
        tx.put(Key::cast(asset), &now);
    }
    Ok(())
}

/// Who a face is, and why.
fn who(
    tx: &Transaction<'_>,
    owner: AccountId,
    said: &FaceSaid,
    drawn: Option<PersonId>,
    group: Option<u32>,
) -> Result<(Option<PersonId>, Because), CatalogueError> {
    if said.none {
        return Ok((None, Because::Said));
    }
    if let Some(person) = said.is
        && let Some(person) = existing(tx, person)?
    {
        return Ok((Some(person), Because::Said));
    }
    let mut not = BTreeSet::new();
    for person in &said.not {
        not.extend(existing(tx, *person)?);
    }
    let may_be = |person: &PersonId| !not.contains(person);
    if let Some(person) = drawn.filter(may_be) {
        return Ok((Some(person), Because::Drawn));
    }
    let alike = match group {
        Some(group) => tx.get::<PersonId>(&Key::group(owner, group))?,
        None => None,
    };
    let alike = match alike {
        Some(person) => existing(tx, person)?,
        None => None,
    };
    Ok((alike.filter(may_be), Because::Alike))
}

/// Nobody is in a photo twice, unless the user says so: the better founded and then the better face is them.
fn once_each(cast: &mut CastRecord, why: &[Because], worth: impl Fn(FaceId) -> f32) {
    let mut best: BTreeMap<PersonId, (Because, f32, usize)> = BTreeMap::new();
    for (at, face) in cast.faces.iter().enumerate() {
        let Some(person) = face.person else { continue };
        let this = (why[at], worth(face.id), at);
        let better =
            |known: &(Because, f32, usize)| known.0.cmp(&this.0).then(known.1.total_cmp(&this.1)).is_lt();
        if best.get(&person).is_none_or(better) {
            best.insert(person, this);
        }
    }
    for (at, face) in cast.faces.iter_mut().enumerate() {
        let is_best = |person: &PersonId| best.get(person).is_some_and(|(.., best)| *best == at);
        if why[at] != Because::Said && !face.person.as_ref().is_some_and(is_best) {
            face.person = None;
        }
    }
    cast.others.sort_unstable();
    cast.others.dedup();
    let faces = &cast.faces;
    cast.others.retain(|person| !faces.iter().any(|face| face.person == Some(*person)));
}

/// Takes what changed into the people's counts and covers, and tells of it.
fn count(
    tx: &mut Transaction<'_>,
    before: &CastRecord,
    now: &CastRecord,
    worths: &BTreeMap<FaceId, (FaceKey, f32)>,
) -> Result<(), CatalogueError> {
    let who = |cast: &CastRecord, id: FaceId| {
        cast.faces.iter().find(|face| face.id == id).and_then(|face| face.person)
    };
    for face in &before.faces {
        let stays = now.faces.iter().any(|other| other.id == face.id);
        let is = who(now, face.id);
        if let Some(person) = face.person.filter(|_| is != face.person) {
            let content = tx.get::<Checksum>(&Key::face(face.id))?;
            adjust(tx, person, |record, coverless| {
                record.faces = record.faces.saturating_sub(1);
                // A face that is not known any more may have been the cover.
                if record.cover.is_some_and(|(key, _)| content.is_none_or(|content| content == key.content)) {
                    record.cover = None;
                }
                *coverless = record.cover.is_none();
            })?;
        }
        if !stays {
            tx.end(Entity::Face(face.id));
        }
    }
    for face in &now.faces {
        let old = before.faces.iter().find(|other| other.id == face.id);
        if old.is_none_or(|old| old.person != face.person) {
            tx.touch(Entity::Face(face.id));
        }
        let Some(person) = face.person.filter(|_| old.is_none_or(|old| old.person != face.person)) else {
            continue;
        };
        let worth = worths.get(&face.id).copied();
        adjust(tx, person, |record, _| {
            record.faces += 1;
            if let Some((key, worth)) = worth
                && record.cover.is_none_or(|(_, known)| worth > known)
            {
                record.cover = Some((key, worth));
            }
        })?;
    }
    Ok(())
}

fn adjust(
    tx: &mut Transaction<'_>,
    person: PersonId,
    change: impl FnOnce(&mut PersonRecord, &mut bool),
) -> Result<(), CatalogueError> {
    let Some(person) = existing(tx, person)? else { return Ok(()) };
    let Some(mut record) = tx.get::<PersonRecord>(&Key::person(person))? else { return Ok(()) };
    let mut coverless = false;
    change(&mut record, &mut coverless);
    tx.put(Key::person(person), &record);
    tx.touch(Entity::Person(person));
    if coverless {
        tx.coverless.insert(person);
    }
    Ok(())
}

/// Finds another face to stand for a person, in the photos that they were in before this commit.
fn find_cover(tx: &mut Transaction<'_>, snapshot: &Snapshot, person: PersonId) -> Result<(), CatalogueError> {
    let Some(mut record) = tx.get::<PersonRecord>(&Key::person(person))? else { return Ok(()) };
    if record.cover.is_some() || record.faces == 0 {
        return Ok(());
    }
    let rows = snapshot
        .person_by_id(person)
        .and_then(|known| snapshot.facet(Facet::Person(known.row)))
        .map(|rows| rows.iter().take(COVERS_TRIED).collect::<Vec<_>>())
        .unwrap_or_default();
    for row in rows {
        let Some(asset) = snapshot.row(RowNumber(row)).map(|row| row.id) else { continue };
        let cast: CastRecord = tx.get(&Key::cast(asset))?.unwrap_or_default();
        let Some(content) = tx.asset(asset)?.map(|record| record.digests.checksum) else { continue };
        let found: FacesRecord = tx.get(&Key::faces(&content))?.unwrap_or_default();
        for face in cast.faces.iter().filter(|face| face.person == Some(person)) {
            let Some(found) = found.faces.iter().find(|found| found.id == face.id) else { continue };
            let worth = found.worth();
            if record.cover.is_none_or(|(_, known)| worth > known) {
                record.cover = Some((FaceKey { content, at: found.at }, worth));
            }
        }
    }
    tx.put(Key::person(person), &record);
    tx.touch(Entity::Person(person));
    Ok(())
}

/// Who somebody is now: themselves, or whom they became. `None` when nobody has that id.
pub(crate) fn existing(tx: &Transaction<'_>, person: PersonId) -> Result<Option<PersonId>, CatalogueError> {
    let mut person = person;
    loop {
        match tx.get::<PersonRecord>(&Key::person(person))? {
            None => return Ok(None),
            Some(record) => match record.into {
                Some(into) => person = into,
                None => return Ok(Some(person)),
            },
        }
    }
}

/// Who is called `name`, or was last. With `may_found` somebody is made to be.
pub(crate) fn called(
    tx: &mut Transaction<'_>,
    owner: AccountId,
    name: &str,
    may_found: bool,
) -> Result<Option<PersonId>, CatalogueError> {
    if let Some(person) = tx.get::<PersonId>(&Key::person_name(owner, &names::folded(name)))? {
        return existing(tx, person);
    }
    if !may_found {
        return Ok(None);
    }
    let person = found(tx, owner)?;
    tx.decide(Fact::PersonName { person, name: Some(name.to_owned()) })?;
    Ok(Some(person))
}

/// Makes a person with the next number.
pub(crate) fn found(tx: &mut Transaction<'_>, owner: AccountId) -> Result<PersonId, CatalogueError> {
    let number = tx.get::<u32>(&Key::next_person(owner))?.unwrap_or(1);
    let person = PersonId::random();
    tx.decide(Fact::Person { person, owner, number })?;
    Ok(person)
}
