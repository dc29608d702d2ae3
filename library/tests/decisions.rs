//! What the user decides of photos, and how it stands beside what their files say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;

use std::collections::BTreeSet;

use folder::Folder;
use library::journal::Face;
use library::metadata::{Rating, TagPath, Taken};
use library::query::Mode;
use library::{AssetId, Decision, Details, LibraryError, SavedSearchError, Visibility};
use proptest::prelude::*;

fn id(folder: &Folder, name: &str) -> AssetId {
    folder.library.snapshot().row(folder.row(name).unwrap()).unwrap().id
}

fn decide(folder: &Folder, name: &str, decisions: &[Decision]) {
    folder.library.decide(Face::Mount, &[(id(folder, name), decisions.to_vec())]).unwrap();
}

fn details(folder: &Folder, name: &str) -> Details {
    folder.library.details(id(folder, name)).unwrap().unwrap()
}

fn tag(joined: &str) -> TagPath {
    TagPath::new(joined.split('/')).unwrap()
}

fn stars(stars: i64) -> Option<Rating> {
    Some(Rating::new(stars).unwrap())
}

fn tags(folder: &Folder, name: &str) -> Vec<String> {
    details(folder, name).metadata.tags.iter().map(TagPath::joined).collect()
}

#[test]
fn what_is_decided_is_known_everywhere_and_survives_a_rebuild() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Holiday stars=2 taken=2024-05-01T10:00:00");
    let taken = Taken { local: "2019-01-02T03:04:05".parse().unwrap(), zone: None };
    decide(
        &folder,
        "a.jpg",
        &[
            Decision::Favourite(true),
            Decision::Rating(stars(5)),
            Decision::Tag(tag("Trips/Rome")),
            Decision::Untag(tag("holiday")),
            Decision::Description(Some("The fountain".into())),
            Decision::Taken(Some(taken)),
            Decision::Visibility(Visibility::Archive),
        ],
    );
    for rebuild in [false, false, true] {
        let known = details(&folder, "a.jpg");
        assert!(known.favourite && known.visibility == Visibility::Archive);
        assert_eq!(known.metadata.rating, stars(5));
        assert_eq!(tags(&folder, "a.jpg"), ["Trips/Rome"]);
        assert_eq!(known.metadata.description.as_deref(), Some("The fountain"));
        assert_eq!(known.metadata.taken, Some(taken));
        folder.library.settle().unwrap();
        for query in ["is:favourite", "rating:5", "tag:rome", "date:2019-01", "fountain", "-tag:holiday"] {
            let query = format!("is:archived {query}");
            let found = folder.library.search(folder.library.account(), &query, Mode::Strict, 9).unwrap();
            assert_eq!(found.len(), 1, "{query}");
        }
        folder.reopen(rebuild);
        folder.rescan(|_| {});
    }
}

#[test]
fn what_is_so_already_is_not_decided_again() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Holiday stars=2");
    let before = folder.library.log(99).unwrap().len();
    let as_it_is = [
        Decision::Favourite(false),
        Decision::Rating(stars(2)),
        Decision::Rating(None),
        Decision::Tag(tag("HOLIDAY")),
        Decision::Untag(tag("Trips")),
        Decision::Tags(Some(vec![tag("holiday")])),
        Decision::Tags(None),
        Decision::Description(None),
        Decision::Description(Some(String::new())),
        Decision::Taken(None),
        Decision::Visibility(Visibility::Timeline),
    ];
    decide(&folder, "a.jpg", &as_it_is);
    assert_eq!(folder.library.log(99).unwrap().len(), before);
}

#[test]
fn what_is_left_to_the_file_is_what_the_file_says() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Holiday stars=2");
    let other = [
        Decision::Rating(stars(0)),
        Decision::Tags(Some(vec![tag("Trips"), tag("Rome")])),
        Decision::Description(Some("x".into())),
    ];
    decide(&folder, "a.jpg", &other);
    assert_eq!((details(&folder, "a.jpg").metadata.rating, tags(&folder, "a.jpg").len()), (stars(0), 2));
    decide(&folder, "a.jpg", &[Decision::Rating(None), Decision::Tags(None), Decision::Description(None)]);
    let known = details(&folder, "a.jpg").metadata;
    assert_eq!((known.rating, known.description), (stars(2), None));
    assert_eq!(tags(&folder, "a.jpg"), ["Holiday"]);
    // An edit that says something else is heard where nothing was decided.
    folder.add("a.jpg", b"two tag=Other stars=3");
    assert_eq!(
        (details(&folder, "a.jpg").metadata.rating, tags(&folder, "a.jpg")[0].as_str()),
        (stars(3), "Other")
    );
}

#[test]
fn a_decision_of_what_is_not_there_decides_nothing_of_the_rest() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let nobody = AssetId::from_bytes([9; 16]);
    let all =
        [(id(&folder, "a.jpg"), vec![Decision::Favourite(true)]), (nobody, vec![Decision::Favourite(true)])];
    let refused = folder.library.decide(Face::Mount, &all);
    assert!(matches!(refused, Err(LibraryError::NoAsset(asset)) if asset == nobody));
    assert!(!details(&folder, "a.jpg").favourite);
}

/// A tag is there when it was the last thing said of it, by whatever spelling, or else when the file says so.
#[derive(Clone, Debug)]
enum Step {
    Tag(usize),
    Untag(usize),
    Tags(Vec<usize>),
    LeaveToFile,
    Save(BTreeSet<usize>),
    Reopen(bool),
}

const TAGS: [&str; 6] = ["a", "A", "a/b", "A/b", "c", "d"];

fn step() -> impl Strategy<Value = Step> {
    let one = 0..TAGS.len();
    prop_oneof![
        4 => one.clone().prop_map(Step::Tag),
        4 => one.clone().prop_map(Step::Untag),
        1 => prop::collection::vec(one.clone(), 0..3).prop_map(Step::Tags),
        1 => Just(Step::LeaveToFile),
        2 => prop::collection::btree_set(one, 0..3).prop_map(Step::Save),
        1 => any::<bool>().prop_map(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn tags_are_what_was_said_last(steps in prop::collection::vec(step(), 1..20)) {
        let folded = |at: usize| TAGS[at].to_lowercase();
        let mut folder = Folder::new();
        let mut saved = 0;
        folder.add("a.jpg", b"0");
        // What is said of each tag: by the file, and by the user.
        let mut file = BTreeSet::new();
        let mut user = std::collections::BTreeMap::new();
        for step in steps {
            let shown = |file: &BTreeSet<String>, user: &std::collections::BTreeMap<String, bool>| {
                let mut shown = file.clone();
                for (tag, has) in user {
                    if *has { shown.insert(tag.clone()); } else { shown.remove(tag); }
                }
                shown
            };
            let mut say = |tag: String, has: bool| {
                if shown(&file, &user).contains(&tag) != has {
                    if file.contains(&tag) == has { user.remove(&tag); } else { user.insert(tag, has); }
                }
            };
            match step {
                Step::Tag(at) => {
                    say(folded(at), true);
                    decide(&folder, "a.jpg", &[Decision::Tag(tag(TAGS[at]))]);
                }
                Step::Untag(at) => {
                    say(folded(at), false);
                    decide(&folder, "a.jpg", &[Decision::Untag(tag(TAGS[at]))]);
                }
                Step::Tags(wanted) => {
                    for at in 0..TAGS.len() {
                        say(folded(at), wanted.iter().any(|wanted| folded(*wanted) == folded(at)));
                    }
                    let wanted = wanted.into_iter().map(|at| tag(TAGS[at])).collect();
                    decide(&folder, "a.jpg", &[Decision::Tags(Some(wanted))]);
                }
                Step::LeaveToFile => {
                    user.clear();
                    decide(&folder, "a.jpg", &[Decision::Tags(None)]);
                }
                Step::Save(tags) => {
                    saved += 1;
                    file = tags.iter().map(|at| folded(*at)).collect();
                    let words: Vec<String> = tags.iter().map(|at| format!("tag={}", TAGS[*at])).collect();
                    folder.add("a.jpg", format!("{saved} {}", words.join(" ")).as_bytes());
                }
                Step::Reopen(rebuild) => {
                    folder.reopen(rebuild);
                    folder.rescan(|_| {});
                }
            }
            let found: BTreeSet<String> = tags(&folder, "a.jpg").iter().map(|tag| tag.to_lowercase()).collect();
            prop_assert_eq!(found, shown(&file, &user));
        }
    }
}

#[test]
fn albums_and_what_is_in_them_survive_everything_but_their_removal() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    folder.add("b.jpg", b"two");
    let trips = folder.library.make_album(Face::Mount, None, "Trips").unwrap();
    let rome = folder.library.make_album(Face::Mount, Some(trips), "Rome").unwrap();
    decide(&folder, "a.jpg", &[Decision::JoinAlbum(trips), Decision::JoinAlbum(rome)]);
    decide(&folder, "b.jpg", &[Decision::JoinAlbum(rome), Decision::LeaveAlbum(trips)]);
    decide(&folder, "a.jpg", &[Decision::LeaveAlbum(trips), Decision::Visibility(Visibility::Archive)]);
    folder.library.place_album(Face::Mount, rome, None, "Roma", None).unwrap();
    for rebuild in [false, false, true] {
        let snapshot = folder.library.snapshot();
        let account = folder.library.account();
        let names = |parent| {
            snapshot.albums_in(account, parent).map(|album| album.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((names(None), names(Some(trips))), (vec!["Roma".into(), "Trips".into()], vec![]));
        let row = |id| snapshot.album_by_id(id).unwrap().row;
        assert!(snapshot.facet(library::Facet::Album(row(trips))).is_none());
        assert_eq!(snapshot.facet(library::Facet::Album(row(rome))).unwrap().len(), 2);
        let search = |query| folder.library.search(account, query, Mode::Strict, 9).unwrap().len();
        assert_eq!((search("has:album"), search("is:archived has:album"), search("-has:album")), (1, 1, 0));
        folder.reopen(rebuild);
        folder.rescan(|_| {});
    }
    folder.library.remove_album(Face::Mount, rome, library::Emptied::WithAll).unwrap();
    let account = folder.library.account();
    assert!(folder.library.snapshot().album_by_id(rome).is_none());
    assert_eq!(folder.library.search(account, "has:album", Mode::Strict, 9).unwrap().len(), 0);
    assert!(matches!(
        folder.library.decide(Face::Mount, &[(id(&folder, "b.jpg"), vec![Decision::JoinAlbum(rome)])]),
        Err(LibraryError::Album(library::AlbumError::NoAlbum(_)))
    ));
}

#[test]
fn an_album_has_a_proper_name_and_place() {
    use library::{AlbumError, Emptied};
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let library = std::sync::Arc::clone(&folder.library);
    let make = |parent, name: &str| library.make_album(Face::Mount, parent, name);
    let refused = |outcome: Result<(), LibraryError>| match outcome {
        Err(LibraryError::Album(error)) => error,
        other => panic!("{other:?}"),
    };
    let trips = make(None, "Trips").unwrap();
    let rome = make(Some(trips), "Rome").unwrap();
    for name in ["", " ", "a\nb", &"x".repeat(256)] {
        assert!(matches!(refused(make(None, name).map(drop)), AlbumError::BadName(_)), "{name:?}");
    }
    assert!(matches!(refused(make(None, "trips").map(drop)), AlbumError::NameTaken(_)));
    library.place_album(Face::Mount, trips, None, "TRIPS", None).unwrap();
    assert_eq!(
        refused(library.place_album(Face::Mount, trips, Some(rome), "x", None)),
        AlbumError::IntoItself
    );
    assert_eq!(
        refused(library.place_album(Face::Mount, trips, Some(trips), "x", None)),
        AlbumError::IntoItself
    );
    assert!(matches!(
        refused(library.remove_album(Face::Mount, trips, Emptied::ByHand)),
        AlbumError::NotEmpty(_)
    ));
    decide(&folder, "a.jpg", &[Decision::JoinAlbum(rome)]);
    assert!(matches!(
        refused(library.remove_album(Face::Mount, rome, Emptied::ByHand)),
        AlbumError::NotEmpty(_)
    ));
    decide(&folder, "a.jpg", &[Decision::LeaveAlbum(rome)]);
    library.remove_album(Face::Mount, rome, Emptied::ByHand).unwrap();
    library.remove_album(Face::Mount, trips, Emptied::ByHand).unwrap();
    let again = make(None, "Trips").unwrap();
    assert_ne!(again, trips, "another album");
    let mut deepest = again;
    for level in 2..=16 {
        deepest = make(Some(deepest), &level.to_string()).unwrap();
    }
    assert_eq!(refused(make(Some(deepest), "17").map(drop)), AlbumError::TooDeep);
}

#[test]
fn a_tag_is_kept_without_photos_and_renamed_on_all_of_them() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Trips/Rome");
    folder.add("b.jpg", b"two tag=trips");
    folder.library.keep_tag(Face::Mount, &tag("Trips/Oslo"), true).unwrap();
    folder.library.keep_tag(Face::Mount, &tag("Work"), true).unwrap();
    folder.library.keep_tag(Face::Mount, &tag("work"), false).unwrap();
    folder.library.rename_tag(Face::Mount, &tag("TRIPS"), &tag("Away/Far")).unwrap();
    for rebuild in [false, true] {
        assert_eq!(tags(&folder, "a.jpg"), ["Away/Far/Rome"]);
        assert_eq!(tags(&folder, "b.jpg"), ["Away/Far"]);
        let snapshot = folder.library.snapshot();
        let kept: Vec<_> = snapshot.kept_tags(folder.library.account()).map(TagPath::joined).collect();
        assert_eq!(kept, ["Away/Far/Oslo"]);
        folder.reopen(rebuild);
        folder.rescan(|_| {});
    }
}

#[test]
fn an_album_keeps_its_order_and_its_cover() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    folder.add("b.jpg", b"two");
    let (library, face) = (&folder.library, Face::Mount);
    let album = library.make_album(face, None, "Trips").unwrap();
    decide(&folder, "a.jpg", &[Decision::JoinAlbum(album)]);
    let (a, b) = (id(&folder, "a.jpg"), id(&folder, "b.jpg"));
    library.order_album(face, album, &[b, a]).unwrap();
    library.cover_album(face, album, Some(a)).unwrap();
    assert!(matches!(
        library.cover_album(face, album, Some(b)),
        Err(LibraryError::Album(library::AlbumError::NotInIt(_)))
    ));
    library.place_album(face, album, None, "Journeys", None).unwrap();
    for rebuild in [false, false, true] {
        let snapshot = folder.library.snapshot();
        let known = snapshot.album_by_id(album).unwrap();
        assert_eq!((&*known.order, known.cover, &*known.name), (&[b, a][..], Some(a), "Journeys"));
        folder.reopen(rebuild);
        folder.rescan(|_| {});
    }
    folder.library.undo(Face::Cli, 3).unwrap();
    let snapshot = folder.library.snapshot();
    let known = snapshot.album_by_id(album).unwrap();
    assert_eq!((known.order.len(), known.cover, &*known.name), (0, None, "Trips"));
}

#[test]
fn a_query_is_saved_under_a_name_and_kept() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Trips/Rome");
    let (library, face) = (&folder.library, Face::Mount);
    let rome = library.save_search(face, "Rome", "tag:Trips/Rome").unwrap();
    let gone = library.save_search(face, "Work", "work").unwrap();
    let refused = |outcome: Result<(), LibraryError>| match outcome.unwrap_err() {
        LibraryError::SavedSearch(error) => error,
        error => panic!("{error}"),
    };
    let save = |name: &str, query: &str| library.save_search(face, name, query).map(drop);
    assert_eq!(refused(save("ROME", "x")), SavedSearchError::NameTaken("Rome".into()));
    assert_eq!(refused(save(" ", "x")), SavedSearchError::BadName(" ".into()));
    assert!(matches!(save("x", "bad:word").unwrap_err(), LibraryError::Query(_)));
    assert!(matches!(library.set_search_query(face, rome, "bad:word").unwrap_err(), LibraryError::Query(_)));
    assert_eq!(refused(save("x", &"x".repeat(5000))), SavedSearchError::TooLong);
    assert_eq!(
        refused(library.rename_search(face, gone, "rome")),
        SavedSearchError::NameTaken("Rome".into())
    );
    library.rename_search(face, rome, "ROME").unwrap();
    library.forget_search(face, gone).unwrap();
    assert_eq!(refused(library.forget_search(face, gone)), SavedSearchError::NoSearch(gone));
    for rebuild in [false, false, true] {
        let snapshot = folder.library.snapshot();
        let all = snapshot.saved_searches(folder.library.account());
        let all: Vec<_> = all.map(|search| (search.id, &*search.name, &*search.query)).collect();
        assert_eq!(all, [(rome, "ROME", "tag:Trips/Rome")]);
        folder.reopen(rebuild);
        folder.rescan(|_| {});
    }
}

#[test]
fn what_is_in_the_trash_shows_nowhere_else_and_comes_back_as_it_was() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one tag=Trips");
    folder.add("b.jpg", b"two");
    decide(&folder, "a.jpg", &[Decision::Visibility(Visibility::Archive), Decision::Favourite(true)]);
    decide(&folder, "a.jpg", &[Decision::Trash(true)]);
    for rebuild in [false, false, true] {
        let snapshot = folder.library.snapshot();
        let account = folder.library.account();
        let shown = |scope| snapshot.shown(account, scope).len();
        assert_eq!(shown(library::Scope::Everything), 1);
        assert_eq!(shown(library::Scope::Trash), 1);
        let search = |query| folder.library.search(account, query, Mode::Strict, 9).unwrap().len();
        assert_eq!((search("is:favourite"), search("is:archived"), search("tag:trips")), (0, 0, 0));
        folder.reopen(rebuild);
        folder.rescan(|_| {});
    }
    decide(&folder, "a.jpg", &[Decision::Trash(false)]);
    let known = details(&folder, "a.jpg");
    assert!(known.favourite && known.visibility == Visibility::Archive);
}

#[test]
fn a_slip_does_not_put_a_library_into_the_trash() {
    let mut folder = Folder::new();
    for at in 0..5 {
        folder.add(&format!("{at}.jpg"), format!("photo {at}").as_bytes());
    }
    folder.library.set_trash_limit(3);
    let all: Vec<_> =
        (0..5).map(|at| (id(&folder, &format!("{at}.jpg")), vec![Decision::Trash(true)])).collect();
    let trashed = || folder.library.snapshot().shown(folder.library.account(), library::Scope::Trash).len();
    assert!(matches!(folder.library.decide(Face::Mount, &all), Err(LibraryError::Trash(_))));
    assert_eq!(trashed(), 0, "all or nothing");
    folder.library.decide(Face::Mount, &all[..3]).unwrap();
    folder.library.decide(Face::Mount, &all[..3]).unwrap();
    assert!(folder.library.decide(Face::Mount, &all[3..4]).is_err());
    assert_eq!(trashed(), 3);
    folder.library.allow_trash(std::time::Duration::from_secs(60));
    folder.library.decide(Face::Mount, &all).unwrap();
    assert_eq!(trashed(), 5);
}
