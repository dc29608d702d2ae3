//! What is decided in the mount, written into sidecars beside the photos: as other programs read it, over what they wrote, and
//! back again. No photo is touched, no sidecar of others is lost, whenever the daemon is killed.
//!
//! `GALLERYFS_SOAK=1` makes it many kills. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use galleryfs_tests::{Daemon, Jpeg, Random, Site, eventually, folder};
use rustix::fs::XattrFlags;
use serde_json::Value;

const DARKTABLE: &str = include_str!("../../media/tests/sidecars/darktable.xmp");
/// Longer than it takes until what was decided is written.
const QUIET: Duration = Duration::from_secs(4);

fn up(site: &Site) -> Daemon<'_> {
    let daemon = site.up_with(&["--write-sidecars"]);
    daemon.settle();
    daemon
}

fn set(photo: &Path, name: &str, value: &str) {
    rustix::fs::setxattr(photo, name, value.as_bytes(), XattrFlags::empty()).unwrap();
}

fn in_folder(site: &Site, path: &str) -> PathBuf {
    let photo = site.mount().join("folders/photos").join(path);
    eventually("the photo is there", &true, || photo.exists());
    photo
}

/// What exiftool reads of a sidecar; nothing while there is none.
fn read(sidecar: &Path) -> Value {
    let output = Command::new("exiftool").args(["-j", "-G1", "-struct"]).arg(sidecar).output().unwrap();
    serde_json::from_slice::<Value>(&output.stdout).map_or(Value::Null, |all| all[0].clone())
}

fn rating(sidecar: &Path) -> Value {
    read(sidecar)["XMP-xmp:Rating"].clone()
}

/// All but the path, which the sidecar has no part in.
fn listed(site: &Site) -> BTreeMap<String, Value> {
    let list = site.list().into_iter();
    list.map(|asset| (asset["paths"][0].as_str().unwrap().to_owned(), asset)).collect()
}

/// The photos, byte for byte.
fn photos(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = folder::contents(site.photos());
    all.retain(|path, _| path.extension().is_some_and(|extension| extension == "jpg"));
    all
}

/// What is kept of sidecars.
fn kept(site: &Site) -> Vec<Vec<u8>> {
    let all = folder::contents(&site.photos().join(".galleryfs/sidecars")).into_iter();
    all.filter(|(path, _)| path.to_string_lossy().contains("0001 ")).map(|(_, bytes)| bytes).collect()
}

#[test]
fn what_is_decided_is_read_by_others_and_taken_back() {
    let site = Site::default();
    site.photo("in/a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    site.photo("b.jpg", &Jpeg::new(2).taken("2024:05:01 10:20:30").description("embedded"));
    let originals = photos(&site);
    let daemon = up(&site);
    let (a, b) = (in_folder(&site, "in/a.jpg"), in_folder(&site, "b.jpg"));
    let (beside_a, beside_b) = (site.photos().join("in/a.jpg.xmp"), site.photos().join("b.jpg.xmp"));
    std::fs::hard_link(&a, site.mount().join("rated/4/a.jpg")).unwrap();
    set(&a, "user.xdg.tags", "Trips/Rome,sea");
    set(&a, "user.xdg.comment", "at the sea");
    set(&a, "user.galleryfs.taken", "2019-12-24T18:00:00+01:00");
    set(&b, "user.xdg.comment", "");
    let before = listed(&site);
    eventually("the stars", &Value::from(4), || rating(&beside_a));
    let said = read(&beside_a);
    assert_eq!(said["XMP-dc:Subject"], serde_json::json!(["Rome", "sea"]));
    assert_eq!(said["XMP-lr:HierarchicalSubject"], serde_json::json!(["Trips|Rome", "sea"]));
    assert_eq!(said["XMP-digiKam:TagsList"], serde_json::json!(["Trips/Rome", "sea"]));
    assert_eq!(said["XMP-dc:Description"], "at the sea");
    assert_eq!(said["XMP-exif:DateTimeOriginal"], "2019:12:24 18:00:00+01:00");
    // What was decided of it says nothing: it is no part of a sidecar that nobody has.
    std::thread::sleep(QUIET);
    assert!(!beside_b.exists());
    daemon.settle();
    assert_eq!(listed(&site), before, "nothing changes by it");
    let month = site.mount().join("all/2019/12");
    eventually("it shows", &vec!["a.jpg".to_owned(), "a.jpg.xmp".to_owned()], || folder::names(&month));

    // One thing is taken back, at once; then all.
    let stars = site.mount().join("rated/4");
    rustix::fs::removexattr(&a, "user.baloo.rating").unwrap();
    assert_eq!(folder::names(&stars), Vec::<String>::new());
    eventually("no stars", &Value::Null, || rating(&beside_a));
    assert_eq!(read(&beside_a)["XMP-dc:Description"], "at the sea");
    assert_eq!(site.ask(&["undo", "3"]).code, Some(0));
    set(&a, "user.baloo.rating", "2");
    eventually("the stars", &Value::from(1), || rating(&beside_a));
    assert_eq!(site.ask(&["undo", "4"]).code, Some(0));
    assert_eq!(folder::names(&site.mount().join("tags")), Vec::<String>::new());
    eventually("it is gone", &false, || beside_a.exists());
    daemon.settle();
    assert_eq!(photos(&site), originals);
    assert!(daemon.stop().success());
    assert_eq!(folder::names(site.photos()), ["a.jpg", "b.jpg"], "nothing is left");
}

#[test]
fn off_by_default_and_what_was_decided_before_is_written_when_it_is_switched_on() {
    let site = Site::default();
    site.photo("in/a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let daemon = site.up();
    daemon.settle();
    set(&in_folder(&site, "in/a.jpg"), "user.baloo.rating", "6");
    std::thread::sleep(QUIET);
    assert_eq!(folder::names(site.photos()), ["a.jpg"]);
    assert!(daemon.stop().success());
    // A photo in two folders has a sidecar in both.
    let copy = std::fs::read(site.photos().join("in/a.jpg")).unwrap();
    site.put("again/a.jpg", &copy);
    let daemon = up(&site);
    let sidecars = ["in", "again"].map(|folder| site.photos().join(folder).join("a.jpg.xmp"));
    eventually("the stars", &vec![Value::from(3); 2], || sidecars.iter().map(|at| rating(at)).collect());
    assert!(daemon.stop().success());
    // Off again: what was written is ours still, and says nothing once it is taken back.
    let daemon = site.up();
    daemon.settle();
    rustix::fs::removexattr(in_folder(&site, "in/a.jpg"), "user.baloo.rating").unwrap();
    daemon.settle();
    assert_eq!(site.list()[0]["rating"], Value::Null);
    assert!(daemon.stop().success());
    assert_eq!(site.ask(&["rebuild"]).code, Some(0));
    site.index();
    assert_eq!(site.list()[0]["rating"], Value::Null);
    let daemon = up(&site);
    eventually("they are gone", &false, || sidecars.iter().any(|at| at.exists()));
    assert!(daemon.stop().success());
}

#[test]
fn the_work_of_other_programs_stays() {
    let site = Site::default();
    for (seed, name) in ["a.jpg", "b.jpg", "c.jpg", "c.png"].into_iter().enumerate() {
        site.photo(name, &Jpeg::new(seed as u64).taken("2024:05:01 10:20:30"));
    }
    site.put("a.jpg.xmp", DARKTABLE.as_bytes());
    site.put("b.xmp", DARKTABLE.as_bytes());
    site.put("c.xmp", DARKTABLE.as_bytes());
    let originals = photos(&site);
    let daemon = up(&site);
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        set(&in_folder(&site, name), "user.baloo.rating", "10");
    }
    let (a, b, c) = ("a.jpg.xmp", "b.xmp", "c.jpg.xmp");
    let at = |name: &str| site.photos().join(name);
    eventually("the stars", &vec![Value::from(5); 3], || {
        [a, b, c].iter().map(|name| rating(&at(name))).collect()
    });
    let rated = DARKTABLE.replace("xmp:Rating=\"1\"", "xmp:Rating=\"5\"");
    assert_ne!(rated, DARKTABLE);
    for name in [a, b] {
        assert_eq!(std::fs::read_to_string(at(name)).unwrap(), rated, "{name}: all else stays");
    }
    assert_eq!(std::fs::read_to_string(at("c.xmp")).unwrap(), DARKTABLE, "it is of two photos");
    assert!(!at("b.jpg.xmp").exists());
    eventually("what was there is kept", &vec![DARKTABLE.as_bytes().to_vec(); 2], || kept(&site));

    // Another program goes on with one of them; its work stays, and what it says otherwise by now.
    let theirs = rated
        .replace("xmp:Rating=\"5\"", "xmp:Rating=\"2\"")
        .replace("auto_presets_applied=\"1\"", "auto_presets_applied=\"7\"");
    site.put(a, theirs.as_bytes());
    daemon.settle();
    std::thread::sleep(QUIET);
    assert_eq!(std::fs::read_to_string(at(a)).unwrap(), theirs);
    let shown = listed(&site)[at("a.jpg").to_str().unwrap()].clone();
    assert_eq!(shown["rating"], 5, "what is decided here counts here");
    set(&in_folder(&site, "a.jpg"), "user.baloo.rating", "8");
    let four = theirs.replace("xmp:Rating=\"2\"", "xmp:Rating=\"4\"");
    eventually("decided again", &four, || std::fs::read_to_string(at(a)).unwrap());

    assert_eq!(site.ask(&["undo", "4"]).code, Some(0));
    eventually("as it was", &DARKTABLE.to_owned(), || std::fs::read_to_string(at(b)).unwrap());
    eventually("as they left it", &theirs, || std::fs::read_to_string(at(a)).unwrap());
    eventually("it is gone", &false, || at(c).exists());
    assert_eq!(photos(&site), originals);
    assert!(daemon.stop().success());
}

#[test]
fn nothing_that_a_photo_says_changes_by_it() {
    let site = Site::default();
    for name in ["a.jpg", "bb.jpg", "ccc.jpg"] {
        let photo = site.photo(name, &Jpeg::new(name.len() as u64).taken("2024:05:01 10:20:30"));
        let keywords =
            ["-XMP-dc:Subject=dog", "-XMP-dc:Subject=sea", "-XMP-xmp:Rating=3", "-overwrite_original"];
        assert!(Command::new("exiftool").args(keywords).arg(photo).output().unwrap().status.success());
    }
    // One has a sidecar by each name.
    site.put("bb.jpg.xmp", DARKTABLE.as_bytes());
    site.put("bb.xmp", DARKTABLE.replace("darktable|format|cr2", "only|here").as_bytes());
    let originals = photos(&site);
    let daemon = up(&site);
    eventually("the stars", &true, || site.list().iter().all(|asset| asset["rating"].is_number()));
    let base = listed(&site);
    let at = |name: &str| site.photos().join(name);
    for name in ["a.jpg", "bb.jpg"] {
        let photo = in_folder(&site, name);
        set(&photo, "user.baloo.rating", "10");
        set(&photo, "user.xdg.tags", "sea,Rome/Forum");
    }
    let decided = listed(&site);
    assert_ne!(decided, base);
    let tags = |name: &str| read(&at(name))["XMP-digiKam:TagsList"].clone();
    let wanted = serde_json::json!(["Rome/Forum", "sea"]);
    eventually("the tags", &vec![wanted; 2], || ["a.jpg.xmp", "bb.jpg.xmp"].map(tags).into());
    daemon.settle();
    std::thread::sleep(QUIET);
    assert_eq!(listed(&site), decided, "by being written");
    assert_eq!(site.ask(&["rebuild"]).code, Some(4), "it runs");
    assert!(daemon.stop().success());
    assert_eq!(site.ask(&["rebuild"]).code, Some(0));
    let daemon = up(&site);
    eventually("by a rebuild", &decided, || listed(&site));
    let deeds =
        2 + site.ask(&["log", "--json"]).json().iter().filter(|entry| entry["kind"] == "rating").count();
    assert_eq!(site.ask(&["undo", &deeds.to_string()]).code, Some(0));
    assert_eq!(listed(&site), base, "by being taken back: at once");
    eventually("the sidecar of nobody else goes", &false, || at("a.jpg.xmp").exists());
    eventually("as it was", &DARKTABLE.to_owned(), || std::fs::read_to_string(at("bb.jpg.xmp")).unwrap());
    daemon.settle();
    assert_eq!(listed(&site), base);
    assert_eq!(photos(&site), originals);
    assert!(daemon.stop().success());
}

#[test]
fn where_none_can_be_written_it_is_said_and_nothing_is_lost() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    site.photo("b/b.jpg", &Jpeg::new(2).taken("2024:05:01 10:20:30"));
    site.photo("c.jpg", &Jpeg::new(3).taken("2024:05:01 10:20:30"));
    site.put("b/b.jpg.xmp", DARKTABLE.as_bytes());
    site.put("c.jpg.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF");
    std::fs::create_dir(site.photos().join("a.jpg.xmp")).unwrap();
    let immutable = |sign: &str| {
        let done = Command::new("chattr").arg(format!("{sign}i")).arg(site.photos().join("b")).output();
        done.is_ok_and(|done| done.status.success())
    };
    let is_immutable = immutable("+");
    let daemon = up(&site);
    for name in ["a.jpg", "b/b.jpg", "c.jpg"] {
        set(&in_folder(&site, name), "user.baloo.rating", "10");
    }
    let notes = || {
        let notes = site.status().unwrap()["notes"].to_string();
        ["a.jpg", "b.jpg", "c.jpg"].map(|name| notes.contains(&format!("{name}: ")))
    };
    eventually("the notes", &[true, is_immutable, true], notes);
    assert_eq!(std::fs::read(site.photos().join("c.jpg.xmp")).unwrap().len(), 44, "left alone");
    assert_eq!(site.list().iter().filter(|asset| asset["rating"] == 5).count(), 3);
    if is_immutable {
        assert_eq!(std::fs::read_to_string(site.photos().join("b/b.jpg.xmp")).unwrap(), DARKTABLE);
        assert!(immutable("-"));
    } else {
        eprintln!("skipped: a folder that nobody can write to takes chattr +i");
    }
    std::fs::remove_dir(site.photos().join("a.jpg.xmp")).unwrap();
    site.put("c.jpg.xmp", DARKTABLE.as_bytes());
    assert!(daemon.stop().success());
    let daemon = up(&site);
    let sidecars = ["a.jpg.xmp", "b/b.jpg.xmp", "c.jpg.xmp"].map(|name| site.photos().join(name));
    eventually("the stars", &vec![Value::from(5); 3], || sidecars.iter().map(|at| rating(at)).collect());
    eventually("no notes", &[false; 3], notes);
    assert!(daemon.stop().success());
}

#[test]
fn a_photo_that_moves_and_one_that_goes_take_it_with_them() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    site.photo("b.jpg", &Jpeg::new(2).taken("2024:05:01 10:20:30"));
    site.put("b.jpg.xmp", DARKTABLE.as_bytes());
    let daemon = up(&site);
    for name in ["a.jpg", "b.jpg"] {
        set(&in_folder(&site, name), "user.baloo.rating", "10");
    }
    let at = |name: &str| site.photos().join(name);
    eventually("the stars", &vec![Value::from(5); 2], || {
        ["a.jpg.xmp", "b.jpg.xmp"].map(|name| rating(&at(name))).into()
    });
    daemon.settle();
    std::fs::create_dir(at("x")).unwrap();
    for name in ["b.jpg", "b.jpg.xmp"] {
        std::fs::rename(at(name), at("x").join(name)).unwrap();
    }
    let b = in_folder(&site, "x/b.jpg");
    daemon.settle();
    rustix::fs::removexattr(&b, "user.baloo.rating").unwrap();
    eventually("as it was", &DARKTABLE.to_owned(), || std::fs::read_to_string(at("x/b.jpg.xmp")).unwrap());
    set(&b, "user.baloo.rating", "10");
    eventually("the stars", &Value::from(5), || rating(&at("x/b.jpg.xmp")));
    daemon.settle();
    let trash = site.mount().join("trash");
    for (photo, name) in [("a.jpg", "a.jpg"), ("x/b.jpg", "b.jpg")] {
        std::fs::remove_file(in_folder(&site, photo)).unwrap();
        eventually("it is removed", &true, || std::fs::remove_file(trash.join(name)).is_ok());
    }
    eventually("nothing is left", &Vec::<String>::new(), || folder::names(site.photos()));
    eventually("nor known", &Vec::<String>::new(), || folder::names(&site.data().join("derived/sidecars")));
    assert!(daemon.stop().success());
}

#[test]
fn who_writes_at_the_same_time_is_never_overwritten() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let by = |number: usize| {
        DARKTABLE.replace("auto_presets_applied=\"1\"", &format!("auto_presets_applied=\"{number}\""))
    };
    site.put("a.jpg.xmp", by(0).as_bytes());
    let daemon = up(&site);
    let (photo, sidecar) = (in_folder(&site, "a.jpg"), site.photos().join("a.jpg.xmp"));
    let theirs = |text: &str| {
        let (_, rest) = text.split_once("auto_presets_applied=\"").unwrap_or_else(|| panic!("{text}"));
        rest.split('"').next().unwrap().parse::<usize>().unwrap()
    };
    let rounds = if galleryfs_tests::soaks() { 200 } else { 12 };
    let mut random = Random::new(galleryfs_tests::seed());
    let mut stars = 0;
    for round in 1..=rounds {
        stars = 1 + (stars + random.below(4)) % 5;
        set(&photo, "user.baloo.rating", &(stars * 2).to_string());
        // About when it is written, in place or under another name first.
        std::thread::sleep(Duration::from_millis(900 + random.below(300) as u64));
        let text = by(round);
        match random.below(2) {
            0 => std::fs::write(&sidecar, &text).unwrap(),
            _ => drop(site.put("a.jpg.xmp", text.as_bytes())),
        }
        let end = std::time::Instant::now() + Duration::from_millis(2500);
        while std::time::Instant::now() < end {
            let now = std::fs::read_to_string(&sidecar).unwrap();
            assert_eq!(theirs(&now), round, "what they wrote last is there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(daemon.stop().success());
}

#[test]
fn whenever_it_is_killed_every_sidecar_is_whole_and_all_decisions_get_there() {
    let rounds = if galleryfs_tests::soaks() { 60 } else { 4 };
    let seed = galleryfs_tests::seed();
    let mut random = Random::new(seed);
    let site = Site::default();
    let names: Vec<String> = (0..8).map(|at| format!("{at}.jpg")).collect();
    for (at, name) in names.iter().enumerate() {
        site.photo(name, &Jpeg::new(at as u64).taken("2024:05:01 10:20:30"));
        if at.is_multiple_of(2) {
            site.put(&format!("{name}.xmp"), DARKTABLE.as_bytes());
        }
    }
    let originals = photos(&site);
    let mut decided = vec![None; names.len()];
    let says = |name: &str| {
        let text = std::fs::read_to_string(site.photos().join(format!("{name}.xmp"))).ok()?;
        let (_, rest) = text.split_once("xmp:Rating=\"").unwrap_or_else(|| panic!("half a sidecar: {text}"));
        assert!(text.trim_end().ends_with("</x:xmpmeta>"), "half a sidecar: {text}");
        Some(rest.split('"').next().unwrap().parse::<u64>().unwrap())
    };
    let theirs = |at: usize| at.is_multiple_of(2).then_some(1);
    for round in 0..rounds {
        let what = format!("seed {seed}, round {round}");
        let daemon = up(&site);
        let before: Vec<_> = names.iter().map(|name| says(name)).collect();
        let mut allowed: Vec<Vec<Option<u64>>> = before.iter().map(|before| vec![*before]).collect();
        for (at, name) in names.iter().enumerate() {
            allowed[at].push(decided[at].or(theirs(at)));
            let photo = in_folder(&site, name);
            match random.below(4) {
                0 => {
                    let _ = rustix::fs::removexattr(&photo, "user.baloo.rating");
                    decided[at] = None;
                }
                stars => {
                    set(&photo, "user.baloo.rating", &(stars * 2).to_string());
                    decided[at] = Some(stars as u64);
                }
            }
            allowed[at].push(decided[at].or(theirs(at)));
        }
        std::thread::sleep(Duration::from_millis(700 + random.below(900) as u64));
        daemon.kill();
        for (at, name) in names.iter().enumerate() {
            assert!(
                allowed[at].contains(&says(name)),
                "{what}: {name} says {:?} of {:?}",
                says(name),
                allowed[at]
            );
        }
    }
    let daemon = up(&site);
    let wanted: Vec<Option<u64>> = (0..names.len()).map(|at| decided[at].or(theirs(at))).collect();
    eventually(&format!("seed {seed}: all is there"), &wanted, || {
        names.iter().map(|name| says(name)).collect()
    });
    for name in &names {
        let _ = rustix::fs::removexattr(in_folder(&site, name), "user.baloo.rating");
    }
    let wanted: Vec<Option<u64>> = (0..names.len()).map(theirs).collect();
    eventually(&format!("seed {seed}: as it was"), &wanted, || names.iter().map(|name| says(name)).collect());
    for name in names.iter().step_by(2) {
        assert_eq!(std::fs::read_to_string(site.photos().join(format!("{name}.xmp"))).unwrap(), DARKTABLE);
    }
    assert_eq!(photos(&site), originals);
    assert!(daemon.stop().success());
}
