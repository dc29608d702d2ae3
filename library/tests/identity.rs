//! Who is who: moves, copies, edits and rebuilds, told to a real library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;

use std::path::Path;

use folder::{Folder, ROOT, copy_folder};
use library::journal::Face;
use library::query::Mode;
use library::{Entity, FilePath, Observation, RootSpec, Scope, Visibility};

#[test]
fn a_renamed_file_is_the_same_asset_under_its_new_name() {
    let mut folder = Folder::new();
    folder.add("a/IMG_1.jpg", b"one");
    let (id, name, inode) = folder.identity("a/IMG_1.jpg");
    assert_eq!(name, "IMG_1.jpg");
    folder.rename("a/IMG_1.jpg", "b/beach.jpg");
    assert_eq!(folder.row("a/IMG_1.jpg"), None);
    assert_eq!(folder.identity("b/beach.jpg"), (id.clone(), "beach.jpg".into(), inode));
    folder.rename("b/beach.jpg", "b/IMG_1.jpg");
    assert_eq!(
        folder.identity("b/IMG_1.jpg"),
        (id, "IMG_1.jpg".into(), inode),
        "its old name was still its own"
    );
}

#[test]
fn the_same_bytes_twice_are_one_asset_with_two_paths() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    folder.add("copy of a.jpg", b"one");
    assert_eq!(folder.identity("a.jpg"), folder.identity("copy of a.jpg"));
    assert_eq!(folder.library.snapshot().shown(folder.library.account(), Scope::Timeline).len(), 1);
    folder.remove("a.jpg");
    assert_eq!(folder.identity("copy of a.jpg").1, "copy of a.jpg", "it is called as the file that is left");
}

#[test]
fn one_name_in_two_folders_gets_an_ordinal_that_no_arrival_or_deletion_changes() {
    let mut folder = Folder::new();
    folder.add("a/IMG_1.jpg", b"one");
    folder.add("b/img_1.JPG", b"two");
    folder.add("c/IMG_1.jpg", b"three");
    assert_eq!(folder.identity("a/IMG_1.jpg").1, "IMG_1.jpg");
    assert_eq!(folder.identity("b/img_1.JPG").1, "img_1 (2).JPG");
    assert_eq!(folder.identity("c/IMG_1.jpg").1, "IMG_1 (3).jpg");
    folder.remove("a/IMG_1.jpg");
    folder.add("d/IMG_1.jpg", b"four");
    assert_eq!(folder.identity("c/IMG_1.jpg").1, "IMG_1 (3).jpg");
    assert_eq!(folder.identity("d/IMG_1.jpg").1, "IMG_1 (4).jpg", "a deleted photo's name is not given away");
    folder.add("e/IMG_1 (2).jpg", b"five");
    assert_eq!(folder.identity("e/IMG_1 (2).jpg").1, "IMG_1 (2) (2).jpg");
}

#[test]
fn bytes_saved_over_a_photo_are_its_new_version() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one taken=2024-05-01T10:00:00");
    let (id, name, inode) = folder.identity("a.jpg");
    folder.add("a.jpg", b"one, cropped taken=2024-05-01T10:00:00");
    let (new_id, new_name, new_inode) = folder.identity("a.jpg");
    assert_eq!((new_id, new_name), (id.clone(), name));
    assert_ne!(new_inode, inode, "another version has another inode number");
    folder.add("a.jpg", b"one taken=2024-05-01T10:00:00");
    assert_eq!(folder.identity("a.jpg"), (id, "a.jpg".into(), inode), "the old bytes are the old version");
}

#[test]
fn another_photo_saved_over_one_is_another_asset() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one taken=2024-05-01T10:00:00");
    let before = folder.identity("a.jpg");
    folder.add("a.jpg", b"two taken=2020-01-01T00:00:00");
    assert_ne!(folder.identity("a.jpg").0, before.0);
    assert_eq!(folder.identity("a.jpg").1, "a (2).jpg");
}

#[test]
fn an_edit_of_one_of_two_copies_is_another_asset() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    folder.add("b.jpg", b"one");
    let before = folder.identity("a.jpg");
    folder.add("b.jpg", b"edited");
    assert_eq!(folder.identity("a.jpg"), before);
    assert_ne!(folder.identity("b.jpg").0, before.0);
}

#[test]
fn an_editor_that_deletes_before_it_writes_makes_a_version() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let before = folder.identity("a.jpg");
    folder.remove("a.jpg");
    assert_eq!(folder.row("a.jpg"), None);
    folder.add("a.jpg", b"edited");
    assert_eq!(folder.identity("a.jpg").0, before.0);
}

#[test]
fn a_deleted_file_comes_back_with_all_that_is_known_of_it() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let before = folder.identity("a.jpg");
    folder.remove("a.jpg");
    assert!(folder.library.snapshot().shown(folder.library.account(), Scope::Everything).is_empty());
    folder.add("elsewhere/a.jpg", b"one");
    assert_eq!(folder.identity("elsewhere/a.jpg"), before);
}

#[test]
fn halves_of_a_live_photo_tie_whichever_comes_first_and_part_again() {
    let mut folder = Folder::new();
    folder.add("IMG_1.MOV", b"video taken=2024-05-01T10:00:01");
    let video = folder.row("IMG_1.MOV").unwrap();
    let listed =
        |folder: &Folder| folder.library.snapshot().shown(folder.library.account(), Scope::Timeline).len();
    assert_eq!(listed(&folder), 1);
    folder.add("IMG_1.HEIC", b"still taken=2024-05-01T10:00:00");
    let still = folder.row("IMG_1.HEIC").unwrap();
    let snapshot = folder.library.snapshot();
    assert_eq!(snapshot.row(video).unwrap().extras.host, Some(still));
    assert_eq!(&*snapshot.row(still).unwrap().extras.parts, [video]);
    assert_eq!(listed(&folder), 1);
    folder.remove("IMG_1.HEIC");
    assert_eq!(folder.library.snapshot().row(video).unwrap().extras.host, None);
    assert_eq!(listed(&folder), 1, "the video stands for itself");
}

/// Both stay assets of their own; the feed says when a stack comes to be and when it is no more.
#[test]
fn a_raw_file_and_its_picture_are_a_stack_whichever_comes_first() {
    let mut folder = Folder::new();
    let commits = folder.library.subscribe();
    folder.add("DSC_1.NEF", b"sensor taken=2024-05-01T10:00:00");
    let stack_of = |folder: &Folder, name: &str| {
        let row = folder.row(name).unwrap();
        folder.library.snapshot().row(row).unwrap().extras.stack
    };
    assert_eq!(stack_of(&folder, "DSC_1.NEF"), None);
    folder.add("DSC_1.jpg", b"developed taken=2024-05-01T10:00:00");
    folder.add("DSC_2.jpg", b"another taken=2024-05-01T10:00:00");
    let stack = stack_of(&folder, "DSC_1.NEF").unwrap();
    assert_eq!(stack_of(&folder, "DSC_1.jpg"), Some(stack));
    assert_eq!(stack_of(&folder, "DSC_2.jpg"), None);
    assert_eq!(folder.library.snapshot().shown(folder.library.account(), Scope::Timeline).len(), 3);
    let found = folder.library.search(folder.library.account(), "is:stacked", Mode::Strict, 9).unwrap();
    assert_eq!(found.len(), 2);
    folder.reopen(true);
    let commits_after = folder.library.subscribe();
    folder.rescan(|names| names.reverse());
    assert_eq!(stack_of(&folder, "DSC_1.NEF"), Some(stack), "the same one after a rebuild");
    folder.remove("DSC_1.jpg");
    assert_eq!(stack_of(&folder, "DSC_1.NEF"), None);
    let told = |commits: crossbeam_channel::Receiver<library::Commit>| -> Vec<bool> {
        let changes = commits.try_iter().flat_map(|commit| commit.changes.to_vec());
        changes.filter(|change| change.entity == Entity::Stack(stack)).map(|change| change.gone).collect()
    };
    assert_eq!((told(commits), told(commits_after)), (vec![false], vec![false, true]));
}

#[test]
fn the_video_of_a_live_photo_is_hidden_while_it_has_its_still_and_no_longer() {
    let mut folder = Folder::new();
    folder.add("IMG_1.MOV", b"video taken=2024-05-01T10:00:01");
    let video = folder.row("IMG_1.MOV").unwrap();
    let visibility = |folder: &Folder| {
        let snapshot = folder.library.snapshot();
        let row = snapshot.row(video).unwrap();
        let details = folder.library.details(row.id).unwrap().unwrap();
        assert_eq!(details.visibility, row.visibility);
        row.visibility
    };
    assert_eq!(visibility(&folder), Visibility::Timeline);
    let decisions = folder.library.log(100).unwrap().len();
    folder.add("IMG_1.HEIC", b"still taken=2024-05-01T10:00:00");
    assert_eq!(visibility(&folder), Visibility::Hidden);
    assert_eq!(folder.library.log(100).unwrap().len(), decisions + 1, "only that there is a still");
    folder.reopen(false);
    assert_eq!(visibility(&folder), Visibility::Hidden);
    folder.remove("IMG_1.HEIC");
    assert_eq!(visibility(&folder), Visibility::Timeline);
}

#[test]
fn live_halves_of_one_identifier_tie_across_names() {
    let mut folder = Folder::new();
    folder.add("x.heic", b"still live=77");
    folder.add("y.mov", b"video live=77");
    let still = folder.row("x.heic").unwrap();
    let video = folder.row("y.mov").unwrap();
    assert_eq!(folder.library.snapshot().row(video).unwrap().extras.host, Some(still));
}

#[test]
fn a_sidecar_stands_beside_its_photo_whichever_comes_first() {
    let mut folder = Folder::new();
    folder.add("x/a.jpg", b"other");
    folder.add("a.jpg.xmp", b"<xmp/>");
    assert_eq!(folder.row("a.jpg.xmp"), None, "without its photo it is nobody's");
    folder.add("a.jpg", b"one");
    let host = folder.row("a.jpg").unwrap();
    let sidecar = folder.row("a.jpg.xmp").unwrap();
    let snapshot = folder.library.snapshot();
    assert_eq!(snapshot.row(sidecar).unwrap().extras.host, Some(host));
    assert_eq!(&*snapshot.row(host).unwrap().name, "a (2).jpg");
    assert_eq!(&*snapshot.row(sidecar).unwrap().name, "a (2).jpg.xmp");
    folder.remove("a.jpg.xmp");
    let snapshot = folder.library.snapshot();
    assert!(snapshot.row(host).unwrap().extras.parts.is_empty());
    assert!(!snapshot.row(sidecar).unwrap().present);
}

#[test]
fn a_folder_that_is_away_is_hidden_and_comes_back_unchanged() {
    let mut folder = Folder::new();
    folder.add("trip/a.jpg", b"one");
    folder.add("home/b.jpg", b"two");
    let before = folder.identity("trip/a.jpg");
    let away = |reason: &str| Observation::Offline {
        root: folder.root,
        folder: b"trip"[..].into(),
        reason: reason.to_owned(),
    };
    folder.library.observe(vec![away("the disk is not there")]).unwrap();
    assert_eq!(folder.row("trip/a.jpg"), None);
    assert_eq!(folder.library.snapshot().shown(folder.library.account(), Scope::Everything).len(), 1);
    assert_eq!(folder.library.away().unwrap()[0].reason, "the disk is not there");
    folder.reopen(false);
    assert_eq!(folder.row("trip/a.jpg"), None, "it stays away over a restart");
    let online = Observation::Online { root: folder.root, folder: b"trip"[..].into() };
    folder.library.observe(vec![online]).unwrap();
    assert_eq!(folder.identity("trip/a.jpg"), before);
    assert!(folder.library.away().unwrap().is_empty());
}

#[test]
fn what_is_forgotten_is_missing_and_no_longer_away() {
    let mut folder = Folder::new();
    folder.add("trip/a.jpg", b"one");
    let gone = |folder: &Folder| {
        let root = folder.root;
        vec![
            Observation::Offline { root, folder: Box::default(), reason: "away".into() },
            Observation::Forgotten { root, folder: b"trip"[..].into() },
        ]
    };
    folder.library.observe(gone(&folder)).unwrap();
    assert!(folder.library.files_under(folder.root, b"").unwrap().is_empty());
    let kinds: Vec<_> = folder.library.log(100).unwrap().into_iter().map(|entry| entry.kind).collect();
    assert!(kinds.contains(&"forget".to_owned()), "{kinds:?}");
}

#[test]
fn what_is_there_is_not_forgotten_with_what_is_away_beside_it() {
    let mut folder = Folder::new();
    folder.add("fr/gone/a.jpg", b"one");
    folder.add("fr/gone/b.jpg", b"two");
    folder.add("fr/here/c.jpg", b"three");
    let root = folder.root;
    let away = Observation::Offline { root, folder: b"fr/gone"[..].into(), reason: "away".into() };
    folder.library.observe(vec![away]).unwrap();
    assert_eq!(folder.library.forget(Face::Cli, root, b"fr").unwrap(), 2);
    assert!(folder.library.away().unwrap().is_empty());
    assert_eq!(folder.row("fr/gone/a.jpg"), None);
    assert!(folder.row("fr/here/c.jpg").is_some());
    assert!(folder.library.snapshot().folders().root(root).is_some(), "only a whole root is retired");
    let last = folder.library.log(1).unwrap().remove(0);
    assert_eq!((last.kind.as_str(), last.face.as_str()), ("forget", "cli"));
}

/// Seen with a Takeout in which one of five copies had a JSON file.
#[test]
fn of_copies_the_first_that_has_a_sidecar_says_what_the_photo_is() {
    let mut folder = Folder::new();
    folder.add("b/x.jpg.xmp", b"taken=2020-01-01T00:00:00");
    folder.add("c/x.jpg.xmp", b"taken=2021-01-01T00:00:00");
    let taken = |folder: &Folder| {
        let snapshot = folder.library.snapshot();
        snapshot.row(folder.row("a.jpg").unwrap()).unwrap().taken.unwrap().local.year()
    };
    for path in ["c/x.jpg", "a.jpg", "b/x.jpg", "d.jpg"] {
        folder.add(path, b"one");
    }
    assert_eq!(taken(&folder), 2020);
    for by in 0..4 {
        folder.reopen(true);
        folder.rescan(|names| names.rotate_left(by));
        assert_eq!(taken(&folder), 2020, "rotated by {by}");
    }
}

/// Found by the model: the bytes waited for newer ones that could not come any more, and no row showed them until the
/// next rebuild.
#[test]
fn older_bytes_that_arrive_after_a_rebuild_are_the_photo_again() {
    let mut folder = Folder::new();
    folder.add("A.JPG", b"two taken=2020-01-01T00:00:00");
    let before = folder.identity("A.JPG");
    folder.add("A.JPG", b"three");
    folder.remove("A.JPG");
    folder.reopen(true);
    folder.rescan(|_| {});
    folder.add("a.jpg", b"two taken=2020-01-01T00:00:00");
    assert_eq!(folder.identity("a.jpg").0, before.0);
    let shown = folder.identities();
    folder.reopen(true);
    folder.rescan(|_| {});
    assert_eq!(folder.identities(), shown);
}

/// A crash may take back the catalogue's last commits, but no decision.
#[test]
fn what_was_forgotten_stays_so_though_the_catalogue_lost_it() {
    let mut folder = Folder::new();
    folder.add("fr/gone/a.jpg", b"one");
    folder.add("fr/gone/a.jpg.xmp", b"about it");
    folder.add("fr/here/c.jpg", b"three");
    let root = folder.root;
    let away = Observation::Offline { root, folder: b"fr/gone"[..].into(), reason: "away".into() };
    folder.library.observe(vec![away]).unwrap();
    let kept = tempfile::tempdir().unwrap();
    let older = kept.path().join("catalogue");
    folder.reopen_after(false, |data| copy_folder(&data.join("derived/catalogue"), &older));
    assert_eq!(folder.library.forget(Face::Cli, root, b"fr").unwrap(), 2);
    folder.reopen_after(false, |data| copy_folder(&older, &data.join("derived/catalogue")));
    assert!(folder.library.away().unwrap().is_empty());
    assert_eq!(folder.row("fr/gone/a.jpg"), None);
    assert!(folder.row("fr/here/c.jpg").is_some());
    assert_eq!(folder.library.files_under(root, b"fr").unwrap().len(), 1);
}

/// Found by killing the daemon: a photo was copied and edited, the journal had the new version, the catalogue had lost it,
/// and the copy was found before the edited photo. The copy was then taken for the photo, and the edited one not shown.
#[test]
fn a_version_that_the_catalogue_lost_is_waited_for_before_an_older_copy_takes_its_place() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"old");
    let (asset, ..) = folder.identity("a.jpg");
    let kept = tempfile::tempdir().unwrap();
    let older = kept.path().join("catalogue");
    folder.reopen_after(false, |data| copy_folder(&data.join("derived/catalogue"), &older));
    folder.library.observe(vec![Observation::Scanned]).unwrap();
    folder.add("a.jpg", b"new");
    folder.reopen_after(false, |data| copy_folder(&older, &data.join("derived/catalogue")));
    folder.add("copy.jpg", b"old");
    folder.add("a.jpg", b"new");
    folder.library.observe(vec![Observation::Scanned]).unwrap();
    assert_eq!(folder.row("a.jpg").map(|_| folder.identity("a.jpg").0), Some(asset.clone()));
    // And when the newer bytes are gone for good, the older ones are the photo again.
    folder.remove("a.jpg");
    folder.library.observe(vec![Observation::Scanned]).unwrap();
    assert_eq!(folder.row("copy.jpg").map(|_| folder.identity("copy.jpg").0), Some(asset));
}

#[test]
fn a_forgotten_root_is_retired_until_it_is_named_again() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let root = folder.root;
    let set = |folder: &Folder, paths: &[&str]| {
        let specs: Vec<_> = paths.iter().map(|path| RootSpec { path: path.into() }).collect();
        folder.library.set_roots(folder.library.account(), &specs).unwrap()
    };
    let roots = |folder: &Folder| -> Vec<(String, bool)> {
        let snapshot = folder.library.snapshot();
        let roots = snapshot.folders().roots();
        roots.map(|(root, _)| (root.path.to_str().unwrap().to_owned(), root.watched)).collect()
    };
    set(&folder, &["/other"]);
    assert_eq!(roots(&folder), [(ROOT.to_owned(), false), ("/other".to_owned(), true)]);
    assert_eq!(folder.library.away().unwrap().len(), 1);
    assert_eq!(folder.library.forget(Face::Cli, root, b"").unwrap(), 1);
    for rebuild in [false, true] {
        set(&folder, &["/other"]);
        assert_eq!(roots(&folder), [("/other".to_owned(), true)]);
        assert!(folder.library.away().unwrap().is_empty());
        assert_eq!(folder.library.find_root(Path::new("/pictures/a.jpg")), None);
        folder.reopen_as_it_is(rebuild);
    }
    assert_eq!(set(&folder, &[ROOT]), [root], "it is still itself");
    assert_eq!(roots(&folder), [(ROOT.to_owned(), true), ("/other".to_owned(), false)]);
    folder.rescan(|_| {});
    assert!(folder.row("a.jpg").is_some());
}

#[test]
fn a_forgotten_root_that_comes_back_while_it_is_watched_is_a_root_again() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let root = folder.root;
    let away = Observation::Offline { root, folder: Box::default(), reason: "no disk".into() };
    folder.library.observe(vec![away]).unwrap();
    folder.library.forget(Face::Cli, root, b"").unwrap();
    assert_eq!(folder.library.snapshot().folders().roots().count(), 0);
    folder.rescan(|_| {});
    assert_eq!(folder.library.snapshot().folders().roots().count(), 1);
    assert!(folder.row("a.jpg").is_some());
}

#[test]
fn of_roots_in_each_other_the_watched_one_answers() {
    let mut folder = Folder::new();
    folder.add("sub/a.jpg", b"one");
    let inner = RootSpec { path: "/pictures/sub".into() };
    let inner = folder.library.set_roots(folder.library.account(), &[inner]).unwrap()[0];
    let seen = folder.seen("a.jpg", b"one");
    let Observation::Asset { stat, digests, metadata, sidecars, .. } = seen else { unreachable!() };
    let path = FilePath::new(inner, &b"a.jpg"[..]);
    folder.library.observe(vec![Observation::Asset { path, stat, digests, metadata, sidecars }]).unwrap();
    assert!(folder.library.find_path(Path::new("/pictures/sub/a.jpg")).is_some());
}

#[test]
fn what_cannot_be_read_is_not_named_while_its_folder_is_away() {
    let mut folder = Folder::new();
    let stat = folder.stat(b"x");
    let broken =
        |path: &str| Observation::Unreadable { path: folder.path(path), stat, reason: "not a JPEG".into() };
    folder.library.observe(vec![broken("trip/x.jpg"), broken("x.jpg")]).unwrap();
    let away = Observation::Offline { root: folder.root, folder: b"trip"[..].into(), reason: "away".into() };
    folder.library.observe(vec![away]).unwrap();
    let named = folder.library.unreadable().unwrap();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].file, folder.path("x.jpg"));
}

#[test]
fn decisions_survive_a_rebuild() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    let id = folder.library.snapshot().row(folder.row("a.jpg").unwrap()).unwrap().id;
    folder.library.set_visibility(Face::Cli, &[id], Visibility::Archive).unwrap();
    folder.reopen(true);
    folder.rescan(|_| {});
    let snapshot = folder.library.snapshot();
    assert_eq!(snapshot.row(folder.row("a.jpg").unwrap()).unwrap().visibility, Visibility::Archive);
    assert!(snapshot.shown(folder.library.account(), Scope::Timeline).is_empty());
}

#[test]
fn a_rebuild_in_any_order_gives_the_same_ids_names_and_inode_numbers() {
    let mut folder = Folder::new();
    for (at, name) in
        ["a/1.jpg", "b/1.jpg", "c/1.jpg", "c/1.jpg.xmp", "d/IMG_1.HEIC", "d/IMG_1.MOV"].iter().enumerate()
    {
        folder.add(name, format!("bytes {at} taken=2024-05-01T10:00:00").as_bytes());
    }
    folder.remove("a/1.jpg");
    folder.add("a/1.jpg", b"new bytes taken=2021-05-01T10:00:00");
    folder.add("b/1.jpg", b"edited taken=2024-05-01T10:00:00");
    folder.rename("c/1.jpg", "c/2.jpg");
    assert_eq!(folder.row("c/1.jpg.xmp"), None, "its photo went without it");
    folder.rename("c/1.jpg.xmp", "c/2.jpg.xmp");
    folder.add("e/copy.jpg", b"edited taken=2024-05-01T10:00:00");
    let before = folder.identities();
    for turn in 0..4 {
        assert!(folder.reopen(true).rebuilt);
        folder.rescan(|names| {
            let by = turn % names.len();
            names.rotate_left(by);
            if turn % 2 == 1 {
                names.reverse();
            }
        });
        assert_eq!(folder.identities(), before, "turn {turn}");
    }
}

#[test]
fn copies_are_in_the_same_order_whichever_is_found_first() {
    let mut folder = Folder::new();
    for path in ["c/1.jpg", "a/1.jpg", "b/1.jpg"] {
        folder.add(path, b"one");
    }
    folder.add("c/1.jpg.xmp", b"<c/>");
    folder.add("a/1.jpg.xmp", b"<a />");
    let shape = |folder: &Folder| {
        let snapshot = folder.library.snapshot();
        let row = snapshot.row(folder.row("a/1.jpg").unwrap()).unwrap();
        let sidecar = snapshot.row(folder.row("a/1.jpg.xmp").unwrap()).unwrap();
        let paths = folder.library.details(row.id).unwrap().unwrap().paths;
        (paths, row.modified, sidecar.inode, sidecar.size, sidecar.modified)
    };
    let before = shape(&folder);
    assert_eq!(
        before.0,
        ["a", "b", "c"].map(|name| std::path::PathBuf::from(format!("/pictures/{name}/1.jpg")))
    );
    assert_eq!(before.3, 5, "the sidecar of the first copy");
    for reverse in [false, true] {
        folder.reopen(true);
        folder.rescan(|names| {
            if reverse {
                names.reverse();
            }
        });
        assert_eq!(shape(&folder), before, "reverse: {reverse}");
    }
}

#[test]
fn an_old_version_found_first_by_a_rebuild_does_not_become_the_current_one() {
    let mut folder = Folder::new();
    folder.add("b.jpg", b"one");
    folder.add("b.jpg", b"edited");
    folder.add("a.jpg", b"one");
    let before = folder.identity("b.jpg");
    assert_eq!(folder.row("a.jpg"), None, "an older version is not a photo of its own");
    folder.reopen(true);
    folder.rescan(|_| {});
    assert_eq!(folder.identity("b.jpg"), before);
    folder.remove("b.jpg");
    assert_eq!(folder.identity("a.jpg").0, before.0, "with the newer bytes gone the older ones show");
}

#[test]
fn a_restart_keeps_everything_without_a_scan() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    folder.add("b.jpg", b"two");
    let before = folder.identities();
    let report = folder.reopen(false);
    assert!(!report.rebuilt && report.notes.is_empty(), "{report:?}");
    assert_eq!(folder.identities(), before);
}

#[test]
fn overlapping_roots_are_refused_by_name() {
    let folder = Folder::new();
    let specs = [folder::ROOT, "/pictures/2024"].map(|path| library::RootSpec { path: path.into() });
    let error = folder.library.set_roots(folder.library.account(), &specs).unwrap_err();
    assert!(error.to_string().contains("/pictures/2024") && error.to_string().contains("lies in"), "{error}");
}

#[test]
fn a_second_process_is_told_who_has_the_library() {
    let folder = Folder::new();
    let error = library::Library::open(folder.data()).unwrap_err();
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
}
