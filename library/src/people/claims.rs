//! Which group of faces is which person.
//!
//! From the journal and the groups alone, never from how it came about, so that a rebuild finds the same people:
//! 1. A group that holds a face of which a file says who it is, is that person.
//! 2. A group that holds an anchor of a named person is that person: all of them, since a name is a decision. The linkage
//!    lets no group hold anchors of two named people; where one does all the same, most anchors win.
//! 3. An unnamed person is one group: that with most of its anchors, of those that are nobody yet. When a group holds
//!    anchors of several, most win, then the lower number; whoever is left without a group is that person now. A group
//!    too small to found anybody stays theirs only where all their anchors are in it: their photos have gone. Otherwise it
//!    is what a group that they were leaves behind, and how many such there were is a matter of the order of arrival.

//! 4. A group that is nobody then is the person of whom the user pointed out faces that it is near to.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::PersonId;

/// Somebody, and the groups their anchors are in.
#[derive(Clone, Debug)]
pub(crate) struct Claimant {
    /// The person that journalled the anchors.
    pub(crate) person: PersonId,
    /// Who that is now.
    pub(crate) now: PersonId,
    /// The number of who it is now.
    pub(crate) number: u32,
    /// Whether who it is now has a name.
    pub(crate) named: bool,
    /// The group of each anchor that is there.
    pub(crate) anchors: Vec<u32>,
}

/// Who a group is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim {
    /// The person whose anchors say so.
    pub(crate) by: PersonId,
    /// Who that is now.
    pub(crate) now: PersonId,
}

/// Who each group is; groups that are nobody are not in it. `sure` are those of rule 1. `of` says whether a group could
/// found somebody, and what puts groups in an order that is theirs: their numbers are of how they came about.
pub(crate) fn claim<K: Ord>(
    sure: &BTreeMap<u32, PersonId>,
    claimants: &[Claimant],
    of: impl Fn(u32) -> (bool, K),
) -> BTreeMap<u32, Claim> {
    let mut claims = Vec::new();
    for claimant in claimants {
        let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
        for group in &claimant.anchors {
            *votes.entry(*group).or_default() += 1;
        }
        let whole = votes.len() == 1;
        for (group, votes) in votes {
            let (is_large, order) = of(group);
            if claimant.named || whole || is_large {
                claims.push((claimant, group, votes, order));
            }
        }
    }
    claims.sort_by(|(one, _, one_votes, one_order), (two, _, two_votes, two_order)| {
        let rank = |claimant: &Claimant| (!claimant.named, claimant.number, claimant.person);
        (two.named.cmp(&one.named))
            .then(two_votes.cmp(one_votes))
            .then(rank(one).cmp(&rank(two)))
            .then_with(|| one_order.cmp(two_order))
    });
    let mut whose: BTreeMap<u32, Claim> =
        sure.iter().map(|(group, person)| (*group, Claim { by: *person, now: *person })).collect();
    let mut settled: BTreeSet<PersonId> = BTreeSet::new();
    for (claimant, group, ..) in claims {
        if whose.contains_key(&group) || !claimant.named && settled.contains(&claimant.person) {
            continue;
        }
        whose.insert(group, Claim { by: claimant.person, now: claimant.now });
        settled.insert(claimant.person);
    }
    whose
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u8) -> PersonId {
        PersonId::from_bytes([number; 16])
    }

    fn claimant(number: u8, named: bool, anchors: &[u32]) -> Claimant {
        let person = person(number);
        Claimant { person, now: person, number: number.into(), named, anchors: anchors.to_vec() }
    }

    fn whose(sure: &[(u32, u8)], claimants: &[Claimant]) -> Vec<(u32, u8)> {
        let sure = sure.iter().map(|(group, number)| (*group, person(*number))).collect();
        claim(&sure, claimants, |group| (group < 9, group))
            .into_iter()
            .map(|(group, claim)| (group, claim.now.as_bytes()[0]))
            .collect()
    }

    #[test]
    fn an_unnamed_person_is_the_group_with_most_of_its_anchors() {
        assert_eq!(whose(&[], &[claimant(1, false, &[4, 5, 5])]), [(5, 1)]);
        let two = [claimant(1, false, &[4, 4]), claimant(2, false, &[4, 4, 4, 5])];
        assert_eq!(whose(&[], &two), [(4, 2)], "who has fewer there is that person now");
        let other = [claimant(1, false, &[4, 4, 5]), claimant(2, false, &[4, 4, 4])];
        assert_eq!(whose(&[], &other), [(4, 2), (5, 1)]);
        assert_eq!(whose(&[], &[claimant(2, false, &[4]), claimant(1, false, &[4])]), [(4, 1)]);
    }

    #[test]
    fn what_a_group_leaves_behind_is_nobody_but_the_last_photo_of_somebody_is_them() {
        let people = [claimant(1, false, &[4, 9]), claimant(2, false, &[4, 4])];
        assert_eq!(whose(&[], &people), [(4, 2)]);
        assert_eq!(whose(&[], &[claimant(1, false, &[9])]), [(9, 1)]);
        assert_eq!(whose(&[], &[claimant(1, true, &[4, 9])]), [(4, 1), (9, 1)]);
    }

    #[test]
    fn a_named_person_is_all_groups_with_its_anchors_and_goes_first() {
        let people = [claimant(1, false, &[4, 4, 5]), claimant(2, true, &[4, 6])];
        assert_eq!(whose(&[], &people), [(4, 2), (5, 1), (6, 2)]);
        assert_eq!(whose(&[(4, 3)], &people), [(4, 3), (5, 1), (6, 2)]);
    }

    #[test]
    fn merged_people_are_the_groups_of_all_that_they_were() {
        let merged = Claimant { now: person(1), number: 1, ..claimant(2, false, &[7]) };
        assert_eq!(whose(&[], &[claimant(1, false, &[4]), merged]), [(4, 1), (7, 1)]);
    }
}
