//! What is taken back leaves everything as it was before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;

use folder::Folder;
use library::journal::Face;
use library::library::UndoError;
use library::metadata::{Rating, TagPath};
use library::{AlbumId, AssetId, Decision, Emptied, LibraryError, Visibility};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["a.jpg", "b.jpg", "c.jpg"];

fn id(folder: &Folder, name: &str) -> AssetId {
    folder.library.snapshot().row(folder.row(name).unwrap()).unwrap().id
}

fn folder() -> Folder {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Trips stars=2");
    folder.add("b.jpg", b"two");
    folder.add("c.jpg", b"three");
    folder
}

/// All that can be decided, as text.
fn state(folder: &Folder) -> String {
    let snapshot = folder.library.snapshot();
    let account = folder.library.account();
    let mut said = Vec::new();
    for name in NAMES {
        let details = folder.library.details(id(folder, name)).unwrap().unwrap();
        let row = snapshot.row(details.row).unwrap();
        let mut albums: Vec<_> = row
            .extras
            .albums
            .iter()
            .filter_map(|album| snapshot.album(*album))
            .map(|album| album.id)
            .collect();
        albums.sort();
        said.push(format!(
            "{name} {} {:?} {:?} {:?} {:?} {albums:?}",
            details.favourite,
            details.visibility,
            details.metadata.rating,
            details.metadata.tags,
            details.metadata.description
        ));
    }
    let mut open = vec![None];
    while let Some(parent) = open.pop() {
        for album in snapshot.albums_in(account, parent) {
            said.push(format!("{parent:?}/{} {:?}", album.name, album.id));
            open.push(Some(album.id));
        }
    }
    let kept: Vec<_> = snapshot.kept_tags(account).map(TagPath::joined).collect();
    said.push(format!("{kept:?}"));
    said.extend(snapshot.saved_searches(account).map(|search| format!("{search:?}")));
    said.join("\n")
}

fn tag(text: &str) -> TagPath {
    TagPath::new(text.split('/')).unwrap()
}

#[derive(Clone, Debug)]
enum Op {
    Decide(Vec<usize>, Vec<Decision>),
    Make(Option<usize>, &'static str),
    Place(usize, Option<usize>, &'static str),
    Remove(usize),
    Join(usize, usize, bool),
    Keep(&'static str, bool),
    Save(&'static str),
    Search(usize, Option<&'static str>),
    RenameTag(&'static str, &'static str),
    Undo(usize),
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        any::<bool>().prop_map(Decision::Favourite),
        (0..=5_i64).prop_map(|stars| Decision::Rating(Rating::new(stars))),
        Just(Decision::Rating(None)),
        prop_oneof!["Trips", "Trips/Rome", "trips", "Work"].prop_map(|text| Decision::Tag(tag(&text))),
        prop_oneof!["Trips", "Work"].prop_map(|text| Decision::Untag(tag(&text))),
        prop_oneof![Just(None), Just(Some("x".to_owned())), Just(Some(String::new()))]
            .prop_map(Decision::Description),
        any::<bool>().prop_map(Decision::Trash),
        any::<bool>().prop_map(|archived| {
            Decision::Visibility(if archived { Visibility::Archive } else { Visibility::Timeline })
        }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let photos = proptest::collection::vec(0..NAMES.len(), 1..3);
    let album = || prop_oneof![Just("one"), Just("two"), Just("three")];
    let tags = || prop_oneof![Just("Trips"), Just("Work"), Just("Sea/Far")];
    prop_oneof![
        4 => (photos, proptest::collection::vec(decision(), 1..4)).prop_map(|(at, what)| Op::Decide(at, what)),
        1 => (proptest::option::of(0..4_usize), album()).prop_map(|(parent, name)| Op::Make(parent, name)),
        1 => (0..4_usize, proptest::option::of(0..4_usize), album())
            .prop_map(|(at, parent, name)| Op::Place(at, parent, name)),
        1 => (0..4_usize).prop_map(Op::Remove),
        2 => (0..4_usize, 0..NAMES.len(), any::<bool>()).prop_map(|(album, at, is_in)| Op::Join(album, at, is_in)),
        1 => (tags(), any::<bool>()).prop_map(|(tag, kept)| Op::Keep(tag, kept)),
        1 => tags().prop_map(Op::Save),
        2 => (0..4_usize, proptest::option::of(tags())).prop_map(|(at, name)| Op::Search(at, name)),
        1 => (tags(), tags()).prop_map(|(from, to)| Op::RenameTag(from, to)),
        2 => (1..3_usize).prop_map(Op::Undo),
    ]
}

fn run(folder: &Folder, op: &Op, albums: &mut Vec<AlbumId>) -> Result<(), LibraryError> {
    let (library, face) = (&folder.library, Face::Mount);
    let pick = |at: usize, albums: &[AlbumId]| (!albums.is_empty()).then(|| albums[at % albums.len()]);
    match op {
        Op::Decide(at, what) => {
            let all: Vec<_> = at.iter().map(|at| (id(folder, NAMES[*at]), what.clone())).collect();
            library.decide(face, &all)
        }
        Op::Make(parent, name) => {
            let parent = parent.and_then(|at| pick(at, albums));
            albums.push(library.make_album(face, parent, name)?);
            Ok(())
        }
        Op::Place(at, parent, name) => match pick(*at, albums) {
            Some(album) => {
                library.place_album(face, album, parent.and_then(|at| pick(at, albums)), name, None)
            }
            None => Ok(()),
        },
        Op::Remove(at) => match pick(*at, albums) {
            Some(album) => library.remove_album(face, album, Emptied::WithAll),
            None => Ok(()),
        },
        Op::Join(album, at, is_in) => match pick(*album, albums) {
            Some(album) => {
                let what = if *is_in { Decision::JoinAlbum(album) } else { Decision::LeaveAlbum(album) };
                library.decide(face, &[(id(folder, NAMES[*at]), vec![what])])
            }
            None => Ok(()),
        },
        Op::Keep(text, kept) => library.keep_tag(face, &tag(text), *kept),
        Op::Save(name) => library.save_search(face, name, name).map(drop),
        Op::Search(at, name) => {
            let snapshot = library.snapshot();
            let known: Vec<_> = snapshot.saved_searches(library.account()).collect();
            let Some(search) = known.get(*at).map(|search| search.id) else { return Ok(()) };
            match name {
                Some(name) if at % 2 == 0 => library.rename_search(face, search, name),
                Some(query) => library.set_search_query(face, search, query),
                None => library.forget_search(face, search),
            }
        }
        Op::RenameTag(from, to) => library.rename_tag(face, &tag(from), &tag(to)),
        Op::Undo(_) => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_as_it_was_before_what_is_taken_back(ops in proptest::collection::vec(op(), 1..25), rebuild: bool) {
        let mut folder = folder();
        let mut albums = Vec::new();
        // What it was like before each thing that was done.
        let mut before: Vec<String> = Vec::new();
        for op in &ops {
            if let Op::Undo(count) = op {
                match folder.library.undo(Face::Cli, *count) {
                    Ok(undone) => {
                        prop_assert_eq!(undone.len(), *count);
                        let was = before.split_off(before.len() - count);
                        prop_assert_eq!(state(&folder), was[0].clone(), "after {:?}", op);
                    }
                    Err(LibraryError::Undo(UndoError::Nothing(only))) => {
                        prop_assert_eq!(only, before.len());
                        prop_assert!(only < *count);
                    }
                    Err(error) => prop_assert!(false, "{}", error),
                }
                continue;
            }
            let (was, facts) = (state(&folder), folder.library.log(usize::MAX).unwrap().len());
            let done = run(&folder, op, &mut albums);
            let now = folder.library.log(usize::MAX).unwrap().len();
            if done.is_err() {
                prop_assert_eq!(now, facts, "an error decides nothing");
            }
            if now > facts {
                before.push(was);
            }
        }
        let at_last = state(&folder);
        folder.reopen(rebuild);
        folder.rescan(|_| {});
        prop_assert_eq!(state(&folder), at_last);
    }
}

#[test]
fn what_cannot_be_taken_back_says_why_and_nothing_is() {
    let folder = folder();
    let decide = |what| folder.library.decide(Face::Mount, &[(id(&folder, "a.jpg"), vec![what])]).unwrap();
    decide(Decision::Trash(true));
    let files = folder.library.doomed(id(&folder, "a.jpg")).unwrap();
    folder.library.purge(Face::Mount, id_of(&folder), &files).unwrap();
    let refused = folder.library.undo(Face::Cli, 1).unwrap_err();
    assert!(refused.to_string().contains("removed for good"), "{refused}");
    let before = folder.library.log(99).unwrap().len();
    assert!(folder.library.undo(Face::Cli, 2).is_err());
    assert!(matches!(folder.library.undo(Face::Cli, 9), Err(LibraryError::Undo(UndoError::Nothing(2)))));
    assert_eq!(folder.library.log(99).unwrap().len(), before);
}

/// What is taken back first gives names back that what is taken back after it needs.
#[test]
fn two_things_are_taken_back_at_once_where_they_are_one_by_one() {
    let folder = folder();
    let (library, face) = (&folder.library, Face::Mount);
    let before = state(&folder);
    let album = library.make_album(face, None, "one").unwrap();
    library.save_search(face, "one", "beach").unwrap();
    let made = state(&folder);
    let search = library.snapshot().saved_searches(library.account()).next().unwrap().id;
    library.place_album(face, album, None, "two", None).unwrap();
    library.rename_search(face, search, "two").unwrap();
    let other = library.make_album(face, None, "ONE").unwrap();
    library.save_search(face, "ONE", "dog").unwrap();
    library.undo(Face::Cli, 4).unwrap();
    assert_eq!(state(&folder), made);

    // Also within one thing: an album in the place of another, which is empty.
    let other_again = library.make_album(face, None, "three").unwrap();
    assert_ne!(other, other_again);
    library.place_album(face, album, None, "three", Some(other_again)).unwrap();
    library.undo(Face::Cli, 4).unwrap();
    assert_eq!(state(&folder), before);
}

/// The photo that is in the trash.
fn id_of(folder: &Folder) -> AssetId {
    let snapshot = folder.library.snapshot();
    let trashed = snapshot.shown(folder.library.account(), library::Scope::Trash);
    snapshot.row(library::RowNumber(trashed.min().unwrap())).unwrap().id
}
