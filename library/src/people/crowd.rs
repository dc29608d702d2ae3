//! The faces of one account that one model looked at, in groups of those that look alike.
//!
//! What makes it hard, and what answers it:
//! 1. *Grouping all of them at once takes seconds to minutes, and faces arrive all day.* A face that comes or goes stirs
//!    the groups near it; those are taken apart and grouped anew, and whatever the new groups come near to joins in
//!    ([`Crowd::around`]). What that could miss, an occasional look at all of them mends ([`Crowd::anew`]): it depends on
//!    the faces alone, so however they arrived the groups end the same.
//! 2. *Somebody with thousands of photos.* What is taken apart is bounded: beyond that, large groups take part as one
//!    item each.
//! 3. *Small and blurred faces look like each other*, and what the user took out of a group looks like that group. Neither
//!    makes groups: each goes to the group of other faces that is nearest, or to none ([`Part`]).

mod joining;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::face::same_places;
use super::linkage::{Item, Ties, likeness, link};
use super::{FaceBox, FaceKey, PeopleOptions};
use crate::embedding::Embedding;
use crate::id::{AssetId, FaceId, PersonId};

/// How much farther than the cutoff the mean of a group may be to be stirred: some of its members may be nearer.
const SLACK: f32 = 0.1;

/// How often groups may spread to others around one change.
const SPREADS: usize = 4;

/// Numbers of all vectors together beyond which groups are not all taken apart any more (256 MB).
const AT_ONCE: usize = 64 << 20;

/// Groups of more faces than this stay whole then.
const WHOLE: usize = 8;

/// What a face does to groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Groups are made of it.
    Makes,
    /// It joins a group that it is near to, and makes none: it may be no face at all, or of it the user decided something.
    /// That one must not tear a group apart, nor pull one along, when it was taken out of that very group.
    Joins,
    /// It joins one that it is clearly near to: it is small or blurred.
    JoinsIfClear,
}

/// A face as it is told to the crowd.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) key: FaceKey,
    pub(crate) id: FaceId,
    /// What it does to groups.
    pub(crate) part: Part,
    pub(crate) embedding: Embedding,
    /// The group that it was found to be in, or that it is in none, if it was compared before.
    pub(crate) group: Option<Option<u32>>,
}

#[derive(Debug)]
struct Member {
    seen: Seen,
    asset: AssetId,
    ties: Ties,
    group: Option<u32>,
    /// Whether its group was given out.
    told: bool,
    /// For faces that make no groups: the one that it is nearest to, and how near; `None` until it was looked at.
    nearest: Option<Option<(f32, u32)>>,
}

impl Member {
    fn vector(&self) -> &[f32] {
        self.seen.embedding.as_slice()
    }
}

#[derive(Debug)]
struct Group {
    /// The faces that made it.
    members: Vec<u32>,
    /// `None` while it is one face.
    mean: Option<Box<[f32]>>,
    ties: Ties,
}

/// Who may be with whom, but for photos: by face, of those that are bound at all.
pub(crate) type Bonds = HashMap<FaceId, Ties>;

/// All faces of one account and model.
#[derive(Debug)]
pub(crate) struct Crowd {
    cutoff: f32,
    clearly: f32,
    small: usize,
    around: usize,
    members: Vec<Option<Member>>,
    free: Vec<u32>,
    photos: HashMap<AssetId, Vec<u32>>,
    numbers: HashMap<AssetId, u32>,
    by_id: HashMap<FaceId, u32>,
    bonds: Bonds,
    groups: BTreeMap<u32, Group>,
    /// Faces that make groups and are in none, since they came or were taken out of one.
    loose: BTreeSet<u32>,
    /// Groups that are others than they were when joining faces were last looked at.
    stirred: BTreeSet<u32>,
    /// Faces that have come or gone since all were looked at.
    unsettled: usize,
    /// Whether faces are still told that were grouped before.
    loading: bool,
    /// Photos with a face whose group is another.
    changed: BTreeSet<AssetId>,
    makers: usize,
    width: usize,
}

/// A group, for whoever wants to know who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupView<'c> {
    pub(crate) number: u32,
    crowd: &'c Crowd,
    group: &'c Group,
}

impl Crowd {
    pub(crate) fn new(model: &str, options: &PeopleOptions) -> Self {
        let cutoff = options.cutoff(model);
        Self {
            cutoff,
            clearly: cutoff + options.join_margin,
            small: options.small,
            around: options.around,
            members: Vec::new(),
            free: Vec::new(),
            photos: HashMap::new(),
            numbers: HashMap::new(),
            by_id: HashMap::new(),
            bonds: Bonds::new(),
            groups: BTreeMap::new(),
            loose: BTreeSet::new(),
            stirred: BTreeSet::new(),
            unsettled: 0,
            loading: true,
            changed: BTreeSet::new(),
            makers: 0,
            width: 0,
        }
    }

    /// Says which faces a photo has now. Those it had stay where they are.
    pub(crate) fn put(&mut self, asset: AssetId, faces: Vec<Seen>) {
        let had = self.photos.remove(&asset).unwrap_or_default();
        let mut has = Vec::with_capacity(faces.len());
        let stays = |member: &Member, seen: &Seen| {
            member.seen.id == seen.id && member.seen.key == seen.key && member.seen.part == seen.part
        };
        let is_kept = |slot: &u32| {
            self.members[*slot as usize]
                .as_ref()
                .is_some_and(|member| faces.iter().any(|seen| stays(member, seen)))
        };
        let (kept, gone): (Vec<u32>, Vec<u32>) = had.into_iter().partition(is_kept);
        for slot in gone {
            self.remove(slot);
        }
        for seen in faces {
            let same =
                kept.iter().find(|slot| self.member(**slot).is_some_and(|member| stays(member, &seen)));
            has.push(match same {
                Some(slot) => *slot,
                None => self.add(asset, seen),
            });
        }
        if !has.is_empty() {
            self.photos.insert(asset, has);
        }
    }

    fn member(&self, slot: u32) -> Option<&Member> {
        self.members.get(slot as usize)?.as_ref()
    }

    fn add(&mut self, asset: AssetId, seen: Seen) -> u32 {
        let next = self.numbers.len() as u32;
        let photo = *self.numbers.entry(asset).or_insert(next);
        let bonds = self.bonds.get(&seen.id).cloned().unwrap_or_default();
        let ties = Ties { photos: vec![photo], ..bonds };
        let slot = self.free.pop().unwrap_or(self.members.len() as u32);
        self.by_id.insert(seen.id, slot);
        self.width = self.width.max(seen.embedding.width());
        // What it was before counts only together with what all others were.
        let told = self.loading && seen.group.is_some();
        let group = seen.group.flatten().filter(|_| told);
        if seen.part == Part::Makes {
            self.makers += 1;
            match group {
                // It was told before, when the groups were made: they are as they were.
                Some(number) => self.groups.entry(number).or_insert_with(Group::empty).members.push(slot),
                None => {
                    self.loose.insert(slot);
                    self.unsettled += 1;
                }
            }
        }
        let member = Member { seen, asset, ties, group, told, nearest: None };
        if slot as usize == self.members.len() {
            self.members.push(Some(member));
        } else {
            self.members[slot as usize] = Some(member);
        }
        slot
    }

    /// Ends the telling of faces that were grouped before, of which there were `makers` that made groups: those that are
    /// missing went away meanwhile, and nobody saw from which groups.
    pub(crate) fn told(&mut self, makers: usize) {
        if !std::mem::take(&mut self.loading) {
            return;
        }
        self.unsettled += makers.saturating_sub(self.makers - self.loose.len());
        let numbers: Vec<u32> = self.groups.keys().copied().collect();
        for number in numbers {
            let members = self.groups.remove(&number).map(|group| group.members).unwrap_or_default();
            self.groups.insert(number, self.group_of(members));
        }
        self.recall();
    }

    fn remove(&mut self, slot: u32) {
        let Some(member) = self.members[slot as usize].take() else { return };
        self.free.push(slot);
        if self.by_id.get(&member.seen.id) == Some(&slot) {
            self.by_id.remove(&member.seen.id);
        }
        self.loose.remove(&slot);
        if member.seen.part == Part::Makes {
            self.makers -= 1;
            self.unsettled += 1;
            if let Some(number) = member.group {
                self.take_out(slot, number);
            }
        }
    }

    /// Takes a face out of its group: the others of a small one are loose then, a large one stays.
    fn take_out(&mut self, slot: u32, number: u32) {
        let Some(mut group) = self.groups.remove(&number) else { return };
        self.stirred.insert(number);
        group.members.retain(|member| *member != slot);
        if group.members.is_empty() {
            return;
        }
        if group.members.len() > self.around / 4 {
            self.groups.insert(number, self.group_of(group.members));
        } else {
            // They keep the number in mind, and most of them will have it again.
            self.loose.extend(group.members);
        }
    }

    fn group_of(&self, mut members: Vec<u32>) -> Group {
        members.retain(|slot| self.member(*slot).is_some());
        let mut ties = Ties::default();
        for member in members.iter().filter_map(|slot| self.member(*slot)) {
            ties.is = ties.is.or(member.ties.is);
            ties.photos.extend_from_slice(&member.ties.photos);
            ties.anchors.extend_from_slice(&member.ties.anchors);
            ties.not.extend_from_slice(&member.ties.not);
        }
        ties.photos.sort_unstable();
        for people in [&mut ties.anchors, &mut ties.not] {
            people.sort_unstable();
            people.dedup();
        }
        let mean = (members.len() > 1).then(|| {
            let mut sum = vec![0.0_f64; self.width];
            for member in members.iter().filter_map(|slot| self.member(*slot)) {
                for (sum, value) in sum.iter_mut().zip(member.vector()) {
                    *sum += f64::from(*value);
                }
            }
            sum.into_iter().map(|sum| (sum / members.len() as f64) as f32).collect()
        });
        Group { members, mean, ties }
    }

    fn mean<'c>(&'c self, group: &'c Group) -> &'c [f32] {
        match &group.mean {
            Some(mean) => mean,
            None => group.members.first().and_then(|slot| self.member(*slot)).map_or(&[], Member::vector),
        }
    }

    /// Says who may be with whom. Faces for which that is new are grouped anew.
    pub(crate) fn bind(&mut self, bonds: Bonds) {
        let before = std::mem::take(&mut self.bonds);
        let nothing = Ties::default();
        let differing = |one: &Bonds, two: &Bonds| -> Vec<FaceId> {
            let of = |bonds: &Bonds, id| bonds.get(id).cloned().unwrap_or_default();
            one.keys().filter(|id| of(one, id) != of(two, id)).copied().collect()
        };
        let mut rebound: BTreeSet<FaceId> = differing(&before, &bonds).into_iter().collect();
        rebound.extend(differing(&bonds, &before));
        for id in rebound {
            let Some(slot) = self.by_id.get(&id).copied() else { continue };
            let bound = bonds.get(&id).unwrap_or(&nothing);
            let Some(member) = self.members[slot as usize].as_mut() else { continue };
            let photos = std::mem::take(&mut member.ties.photos);
            member.ties = Ties { photos, ..bound.clone() };
            if member.seen.part != Part::Makes {
                member.nearest = None;
                continue;
            }
            let group = member.group;
            if !self.loose.contains(&slot) {
                if let Some(number) = group {
                    self.take_out(slot, number);
                }
                self.loose.insert(slot);
                self.unsettled += 1;
            }
        }
        self.bonds = bonds;
    }

    /// Groups what is loose, and gives the photos in which a face is in another group than before. `settle` looks at
    /// all faces where enough of them are new; `next` is the lowest group number that is free.
    pub(crate) fn update(&mut self, settle: bool, next: &mut u32) -> BTreeSet<AssetId> {
        if self.unsettled > 0 && (self.makers <= self.around || settle && self.is_unsettled()) {
            self.anew(next);
        } else if !self.loose.is_empty() {
            self.around(next);
        }
        self.join_others();
        std::mem::take(&mut self.changed)
    }

    /// Whether enough has changed for all faces to be worth looking at.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled > 0 && (self.makers <= self.small || self.unsettled * 50 >= self.makers)
    }

    /// How many faces groups are made of.
    pub(crate) fn makers(&self) -> usize {
        self.makers
    }

    /// Groups everything at once.
    fn anew(&mut self, next: &mut u32) {
        let parts = self.makers * self.width > AT_ONCE;
        let (mut loose, mut whole) = (Vec::new(), Vec::new());
        loose.extend(self.loose.iter().copied());
        for (number, group) in &self.groups {
            if parts && group.members.len() > WHOLE {
                whole.push(*number);
            } else {
                loose.extend_from_slice(&group.members);
            }
        }
        self.group_anew(loose, whole, next);
        self.loose.clear();
        self.unsettled = 0;
    }

    /// Groups what is loose, with what is around it.
    fn around(&mut self, next: &mut u32) {
        let mut loose: Vec<u32> = std::mem::take(&mut self.loose).into_iter().collect();
        let mut near = self.groups_near(&loose);
        let mut whole = Vec::new();
        for _ in 0..SPREADS {
            for number in std::mem::take(&mut near) {
                let size = self.groups.get(&number).map_or(0, |group| group.members.len());
                if size <= self.around / 4 && loose.len() + size <= self.around {
                    loose.extend(
                        self.groups.get(&number).map(|group| group.members.clone()).unwrap_or_default(),
                    );
                } else {
                    whole.push(number);
                }
            }
            let made = self.group_anew(loose.clone(), whole.clone(), next);
            near = self.mergeable(&made);
            if near.is_empty() {
                return;
            }
            // What was made is taken apart again, together with what it could merge with.
            whole.clear();
            loose.clear();
            near.extend(made);
        }
    }

    /// The groups that loose faces are near to, nearest first.
    fn groups_near(&self, loose: &[u32]) -> Vec<u32> {
        let mut near: Vec<(f32, u32)> = Vec::new();
        for (number, group) in &self.groups {
            let mean = self.mean(group);
            let nearest = loose
                .iter()
                .filter_map(|slot| self.member(*slot))
                .map(|member| likeness(member.vector(), mean))
                .fold(f32::NEG_INFINITY, f32::max);
            if nearest >= self.cutoff - SLACK {
                near.push((nearest, *number));
            }
        }
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        near.into_iter().map(|(_, number)| number).collect()
    }

    /// The groups that could merge with one of `made` and are not among them.
    fn mergeable(&self, made: &[u32]) -> Vec<u32> {
        let made: BTreeSet<u32> = made.iter().copied().collect();
        let mut found = Vec::new();
        for (number, group) in self.groups.iter().filter(|(number, _)| !made.contains(number)) {
            let mean = self.mean(group);
            let could = made
                .iter()
                .filter_map(|made| self.groups.get(made))
                .any(|made| likeness(mean, self.mean(made)) >= self.cutoff && made.ties.allow(&group.ties));
            if could {
                found.push(*number);
            }
        }
        found
    }

    /// Groups loose faces and whole groups, and puts what comes of it in place of the groups they were in. Gives the
    /// numbers of the groups made.
    fn group_anew(&mut self, mut loose: Vec<u32>, whole: Vec<u32>, next: &mut u32) -> Vec<u32> {
        let key = |slot: &u32| self.member(*slot).map(|member| (member.seen.key, member.seen.id));
        loose.sort_unstable_by_key(key);
        loose.dedup();
        let mut parts: Vec<Vec<u32>> = loose.iter().map(|slot| vec![*slot]).collect();
        let mut groups: Vec<Vec<u32>> =
            whole.iter().filter_map(|number| Some(self.groups.get(number)?.members.clone())).collect();
        groups.sort_unstable_by_key(|members| members.iter().filter_map(key).min());
        let made: Vec<Vec<u32>> = {
            let singles = loose.iter().filter_map(|slot| self.member(*slot));
            let mut items: Vec<Item<'_>> = singles
                .map(|member| Item { mean: member.vector(), size: 1, ties: member.ties.clone() })
                .collect();
            let mut wholes: Vec<&Group> = whole.iter().filter_map(|number| self.groups.get(number)).collect();
            wholes.sort_unstable_by_key(|group| group.members.iter().filter_map(key).min());
            items.extend(wholes.into_iter().map(|group| Item {
                mean: self.mean(group),
                size: group.members.len() as u32,
                ties: group.ties.clone(),
            }));
            parts.extend(groups);
            let joined = link(items, self.cutoff).into_iter();
            joined
                .map(|items| items.iter().flat_map(|item| parts[*item as usize].clone()).collect())
                .collect()
        };
        let mut old: BTreeSet<u32> = whole.into_iter().collect();
        old.extend(loose.iter().filter_map(|slot| self.member(*slot)?.group));
        let mut before = BTreeMap::new();
        for number in &old {
            if let Some(group) = self.groups.remove(number) {
                before.insert(*number, group);
            }
        }
        let numbers = self.number(&made, next);
        for (members, number) in made.into_iter().zip(&numbers) {
            for slot in &members {
                if let Some(member) = self.members[*slot as usize].as_mut()
                    && member.group != Some(*number)
                {
                    member.group = Some(*number);
                    self.changed.insert(member.asset);
                }
            }
            let group = self.group_of(members);
            if before.get(number).is_none_or(|before| before.members != group.members) {
                self.stirred.insert(*number);
            }
            self.groups.insert(*number, group);
        }
        self.stirred.extend(old.into_iter().filter(|number| !self.groups.contains_key(number)));
        numbers
    }

    /// A number for each group: the one that most of its faces had, of two groups the one of which more had it.
    fn number(&self, made: &[Vec<u32>], next: &mut u32) -> Vec<u32> {
        let mut claims: Vec<(usize, u32, usize)> = Vec::new();
        for (at, members) in made.iter().enumerate() {
            let mut had: BTreeMap<u32, usize> = BTreeMap::new();
            for number in members.iter().filter_map(|slot| self.member(*slot)?.group) {
                *had.entry(number).or_default() += 1;
            }
            claims.extend(had.into_iter().map(|(number, faces)| (faces, number, at)));
        }
        claims.sort_unstable_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut numbers = vec![None; made.len()];
        let mut given = BTreeSet::new();
        for (_, number, at) in claims {
            // One that still stands elsewhere is not given away.
            if numbers[at].is_none() && !self.groups.contains_key(&number) && given.insert(number) {
                numbers[at] = Some(number);
            }
        }
        let fresh = |number: Option<u32>| {
            number.unwrap_or_else(|| {
                *next += 1;
                *next - 1
            })
        };
        numbers.into_iter().map(fresh).collect()
    }

    /// All groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupView<'_>> {
        self.groups.iter().map(|(number, group)| GroupView { number: *number, crowd: self, group })
    }

    /// The groups of a photo's faces.
    pub(crate) fn grouped(&self, asset: AssetId) -> Vec<(FaceId, Option<u32>)> {
        let slots = self.photos.get(&asset).into_iter().flatten();
        let members = slots.filter_map(|slot| self.member(*slot));
        members.map(|member| (member.seen.id, member.group)).collect()
    }

    /// What a face looks like.
    pub(crate) fn vector(&self, face: FaceId) -> Option<&[f32]> {
        self.member(*self.by_id.get(&face)?).map(Member::vector)
    }

    /// The mean cosine down to which two are one.
    pub(crate) fn cutoff(&self) -> f32 {
        self.cutoff
    }

    /// The face of a photo that is where a face once was.
    pub(crate) fn face_at(&self, asset: AssetId, at: FaceBox) -> Option<FaceId> {
        let slots = self.photos.get(&asset)?;
        let members: Vec<&Member> = slots.iter().filter_map(|slot| self.member(*slot)).collect();
        let places: Vec<FaceBox> = members.iter().map(|member| member.seen.key.at).collect();
        let found = same_places(&[at], &places).iter().position(Option::is_some)?;
        members.get(found).map(|member| member.seen.id)
    }

    /// Each photo with the groups of its faces.
    pub(crate) fn photos_grouped(&self) -> impl Iterator<Item = (AssetId, u32)> {
        self.members.iter().flatten().filter_map(|member| Some((member.asset, member.group?)))
    }

    /// The group of a face.
    pub(crate) fn group_of_face(&self, face: FaceId) -> Option<u32> {
        self.member(*self.by_id.get(&face)?)?.group
    }
}

impl Group {
    fn empty() -> Self {
        Self { members: Vec::new(), mean: None, ties: Ties::default() }
    }
}

impl GroupView<'_> {
    /// How many faces made it.
    pub(crate) fn len(&self) -> usize {
        self.group.members.len()
    }

    /// What it looks like.
    pub(crate) fn mean(&self) -> &[f32] {
        self.crowd.mean(self.group)
    }

    /// The lowest of the places where its faces are.
    pub(crate) fn lowest(&self) -> Option<FaceKey> {
        let members = self.group.members.iter().filter_map(|slot| self.crowd.member(*slot));
        members.map(|member| member.seen.key).min()
    }

    /// Whether nothing forbids that it is this person.
    pub(crate) fn may_be(&self, person: PersonId) -> bool {
        self.group.ties.is.is_none_or(|is| is == person) && !self.group.ties.not.contains(&person)
    }

    /// The faces in the middle of it, at most `count` and no two of one photo: what it is known by.
    pub(crate) fn middle(&self, count: usize) -> Vec<FaceKey> {
        let mean = self.crowd.mean(self.group);
        let members = self.group.members.iter().filter_map(|slot| self.crowd.member(*slot));
        let mut near: Vec<(f32, FaceKey)> =
            members.map(|member| (likeness(member.vector(), mean), member.seen.key)).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        near.into_iter().take(count).map(|(_, key)| key).collect()
    }
}
