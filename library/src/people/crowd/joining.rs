//! The faces that make no groups: each joins the group that is nearest to it, or none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Crowd, Member, Part, likeness};

/// Faces that must have made a group for others to join it.
const JOINED_AT: usize = 2;

impl Crowd {
    /// Looks again where the others belong: each at the groups that are others now, and at all of them if the one it was
    /// nearest to is.
    pub(super) fn join_others(&mut self) {
        let stirred = std::mem::take(&mut self.stirred);
        let mut looked: Vec<(u32, Option<(f32, u32)>)> = Vec::new();
        for (slot, member) in self.members.iter().enumerate() {
            let Some(member) = member.as_ref().filter(|member| member.seen.part != Part::Makes) else {
                continue;
            };
            let stays = |nearest: &(f32, u32)| !stirred.contains(&nearest.1);
            let nearest = match member.nearest {
                Some(None) => self.nearest(member, None, &stirred),
                Some(Some(nearest)) if stays(&nearest) => self.nearest(member, Some(nearest), &stirred),
                _ => self.nearest(member, None, self.groups.keys()),
            };
            looked.push((slot as u32, nearest));
        }
        // Of two in one photo that are nearest to the same group, the nearer one joins.
        let mut taken: BTreeMap<(u32, u32), (f32, u32)> = BTreeMap::new();
        for (slot, nearest) in &looked {
            let (Some((likeness, number)), Some(member)) = (nearest, self.member(*slot)) else { continue };
            let Some(photo) = member.ties.photos.first() else { continue };
            let held = taken.entry((*photo, *number)).or_insert((*likeness, *slot));
            let key = |slot: u32| self.member(slot).map(|member| member.seen.key);
            if *likeness > held.0 || *likeness == held.0 && key(*slot) < key(held.1) {
                *held = (*likeness, *slot);
            }
        }
        let joining: BTreeSet<u32> = taken.into_values().map(|(_, slot)| slot).collect();
        for (slot, nearest) in looked {
            let Some(member) = self.members[slot as usize].as_mut() else { continue };
            member.nearest = Some(nearest);
            let group = nearest.filter(|_| joining.contains(&slot)).map(|(_, number)| number);
            if member.group != group || !member.told {
                member.told = true;
                member.group = group;
                self.changed.insert(member.asset);
            }
        }
    }

    /// The nearest group that a face may join: the nearest known, or a nearer one `among` others.
    fn nearest<'n>(
        &self,
        member: &Member,
        known: Option<(f32, u32)>,
        among: impl IntoIterator<Item = &'n u32>,
    ) -> Option<(f32, u32)> {
        let at_least = if member.seen.part == Part::Joins { self.cutoff } else { self.clearly };
        let mut nearest = known;
        for number in among {
            let Some(group) = self.groups.get(number).filter(|group| group.members.len() >= JOINED_AT) else {
                continue;
            };
            let likeness = likeness(member.vector(), self.mean(group));
            let is_nearer = nearest.is_none_or(|(known, _)| likeness > known);
            if likeness >= at_least && is_nearer && member.ties.allow(&group.ties) {
                nearest = Some((likeness, *number));
            }
        }
        nearest
    }

    /// What faces that were compared before were nearest to, once all groups were told.
    pub(super) fn recall(&mut self) {
        let mut recalled: Vec<(usize, Option<(f32, u32)>)> = Vec::new();
        for (slot, member) in self.members.iter().enumerate() {
            let Some(member) = member.as_ref().filter(|member| member.seen.part != Part::Makes) else {
                continue;
            };
            match member.seen.group.filter(|_| member.told) {
                Some(Some(number)) => {
                    let group = self.groups.get(&number).filter(|group| group.members.len() >= JOINED_AT);
                    recalled
                        .extend(group.map(|group| {
                            (slot, Some((likeness(member.vector(), self.mean(group)), number)))
                        }));
                }
                // It may have been nearest to one that another face in the photo joined: that is looked at again.
                Some(None) if !self.has_rival(member) => recalled.push((slot, None)),
                _ => {}
            }
        }
        for (slot, nearest) in recalled {
            if let Some(member) = self.members[slot].as_mut() {
                member.nearest = Some(nearest);
            }
        }
    }

    /// Whether another face of the photo joined a group.
    fn has_rival(&self, member: &Member) -> bool {
        let others = self.photos.get(&member.asset).into_iter().flatten();
        others.filter_map(|slot| self.member(*slot)).any(|other| {
            other.seen.part != Part::Makes && other.group.is_some() && other.seen.id != member.seen.id
        })
    }
}
