//! Photos saved over on a real mount, in the ways in which programs do that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::mounted::{Mounted, Watcher, listed, noise, soon};

fn errno<T: std::fmt::Debug>(outcome: io::Result<T>) -> i32 {
    outcome.unwrap_err().raw_os_error().unwrap()
}

/// A mount with one photo of May 2024, and where it stands.
fn with_photo() -> (Mounted, PathBuf, Vec<u8>) {
    let mounted = Mounted::new();
    let bytes = noise(100_000);
    std::fs::write(mounted.at("inbox/a.jpg"), &bytes).unwrap();
    let photo = mounted.at("all/2024/05/a.jpg");
    soon("a photo", || photo.exists());
    (mounted, photo, bytes)
}

/// It shows the new bytes in every view, and the file before is as it was.
fn is_saved(mounted: &Mounted, photo: &Path, bytes: &[u8], before: &[u8]) {
    assert_eq!(std::fs::read(photo).unwrap(), bytes);
    assert_eq!(photo.metadata().unwrap().len(), bytes.len() as u64);
    let elsewhere = mounted.at("recent").join(photo.file_name().unwrap());
    soon("another view", || std::fs::read(&elsewhere).unwrap() == bytes);
    let number = elsewhere.metadata().unwrap().ino();
    soon("one file", || photo.metadata().unwrap().ino() == number);
    assert_eq!(std::fs::read(mounted.library.root.join("in/a.before")).unwrap(), before);
}

#[test]
fn a_photo_that_is_written_to_gets_a_version_when_it_is_closed() {
    let (mounted, photo, before) = with_photo();
    let number = photo.metadata().unwrap().ino();
    let file = OpenOptions::new().read(true).write(true).open(&photo).unwrap();
    file.write_all_at(b"abc", 50).unwrap();
    let mut read = [0; 5];
    file.read_exact_at(&mut read, 49).unwrap();
    assert_eq!(&read[1..4], b"abc");
    assert_eq!(std::fs::read(mounted.at("recent/a.jpg")).unwrap(), before, "others read what it was");
    file.write_all_at(b"the end", 100_000).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 100_007);
    drop(file);
    let mut bytes = before.clone();
    bytes.splice(50..53, *b"abc");
    bytes.extend(b"the end");
    is_saved(&mounted, &photo, &bytes, &before);
    assert_ne!(photo.metadata().unwrap().ino(), number);
}

#[test]
fn a_photo_that_is_emptied_and_filled_again_gets_a_version_and_one_that_is_only_emptied_does_not() {
    let (mounted, photo, before) = with_photo();
    drop(OpenOptions::new().write(true).truncate(true).open(&photo).unwrap());
    soon("as it was", || std::fs::read(&photo).unwrap() == before);

    let shell = format!("printf hello > '{}'", photo.display());
    assert!(Command::new("sh").args(["-c", &shell]).status().unwrap().success());
    is_saved(&mounted, &photo, b"hello", &before);
    // cp over it, by bytes.
    let other = mounted.library.root.join("other");
    std::fs::write(&other, "other bytes").unwrap();
    assert!(Command::new("cp").arg(&other).arg(&photo).status().unwrap().success());
    is_saved(&mounted, &photo, b"other bytes", b"hello");
    // And with modes and times, as cp -p and cp -a set them.
    std::fs::write(&other, "private bytes").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
    let done = Command::new("cp").arg("-p").arg(&other).arg(&photo).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    is_saved(&mounted, &photo, b"private bytes", b"other bytes");
}

#[test]
fn a_file_that_is_given_a_photos_name_is_a_version_of_it() {
    let (mounted, photo, before) = with_photo();
    for temporary in [".goutputstream-ABC", "a.jpg_exiftool_tmp", "sedXy12"] {
        let new = photo.with_file_name(temporary);
        std::fs::write(&new, temporary).unwrap();
        assert_eq!(std::fs::read(&photo).unwrap().len(), photo.metadata().unwrap().len() as usize);
        std::fs::rename(&new, &photo).unwrap();
        assert_eq!(std::fs::read(&photo).unwrap(), temporary.as_bytes());
        assert!(!new.exists());
    }
    is_saved(&mounted, &photo, b"sedXy12", b"a.jpg_exiftool_tmp");
    assert_ne!(before, b"sedXy12");
    // What is no photo is not one.
    let new = photo.with_file_name(".tmp");
    std::fs::write(&new, "no photo").unwrap();
    assert_eq!(errno(std::fs::rename(&new, &photo)), libc::EINVAL);
    assert_eq!(std::fs::read(&new).unwrap(), b"no photo");
    assert_eq!(std::fs::read(&photo).unwrap(), b"sedXy12");
    std::fs::remove_file(&new).unwrap();
}

#[test]
fn a_new_photo_is_not_begun_where_photos_are_computed_to_be() {
    let (mounted, photo, _) = with_photo();
    assert_eq!(errno(File::create_new(photo.with_file_name("b.jpg"))), libc::EPERM);
    assert_eq!(errno(File::create_new(photo.with_file_name("notes.txt"))), libc::EPERM);
    assert_eq!(errno(File::create_new(mounted.at("all/b"))), libc::EPERM);
    assert_eq!(errno(File::create_new(mounted.at("b"))), libc::EPERM);
    std::fs::write(photo.with_file_name("4913"), "").unwrap();
    assert_eq!(
        errno(std::fs::rename(photo.with_file_name("4913"), photo.with_file_name("b.jpg"))),
        libc::EPERM
    );
    std::fs::remove_file(photo.with_file_name("4913")).unwrap();
}

#[test]
fn the_dance_of_savers_ends_with_a_version_and_its_interruption_with_the_photo() {
    let (mounted, photo, before) = with_photo();
    let aside = photo.with_file_name("a.jpg~");
    std::fs::rename(&photo, &aside).unwrap();
    assert!(!photo.exists(), "savers look whether it is gone");
    assert_eq!(std::fs::read(mounted.at("recent/a.jpg")).unwrap(), before, "in this folder only");
    assert_eq!(std::fs::read(&aside).unwrap(), before);
    // Given up.
    std::fs::rename(&aside, &photo).unwrap();
    assert_eq!(std::fs::read(&photo).unwrap(), before);
    assert!(!aside.exists());
    // To its end.
    std::fs::rename(&photo, &aside).unwrap();
    let mut new = File::create(&photo).unwrap();
    new.write_all(b"new bytes").unwrap();
    drop(new);
    std::fs::remove_file(&aside).unwrap();
    is_saved(&mounted, &photo, b"new bytes", &before);
    assert!(!aside.exists());
}

#[test]
fn sed_saves_in_place() {
    let (mounted, photo, _) = with_photo();
    std::fs::write(&photo, "hello world").unwrap();
    let done = Command::new("sed").args(["-i", "s/world/there/"]).arg(&photo).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    is_saved(&mounted, &photo, b"hello there", b"hello world");
}

#[test]
fn versions_are_listed_and_removing_the_last_goes_back() {
    let (mounted, photo, first) = with_photo();
    let versions = mounted.at("versions");
    assert_eq!(listed(&versions), [""; 0]);
    let mut watcher = Watcher::of(&[&versions]);
    std::fs::write(&photo, b"the second").unwrap();
    watcher.expect("CREATE,ISDIR a.jpg");
    let dir = versions.join("a.jpg");
    soon("two versions", || listed(&dir) == ["0001 a.jpg", "0002 a.jpg"]);
    let mut watcher = Watcher::of(&[&dir]);
    std::fs::write(&photo, b"the third").unwrap();
    soon("three versions", || listed(&dir) == ["0001 a.jpg", "0002 a.jpg", "0003 a.jpg"]);
    watcher.expect("CREATE 0003 a.jpg");
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    assert!(
        read("0001 a.jpg") == first
            && read("0002 a.jpg") == b"the second"
            && read("0003 a.jpg") == b"the third"
    );
    let inode = |path: &Path| path.metadata().unwrap().ino();
    assert_eq!(inode(&dir.join("0003 a.jpg")), inode(&photo));
    assert_eq!(errno(std::fs::remove_file(dir.join("0002 a.jpg"))), libc::EPERM);
    assert_eq!(errno(File::create(dir.join("0001 a.jpg"))), libc::EROFS);
    assert_eq!(errno(std::fs::rename(dir.join("0001 a.jpg"), mounted.at("all/2024/05/b.jpg"))), libc::EROFS);
    assert_eq!(
        errno(std::fs::hard_link(dir.join("0001 a.jpg"), mounted.at("favourites/b.jpg"))),
        libc::EROFS
    );
    assert_eq!(errno(File::create(dir.join("new.jpg"))), libc::EPERM);
    std::fs::hard_link(dir.join("0003 a.jpg"), mounted.at("favourites/a.jpg")).unwrap();
    std::fs::remove_file(dir.join("0003 a.jpg")).unwrap();
    assert_eq!(std::fs::read(&photo).unwrap(), b"the second");
    assert_eq!(listed(&dir), ["0001 a.jpg", "0002 a.jpg"]);
    soon("it is the photo", || inode(&dir.join("0002 a.jpg")) == inode(&photo));
    assert_eq!(std::fs::read(mounted.at("favourites/a.jpg")).unwrap(), b"the second");
    std::fs::remove_file(mounted.at("all/2024/05/a.jpg")).unwrap();
    assert_eq!(listed(&versions), [""; 0], "not of what is in the trash");
    std::fs::rename(mounted.at("trash/a.jpg"), mounted.at("all/a.jpg")).unwrap();
    std::fs::remove_file(dir.join("0002 a.jpg")).unwrap();
    assert_eq!(std::fs::read(&photo).unwrap(), first);
    soon("nothing to go back to", || listed(&versions).is_empty() && !dir.exists());
}
