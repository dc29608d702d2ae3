//! Who is who: what becomes of faces, and what the user says of them, told to a real library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;
mod portraits;

use library::journal::Face as Via;
use library::metadata::PixelSize;
use library::people::PeopleError;
use library::query::Mode;
use library::{Decision, Digests, Entity, Facet, LibraryError, Named, PersonId, RowNumber};
use portraits::{Portraits, Shot, of};

/// Three people: 1 in five photos, 2 in four, 3 in two; twice two together.
fn party() -> Portraits {
    let mut party = Portraits::new();
    for at in 0..3 {
        party.arrives(&format!("one {at}.jpg"), &[of(1)]);
        party.arrives(&format!("two {at}.jpg"), &[of(2)]);
    }
    party.arrives("both.jpg", &[of(1), of(2)]);
    party.arrives("three.jpg", &[of(3)]);
    party.arrives("one and three.jpg", &[of(3), of(1)]);
    party.gather();
    party
}

fn refused(result: Result<impl std::fmt::Debug, LibraryError>) -> PeopleError {
    match result.unwrap_err() {
        LibraryError::People(error) => error,
        other => panic!("{other}"),
    }
}

fn found(party: &Portraits, query: &str) -> Vec<String> {
    party.library().settle().unwrap();
    let snapshot = party.snapshot();
    let hits = party.library().search(party.library().account(), query, Mode::Strict, 100).unwrap();
    let mut names: Vec<String> =
        hits.iter().map(|hit| snapshot.row(hit.row).unwrap().name.to_string()).collect();
    names.sort();
    names
}

#[test]
fn people_are_found_and_numbered_and_their_photos_are_theirs() {
    let party = party();
    let one = party.person("one 0.jpg", 0);
    let two = party.person("two 0.jpg", 0);
    let three = party.person("three.jpg", 0);
    assert_eq!((one.faces, two.faces, three.faces), (5, 4, 2));
    assert_eq!(party.who("both.jpg"), [Some(one.id), Some(two.id)]);
    assert_eq!(party.who("one and three.jpg"), [Some(three.id), Some(one.id)]);
    let mut numbers: Vec<u32> = party.people().iter().map(|person| person.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    let snapshot = party.snapshot();
    assert_eq!(snapshot.facet(Facet::Person(one.row)).unwrap().len(), 5);
    assert!(one.is_shown() && !three.is_shown(), "two faces are somebody, but not worth a place in a list");
    assert!(one.cover.is_some());
    assert_eq!(snapshot.person_numbered(one.owner, one.number).unwrap().id, one.id);
    assert_eq!(party.library().person_faces(one.id).unwrap().len(), 5);
}

#[test]
fn two_faces_in_one_photo_are_never_one_person() {
    let mut party = Portraits::new();
    for at in 0..6 {
        party.arrives(&format!("twins {at}.jpg"), &[of(1), of(1)]);
    }
    party.arrives("mirrors.jpg", &[of(1), of(1), of(1), of(1)]);
    party.gather();
    for name in party.names() {
        let mut who: Vec<PersonId> = party.who(&name).into_iter().flatten().collect();
        let all = who.len();
        who.sort();
        who.dedup();
        assert_eq!(who.len(), all, "{name}");
    }
}

#[test]
fn small_and_blurred_faces_join_but_start_nobody() {
    let mut party = Portraits::new();
    let far = |who| Shot { who, sharp: false };
    for at in 0..5 {
        party.arrives(&format!("crowd {at}.jpg"), &[far(1), far(2)]);
    }
    party.gather();
    assert!(party.people().is_empty());
    assert_eq!(party.faces("crowd 0.jpg").len(), 2, "they are kept");
    for at in 0..3 {
        party.arrives(&format!("near {at}.jpg"), &[of(1)]);
    }
    party.gather();
    let one = party.person("near 0.jpg", 0);
    assert_eq!(party.who("crowd 3.jpg"), [Some(one.id), None]);
    assert_eq!(one.faces, 8);
    for at in 0..3 {
        party.leaves(&format!("near {at}.jpg"));
    }
    party.gather();
    assert_eq!(party.who("crowd 3.jpg"), [None, None]);
}

#[test]
fn a_merged_number_and_id_mean_the_successor() {
    let mut party = party();
    let (one, two) = (party.person("one 0.jpg", 0), party.person("two 0.jpg", 0));
    party.library().name_person(Via::Cli, two.id, "Bob").unwrap();
    party.library().merge_people(Via::Cli, two.id, one.id).unwrap();
    for again in 0..3 {
        let snapshot = party.snapshot();
        let merged = snapshot.person_numbered(one.owner, two.number).unwrap();
        assert_eq!(
            (merged.id, merged.number, merged.faces),
            (one.id, one.number, 8),
            "{again}: twice in one photo is once"
        );
        assert_eq!(snapshot.person_by_id(two.id).unwrap().id, one.id);
        assert_eq!(merged.name.as_deref(), Some("Bob"), "the only name stays");
        assert_eq!(snapshot.person_named(one.owner, "bob").unwrap().id, one.id);
        assert_eq!(party.people().len(), 2);
        assert_eq!(snapshot.facet(Facet::Person(one.row)).unwrap().len(), 8);
        assert_eq!(party.person("two 1.jpg", 0).id, one.id);
        match again {
            0 => party.gather(),
            _ => party.rebuild(again),
        }
    }
    assert_eq!(refused(party.library().merge_people(Via::Cli, two.id, one.id)), PeopleError::Same);
}

#[test]
fn a_split_stays_split_whatever_arrives() {
    let mut party = party();
    let one = party.person("one 0.jpg", 0).id;
    let going = [party.face("one 0.jpg", 0), party.face("one 1.jpg", 0)];
    let split = party.library().split_person(Via::Cli, one, &going).unwrap();
    assert_eq!(party.who("one 0.jpg"), [Some(split)], "at once");
    for at in 3..8 {
        party.arrives(&format!("one {at}.jpg"), &[of(1)]);
        party.gather_quickly();
    }
    for again in 0..3 {
        assert_eq!((party.who("one 0.jpg"), party.who("one 1.jpg")), (vec![Some(split)], vec![Some(split)]));
        assert_eq!(party.who("both.jpg")[0], Some(one), "what stood for the old person stays");
        assert_ne!(
            party.library().person(split).unwrap().number,
            party.library().person(one).unwrap().number
        );
        match again {
            0 => party.gather(),
            _ => party.rebuild(again),
        }
    }
    let all: Vec<_> =
        party.library().person_faces(one).unwrap().into_iter().map(|(_, face)| face.id).collect();
    assert_eq!(refused(party.library().split_person(Via::Cli, one, &all)), PeopleError::NothingLeft);
    assert_eq!(refused(party.library().split_person(Via::Cli, one, &going)), PeopleError::NothingToSplit);
}

#[test]
fn who_it_is_not_it_never_is_again() {
    let mut party = party();
    let one = party.person("one 0.jpg", 0).id;
    let face = party.face("one 2.jpg", 0);
    let account = party.library().account();
    party.library().reject_face(Via::Cli, account, face, one).unwrap();
    assert_eq!(party.who("one 2.jpg"), [None], "at once");
    for at in 3..9 {
        party.arrives(&format!("one {at}.jpg"), &[of(1)]);
        party.gather_quickly();
        assert_ne!(party.who("one 2.jpg"), [Some(one)]);
    }
    party.gather();
    assert_ne!(party.who("one 2.jpg"), [Some(one)]);
    party.library().name_person(Via::Cli, one, "Ann").unwrap();
    party.gather();
    assert_ne!(party.who("one 2.jpg"), [Some(one)]);
    party.rebuild(0);
    assert_ne!(party.who("one 2.jpg"), [Some(one)]);
    party.change_model("buffalo_l");
    assert_ne!(party.who("one 2.jpg"), [Some(one)]);
    let face = party.face("one 2.jpg", 0);
    party.library().free_face(Via::Cli, account, face).unwrap();
    party.gather();
    assert_eq!(party.who("one 2.jpg"), [Some(one)], "until that is taken back");
}

#[test]
fn what_the_user_says_of_a_face_holds_against_what_it_looks_like() {
    let mut party = party();
    let (one, two) = (party.person("one 0.jpg", 0).id, party.person("two 0.jpg", 0).id);
    let account = party.library().account();
    party.library().assign_face(Via::Cli, account, party.face("one 2.jpg", 0), two).unwrap();
    party.library().no_face(Via::Cli, account, party.face("two 2.jpg", 0)).unwrap();
    for again in 0..4 {
        assert_eq!(party.who("one 2.jpg"), [Some(two)], "{again}");
        assert!(party.faces("two 2.jpg").is_empty(), "{again}");
        assert_eq!(party.library().person(two).unwrap().faces, 4);
        assert_eq!(party.who("one 1.jpg"), [Some(one)], "{again}: the others are who they were");
        match again {
            0 => party.gather(),
            1 => party.restart(),
            _ => party.rebuild(again),
        }
    }
}

#[test]
fn names_outlive_another_model_and_its_boxes() {
    let mut party = party();
    let (one, two) = (party.person("one 0.jpg", 0), party.person("two 0.jpg", 0));
    party.library().name_person(Via::Cli, one.id, "Ann").unwrap();
    let (face, scene) = (party.face("one 0.jpg", 0), party.scene());
    party.change_model("buffalo_l");
    assert_eq!(party.scene(), scene);
    assert_eq!(party.face("one 0.jpg", 0), face, "a face found again keeps its id");
    assert_eq!(party.person("one 0.jpg", 0).name.as_deref(), Some("Ann"));
    assert_eq!(party.person("two 1.jpg", 0).number, two.number);
    party.rebuild(3);
    assert_eq!(party.scene(), scene);
}

#[test]
fn people_keep_their_number_when_the_photos_go_that_they_were_known_by() {
    let mut party = Portraits::new();
    for at in 0..30 {
        party.arrives(&format!("one {at}.jpg"), &[of(1)]);
    }
    party.gather();
    let one = party.person("one 0.jpg", 0);
    for at in 0..27 {
        party.leaves(&format!("one {at}.jpg"));
        if at % 9 == 8 {
            party.gather();
        }
    }
    assert_eq!(party.person("one 29.jpg", 0).id, one.id);
    party.rebuild(0);
    let still = party.person("one 29.jpg", 0);
    assert_eq!((still.id, still.number, still.faces), (one.id, one.number, 3));
}

#[test]
fn a_rebuild_gives_the_same_people() {
    let mut party = party();
    let one = party.person("one 0.jpg", 0).id;
    party.library().name_person(Via::Cli, one, "Ann").unwrap();
    party.gather();
    let scene = party.scene();
    let people: Vec<_> =
        party.people().iter().map(|person| (person.id, person.number, person.cover)).collect();
    for rotate in 0..8 {
        party.rebuild(rotate);
        assert_eq!(party.scene(), scene, "rotated by {rotate}");
        let now: Vec<_> =
            party.people().iter().map(|person| (person.id, person.number, person.cover)).collect();
        assert_eq!(now.len(), people.len(), "nobody was founded anew");
    }
    party.restart();
    assert_eq!(party.scene(), scene);
    party.gather();
    assert_eq!(party.scene(), scene);
}

#[test]
fn a_name_is_one_persons() {
    let party = party();
    let library = party.library();
    let [one, two, three] = ["one 0.jpg", "two 0.jpg", "three.jpg"].map(|name| party.person(name, 0));
    assert_eq!(library.name_person(Via::Cli, one.id, "  Ann  Lee ").unwrap(), Named::As(one.id));
    assert_eq!(library.person(one.id).unwrap().name.as_deref(), Some("Ann Lee"));
    assert_eq!(library.name_person(Via::Cli, two.id, "Bob").unwrap(), Named::As(two.id));
    let error = refused(library.name_person(Via::Cli, two.id, "ANN LEE"));
    assert_eq!(error, PeopleError::NameTaken { name: "Ann Lee".into(), person: one.id, number: one.number });
    assert!(error.to_string().contains("merge"), "{error}");
    assert_eq!(library.name_person(Via::Cli, three.id, "ann lee").unwrap(), Named::Merged { into: one.id });
    assert_eq!(library.person(three.id).unwrap().faces, 6, "twice in one photo is once");
    assert_eq!(refused(library.name_person(Via::Cli, two.id, " ")), PeopleError::BadName(" ".into()));
    assert!(matches!(
        refused(library.new_person(Via::Mount, library.account(), "bob")),
        PeopleError::NameTaken { .. }
    ));
    library.unname_person(Via::Cli, two.id).unwrap();
    let zoe = library.new_person(Via::Mount, library.account(), "Bob").unwrap();
    assert_ne!(zoe, two.id, "a name that was given up is free");
    let nobody = PersonId::random();
    assert_eq!(refused(library.name_person(Via::Cli, nobody, "x")), PeopleError::NoPerson(nobody));
}

#[test]
fn files_that_name_faces_name_people() {
    let mut party = Portraits::new();
    let ann = "face=Ann_Lee@0.02,0.1,0.1,0.15";
    party.arrives_saying("one 0.jpg", ann, &[of(1)]);
    for at in 1..4 {
        party.arrives(&format!("one {at}.jpg"), &[of(1)]);
    }
    // Nobody detects anything there, and still it is she.
    party.arrives_saying("from behind.jpg", "face=Ann_Lee@0.5,0.5,0.2,0.2 face=Eve@0.1,0.1,0.1,0.1", &[]);
    let account = party.library().account();
    let before = party.snapshot().person_named(account, "ann lee").unwrap().id;
    party.gather();
    for again in 0..3 {
        let one = party.person("one 3.jpg", 0);
        assert_eq!((one.id, one.name.as_deref(), one.faces), (before, Some("Ann Lee"), 4), "{again}");
        let snapshot = party.snapshot();
        assert_eq!(snapshot.facet(Facet::Person(one.row)).unwrap().len(), 5);
        assert_eq!(found(&party, "person:eve"), ["from behind.jpg"]);
        match again {
            0 => party.restart(),
            _ => party.rebuild(again),
        }
    }
    // Another name here does not make another person of the files' one.
    party.library().name_person(Via::Cli, before, "Anna").unwrap();
    party.arrives_saying("one 9.jpg", ann, &[of(1)]);
    party.gather();
    assert_eq!(party.person("one 9.jpg", 0).name.as_deref(), Some("Anna"));
    // What the user says counts more.
    let face = party.face("one 9.jpg", 0);
    party.library().reject_face(Via::Cli, account, face, before).unwrap();
    party.gather();
    assert_ne!(party.who("one 9.jpg"), [Some(before)]);
}

#[test]
fn searches_know_people_by_the_names_they_have_now() {
    let party = party();
    let one = party.person("one 0.jpg", 0);
    let all = ["both.jpg", "one 0.jpg", "one 1.jpg", "one 2.jpg", "one and three.jpg"];
    assert_eq!(found(&party, &format!("person:\"person {}\"", one.number)), all);
    party.library().name_person(Via::Cli, one.id, "Bob B").unwrap();
    for query in ["person:bob", "person:\"Bob B\"", "person=Bob_B", "bob"] {
        assert_eq!(found(&party, query), all, "{query}");
    }
    assert_eq!(found(&party, "has:person").len(), party.names().len());
    party.library().name_person(Via::Cli, one.id, "Carl").unwrap();
    assert_eq!((found(&party, "bob").len(), found(&party, "person:bob").len()), (0, 0));
    assert_eq!((found(&party, "carl").len(), found(&party, "person:carl -person:nobody").len()), (5, 5));
}

#[test]
fn everybody_who_follows_is_told() {
    let mut party = party();
    let one = party.person("one 0.jpg", 0);
    let commits = party.library().subscribe();
    let told = || -> Vec<Entity> {
        commits.try_iter().flat_map(|commit| commit.changes.to_vec()).map(|change| change.entity).collect()
    };
    party.library().hide_person(Via::Cli, one.id, true).unwrap();
    assert_eq!(told(), [Entity::Person(one.id)]);
    assert!(!party.library().person(one.id).unwrap().is_shown());
    party.library().hide_person(Via::Cli, one.id, true).unwrap();
    assert!(told().is_empty(), "nothing is decided twice");
    let face = party.face("one 0.jpg", 0);
    party.library().no_face(Via::Cli, one.owner, face).unwrap();
    let changes = told();
    for entity in [Entity::Person(one.id), Entity::Face(face), Entity::Asset(party.asset("one 0.jpg"))] {
        assert!(changes.contains(&entity), "{entity:?} in {changes:?}");
    }
    assert!(!party.snapshot().facet(Facet::Person(one.row)).unwrap().contains(row(&party, "one 0.jpg").0));
    party.leaves("one 1.jpg");
    assert!(told().contains(&Entity::Person(one.id)));
    assert_eq!(party.library().person(one.id).unwrap().faces, 3);
    party.gather();
    assert!(!party.library().pending_people().unwrap());
}

fn row(party: &Portraits, name: &str) -> RowNumber {
    party.folder.row(name).unwrap()
}

/// Saves other bytes over a photo as through a face of ours.
fn save_over(party: &mut Portraits, name: &str, text: &str) {
    let asset = party.asset(name);
    let before = party.content(name);
    let pixels = text.split_once("size=").and_then(|(_, size)| {
        let (width, height) = size.split_once('x')?;
        Some(PixelSize { width: width.parse().ok()?, height: height.parse().ok()? })
    });
    let now = (Digests::of(text.as_bytes()), pixels);
    party.library().save_over(Via::Mount, asset, before, now).unwrap();
    party.folder.add(name, text.as_bytes());
}

/// Who is in a photo, by a face there or without one.
fn in_photo(party: &Portraits, name: &str) -> Vec<PersonId> {
    let snapshot = party.snapshot();
    let row = snapshot.row(party.folder.row(name).unwrap()).unwrap();
    row.extras.persons.iter().map(|person| snapshot.person(*person).unwrap().id).collect()
}

/// Found by the reference model of the mount: a photo lost its people when it was saved over.
#[test]
fn who_was_said_to_be_in_a_photo_is_in_it_when_it_is_saved_over() {
    let mut party = Portraits::new();
    party.arrives_saying("a.jpg", "size=40x30", &[of(1), of(2)]);
    let account = party.library().account();
    let [ann, bob] =
        ["Ann", "Bob"].map(|name| party.library().new_person(Via::Mount, account, name).unwrap());
    let (first, second) = (party.face("a.jpg", 0), party.face("a.jpg", 1));
    party.library().assign_face(Via::Mount, account, first, ann).unwrap();
    party.library().assign_face(Via::Mount, account, second, bob).unwrap();
    let says = |party: &Portraits, decision| {
        let asset = party.asset("a.jpg");
        party.library().decide(Via::Mount, &[(asset, vec![decision])]).unwrap();
    };

    // Of the same shape: the faces are where they were.
    save_over(&mut party, "a.jpg", "size=80x60");
    assert_eq!(in_photo(&party, "a.jpg").len(), 2, "before anybody looked for faces");
    party.look("a.jpg");
    assert_eq!(party.who("a.jpg"), [Some(ann), Some(bob)]);
    // Cropped: nobody knows where their faces are, and a face that was another's place is not theirs.
    save_over(&mut party, "a.jpg", "size=20x30");
    party.look("a.jpg");
    assert_eq!(party.who("a.jpg"), [None, None]);
    assert_eq!(in_photo(&party, "a.jpg").len(), 2);
    says(&party, Decision::NotIn(bob));
    assert_eq!(in_photo(&party, "a.jpg"), [ann]);
    // Back to what it was, which is not what was said since.
    save_over(&mut party, "a.jpg", "a.jpg size=40x30");
    assert_eq!(party.who("a.jpg"), [Some(ann), None]);
    assert_eq!(in_photo(&party, "a.jpg"), [ann]);
    party.rebuild(0);
    assert_eq!(party.who("a.jpg"), [Some(ann), None]);
}

/// The same: whoever is in a photo without a face there can be taken out of it.
#[test]
fn who_is_in_a_photo_by_a_word_that_no_face_has_can_be_taken_out() {
    let mut party = Portraits::new();
    party.arrives_saying("a.jpg", "size=40x30", &[of(1)]);
    let account = party.library().account();
    let ann = party.library().new_person(Via::Mount, account, "Ann").unwrap();
    party.library().assign_face(Via::Mount, account, party.face("a.jpg", 0), ann).unwrap();
    save_over(&mut party, "a.jpg", "size=30x40");
    assert_eq!(in_photo(&party, "a.jpg"), [ann]);
    let asset = party.asset("a.jpg");
    party.library().decide(Via::Mount, &[(asset, vec![Decision::NotIn(ann)])]).unwrap();
    assert!(in_photo(&party, "a.jpg").is_empty());
}

/// Found by the reference model of the mount: moved from `people/Ann` to the number that is Ann's, a photo was nowhere.
#[test]
fn a_photo_that_is_taken_from_somebody_and_given_to_them_is_theirs() {
    let mut party = Portraits::new();
    party.arrives("a.jpg", &[of(1)]);
    let account = party.library().account();
    let ann = party.library().new_person(Via::Mount, account, "Ann").unwrap();
    let asset = party.asset("a.jpg");
    let decide = |decisions| party.library().decide(Via::Mount, &[(asset, decisions)]).unwrap();
    decide(vec![Decision::IsIn(ann)]);
    decide(vec![Decision::NotIn(ann), Decision::IsIn(ann)]);
    assert_eq!(party.who("a.jpg"), [Some(ann)]);
}
