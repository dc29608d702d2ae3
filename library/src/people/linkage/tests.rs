//! The linkage against merging the nearest pair of all, again and again, with all pairs in view.

use proptest::prelude::*;

use super::*;

/// A face: one of a few directions with some noise, and what binds it.
#[derive(Clone, Debug)]
struct Drawn {
    direction: Vec<f32>,
    ties: Ties,
}

fn person(number: u8) -> PersonId {
    PersonId::from_bytes([number; 16])
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let noise = prop::collection::vec(-1.0_f32..1.0, 24);
    let who = prop_oneof![6 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    let not = prop_oneof![8 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    (0..5_usize, noise, 0..12_u32, who, not).prop_map(|(direction, noise, photo, is, not)| {
        let mut vector: Vec<f32> = noise.iter().map(|value| value * 0.45).collect();
        vector[direction] += 1.0;
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let direction = vector.iter().map(|value| value / length).collect();
        let ties = Ties {
            photos: vec![photo],
            is: is.map(person),
            anchors: Vec::new(),
            not: not.map(person).into_iter().collect(),
        };
        Drawn { direction, ties }
    })
}

fn by_looking_at_all_pairs(faces: &[Drawn], cutoff: f32) -> Vec<Vec<u32>> {
    let mut groups: Vec<(Vec<u32>, Ties)> =
        faces.iter().enumerate().map(|(at, face)| (vec![at as u32], face.ties.clone())).collect();
    let mean = |one: &[u32], two: &[u32]| {
        let pairs = one.iter().flat_map(|a| two.iter().map(move |b| (*a as usize, *b as usize)));
        let sum: f64 = pairs
            .map(|(a, b)| {
                let pairs = faces[a].direction.iter().zip(&faces[b].direction);
                pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
            })
            .sum();
        sum / (one.len() * two.len()) as f64
    };
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        for one in 0..groups.len() {
            for two in one + 1..groups.len() {
                let likeness = mean(&groups[one].0, &groups[two].0);
                if likeness >= f64::from(cutoff)
                    && groups[one].1.allow(&groups[two].1)
                    && best.is_none_or(|(known, ..)| likeness > known)
                {
                    best = Some((likeness, one, two));
                }
            }
        }
        let Some((_, one, two)) = best else { break };
        let (members, ties) = groups.remove(two);
        groups[one].0.extend(members);
        groups[one].0.sort_unstable();
        groups[one].1.absorb(&ties);
    }
    groups.sort();
    groups.into_iter().map(|(members, _)| members).collect()
}

impl Ord for Ties {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl PartialOrd for Ties {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn items(faces: &[Drawn]) -> Vec<Item<'_>> {
    faces.iter().map(|face| Item { mean: &face.direction, size: 1, ties: face.ties.clone() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn groups_are_those_of_merging_the_nearest_pair_of_all_again_and_again(
        faces in prop::collection::vec(drawn(), 0..70),
        cutoff in 0.2_f32..0.7,
    ) {
        prop_assert_eq!(link(items(&faces), cutoff), by_looking_at_all_pairs(&faces, cutoff));
    }
}

#[test]
fn many_copies_of_one_face_are_one_group_though_all_tie() {
    let direction = vec![1.0_f32, 0.0, 0.0];
    let item =
        |photo| Item { mean: &direction, size: 1, ties: Ties { photos: vec![photo], ..Ties::default() } };
    assert_eq!(link((0..200).map(item).collect(), 0.5).len(), 1);
    let twice_a_photo = link((0..200).map(|at| item(at / 2)).collect(), 0.5);
    assert_eq!(twice_a_photo.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100]);
}

#[test]
fn who_is_not_to_be_with_somebody_is_not_with_their_anchors_either() {
    let rejected = Ties { not: vec![person(1)], ..Ties::default() };
    let anchor = Ties { anchors: vec![person(1)], ..Ties::default() };
    assert!(!rejected.allow(&anchor) && !anchor.allow(&rejected));
    assert!(rejected.allow(&Ties { anchors: vec![person(2)], ..Ties::default() }));
    let sure = |number| Ties { is: Some(person(number)), ..Ties::default() };
    assert!(!sure(1).allow(&sure(2)) && sure(1).allow(&sure(1)) && !sure(1).allow(&rejected));
}
