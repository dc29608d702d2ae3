//! Random lives of a library of people: photos come and go, the user decides, and whatever is derived is thrown away now
//! and then. Who is who must be what was decided, and the same after a rebuild.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;
mod portraits;

use std::collections::{BTreeMap, BTreeSet};

use library::journal::Face as Via;
use library::{FaceId, LibraryError, PersonId};
use portraits::{Portraits, Shot};
use proptest::prelude::*;

/// One thing that happens. Numbers are taken modulo what there is, so that shrinking keeps steps valid.
#[derive(Clone, Debug)]
enum Step {
    Arrive { who: Vec<(u32, bool)> },
    Leave { photo: usize },
    Gather,
    Name { person: usize, name: usize },
    Merge { from: usize, into: usize },
    Split { person: usize, take: usize },
    Hide { person: usize },
    Assign { face: usize, person: usize },
    Reject { face: usize },
    NoFace { face: usize },
    Restart,
    Rebuild { rotate: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..1000_usize;
    let who = prop::collection::vec((0..5_u32, prop::bool::weighted(0.85)), 1..4);
    prop_oneof![
        14 => who.prop_map(|who| Step::Arrive { who }),
        3 => any.clone().prop_map(|photo| Step::Leave { photo }),
        4 => Just(Step::Gather),
        2 => (any.clone(), 0..4_usize).prop_map(|(person, name)| Step::Name { person, name }),
        1 => (any.clone(), any.clone()).prop_map(|(from, into)| Step::Merge { from, into }),
        1 => (any.clone(), any.clone()).prop_map(|(person, take)| Step::Split { person, take }),
        1 => any.clone().prop_map(|person| Step::Hide { person }),
        1 => (any.clone(), any.clone()).prop_map(|(face, person)| Step::Assign { face, person }),
        2 => any.clone().prop_map(|face| Step::Reject { face }),
        1 => any.clone().prop_map(|face| Step::NoFace { face }),
        1 => Just(Step::Restart),
        2 => any.prop_map(|rotate| Step::Rebuild { rotate }),
    ]
}

const NAMES: [&str; 4] = ["Ann", "Bob", "ann", "Eve"];

/// What was decided, in plain words.
#[derive(Default)]
struct Said {
    is: BTreeMap<FaceId, PersonId>,
    not: BTreeSet<(FaceId, PersonId)>,
    none: BTreeSet<FaceId>,
    /// Who became whom.
    into: BTreeMap<PersonId, PersonId>,
    names: BTreeMap<PersonId, Option<String>>,
    hidden: BTreeSet<PersonId>,
}

impl Said {
    fn now(&self, mut person: PersonId) -> PersonId {
        while let Some(into) = self.into.get(&person) {
            person = *into;
        }
        person
    }
}

fn faces(portraits: &Portraits) -> Vec<(FaceId, Option<PersonId>)> {
    let names = portraits.names().into_iter();
    names.flat_map(|name| portraits.faces(&name)).map(|face| (face.id, face.person)).collect()
}

fn nth<T: Copy>(all: &[T], at: usize) -> Option<T> {
    all.get(at % all.len().max(1)).copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn people_are_what_was_decided_and_a_rebuild_changes_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut portraits = Portraits::new();
        let mut said = Said::default();
        let mut photos = 0;
        for step in &steps {
            happen(&mut portraits, &mut said, &mut photos, step)?;
            check(&portraits, &said)?;
        }
        portraits.gather();
        let before = (portraits.scene(), people(&portraits));
        portraits.rebuild(photos);
        prop_assert_eq!((portraits.scene(), people(&portraits)), before);
        check(&portraits, &said)?;
    }
}

fn people(portraits: &Portraits) -> Vec<(PersonId, u32, Option<String>, bool, u32)> {
    let people = portraits.people().into_iter();
    let mut people: Vec<_> = people
        .map(|one| (one.id, one.number, one.name.as_deref().map(str::to_owned), one.hidden, one.faces))
        .collect();
    people.sort();
    people
}

fn happen(
    portraits: &mut Portraits,
    said: &mut Said,
    photos: &mut usize,
    step: &Step,
) -> Result<(), TestCaseError> {
    let account = portraits.library().account();
    let everybody: Vec<PersonId> = portraits.people().iter().map(|person| person.id).collect();
    match step {
        Step::Arrive { who } => {
            let shots: Vec<Shot> = who.iter().map(|(who, sharp)| Shot { who: *who, sharp: *sharp }).collect();
            portraits.arrives(&format!("{photos}.jpg"), &shots);
            *photos += 1;
        }
        Step::Leave { photo } => {
            let names = portraits.names();
            if let Some(name) = names.get(photo % names.len().max(1)) {
                portraits.leaves(name);
            }
        }
        Step::Gather => portraits.gather(),
        Step::Name { person, name } => {
            let Some(person) = nth(&everybody, *person) else { return Ok(()) };
            let name = NAMES[*name];
            match portraits.library().name_person(Via::Cli, person, name) {
                Ok(library::Named::As(now)) => {
                    said.names.insert(now, Some(name.to_owned()));
                }
                Ok(library::Named::Merged { into }) => {
                    said.into.insert(person, into);
                }
                Err(LibraryError::People(_)) => {
                    prop_assert!(said.names.get(&person).is_some_and(Option::is_some));
                }
                Err(error) => panic!("{error}"),
            }
        }
        Step::Merge { from, into } => {
            let (Some(from), Some(into)) = (nth(&everybody, *from), nth(&everybody, *into)) else {
                return Ok(());
            };
            let merged = portraits.library().merge_people(Via::Cli, from, into);
            prop_assert_eq!(merged.is_ok(), from != into);
            if merged.is_ok() {
                said.into.insert(from, into);
                let name = said.names.get(&from).cloned().flatten();
                let kept = said.names.entry(into).or_default();
                *kept = kept.take().or(name);
            }
        }
        Step::Split { person, take } => {
            let Some(person) = nth(&everybody, *person) else { return Ok(()) };
            let theirs: Vec<FaceId> = faces(portraits)
                .into_iter()
                .filter(|(_, who)| *who == Some(person))
                .map(|(id, _)| id)
                .collect();
            let going = &theirs[..take % theirs.len().max(1)];
            if let Ok(split) = portraits.library().split_person(Via::Cli, person, going) {
                for face in going {
                    said.is.insert(*face, split);
                    said.not.insert((*face, person));
                }
            }
        }
        Step::Hide { person } => {
            if let Some(person) = nth(&everybody, *person) {
                let hidden = said.hidden.insert(person) || !said.hidden.remove(&person);
                portraits.library().hide_person(Via::Cli, person, hidden).unwrap();
            }
        }
        Step::Assign { face, person } => {
            let all = faces(portraits);
            let (Some((face, _)), Some(person)) = (nth(&all, *face), nth(&everybody, *person)) else {
                return Ok(());
            };
            portraits.library().assign_face(Via::Cli, account, face, person).unwrap();
            said.is.insert(face, person);
            let into = said.into.clone();
            let now = |mut person: PersonId| {
                while let Some(next) = into.get(&person) {
                    person = *next;
                }
                person
            };
            said.not.retain(|(other, not)| *other != face || now(*not) != person);
        }
        Step::Reject { face } => {
            let known: Vec<(FaceId, PersonId)> =
                faces(portraits).into_iter().filter_map(|(id, who)| Some((id, who?))).collect();
            if let Some((face, person)) = nth(&known, *face) {
                portraits.library().reject_face(Via::Cli, account, face, person).unwrap();
                said.is.remove(&face);
                said.not.insert((face, person));
            }
        }
        Step::NoFace { face } => {
            let all = faces(portraits);
            if let Some((face, _)) = nth(&all, *face) {
                portraits.library().no_face(Via::Cli, account, face).unwrap();
                said.is.remove(&face);
                said.none.insert(face);
            }
        }
        Step::Restart => portraits.restart(),
        Step::Rebuild { rotate } => {
            portraits.gather();
            let before = portraits.scene();
            portraits.rebuild(*rotate);
            prop_assert_eq!(portraits.scene(), before);
        }
    }
    Ok(())
}

fn check(portraits: &Portraits, said: &Said) -> Result<(), TestCaseError> {
    let snapshot = portraits.snapshot();
    let mut counted: BTreeMap<PersonId, u32> = BTreeMap::new();
    for name in portraits.names() {
        let faces = portraits.faces(&name);
        let mut sure_of = BTreeMap::new();
        for face in &faces {
            prop_assert!(!said.none.contains(&face.id), "{:?} is no face", face.id);
            if let Some(person) = said.is.get(&face.id) {
                prop_assert_eq!(face.person, Some(said.now(*person)), "{}", name);
            }
            let Some(person) = face.person else { continue };
            prop_assert_eq!(
                snapshot.person_by_id(person).unwrap().id,
                person,
                "who became another is nobody's face"
            );
            *counted.entry(person).or_default() += 1;
            if said.is.contains_key(&face.id) {
                continue;
            }
            for (_, not) in said.not.iter().filter(|(other, _)| *other == face.id) {
                prop_assert_ne!(said.now(*not), person, "{}", name);
            }
            prop_assert!(sure_of.insert(person, face.id).is_none(), "somebody is twice in {}", name);
        }
    }
    let mut numbers = BTreeSet::new();
    for person in portraits.people() {
        prop_assert!(numbers.insert(person.number));
        prop_assert_eq!(person.faces, counted.remove(&person.id).unwrap_or(0), "person {}", person.number);
        prop_assert_eq!(person.hidden, said.hidden.contains(&person.id));
        let name = said.names.get(&person.id).cloned().flatten();
        prop_assert_eq!(person.name.as_deref().map(str::to_owned), name);
    }
    prop_assert!(counted.is_empty(), "{:?} are not listed", counted);
    Ok(())
}
