//! Programs that look at what they have copied, and copy again what they do not find as they left it.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use galleryfs_tests::{Jpeg, Site, eventually, folder};

const NAMES: [&str; 3] = ["IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"];

/// A folder of photos of long ago, which not everybody may look into.
fn card() -> (tempfile::TempDir, PathBuf) {
    let card = tempfile::tempdir().unwrap();
    let dcim = card.path().join("DCIM");
    std::fs::create_dir(&dcim).unwrap();
    for (name, seed) in NAMES.iter().zip(1..) {
        let path = dcim.join(name);
        std::fs::write(&path, Jpeg::new(seed).taken("2024:05:01 10:20:30").padding(200_000).bytes()).unwrap();
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000 + seed);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    }
    std::fs::set_permissions(&dcim, std::fs::Permissions::from_mode(0o750)).unwrap();
    (card, dcim)
}

/// Runs a program that must succeed, and says what it said.
fn run(program: &str, arguments: &[&str], paths: &[&Path]) -> String {
    let done = Command::new(program).args(arguments).args(paths).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(done.status.success(), "{program} {paths:?}: {said}");
    said
}

#[test]
fn rclone_copies_once_and_then_finds_nothing_to_do() {
    let there = Command::new("rclone").arg("version").stdout(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "rclone is missing: run `make test`");
        return eprintln!("skipped: needs rclone");
    }
    let site = Site::default();
    let daemon = site.up();
    daemon.settle();
    let (_card, dcim) = card();
    // No configuration of whoever tests.
    let rclone = |command: &str, to: &Path| run("rclone", &[command, "--config=", "--verbose"], &[&dcim, to]);
    let (inbox, album) = (site.mount().join("inbox"), site.mount().join("albums/A"));
    std::fs::create_dir(&album).unwrap();
    for to in [&inbox, &album] {
        assert_eq!(rclone("copy", to).matches("Copied").count(), NAMES.len());
        eventually("all are there", &NAMES.map(str::to_owned).to_vec(), || folder::names(to));
        let again = rclone("copy", to);
        assert!(again.contains("nothing to transfer"), "{again}");
        rclone("check", to);
    }
    // Into the album went what was in the library by then.
    daemon.settle();
    assert_eq!(site.list().len(), NAMES.len());
    assert!(daemon.stop().success());
}

#[test]
fn a_directory_copied_into_albums_with_all_that_belongs_to_it_is_an_album() {
    let site = Site::default();
    let daemon = site.up();
    daemon.settle();
    let (card, dcim) = card();
    let albums = site.mount().join("albums");
    let wanted = NAMES.map(str::to_owned).to_vec();
    let is_there = |album: &str| eventually(album, &wanted, || folder::names(&albums.join(album)));

    run("cp", &["-a"], &[&dcim, &albums]);
    is_there("DCIM");
    let synced = albums.join("synced");
    let rsync = |more: &str| run("rsync", &["-a", "--stats", more], &[&dcim.join(""), &synced.join("")]);
    rsync("--whole-file");
    is_there("synced");
    let again = rsync("--whole-file");
    assert!(again.contains("files transferred: 0"), "{again}");
    let last = card.path().join("moved");
    std::fs::rename(&dcim, &last).unwrap();
    run("mv", &[], &[&last, &albums]);
    is_there("moved");
    assert!(!last.exists());
    daemon.settle();
    assert_eq!(site.list().len(), NAMES.len());
    assert!(daemon.stop().success());
}
