//! What moving, linking and removing names decides, and setting attributes, on a real mount.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

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

#[test]
fn people_are_named_merged_and_left_without_a_name_by_moving_their_directories() {
    let mounted = Mounted::new();
    let photos = ["a.jpg", "b.jpg"].map(|name| mounted.library.add_plain(name, name.as_bytes()));
    mounted.library.person(Some("Ann"), &photos[..1]);
    mounted.library.person(None, &photos[1..]);
    let at = |path: &str| mounted.at(path);
    soon("somebody", || at("people/unnamed/person 2/b.jpg").exists());
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
