//! A photo that was copied and then edited is two photos, whichever is found first, and whatever was lost in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;

use folder::{Folder, copy_folder};
use library::Observation;

/// Found by killing the daemon: a photo was copied and edited while nobody watched, the scan found the edit before the copy,
/// and the copy was taken for an older version that somebody had brought again: no row showed it.
#[test]
fn a_photo_copied_and_then_edited_is_two_photos_whichever_is_found_first() {
    for (reverse, sidecar) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut folder = Folder::new();
        folder.add("a.jpg", b"one live=7");
        let (original, ..) = folder.identity("a.jpg");
        folder.rescan(|_| {});
        folder.reopen(false);
        folder.seen("copy.jpg", b"one live=7");
        folder.seen("a.jpg", b"edited taken=2024-05-01T10:00:00");
        if sidecar {
            folder.seen("a.jpg.xmp", b"<edited/>");
        }
        folder.seen("b.jpg", b"edited taken=2024-05-01T10:00:00");
        // An edit is found some time after it was made.
        std::thread::sleep(std::time::Duration::from_millis(2));
        folder.rescan(|names| {
            if reverse {
                names.reverse();
            }
        });
        let found = folder.identities();
        assert_eq!(found["copy.jpg"].0, original, "the bytes it was first seen with are what it is");
        assert_ne!(found["a.jpg"].0, original);
        assert_eq!(found["a.jpg"], found["b.jpg"], "both copies of the edit");
        let taken = |name: &str| {
            let snapshot = folder.library.snapshot();
            snapshot.row(folder.row(name).unwrap()).unwrap().taken
        };
        assert!(taken("a.jpg").is_some() && taken("copy.jpg").is_none(), "each has its own metadata");
        for by in 0..3 {
            folder.reopen(true);
            folder.rescan(|names| names.rotate_left(by));
            assert_eq!(folder.identities(), found, "rotated by {by}");
        }
        // Only what stood there by then makes two of one: what is brought later is a duplicate.
        folder.remove("b.jpg");
        folder.add("a.jpg", b"edited again taken=2024-05-01T10:00:00");
        folder.add("late.jpg", b"edited taken=2024-05-01T10:00:00");
        folder.rescan(|_| {});
        assert_eq!(folder.row("late.jpg"), None);
    }
}

/// The same where the catalogue lost that the edit was parted from its original, or that there was an edit at all.
#[test]
fn a_photo_copied_and_then_edited_is_two_photos_though_the_catalogue_lost_it() {
    for (lost_edit, copy_first) in [(false, true), (true, true), (true, false)] {
        let mut folder = Folder::new();
        folder.add("a.jpg", b"one");
        let (original, ..) = folder.identity("a.jpg");
        folder.rescan(|_| {});
        let copy = folder.seen("copy.jpg", b"one");
        // An edit is found some time after it was made.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let edit = folder.seen("a.jpg", b"edited");
        let kept = tempfile::tempdir().unwrap();
        let older = kept.path().join("catalogue");
        let keep = |folder: &mut Folder| {
            folder.reopen_after(false, |data| copy_folder(&data.join("derived/catalogue"), &older));
        };
        if lost_edit {
            keep(&mut folder);
        }
        folder.library.observe(vec![edit.clone()]).unwrap();
        if !lost_edit {
            keep(&mut folder);
            folder.library.observe(vec![copy.clone()]).unwrap();
        }
        folder.reopen_after(false, |data| copy_folder(&older, &data.join("derived/catalogue")));
        for seen in if copy_first { [copy, edit] } else { [edit, copy] } {
            folder.library.observe(vec![seen]).unwrap();
        }
        folder.library.observe(vec![Observation::Scanned]).unwrap();
        let found = folder.identities();
        assert_eq!(found["copy.jpg"].0, original, "{lost_edit} {copy_first}");
        assert_ne!(found["a.jpg"].0, original, "{lost_edit} {copy_first}");
        folder.reopen(true);
        folder.rescan(|_| {});
        assert_eq!(folder.identities(), found);
    }
}

#[test]
fn a_photo_copied_and_then_edited_is_two_photos_though_a_rebuild_came_between() {
    for copy_first in [true, false] {
        let mut folder = Folder::new();
        folder.add("a.jpg", b"one");
        let (original, ..) = folder.identity("a.jpg");
        folder.rescan(|_| {});
        folder.reopen(false);
        let copy = folder.seen("copy.jpg", b"one");
        std::thread::sleep(std::time::Duration::from_millis(2));
        folder.add("a.jpg", b"edited");
        let edit = folder.again("a.jpg");
        assert!(folder.reopen(true).rebuilt);
        for seen in if copy_first { [copy, edit] } else { [edit, copy] } {
            folder.library.observe(vec![seen]).unwrap();
        }
        folder.library.observe(vec![Observation::Scanned]).unwrap();
        let found = folder.identities();
        assert_eq!(found["copy.jpg"].0, original, "{copy_first}");
        assert_ne!(found["a.jpg"].0, original, "{copy_first}");
        folder.reopen(true);
        folder.rescan(|_| {});
        assert_eq!(folder.identities(), found);
    }
}

/// The catalogue lost an edit, and what it still held for standing was taken for the original that stayed.
#[test]
fn a_photo_edited_and_renamed_is_itself_though_the_catalogue_lost_the_edit() {
    for copied in [false, true] {
        let mut folder = Folder::new();
        folder.add("a.jpg", b"one");
        let (original, ..) = folder.identity("a.jpg");
        folder.rescan(|_| {});
        let kept = tempfile::tempdir().unwrap();
        let older = kept.path().join("catalogue");
        folder.reopen_after(false, |data| copy_folder(&data.join("derived/catalogue"), &older));
        folder.add("a.jpg", b"edited");
        folder.reopen_after(false, |data| copy_folder(&older, &data.join("derived/catalogue")));
        let renamed = folder.seen("b.jpg", b"edited");
        folder.library.observe(vec![renamed]).unwrap();
        match copied {
            true => folder.add("a.jpg", b"edited"),
            false => folder.remove("a.jpg"),
        }
        folder.library.observe(vec![Observation::Scanned]).unwrap();
        assert_eq!(folder.identity("b.jpg").0, original, "copied: {copied}");
    }
}

#[test]
fn a_photo_copied_and_edited_twice_between_scans_that_did_not_end_is_three_photos() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut folder = Folder::new();
        folder.add("p.jpg", b"one");
        folder.rescan(|_| {});
        folder.reopen(false);
        let pause = || std::thread::sleep(std::time::Duration::from_millis(2));
        let first = folder.seen("q.jpg", b"one");
        pause();
        folder.add("p.jpg", b"two");
        let second = folder.seen("r.jpg", b"two");
        pause();
        let last = folder.seen("p.jpg", b"three");
        let told = [first, second, last];
        for at in order {
            folder.library.observe(vec![told[at].clone()]).unwrap();
        }
        folder.library.observe(vec![Observation::Scanned]).unwrap();
        let found = folder.identities();
        let ids: std::collections::BTreeSet<_> = found.values().map(|(id, ..)| id.clone()).collect();
        assert_eq!(ids.len(), 3, "{order:?}");
        folder.reopen(true);
        folder.rescan(|_| {});
        assert_eq!(folder.identities(), found, "{order:?}");
    }
}

/// Moving a folder leaves the change times of what is in it.
#[test]
fn an_older_copy_moved_in_long_after_an_edit_is_a_duplicate() {
    let mut folder = Folder::new();
    folder.add("a.jpg", b"one");
    folder.rescan(|_| {});
    folder.reopen(false);
    let backup = folder.seen("backup/a.jpg", b"one");
    folder.add("a.jpg", b"edited");
    let before = folder.identity("a.jpg");
    folder.library.observe(vec![Observation::Scanned]).unwrap();
    folder.library.observe(vec![backup]).unwrap();
    assert_eq!(folder.identity("a.jpg"), before);
    assert_eq!(folder.row("backup/a.jpg"), None);
}
