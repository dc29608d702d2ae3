//! Photos removed for good from the trash: all their files or none, also when the daemon is killed in between.
//!
//! `GALLERYFS_SOAK=1` makes it many kills. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use galleryfs_tests::{Jpeg, Random, Site, eventually, folder};

fn trashed(site: &Site) -> Vec<String> {
    folder::names(&site.mount().join("trash"))
}

#[test]
fn what_is_removed_from_the_trash_goes_with_all_that_is_its() {
    let site = Site::default();
    let photo = Jpeg::new(1).taken("2024:05:01 10:20:30");
    site.photo("a.jpg", &photo);
    site.put("a.jpg.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>");
    site.photo("b.jpg", &Jpeg::new(2).taken("2024:05:01 10:20:30"));
    let daemon = site.up();
    daemon.settle();
    // Only now: of two copies, the one that is found first names the photo.
    site.photo("copies/again.jpg", &photo);
    eventually("the copy is known", &2, || {
        let assets = site.list();
        assets.iter().map(|asset| asset["paths"].as_array().unwrap().len()).max().unwrap()
    });
    let month = site.mount().join("all/2024/05");
    eventually("the photos are there", &3, || folder::names(&month).len());
    std::fs::remove_file(month.join("a.jpg")).unwrap();
    std::fs::remove_file(month.join("b.jpg")).unwrap();
    assert_eq!(folder::contents(site.photos()).len(), 4, "nothing is gone yet");

    // Changed since: nothing of it goes.
    let original = std::fs::read(site.photos().join("copies/again.jpg")).unwrap();
    let modified = site.photos().join("copies/again.jpg").metadata().unwrap().modified().unwrap();
    let file = std::fs::File::options().write(true).open(site.photos().join("copies/again.jpg")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"!", original.len() as u64 - 5).unwrap();
    file.set_modified(modified).unwrap();
    let refused = std::fs::remove_file(site.mount().join("trash/a.jpg")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    assert_eq!(folder::contents(site.photos()).len(), 4);
    std::fs::write(site.photos().join("copies/again.jpg"), &original).unwrap();
    daemon.settle();

    std::fs::remove_file(site.mount().join("trash/a.jpg")).unwrap();
    assert_eq!(folder::names(site.photos()), ["b.jpg"]);
    assert_eq!(trashed(&site), ["b.jpg"]);
    assert!(daemon.stop().success());
    // The same bytes again are the same photo.
    site.photo("back.jpg", &photo);
    let daemon = site.up();
    eventually("it is back", &vec!["a.jpg".to_owned()], || folder::names(&month));
    assert!(daemon.stop().success());
}

#[test]
fn a_slip_is_stopped_until_it_is_said_to_be_meant() {
    let site = Site::default();
    for at in 0..6 {
        site.photo(&format!("x/{at}.jpg"), &Jpeg::new(at).taken("2024:05:01 10:20:30"));
    }
    let daemon = site.up_with(&["--trash-guard", "4"]);
    daemon.settle();
    let (folder, trash) = (site.mount().join("folders/photos/x"), site.mount().join("trash"));
    eventually("the photos are there", &6, || folder::names(&folder).len());
    let refused = std::fs::rename(&folder, trash.join("x")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    assert!(trashed(&site).is_empty(), "all or none");
    for at in 0..4 {
        std::fs::remove_file(folder.join(format!("{at}.jpg"))).unwrap();
    }
    assert!(std::fs::remove_file(folder.join("4.jpg")).is_err());
    let said = site.ask(&["trash", "allow"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    std::fs::rename(&folder, trash.join("x")).unwrap();
    assert_eq!(trashed(&site).len(), 6);
    assert!(daemon.stop().success());
    assert_eq!(site.ask(&["trash", "allow"]).code, Some(1), "there is nobody to tell");
}

#[test]
fn what_is_removed_is_removed_whole_or_not_at_all_whenever_the_daemon_is_killed() {
    let rounds = if galleryfs_tests::soaks() { 40 } else { 4 };
    let seed = galleryfs_tests::seed();
    let mut random = Random::new(seed);
    let site = Site::default();
    site.photo("anchor.jpg", &Jpeg::new(999_999).taken("2024:05:01 10:20:30"));
    let mut serial = 0;
    for round in 0..rounds {
        let names: Vec<String> = (0..8)
            .map(|_| {
                serial += 1;
                let jpeg = Jpeg::new(serial).taken("2024:05:01 10:20:30");
                site.photo(&format!("{serial}.jpg"), &jpeg);
                site.photo(&format!("copies/{serial}.jpg"), &jpeg);
                format!("{serial}.jpg")
            })
            .collect();
        let daemon = site.up();
        daemon.settle();
        let month = site.mount().join("all/2024/05");
        eventually("all are there", &true, || names.iter().all(|name| month.join(name).exists()));
        for name in &names {
            std::fs::remove_file(month.join(name)).unwrap();
        }
        let trash = site.mount().join("trash");
        let removing = {
            let (names, trash) = (names.clone(), trash.clone());
            std::thread::spawn(move || {
                let done = names.into_iter().filter(|name| std::fs::remove_file(trash.join(name)).is_ok());
                done.collect::<BTreeSet<String>>()
            })
        };
        std::thread::sleep(Duration::from_millis(random.below(120) as u64));
        daemon.kill();
        let removed = removing.join().unwrap();
        let daemon = site.up();
        daemon.settle();
        let what = format!("seed {seed}, round {round}");
        let files: BTreeSet<PathBuf> = folder::contents(site.photos()).into_keys().collect();
        let mut left = Vec::new();
        for name in &names {
            let here =
                [PathBuf::from(name), PathBuf::from("copies").join(name)].map(|path| files.contains(&path));
            assert_eq!(here[0], here[1], "{what}: half of {name}");
            assert!(!(here[0] && removed.contains(name)), "{what}: {name} was removed and is there");
            left.extend(here[0].then(|| name.clone()));
        }
        left.sort();
        eventually(&format!("{what}: what is left is in the trash"), &left, || trashed(&site));
        assert!(!files.iter().any(|path| path.starts_with(".galleryfs")), "{what}: {files:?}");
        for name in left {
            std::fs::remove_file(trash.join(name)).unwrap();
        }
        daemon.kill();
    }
    assert_eq!(folder::names(site.photos()), ["anchor.jpg"]);
}

#[test]
fn gio_deletes_into_the_trash() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/2024/05/a.jpg");
    eventually("the photo is there", &true, || photo.exists());
    std::fs::hard_link(&photo, site.mount().join("favourites/a.jpg")).unwrap();
    let gio =
        |path: &std::path::Path| std::process::Command::new("gio").arg("trash").arg(path).output().unwrap();
    let done = gio(&site.mount().join("favourites/a.jpg"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(trashed(&site), ["a.jpg"]);
    let uid = std::os::unix::fs::MetadataExt::uid(&site.mount().metadata().unwrap());
    let can = site.mount().join(format!(".Trash-{uid}"));
    let info = std::fs::read_to_string(can.join("info/a.jpg.trashinfo")).unwrap();
    assert!(info.contains("Path=favourites/a.jpg\n"), "{info}");
    std::fs::rename(can.join("files/a.jpg"), site.mount().join("favourites/a.jpg")).unwrap();
    assert_eq!(
        (trashed(&site), folder::names(&site.mount().join("favourites"))),
        (vec![], vec!["a.jpg".to_owned()])
    );
}
