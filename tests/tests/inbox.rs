//! Photos copied into `inbox/`: where they end up, what is not kept twice, and what a kill in the middle leaves.
//!
//! `GALLERYFS_SOAK=1` makes it many kills. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use galleryfs_tests::{Jpeg, Random, Site, eventually, folder};

/// The files of the upload folder, without what is on its way.
fn uploaded(site: &Site) -> Vec<String> {
    let names = folder::contents(site.photos()).into_keys().map(|path| path.to_str().unwrap().to_owned());
    names.filter(|name| !name.starts_with(".galleryfs/")).collect()
}

/// A folder of files to copy from, outside the library.
fn card(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let card = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = card.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    card
}

fn run(program: &str, arguments: &[&Path]) {
    let done = Command::new(program).arg("-a").args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn taken(seed: u64, when: &str) -> Vec<u8> {
    Jpeg::new(seed).taken(when).bytes()
}

#[test]
fn a_card_copied_into_the_inbox_is_in_the_library_by_date_and_nothing_is_overwritten() {
    let site = Site::default();
    let daemon = site.up();
    daemon.settle();
    let card = card(&[
        ("DCIM/100/IMG_1.JPG", taken(1, "2024:05:01 10:20:30")),
        ("DCIM/100/IMG_2.JPG", taken(2, "2024:05:02 10:20:30")),
        ("DCIM/101/IMG_1.JPG", taken(3, "2024:05:01 11:00:00")),
        ("DCIM/101/again.JPG", taken(1, "2024:05:01 10:20:30")),
        ("DCIM/101/plain.jpg", Jpeg::new(4).bytes()),
        ("DCIM/101/broken.jpg", b"no picture".to_vec()),
        ("DCIM/readme.txt", b"hello".to_vec()),
    ]);
    run("cp", &[&card.path().join("DCIM"), &site.mount().join("inbox/")]);
    let wanted = [
        "2024/2024-05-01/IMG_1 (2).JPG",
        "2024/2024-05-01/IMG_1.JPG",
        "2024/2024-05-02/IMG_2.JPG",
        "undated/plain.jpg",
    ];
    assert_eq!(uploaded(&site), wanted);
    assert_eq!(
        std::fs::read(site.photos().join("2024/2024-05-02/IMG_2.JPG")).unwrap(),
        taken(2, "2024:05:02 10:20:30")
    );
    eventually("they are in the mount", &3, || folder::names(&site.mount().join("all/2024/05")).len());
    // What is no photo stays, and says why.
    let reason = |name: &str| {
        let mut value = [0; 300];
        let path = site.mount().join("inbox/DCIM").join(name);
        let size = rustix::fs::getxattr(path, "user.galleryfs.last_error", &mut value[..]).unwrap();
        String::from_utf8_lossy(&value[..size]).into_owned()
    };
    assert!(reason("readme.txt").contains("does not end as"), "{}", reason("readme.txt"));
    assert!(reason("101/broken.jpg").contains("the file"), "{}", reason("101/broken.jpg"));
    // Once more, all of it: nothing new.
    run("cp", &[&card.path().join("DCIM"), &site.mount().join("inbox/second")]);
    run("rsync", &[&card.path().join("DCIM"), &site.mount().join("inbox/third")]);
    assert_eq!(uploaded(&site), wanted);
    daemon.settle();
    assert_eq!(site.list().len(), 4);
    assert!(daemon.stop().success());
}

#[test]
fn whatever_brings_photos_in_brings_them_in() {
    let site = Site::default();
    let daemon = site.up();
    daemon.settle();
    let names = ["tar.jpg", "unzip.jpg", "inplace.jpg", "moved.jpg", "append.jpg"];
    let files: Vec<_> =
        names.iter().zip(1..).map(|(name, seed)| (*name, taken(seed, "2024:05:01 10:20:30"))).collect();
    let card = card(&files.iter().map(|(name, bytes)| (*name, bytes.clone())).collect::<Vec<_>>());
    let script = format!(
        "set -e; cd '{}'; inbox='{}'
         tar cf a.tar tar.jpg; tar xf a.tar -C \"$inbox\"
         zip -q a.zip unzip.jpg; unzip -q a.zip -d \"$inbox\"
         rsync -a --inplace inplace.jpg \"$inbox/\"
         cp moved.jpg other.jpg; mv moved.jpg \"$inbox/\"; test ! -e moved.jpg
         head -c 500 append.jpg > \"$inbox/append.jpg.part\"
         tail -c +501 append.jpg >> \"$inbox/append.jpg.part\"
         mv \"$inbox/append.jpg.part\" \"$inbox/append.jpg\"",
        card.path().display(),
        site.mount().join("inbox").display()
    );
    let done = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let month = site.mount().join("all/2024/05");
    let mut wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    wanted.sort();
    eventually("all of them", &wanted, || folder::names(&month));
    for (name, bytes) in &files {
        assert_eq!(std::fs::read(month.join(name)).unwrap(), *bytes, "{name}");
    }
    // One file under two names is itself, as cp and mv say; nothing happens to it.
    std::fs::create_dir(site.mount().join("albums/A")).unwrap();
    std::fs::hard_link(month.join("tar.jpg"), site.mount().join("albums/A/tar.jpg")).unwrap();
    for program in ["cp", "mv"] {
        let (from, to) = (month.join("tar.jpg"), site.mount().join("albums/A/tar.jpg"));
        let done = Command::new(program).args([from, to]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && said.contains("are the same file"), "{program}: {said}");
    }
    assert_eq!(std::fs::read(month.join("tar.jpg")).unwrap(), files[0].1);
    assert!(daemon.stop().success());
}

#[test]
fn what_belongs_to_a_photo_goes_where_it_goes() {
    let site = Site::default();
    site.photo("2024/2024-05-01/IMG_1.JPG", &Jpeg::new(9).taken("2024:05:01 09:00:00"));
    let daemon = site.up();
    daemon.settle();
    let xmp = |stars: u8| {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='{stars}'/></rdf:RDF></x:xmpmeta>"
        )
        .into_bytes()
    };
    let card = card(&[
        ("IMG_1.JPG", taken(1, "2024:05:01 10:20:30")),
        ("IMG_1.JPG.xmp", xmp(4)),
        ("IMG_2.JPG", taken(2, "2024:05:01 10:20:30")),
        ("IMG_2.xmp", xmp(2)),
        ("lonely.xmp", xmp(1)),
    ]);
    let inbox = site.mount().join("inbox");
    for name in ["IMG_1.JPG.xmp", "IMG_1.JPG", "IMG_2.JPG", "IMG_2.xmp", "lonely.xmp"] {
        run("cp", &[&card.path().join(name), &inbox]);
    }
    assert_eq!(
        uploaded(&site),
        ["IMG_1 (2).JPG", "IMG_1 (2).JPG.xmp", "IMG_1.JPG", "IMG_2.JPG", "IMG_2.xmp"]
            .map(|name| format!("2024/2024-05-01/{name}"))
    );
    eventually("the sidecars are read", &(Some(4), Some(2)), || {
        let stars = |name: &str| {
            let assets = site.list();
            let asset = assets.iter().find(|asset| asset["paths"][0].as_str().unwrap().ends_with(name));
            asset.and_then(|asset| asset["rating"].as_u64())
        };
        (stars("IMG_1 (2).JPG"), stars("IMG_2.JPG"))
    });
    assert!(daemon.stop().success());
}

#[test]
fn what_the_library_has_is_not_kept_twice_and_comes_out_of_the_trash() {
    let site = Site::default();
    site.photo("mine/a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let daemon = site.up();
    daemon.settle();
    let (here, inbox) = (site.mount().join("all/2024/05/a.jpg"), site.mount().join("inbox"));
    eventually("it is there", &true, || here.exists());
    std::fs::copy(&here, inbox.join("copy.jpg")).unwrap();
    assert_eq!(uploaded(&site), ["mine/a.jpg"]);
    std::fs::remove_file(&here).unwrap();
    assert_eq!(folder::names(&site.mount().join("trash")), ["a.jpg"]);
    std::fs::write(inbox.join("again.jpg"), taken(1, "2024:05:01 10:20:30")).unwrap();
    eventually("it is out of the trash", &true, || here.exists());
    assert_eq!(uploaded(&site), ["mine/a.jpg"]);
    // Gone from the disk, it is taken in like any other.
    std::fs::remove_file(site.photos().join("mine/a.jpg")).unwrap();
    std::fs::write(inbox.join("third.jpg"), taken(1, "2024:05:01 10:20:30")).unwrap();
    assert_eq!(uploaded(&site), ["2024/2024-05-01/third.jpg"]);
    daemon.settle();
    assert_eq!(site.list().len(), 1);
    assert!(daemon.stop().success());
}

#[test]
fn every_copy_that_succeeded_outlives_a_kill() {
    let rounds = if galleryfs_tests::soaks() { 100 } else { 5 };
    let seed = galleryfs_tests::seed();
    let mut random = Random::new(seed);
    let site = Site::default();
    site.photo("anchor.jpg", &Jpeg::new(999_999));
    let card = tempfile::tempdir().unwrap();
    let mut promised: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut serial = 0;
    for round in 0..rounds {
        let daemon = site.up();
        eventually("it is mounted", &true, || site.mount().join("inbox").exists());
        let files: Vec<PathBuf> = (0..12)
            .map(|_| {
                serial += 1;
                let path = card.path().join(format!("{}{serial}.jpg", random.below(3)));
                let day = format!("2024:05:{:02} 10:20:30", 1 + random.below(3));
                let jpeg = Jpeg::new(serial).taken(&day).padding(random.below(400_000) as usize);
                std::fs::write(&path, jpeg.bytes()).unwrap();
                path
            })
            .collect();
        let inbox = site.mount().join("inbox");
        let by_rsync = random.below(2) == 0;
        let copying = std::thread::spawn(move || {
            files
                .into_iter()
                .filter(|file| {
                    let (program, flag) = if by_rsync { ("rsync", "-a") } else { ("cp", "-a") };
                    let done = Command::new(program).arg(flag).arg(file).arg(&inbox).output().unwrap();
                    // rsync renames last, and what is renamed is taken in behind its back.
                    done.status.success()
                })
                .collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(random.below(400) as u64));
        daemon.kill();
        let copied = copying.join().unwrap();
        promised.extend(copied.iter().map(|file| std::fs::read(file).unwrap()));
        let daemon = site.up();
        daemon.settle();
        eventually(&format!("seed {seed}, round {round}: all that was copied is there"), &0, || {
            let all: BTreeSet<Vec<u8>> = folder::contents(site.photos())
                .into_iter()
                .filter(|(path, _)| !path.starts_with(".galleryfs"))
                .map(|(_, bytes)| bytes)
                .collect();
            promised.difference(&all).count()
        });
        let status = site.ask(&["status", "--json"]).json();
        assert_eq!(status[0]["unreadable"].as_array().unwrap().len(), 0, "seed {seed}: {status:?}");
        daemon.kill();
    }
    println!("{} copies over {rounds} kills", promised.len());
}
