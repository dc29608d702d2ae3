//! Groups given to people: who each group is, who is met for the first time, and by which faces they are known again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::known::Known;
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::CastRecord;
use crate::catalogue::transaction::Transaction;
use crate::fact::Fact;
use crate::id::{AccountId, AssetId, FaceId, PersonId};
use crate::people::cast::{existing, found};
use crate::people::claims::{Claim, Claimant, claim};
use crate::people::crowd::{Crowd, GroupView};
use crate::people::linkage::likeness;
use crate::people::{FaceKey, PeopleOptions};

/// Faces by which a person is known again.
const ANCHORS: usize = 8;

/// Writes which groups the faces of a photo are in.
pub(super) fn write_groups(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    crowds: &[(&str, &Crowd)],
) -> Result<(), CatalogueError> {
    let mut cast: CastRecord = tx.get(&Key::cast(asset))?.unwrap_or_default();
    let groups: HashMap<FaceId, Option<u32>> =
        crowds.iter().flat_map(|(_, crowd)| crowd.grouped(asset)).collect();
    for face in &mut cast.faces {
        if let Some(group) = groups.get(&face.id) {
            (face.compared, face.group) = (true, *group);
        }
    }
    tx.put(Key::cast(asset), &cast);
    // Who is in it is worked out anew.
    tx.asset_mut(asset)?;
    Ok(())
}

/// Says who each group is, and founds people of those that are nobody. Gives how many.
pub(super) fn give_groups(
    tx: &mut Transaction<'_>,
    account: AccountId,
    crowds: &[(&str, &Crowd)],
    known: &Known,
    options: &PeopleOptions,
) -> Result<usize, CatalogueError> {
    let group_of = |face: &FaceId| crowds.iter().find_map(|(_, crowd)| crowd.group_of_face(*face));
    let mut sure: BTreeMap<u32, PersonId> = BTreeMap::new();
    for (face, person) in &known.drawn {
        if let Some(group) = group_of(face) {
            let lowest = sure.entry(group).or_insert(*person);
            *lowest = (*lowest).min(*person);
        }
    }
    let claimants: Vec<Claimant> = known
        .anchors
        .iter()
        .filter_map(|(person, faces)| {
            let now = known.now(*person)?;
            let number = known.people.get(&now)?.number;
            let anchors = faces.iter().filter_map(group_of).collect();
            Some(Claimant { person: *person, now, number, named: known.is_named(now), anchors })
        })
        .collect();
    let groups: BTreeMap<u32, GroupView<'_>> =
        crowds.iter().flat_map(|(_, crowd)| crowd.groups()).map(|group| (group.number, group)).collect();
    let of = |number: u32| {
        let group = groups.get(&number);
        let size = group.map_or(0, GroupView::len);
        (size >= options.found_at, (std::cmp::Reverse(size), group.and_then(GroupView::lowest)))
    };
    let mut whose = claim(&sure, &claimants, of);
    let mut before: BTreeMap<u32, PersonId> = BTreeMap::new();
    for (key, person) in tx.scan::<PersonId>(&Key::groups(account))? {
        if let Some(group) = key.get(17..21).and_then(|bytes| bytes.try_into().ok()) {
            before.insert(u32::from_be_bytes(group), person);
        }
    }
    follow(crowds, known, &mut whose);
    stay(crowds, known, &before, &mut whose);
    let founded = found_people(tx, account, crowds, known, options, &mut whose)?;
    renew_anchors(tx, crowds, known, &whose)?;
    let mut turned: BTreeSet<u32> = BTreeSet::new();
    for (group, claim) in &whose {
        let was = match before.remove(group) {
            Some(was) => existing(tx, was)?,
            None => None,
        };
        if was != Some(claim.now) {
            tx.put(Key::group(account, *group), &claim.now);
            turned.insert(*group);
        }
    }
    for group in before.into_keys() {
        tx.remove(Key::group(account, group));
        turned.insert(group);
    }
    if !turned.is_empty() {
        for (asset, group) in crowds.iter().flat_map(|(_, crowd)| crowd.photos_grouped()) {
            if turned.contains(&group) {
                tx.asset_mut(asset)?;
            }
        }
    }
    Ok(founded)
}

/// A group that is nobody's is the person whose faces, of those that the user pointed out, it is near to.
fn follow(crowds: &[(&str, &Crowd)], known: &Known, whose: &mut BTreeMap<u32, Claim>) {
    let mut pointed_out: BTreeMap<PersonId, Vec<FaceId>> = BTreeMap::new();
    for (face, person) in &known.is {
        pointed_out.entry(*person).or_default().push(*face);
    }
    for (_, crowd) in crowds.iter().filter(|(model, _)| !known.waits(model)) {
        let mut means: Vec<(PersonId, Vec<f32>)> = Vec::new();
        for (person, faces) in &mut pointed_out {
            faces.sort_unstable();
            let vectors: Vec<&[f32]> = faces.iter().filter_map(|face| crowd.vector(*face)).collect();
            let Some(width) = vectors.first().map(|vector| vector.len()) else { continue };
            let share = 1.0 / vectors.len() as f32;
            let sum = |at: usize| vectors.iter().filter_map(|vector| vector.get(at)).sum::<f32>() * share;
            means.push((*person, (0..width).map(sum).collect()));
        }
        if means.is_empty() {
            continue;
        }
        for group in crowd.groups().filter(|group| !whose.contains_key(&group.number)).collect::<Vec<_>>() {
            let near = means
                .iter()
                .map(|(person, mean)| (likeness(group.mean(), mean), *person))
                .filter(|(likeness, person)| *likeness >= crowd.cutoff() && group.may_be(*person))
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            if let Some((_, person)) = near {
                whose.insert(group.number, Claim { by: person, now: person });
            }
        }
    }
}

/// Whoever lost all anchors at once, because photos went away, stays who their groups were; they get others now.
fn stay(
    crowds: &[(&str, &Crowd)],
    known: &Known,
    before: &BTreeMap<u32, PersonId>,
    whose: &mut BTreeMap<u32, Claim>,
) {
    let mut claimed: BTreeSet<PersonId> = whose.values().map(|claim| claim.now).collect();
    let anchored = known.anchors.iter().filter(|(_, faces)| !faces.is_empty());
    claimed.extend(anchored.filter_map(|(person, _)| known.now(*person)));
    let mut groups: Vec<_> = crowds.iter().flat_map(|(_, crowd)| crowd.groups()).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.lowest()));
    for group in groups.into_iter().filter(|group| before.contains_key(&group.number)) {
        let was = before.get(&group.number).and_then(|was| known.now(*was));
        let is_free = !whose.contains_key(&group.number);
        if let Some(now) = was.filter(|now| is_free && !claimed.contains(now) && group.may_be(*now)) {
            whose.insert(group.number, Claim { by: now, now });
            claimed.insert(now);
        }
    }
}

/// Makes people of groups that are nobody, if they are large enough and nobody's anchors are still to come.
fn found_people(
    tx: &mut Transaction<'_>,
    account: AccountId,
    crowds: &[(&str, &Crowd)],
    known: &Known,
    options: &PeopleOptions,
    whose: &mut BTreeMap<u32, Claim>,
) -> Result<usize, CatalogueError> {
    let mut founded = 0;
    for (_, crowd) in crowds.iter().filter(|(model, _)| !known.waits(model)) {
        for group in crowd.groups() {
            if group.len() >= options.found_at && !whose.contains_key(&group.number) {
                let person = found(tx, account)?;
                tx.decide(Fact::PersonAnchors { person, faces: group.middle(ANCHORS) })?;
                whose.insert(group.number, Claim { by: person, now: person });
                founded += 1;
            }
        }
    }
    Ok(founded)
}

/// Journals other anchors for people who have lost theirs, or have grown.
fn renew_anchors(
    tx: &mut Transaction<'_>,
    crowds: &[(&str, &Crowd)],
    known: &Known,
    whose: &BTreeMap<u32, Claim>,
) -> Result<(), CatalogueError> {
    if crowds.iter().any(|(model, _)| known.waits(model)) {
        return Ok(());
    }
    let mut groups: BTreeMap<PersonId, Vec<GroupView<'_>>> = BTreeMap::new();
    for group in crowds.iter().flat_map(|(_, crowd)| crowd.groups()) {
        if let Some(claim) = whose.get(&group.number) {
            groups.entry(claim.by).or_default().push(group);
        }
    }
    for (person, mut groups) in groups {
        // Whoever was founded just now has all there are.
        let Some(record) = known.people.get(&person) else { continue };
        let faces: usize = groups.iter().map(crate::people::crowd::GroupView::len).sum();
        let numbers: BTreeSet<u32> = groups.iter().map(|group| group.number).collect();
        let there = known.anchors.get(&person).map(Vec::as_slice).unwrap_or_default();
        let in_them = |face: &FaceId| {
            let group = crowds.iter().find_map(|(_, crowd)| crowd.group_of_face(*face));
            group.is_some_and(|group| numbers.contains(&group))
        };
        let good = there.iter().filter(|face| in_them(face)).count();
        if good * 2 >= faces.min(ANCHORS) {
            continue;
        }
        let mut anchors: Vec<FaceKey> = Vec::new();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        // Each of their groups is to be known again, the largest best.
        let share = ANCHORS.div_ceil(groups.len());
        for group in groups.iter().take(ANCHORS) {
            anchors.extend(group.middle(share.min(ANCHORS - anchors.len().min(ANCHORS))));
        }
        if anchors != record.anchors {
            tx.decide(Fact::PersonAnchors { person, faces: anchors })?;
        }
    }
    Ok(())
}
