//! Crowds of made-up faces: however they come and go, the groups are those of all that are there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::checksum::Checksum;

/// How many numbers an embedding has.
const WIDTH: usize = 96;

/// The photo of this number, and who is in it.
#[derive(Clone, Debug)]
struct Photo {
    number: u32,
    who: Vec<u32>,
}

fn photos(most: usize) -> impl Strategy<Value = Vec<Photo>> {
    prop::collection::vec(prop::collection::vec(0..9_u32, 1..4), 1..most).prop_map(|photos| {
        let photo = |(number, who)| Photo { number: number as u32, who };
        photos.into_iter().enumerate().map(photo).collect()
    })
}

/// Somebody as seen once: a quarter of what it is made of is the moment.
fn embedding(who: u32, moment: u32, noise: f32) -> Embedding {
    let direction = |seed: u64| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..WIDTH).map(move |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
    };
    let base = direction(u64::from(who) + 1);
    let moment = direction(u64::from(moment) + 1_000_003);
    Embedding::new(base.zip(moment).map(|(base, moment)| base + noise * moment).collect::<Vec<_>>()).unwrap()
}

fn asset(photo: u32) -> AssetId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&photo.to_be_bytes());
    AssetId::from_bytes(bytes)
}

fn seen(photo: &Photo, noise: f32) -> Vec<Seen> {
    let content = Checksum::of(&photo.number.to_be_bytes());
    let face = |(at, who): (usize, &u32)| {
        let left = at as f32 * 0.2;
        let key = FaceKey { content, at: FaceBox::from_fractions([left, 0.1, left + 0.1, 0.2]).unwrap() };
        let moment = photo.number * 10 + at as u32;
        let part = match moment % 14 {
            3 => Part::Joins,
            10 => Part::JoinsIfClear,
            _ => Part::Makes,
        };
        Seen { key, id: key.id(), part, embedding: embedding(*who, moment, noise), group: None }
    };
    photo.who.iter().enumerate().map(face).collect()
}

/// A crowd in which everything but settling looks only around what changed.
fn crowd() -> Crowd {
    Crowd::new("standin", &PeopleOptions { around: 8, small: usize::MAX, ..PeopleOptions::default() })
}

/// The faces that are together, whatever the number of their group.
fn together(crowd: &Crowd) -> BTreeSet<BTreeSet<FaceId>> {
    let mut groups: BTreeMap<u32, BTreeSet<FaceId>> = BTreeMap::new();
    for member in crowd.members.iter().flatten() {
        if let Some(group) = member.group {
            groups.entry(group).or_default().insert(member.seen.id);
        }
    }
    groups.into_values().collect()
}

fn all_at_once<'p>(photos: impl IntoIterator<Item = &'p Photo>, noise: f32) -> BTreeSet<BTreeSet<FaceId>> {
    let mut crowd = crowd();
    for photo in photos {
        crowd.put(asset(photo.number), seen(photo, noise));
    }
    crowd.update(true, &mut 0);
    together(&crowd)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn groups_end_where_grouping_all_at_once_ends(
        photos in photos(40),
        noise in 0.4_f32..1.3,
        order in any::<prop::sample::Index>(),
        leaving in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        every in 1..6_usize,
    ) {
        let mut crowd = crowd();
        let mut next = 0;
        let first = order.index(photos.len());
        let leaving: BTreeSet<usize> = leaving.iter().map(|index| index.index(photos.len())).collect();
        for (at, photo) in photos[first..].iter().chain(photos[..first].iter().rev()).enumerate() {
            crowd.put(asset(photo.number), seen(photo, noise));
            if at % every == 0 {
                crowd.update(false, &mut next);
                if let Some(gone) = leaving.iter().nth(at % 8) {
                    crowd.put(asset(*gone as u32), Vec::new());
                }
            }
        }
        for gone in &leaving {
            crowd.put(asset(*gone as u32), Vec::new());
        }
        crowd.update(true, &mut next);
        let there = photos.iter().filter(|photo| !leaving.contains(&(photo.number as usize)));
        prop_assert_eq!(together(&crowd), all_at_once(there, noise));
        for group in crowd.groups.values() {
            let mut photos: Vec<_> =
                group.members.iter().filter_map(|slot| Some(crowd.member(*slot)?.asset)).collect();
            photos.sort();
            photos.dedup();
            prop_assert_eq!(photos.len(), group.members.len(), "two faces of one photo are one person");
        }
    }
}

/// Of all pairs that are together in one, how many are in both.
fn agreement(one: &BTreeSet<BTreeSet<FaceId>>, two: &BTreeSet<BTreeSet<FaceId>>) -> f64 {
    let pairs = |groups: &BTreeSet<BTreeSet<FaceId>>| -> BTreeSet<(FaceId, FaceId)> {
        let pairs = groups.iter().flat_map(|group| {
            group.iter().flat_map(move |one| group.range(*one..).skip(1).map(move |two| (*one, *two)))
        });
        pairs.collect()
    };
    let (one, two) = (pairs(one), pairs(two));
    one.intersection(&two).count() as f64 / one.union(&two).count().max(1) as f64
}

#[test]
fn groups_do_not_drift_though_nobody_ever_looks_at_all() {
    let photos: Vec<Photo> =
        (0..600).map(|number| Photo { number, who: vec![number * number % 37] }).collect();
    for noise in [0.6, 1.0] {
        let mut crowd = crowd();
        let mut next = 0;
        for photo in &photos {
            crowd.put(asset(photo.number), seen(photo, noise));
            crowd.update(false, &mut next);
        }
        let agreement = agreement(&together(&crowd), &all_at_once(&photos, noise));
        assert!(agreement > 0.98, "{agreement} at {noise}");
    }
}

#[test]
fn a_group_keeps_its_number_while_faces_come_and_go() {
    let mut crowd = crowd();
    let mut next = 0;
    let photo = |number| Photo { number, who: vec![1] };
    for number in 0..20 {
        crowd.put(asset(number), seen(&photo(number), 0.5));
    }
    crowd.update(true, &mut next);
    let number = crowd.grouped(asset(5))[0].1;
    for gone in [0, 1, 2, 6] {
        crowd.put(asset(gone), Vec::new());
        crowd.put(asset(gone + 100), seen(&photo(gone + 100), 0.5));
        crowd.update(gone == 6, &mut next);
        assert_eq!(crowd.grouped(asset(5))[0].1, number);
        assert_eq!(crowd.grouped(asset(gone + 100))[0].1, number);
    }
}

#[test]
fn a_crowd_that_is_told_its_groups_goes_on_where_it_was() {
    let photos: Vec<Photo> =
        (0..60).map(|number| Photo { number, who: vec![number % 5, number % 7 + 5] }).collect();
    let mut before = crowd();
    for photo in &photos {
        before.put(asset(photo.number), seen(photo, 0.7));
    }
    let mut next = 0;
    before.update(true, &mut next);
    let mut after = crowd();
    for photo in &photos {
        let mut faces = seen(photo, 0.7);
        for (face, (id, group)) in faces.iter_mut().zip(before.grouped(asset(photo.number))) {
            assert_eq!(face.id, id);
            face.group = Some(group);
        }
        after.put(asset(photo.number), faces);
    }
    after.told(before.makers());
    assert!(after.update(true, &mut next).is_empty());
    assert_eq!(together(&after), together(&before));
}
