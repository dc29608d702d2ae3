//! What moving, linking and removing names decides, and setting attributes, on a real mount.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use library::snapshot::fixture::Photo;
use support::mounted::{Mounted, Watcher, listed, soon};

#[test]
fn a_photo_that_is_moved_out_of_where_it_is_computed_to_be_is_there_again() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    let (dir, favourites) = (mounted.at("all/2024/05"), mounted.at("favourites"));
    soon("a photo", || dir.join("a.jpg").exists());
    let mut watcher = Watcher::of(&[&dir, &favourites]);
    std::fs::rename(dir.join("a.jpg"), favourites.join("mine.jpg")).unwrap();
    assert_eq!(listed(&favourites), ["a.jpg"], "under its own name, at once");
    assert_eq!(listed(&dir), ["a.jpg"]);
    watcher.expect("CREATE a.jpg");
    watcher.expect("DELETE mine.jpg");
    soon("the other name is none", || !favourites.join("mine.jpg").exists());
    soon("the file is where it was", || std::fs::read(dir.join("a.jpg")).is_ok_and(|bytes| bytes == b"one"));
    std::fs::remove_file(favourites.join("a.jpg")).unwrap();
    assert_eq!(listed(&favourites), [""; 0]);
    assert!(dir.join("a.jpg").exists());
}

#[test]
fn what_cannot_be_decided_is_refused_and_changes_nothing() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    mounted.library.add_plain("b.jpg", b"two");
    let at = |path: &str| mounted.at(path);
    let (a, b) = (at("all/2024/05/a.jpg"), at("all/2024/05/b.jpg"));
    soon("two photos", || a.exists() && b.exists());
    std::fs::hard_link(&b, at("favourites/b.jpg")).unwrap();
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(std::fs::rename(&a, at("all/2024/05/new"))), libc::EPERM);
    assert_eq!(errno(std::fs::rename(at("favourites/b.jpg"), at("types/image/c.jpg"))), libc::EPERM);
    assert_eq!(errno(std::fs::hard_link(&a, at("all/2024/05/new"))), libc::EPERM);
    assert_eq!(errno(std::fs::rename(&a, at("favourites/b.jpg"))), libc::EEXIST);
    assert_eq!(errno(std::fs::hard_link(&a, at("favourites/b.jpg"))), libc::EEXIST);
    assert_eq!(errno(std::fs::hard_link(at("README.txt"), at("favourites/README.txt"))), libc::EROFS);
    assert_eq!(errno(std::fs::rename(at("rated/1"), at("rated/6"))), libc::EROFS);
    assert_eq!(errno(std::fs::hard_link(&a, at("rated/a.jpg"))), libc::EPERM);
    let cwd = rustix::fs::CWD;
    let exchange = rustix::fs::RenameFlags::EXCHANGE;
    let exchanged = rustix::fs::renameat_with(cwd, &a, cwd, at("favourites/b.jpg"), exchange);
    assert_eq!(exchanged, Err(rustix::io::Errno::INVAL));
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(&a, name, value, rustix::fs::XattrFlags::empty()).map_err(io::Error::from)
    };
    assert_eq!(errno(set("user.baloo.rating", b"11")), libc::EINVAL);
    assert_eq!(errno(set("user.xdg.comment", b"\xff")), libc::EINVAL);
    assert_eq!(errno(set("user.galleryfs.taken", b"yesterday")), libc::EINVAL);
    assert_eq!(errno(set("user.galleryfs.sha1", b"0")), libc::EPERM);
    assert_eq!(errno(set("user.mime_type", b"image/jpeg")), libc::EOPNOTSUPP);
    mounted.library.disk_failed.store(true, Ordering::Relaxed);
    assert_eq!(errno(std::fs::hard_link(&a, at("favourites/a.jpg"))), libc::EIO);
    assert_eq!(errno(std::fs::remove_file(at("favourites/b.jpg"))), libc::EIO);
    assert_eq!(listed(&at("favourites")), ["b.jpg"]);
    assert_eq!(listed(&at("all/2024/05")), ["a.jpg", "b.jpg"]);
}

/// Ann, in `a.jpg`, and somebody without a name, `person 2`, in `b.jpg`.
fn ann_and_somebody() -> Mounted {
    let mounted = Mounted::new();
    let photos = ["a.jpg", "b.jpg"].map(|name| mounted.library.add_plain(name, name.as_bytes()));
    mounted.library.person(Some("Ann"), &photos[..1]);
    mounted.library.person(None, &photos[1..]);
    soon("somebody", || mounted.at("people/unnamed/person 2/b.jpg").exists());
    mounted
}

#[test]
fn people_are_named_merged_and_left_without_a_name_by_moving_their_directories() {
    let mounted = ann_and_somebody();
    let at = |path: &str| mounted.at(path);
    let cwd = rustix::fs::CWD;
    let move_to = |from: &str, to: &str, flags| {
        rustix::fs::renameat_with(cwd, at(from), cwd, at(to), flags).map_err(io::Error::from)
    };
    let (no_replace, any) = (rustix::fs::RenameFlags::NOREPLACE, rustix::fs::RenameFlags::empty());
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(move_to("people/unnamed/person 2", "people/Ann", no_replace)), libc::EEXIST);
    assert_eq!(errno(move_to("people/Ann", "tags/Ann", any)), libc::EPERM);
    assert_eq!(errno(move_to("people/unnamed", "people/Bob", any)), libc::EROFS);
    assert_eq!(errno(std::fs::remove_dir(at("people/unnamed"))), libc::EROFS);
    assert_eq!(errno(std::fs::remove_dir(at("people/unnamed/person 2"))), libc::EROFS);

    move_to("people/unnamed/person 2", "people/Bob", no_replace).unwrap();
    assert_eq!(listed(&at("people")), ["Ann", "Bob"]);
    assert_eq!(std::fs::read(at("people/Bob/b.jpg")).unwrap(), b"b.jpg");
    let numbered = std::fs::metadata(at("people/unnamed/person 2")).unwrap();
    soon("it is a directory of its own", || {
        std::fs::metadata(at("people/Bob")).is_ok_and(|bob| bob.ino() != numbered.ino())
    });
    move_to("people/Bob", "people/unnamed/Bob", any).unwrap();
    assert_eq!(listed(&at("people/unnamed")), ["person 2"]);
    soon("no such name", || !at("people/unnamed/Bob").exists());
    // Onto somebody, which only a plain rename may do.
    move_to("people/unnamed/person 2", "people/Ann", any).unwrap();
    soon("both photos", || listed(&at("people/Ann")) == ["a.jpg", "b.jpg"]);
    soon("one person", || listed(&at("people")) == ["Ann"]);
    std::fs::remove_dir(at("people/Ann")).unwrap();
    soon("no name", || listed(&at("people")) == ["unnamed"]);
    assert_eq!(listed(&at("people/unnamed/person 1")), ["a.jpg", "b.jpg"]);
}

/// Found by the reference model: a number leads to somebody who is not listed, so nobody noticed that they were not any more.
#[test]
fn who_is_in_no_photo_any_more_is_not_listed_and_is_again_when_they_are_in_one() {
    let mounted = Mounted::new();
    let photo = mounted.library.add_plain("a.jpg", b"one");
    mounted.library.person(None, &[photo]);
    let at = |path: &str| mounted.at(path);
    soon("somebody", || at("people/unnamed/person 1/a.jpg").exists());
    assert_eq!(
        (listed(&at("people")), listed(&at("people/unnamed"))),
        (vec!["unnamed".into()], vec!["person 1".into()])
    );
    let mut watcher = Watcher::of(&[&at("people"), &at("people/unnamed")]);
    std::fs::remove_file(at("people/unnamed/person 1/a.jpg")).unwrap();
    assert_eq!((listed(&at("people")), listed(&at("people/unnamed"))), (vec![], vec![]));
    assert!(at("people/unnamed/person 1").exists(), "a number leads there for ever");
    std::fs::hard_link(at("all/2024/05/a.jpg"), at("people/unnamed/person 1/a.jpg")).unwrap();
    assert_eq!(
        (listed(&at("people")), listed(&at("people/unnamed"))),
        (vec!["unnamed".into()], vec!["person 1".into()])
    );
    watcher.expect("CREATE,ISDIR person 1");
    watcher.expect("CREATE,ISDIR unnamed");
}

/// Found by the reference model: `people/Ann`, just emptied, was waited with although Ann was called otherwise by her number.
#[test]
fn the_name_of_somebody_who_is_renamed_by_number_is_free_at_once() {
    let mounted = Mounted::new();
    let photo = mounted.library.add_plain("a.jpg", b"one");
    mounted.library.person(Some("Ann"), &[photo]);
    let at = |path: &str| mounted.at(path);
    soon("somebody", || at("people/Ann/a.jpg").exists());
    std::fs::remove_file(at("people/Ann/a.jpg")).unwrap();
    std::fs::rename(at("people/unnamed/person 1"), at("people/Bea")).unwrap();
    std::fs::create_dir(at("people/Ann")).unwrap();
    std::fs::remove_dir(at("people/unnamed/person 2")).unwrap();
    std::fs::create_dir(at("people/Ann")).unwrap();
    assert_eq!(listed(&at("people")), ["Ann", "Bea"]);
}

/// Found by the reference model: the kernel takes what was moved onto for removed, and listed nothing for as long as it remembered
/// it; and what stays where it was moved from was stale while it was told so.
#[test]
fn somebody_who_takes_in_another_is_another_directory() {
    let mounted = ann_and_somebody();
    let at = |path: &str| mounted.at(path);
    // Held, or the kernel would not remember it.
    let held = std::fs::File::open(at("people/Ann")).unwrap();
    let before = held.metadata().unwrap().ino();
    std::fs::rename(at("people/unnamed/person 2"), at("people/Ann")).unwrap();
    soon("both photos", || listed(&at("people/Ann")) == ["a.jpg", "b.jpg"]);
    let number = |path: &str| at(path).metadata().unwrap().ino();
    soon("its own number", || number("people/Ann") != number("people/unnamed/person 2"));
    assert_ne!(number("people/Ann"), before);
    assert_eq!(listed(&at("people/Ann")), ["a.jpg", "b.jpg"]);
}

/// Found by the reference model: `mkdir` refused the name, and a move onto the directory gave it.
#[test]
fn nobody_is_called_unnamed() {
    let mounted = Mounted::new();
    let photo = mounted.library.add_plain("a.jpg", b"one");
    mounted.library.person(Some("Ann"), &[photo]);
    let at = |path: &str| mounted.at(path);
    soon("somebody", || at("people/Ann/a.jpg").exists());
    for name in ["people/unnamed", "people/Unnamed"] {
        let refused = std::fs::rename(at("people/Ann"), at(name)).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM), "{name}");
    }
    assert_eq!(listed(&at("people")), ["Ann"]);
}

#[test]
fn attributes_are_set_and_left_to_the_file_again() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    let file = mounted.at("all/2024/05/a.jpg");
    soon("a photo", || file.exists());
    let set = |name: &str, value: &str, flags| rustix::fs::setxattr(&file, name, value.as_bytes(), flags);
    let get = |name: &str| {
        let mut value = [0; 200];
        rustix::fs::getxattr(&file, name, &mut value[..])
            .map(|len| String::from_utf8_lossy(&value[..len]).into_owned())
    };
    let (any, create, replace) =
        (rustix::fs::XattrFlags::empty(), rustix::fs::XattrFlags::CREATE, rustix::fs::XattrFlags::REPLACE);
    assert_eq!(set("user.xdg.tags", "a", replace), Err(rustix::io::Errno::NODATA));
    set("user.xdg.tags", "a, b/c,", create).unwrap();
    assert_eq!(set("user.xdg.tags", "a", create), Err(rustix::io::Errno::EXIST));
    assert_eq!(get("user.xdg.tags").unwrap(), "a,b/c");
    set("user.baloo.rating", "7", any).unwrap();
    assert_eq!(get("user.baloo.rating").unwrap(), "8");
    set("user.galleryfs.taken", "2020-02-03T04:05:06+02:00", any).unwrap();
    let moved = mounted.at("all/2020/02/a.jpg");
    soon("its other day, and not the one it had", || moved.exists() && !file.exists());
    rustix::fs::removexattr(&moved, "user.xdg.tags").unwrap();
    assert_eq!(rustix::fs::removexattr(&moved, "user.xdg.tags"), Err(rustix::io::Errno::NODATA));
    let file = std::fs::File::open(&moved).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified + Duration::from_secs(1_000_000_000)).unwrap();
    assert_eq!(file.metadata().unwrap().modified().unwrap(), modified, "the original's");
}

#[test]
fn albums_are_made_filled_moved_and_removed() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    mounted.library.add_plain("b.jpg", b"two");
    let at = |path: &str| mounted.at(path);
    let photo = at("all/2024/05/a.jpg");
    soon("two photos", || at("all/2024/05/b.jpg").exists());
    let links = || std::fs::metadata(&photo).unwrap().nlink();
    let before = links();
    for name in ["albums/A", "albums/A/B", "albums/\u{2215} x"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    assert_eq!(listed(&at("albums")), ["A", "\u{2215} x"]);
    std::fs::hard_link(&photo, at("albums/A/B/a.jpg")).unwrap();
    std::fs::hard_link(at("all/2024/05/b.jpg"), at("albums/A/b.jpg")).unwrap();
    assert_eq!(links(), before + 1);
    std::os::unix::fs::symlink("../all/2024/05/b.jpg", at("albums/\u{2215} x/b.jpg")).unwrap_err();
    std::os::unix::fs::symlink("../../all/2024/05/b.jpg", at("albums/\u{2215} x/link")).unwrap();
    assert_eq!(listed(&at("albums/\u{2215} x")), ["b.jpg"]);
    assert_eq!(std::fs::read(at("albums/\u{2215} x/b.jpg")).unwrap(), b"two");
    std::fs::remove_file(at("albums/\u{2215} x/b.jpg")).unwrap();
    std::os::unix::fs::symlink(&photo, at("albums/\u{2215} x/a.jpg")).unwrap();
    assert!(std::fs::symlink_metadata(at("albums/\u{2215} x/a.jpg")).unwrap().is_file());
    std::fs::remove_file(at("albums/\u{2215} x/a.jpg")).unwrap();
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(std::fs::create_dir(at("albums/a"))), libc::EEXIST);
    assert_eq!(errno(std::fs::remove_dir(at("albums/A/B"))), libc::ENOTEMPTY);
    assert_eq!(errno(std::fs::remove_dir(at("albums"))), libc::EROFS);
    assert_eq!(errno(std::fs::rename(at("albums/A"), at("albums/A/B/A"))), libc::EINVAL);
    assert_eq!(errno(std::fs::rename(at("albums/A"), at("tags/A"))), libc::EPERM);
    let stands_in = std::fs::File::open(at("albums/A/B")).unwrap();
    std::fs::rename(at("albums/A/B"), at("albums/C")).unwrap();
    assert_eq!(stands_in.metadata().unwrap().ino(), std::fs::metadata(at("albums/C")).unwrap().ino());
    assert_eq!(listed(&at("albums/C")), ["a.jpg"]);
    assert_eq!(listed(&at("albums/A")), ["b.jpg"]);
    // Onto another: only when that is empty.
    assert_eq!(errno(std::fs::rename(at("albums/A"), at("albums/C"))), libc::ENOTEMPTY);
    std::fs::rename(at("albums/C/a.jpg"), at("albums/A/a.jpg")).unwrap();
    assert_eq!(listed(&at("albums/A")), ["a.jpg", "b.jpg"]);
    std::fs::rename(at("albums/A"), at("albums/C")).unwrap();
    assert_eq!(listed(&at("albums/C")), ["a.jpg", "b.jpg"], "the one that was moved");
    assert_eq!(listed(&at("albums")), ["C", "\u{2215} x"]);
    std::fs::rename(at("albums/C"), at("trash/C")).unwrap();
    soon("no photo goes with it", || {
        listed(&at("albums")) == ["\u{2215} x"] && listed(&at("trash")).is_empty()
    });
    assert_eq!(links(), before);
    assert_eq!(listed(&at("all/2024/05")), ["a.jpg", "b.jpg"]);
}

#[test]
fn the_name_of_a_directory_that_is_gone_is_free_at_once() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    let at = |path: &str| mounted.at(path);
    soon("a photo", || at("all/2024/05/a.jpg").exists());
    for parent in ["albums", "tags"] {
        let [one, other] = ["one", "other"].map(|name| at(parent).join(name));
        for _ in 0..2 {
            std::fs::create_dir(&one).unwrap();
            std::fs::hard_link(at("all/2024/05/a.jpg"), one.join("a.jpg")).unwrap();
            std::fs::remove_dir_all(&one).unwrap();
            assert!(!one.exists());
        }
        std::fs::create_dir(&one).unwrap();
        std::fs::create_dir(one.join("below")).unwrap();
        std::fs::hard_link(at("all/2024/05/a.jpg"), one.join("below/a.jpg")).unwrap();
        std::fs::remove_file(one.join("below/a.jpg")).unwrap();
        std::fs::create_dir_all(one.join("below")).unwrap();
        std::fs::rename(&one, &other).unwrap();
        std::fs::create_dir(&one).unwrap();
        std::fs::create_dir(one.join("below")).unwrap();
    }
}

#[test]
fn what_is_deleted_is_in_the_trash_and_can_be_had_back() {
    let mounted = Mounted::new();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        mounted.library.add_plain(&format!("x/{name}"), name.as_bytes());
    }
    let at = |path: &str| mounted.at(path);
    let month = at("all/2024/05");
    soon("photos", || month.exists() && listed(&month).len() == 3);
    std::fs::hard_link(month.join("a.jpg"), at("favourites/a.jpg")).unwrap();
    std::fs::rename(at("favourites/a.jpg"), at("trash/a.jpg")).unwrap();
    std::fs::remove_file(at("folders/Pictures/x/b.jpg")).unwrap();
    assert_eq!(listed(&at("trash")), ["a.jpg", "b.jpg"]);
    assert_eq!(listed(&month), ["c.jpg"]);
    assert_eq!(listed(&at("folders/Pictures/x")), ["c.jpg"]);
    assert_eq!(std::fs::read(at("trash/a.jpg")).unwrap(), b"a.jpg");
    assert_eq!(std::fs::metadata(at("trash/a.jpg")).unwrap().nlink(), 1);
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    std::fs::rename(at("trash/a.jpg"), at("all/a.jpg")).unwrap();
    soon("where it belongs", || listed(&month) == ["a.jpg", "c.jpg"] && !at("all/a.jpg").exists());
    assert_eq!(listed(&at("favourites")), ["a.jpg"], "what was decided of it is still");
    std::fs::create_dir(at("albums/A")).unwrap();
    std::fs::hard_link(at("trash/b.jpg"), at("albums/A/b.jpg")).unwrap();
    soon("both", || listed(&at("albums/A")) == ["b.jpg"] && listed(&month).len() == 3);
    // A whole folder at once.
    std::fs::rename(at("folders/Pictures/x"), at("trash/x")).unwrap();
    soon("all three", || listed(&at("trash")) == ["a.jpg", "b.jpg", "c.jpg"]);
    soon("no such folder", || !at("trash/x").exists() && !month.exists());
    assert_eq!(errno(std::fs::rename(at("rated"), at("trash/rated"))), libc::EROFS);
    std::fs::remove_file(at("trash/b.jpg")).unwrap();
    assert_eq!(listed(&at("trash")), ["a.jpg", "c.jpg"]);
    assert!(!mounted.library.root.join("x/b.jpg").exists() && mounted.library.root.join("x/a.jpg").exists());
}

#[test]
fn people_and_tags_are_made_with_mkdir() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    let at = |path: &str| mounted.at(path);
    let photo = at("all/2024/05/a.jpg");
    soon("a photo", || photo.exists());
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    for made in ["people/Ann", "tags/Trips", "tags/Trips/Rome"] {
        std::fs::create_dir(at(made)).unwrap();
        assert_eq!(listed(&at(made)), [""; 0], "{made}");
    }
    assert_eq!(errno(std::fs::create_dir(at("people/unnamed/x"))), libc::EPERM);
    assert_eq!(errno(std::fs::create_dir(at("people/ two "))), libc::EINVAL);
    assert_eq!(errno(std::fs::create_dir(at("tags/ "))), libc::EINVAL);
    assert_eq!(errno(std::fs::remove_dir(at("tags/Trips"))), libc::ENOTEMPTY);
    std::fs::hard_link(&photo, at("people/Ann/a.jpg")).unwrap();
    std::fs::hard_link(&photo, at("tags/Trips/Rome/a.jpg")).unwrap();
    std::fs::rename(at("tags/Trips"), at("tags/Away")).unwrap();
    assert_eq!(listed(&at("tags/Away/Rome")), ["a.jpg"]);
    std::fs::remove_file(at("people/Ann/a.jpg")).unwrap();
    assert_eq!(listed(&at("people/Ann")), [""; 0]);
    std::fs::remove_dir(at("people/Ann")).unwrap();
    soon("nobody", || !at("people/Ann").exists());
}

#[test]
fn a_directory_that_goes_with_its_last_photo_can_still_be_removed() {
    let mounted = Mounted::new();
    for name in ["a.jpg", "b.jpg"] {
        mounted.library.add_plain(&format!("x/y/{name}"), name.as_bytes());
    }
    let at = |path: &str| mounted.at(path);
    soon("photos", || at("all/2024/05/b.jpg").exists());
    let restore = || {
        for name in ["a.jpg", "b.jpg"] {
            std::fs::rename(at("trash").join(name), at("all").join(name)).unwrap();
        }
        soon("both again", || at("all/2024/05/b.jpg").exists() && at("folders/Pictures/x/y/a.jpg").exists());
    };
    assert_eq!(mounted.sh("rm -r all/2024 && ls all && ls trash"), "a.jpg\nb.jpg");
    assert!(!at("all/2024").exists());
    restore();
    assert_eq!(
        mounted.sh("find folders/Pictures/x -delete && ls folders/Pictures && ls trash"),
        "a.jpg\nb.jpg"
    );
    restore();
    // Nobody comes to remove it.
    let month = at("all/2024/05");
    std::fs::remove_file(month.join("a.jpg")).unwrap();
    std::fs::remove_file(month.join("b.jpg")).unwrap();
    assert!(month.exists() && listed(&at("all")).is_empty());
    soon("it is gone", || !month.exists() && !at("all/2024").exists());
}

#[test]
fn searches_are_saved_renamed_and_forgotten_and_whoever_watches_is_told() {
    let mounted = Mounted::new();
    mounted.library.add_plain("dog.jpg", b"one");
    mounted.library.add_plain("cat.jpg", b"two");
    let at = |path: &str| mounted.at(path);
    let mut watcher = Watcher::of(&[&at("searches")]);
    std::fs::create_dir(at("searches/dog")).unwrap();
    watcher.expect("CREATE,ISDIR dog");
    soon("what is found", || listed(&at("searches/dog")) == ["001 dog.jpg"]);
    assert_eq!(std::fs::read(at("searches/dog/001 dog.jpg")).unwrap(), b"one");
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(std::fs::create_dir(at("searches/DOG"))), libc::EEXIST);
    assert_eq!(errno(std::fs::create_dir(at("searches/bad:word"))), libc::EINVAL);
    assert_eq!(errno(std::fs::create_dir(at("searches/.hidden"))), libc::EINVAL);
    assert_eq!(errno(std::fs::create_dir(at("searches/dog/below"))), libc::EROFS);
    assert_eq!(errno(std::fs::remove_file(at("searches/dog/001 dog.jpg"))), libc::EROFS);
    let inside = std::fs::metadata(at("searches/dog")).unwrap().ino();
    std::fs::rename(at("searches/dog"), at("searches/Animals / all")).unwrap_err();
    std::fs::rename(at("searches/dog"), at("searches/Animals")).unwrap();
    assert_eq!(
        std::fs::metadata(at("searches/Animals")).unwrap().ino(),
        inside,
        "whoever stands in it stays"
    );
    let query = |path: &str| {
        let mut value = [0; 64];
        let length = rustix::fs::getxattr(at(path), "user.galleryfs.query", &mut value).unwrap();
        String::from_utf8(value[..length].to_vec()).unwrap()
    };
    assert_eq!(query("searches/Animals"), "dog");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(at("searches/Animals"), "user.galleryfs.query", b"cat", flags).unwrap();
    assert_eq!((query("searches/Animals"), query("search/cat")), ("cat".to_owned(), "cat".to_owned()));
    assert_eq!(listed(&at("searches/Animals")), ["001 cat.jpg"]);
    let fixed = rustix::fs::setxattr(at("search/cat"), "user.galleryfs.query", b"dog", flags);
    assert_eq!(fixed, Err(rustix::io::Errno::PERM));
    std::fs::create_dir(at("searches/dog")).unwrap();
    assert_eq!(errno(std::fs::rename(at("searches/dog"), at("searches/Animals"))), libc::EEXIST);
    std::fs::rename(at("searches/dog"), at("trash/dog")).unwrap();
    std::fs::remove_dir(at("searches/Animals")).unwrap();
    watcher.expect("DELETE,ISDIR Animals");
    assert_eq!(listed(&at("searches")), [""; 0]);
    assert_eq!(listed(&at("trash")), [""; 0], "no photo goes with a search");
}

#[test]
fn an_album_has_an_order_and_a_cover() {
    let mounted = Mounted::new();
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        mounted.library.add_plain(name, name.as_bytes());
    }
    let (album, dir) = (mounted.at("albums/Trip"), mounted.at("all/2024/05"));
    soon("photos", || dir.exists() && listed(&dir).len() == 3);
    std::fs::create_dir(&album).unwrap();
    for name in ["a.jpg", "b.jpg"] {
        std::fs::hard_link(dir.join(name), album.join(name)).unwrap();
    }
    let flags = rustix::fs::XattrFlags::empty();
    let set = |name: &str, value: &str| rustix::fs::setxattr(&album, name, value.as_bytes(), flags);
    let get = |name: &str| {
        let mut value = [0; 64];
        let length = rustix::fs::getxattr(&album, name, &mut value)?;
        Ok::<_, rustix::io::Errno>(String::from_utf8(value[..length].to_vec()).unwrap())
    };
    let in_order = || mounted.sh("ls -U albums/Trip") + "\n";
    assert_eq!(get("user.galleryfs.order"), Err(rustix::io::Errno::NODATA));
    set("user.galleryfs.order", "b.jpg\na.jpg\n").unwrap();
    assert_eq!(
        (in_order(), get("user.galleryfs.order")),
        ("b.jpg\na.jpg\n".into(), Ok("b.jpg\na.jpg".into()))
    );
    std::fs::hard_link(dir.join("c.jpg"), album.join("c.jpg")).unwrap();
    assert_eq!(in_order(), "b.jpg\na.jpg\nc.jpg\n", "what has no place comes last");
    set("user.galleryfs.cover", "c.jpg").unwrap();
    assert_eq!(get("user.galleryfs.cover"), Ok("c.jpg".into()));
    std::fs::remove_file(album.join("c.jpg")).unwrap();
    assert_eq!(get("user.galleryfs.cover"), Err(rustix::io::Errno::NODATA), "it is not in it any more");
    assert_eq!(set("user.galleryfs.cover", "c.jpg"), Err(rustix::io::Errno::INVAL));
    assert_eq!(set("user.galleryfs.order", "nothing.jpg"), Err(rustix::io::Errno::INVAL));
    rustix::fs::removexattr(&album, "user.galleryfs.order").unwrap();
    assert_eq!(in_order(), "a.jpg\nb.jpg\n");
    let other = rustix::fs::setxattr(mounted.at("albums"), "user.galleryfs.cover", b"a.jpg", flags);
    assert_eq!(other, Err(rustix::io::Errno::PERM));
}

#[test]
fn file_managers_find_their_trash_and_empty_it() {
    let mounted = Mounted::new();
    for name in ["a.jpg", "b.jpg"] {
        mounted.library.add_plain(name, name.as_bytes());
    }
    let at = |path: &str| mounted.at(path);
    soon("photos", || at("all/2024/05").exists() && listed(&at("all/2024/05")).len() == 2);
    let user = rustix::process::geteuid().as_raw();
    let can = at(&format!(".Trash-{user}"));
    let about = std::fs::symlink_metadata(&can).unwrap();
    assert_eq!((about.uid(), about.mode() & 0o7777, about.is_dir()), (user, 0o700, true));
    assert!(!at(".Trash-4711").exists(), "others have no say in what is removed for good");
    assert!(!listed(&mounted.at("")).iter().any(|name| name.starts_with(".Trash")));
    assert_eq!(listed(&can), ["expunged", "files", "info"]);
    assert!(!at(".Trash-x").exists() && !at(".Trash").exists());

    // As GLib does it: a file that says where it was, whole under another name first, then the photo.
    let info = "[Trash Info]\nPath=favourites/a.jpg\nDeletionDate=2024-05-01T10:20:30\n";
    let (files, infos) = (can.join("files"), can.join("info"));
    std::fs::write(infos.join("a.jpg.trashinfo"), "").unwrap();
    std::fs::write(infos.join("a.jpg.trashinfo.AB12CD"), info).unwrap();
    std::fs::rename(infos.join("a.jpg.trashinfo.AB12CD"), infos.join("a.jpg.trashinfo")).unwrap();
    std::fs::rename(at("all/2024/05/a.jpg"), files.join("a.jpg")).unwrap();
    assert_eq!(
        (listed(&files), listed(&infos)),
        (vec!["a.jpg".to_owned()], vec!["a.jpg.trashinfo".to_owned()])
    );
    assert_eq!(std::fs::read_to_string(infos.join("a.jpg.trashinfo")).unwrap(), info);
    assert_eq!(listed(&at("trash")), ["a.jpg"]);
    std::fs::remove_file(at("all/2024/05/b.jpg")).unwrap();
    let made_up = std::fs::read_to_string(infos.join("b.jpg.trashinfo")).unwrap();
    assert!(made_up.starts_with("[Trash Info]\nPath=all/2024/05/b.jpg\nDeletionDate="), "{made_up}");

    // Given another name for the trash, it is there under its own, and so is what is said of it.
    std::fs::rename(files.join("b.jpg"), at("all/2024/05/b.jpg")).unwrap();
    std::fs::write(infos.join("b.2.jpg.trashinfo"), "said of b").unwrap();
    std::fs::rename(at("all/2024/05/b.jpg"), files.join("b.2.jpg")).unwrap();
    assert_eq!(listed(&files), ["a.jpg", "b.jpg"]);
    assert_eq!(std::fs::read_to_string(infos.join("b.jpg.trashinfo")).unwrap(), "said of b");

    // Restored, and removed for good in both ways that there are.
    std::fs::rename(files.join("b.jpg"), at("favourites/b.jpg")).unwrap();
    std::fs::remove_file(infos.join("b.jpg.trashinfo")).unwrap();
    assert_eq!(listed(&at("favourites")), ["b.jpg"]);
    let errno = |outcome: io::Result<()>| outcome.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(std::fs::remove_file(infos.join("b.jpg.trashinfo"))), libc::ENOENT);
    assert_eq!(errno(std::fs::rename(at("favourites/b.jpg"), can.join("expunged/1"))), libc::EPERM);
    std::fs::rename(files.join("a.jpg"), can.join("expunged/12345")).unwrap();
    assert!(!mounted.library.root.join("a.jpg").exists());
    std::fs::remove_file(at("favourites/b.jpg")).unwrap();
    std::fs::rename(at("all/2024/05/b.jpg"), files.join("b.jpg")).unwrap();
    std::fs::remove_file(files.join("b.jpg")).unwrap();
    assert!(!mounted.library.root.join("b.jpg").exists());
    assert_eq!((listed(&files), listed(&infos)), (vec![], vec![]));
    std::fs::write(infos.join("big.trashinfo"), vec![b'x'; 100_000]).unwrap_err();
}

#[test]
fn a_year_that_is_moved_into_the_trash_takes_nothing_above_it_along() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    let other = Photo { path: "b.jpg", taken: Some("2023-12-31T10:00:00"), ..Photo::default() };
    mounted.library.add(&other, b"two");
    let at = |path: &str| mounted.at(path);
    soon("photos", || listed(&at("all")) == ["2023", "2024"]);
    // Whoever looks at the trash is told that the year is not there under its name.
    let mut watcher = Watcher::of(&[&at("trash")]);
    std::fs::rename(at("all/2023"), at("trash/2023")).unwrap();
    watcher.expect("CREATE b.jpg");
    watcher.expect("DELETE,ISDIR 2023");
    for _ in 0..20 {
        assert_eq!(listed(&at("all")), ["2024"]);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_tag_that_is_renamed_to_another_lists_what_that_has() {
    let mounted = Mounted::new();
    let photo = Photo { path: "a.jpg", tags: &["x/y"], ..Photo::default() };
    mounted.library.add(&photo, b"one");
    soon("a photo", || mounted.at("tags/x/y/a.jpg").exists());
    std::fs::create_dir(mounted.at("tags/new")).unwrap();
    assert_eq!(listed(&mounted.at("tags/new")), [""; 0]);
    std::fs::rename(mounted.at("tags/new"), mounted.at("tags/x")).unwrap();
    assert_eq!(listed(&mounted.at("tags/x")), ["y"]);
    assert_eq!(listed(&mounted.at("tags")), ["x"]);
}

#[test]
fn what_a_file_manager_deleted_is_put_back_where_its_folder_went_with_it() {
    let mounted = Mounted::new();
    let photo = Photo {
        path: "a.jpg",
        taken: Some("2003-05-01T10:00:00"),
        camera: Some(("Canon", "Canon EOS 40D")),
        ..Photo::default()
    };
    mounted.library.add(&photo, b"one");
    let at = |path: &str| mounted.at(path);
    soon("a photo", || at("all/2003/05/a.jpg").exists());
    let camera = at("cameras").join(listed(&at("cameras"))[0].clone());
    let can = at(&format!(".Trash-{}", rustix::process::getuid().as_raw()));
    let (files, infos) = (can.join("files"), can.join("info"));
    // As they do it: what is written first, the photo, and back again; out of a search as well.
    let delete = |from: &Path| {
        let path = from.strip_prefix(at("")).unwrap().to_str().unwrap().replace(' ', "%20");
        let text = format!("[Trash Info]\nPath={path}\nDeletionDate=2026-05-01T10:00:00\n");
        std::fs::write(infos.join("a.jpg.trashinfo"), &text).unwrap();
        std::fs::rename(from, files.join("a.jpg")).unwrap();
        assert_eq!(std::fs::read_to_string(infos.join("a.jpg.trashinfo")).unwrap(), text);
        soon("the folder went as well", || !at("all/2003").exists());
    };
    delete(&camera.join("a.jpg"));
    assert_eq!(std::fs::create_dir(at("cameras/Other")).unwrap_err().raw_os_error(), Some(libc::EROFS));
    std::fs::create_dir(&camera).unwrap();
    std::fs::rename(files.join("a.jpg"), camera.join("a.jpg")).unwrap();
    assert_eq!(listed(&camera), ["a.jpg"]);
    assert_eq!(listed(&at("all/2003/05")), ["a.jpg"]);
    soon("what was written goes with it", || !infos.join("a.jpg.trashinfo").exists());
    delete(&at("all/2003/05/a.jpg"));
    std::fs::create_dir_all(at("all/2003/05")).unwrap();
    std::fs::rename(files.join("a.jpg"), at("all/2003/05/a.jpg")).unwrap();
    assert_eq!(listed(&camera), ["a.jpg"]);
    std::fs::remove_file(camera.join("a.jpg")).unwrap();
    std::fs::rename(files.join("a.jpg"), at("search/canon/001 a.jpg")).unwrap();
    assert_eq!(listed(&camera), ["a.jpg"]);
    assert_eq!(listed(&at("trash")), [""; 0]);
}
