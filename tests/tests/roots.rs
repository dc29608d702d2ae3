//! Which folders are watched, which are away, and which are given up for lost.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use galleryfs_tests::{Answer, Jpeg, Site, eventually};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Another folder of photos, with one in it.
fn other(site: &Site, name: &str, seed: u64) -> PathBuf {
    let path = site.folder().join(name);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join(format!("{name}.jpg")), Jpeg::new(seed).bytes()).unwrap();
    path
}

fn entries(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[track_caller]
fn index(site: &Site, photos: &[&Path]) -> Answer {
    let mut arguments = vec!["index"];
    for path in photos {
        arguments.extend(["--photos", text(path)]);
    }
    let answer = site.ask(&arguments);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    answer
}

fn paths(site: &Site, field: &str) -> Vec<String> {
    let status = site.status().unwrap();
    let list = status[field].as_array().unwrap();
    list.iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
}

fn last_record(site: &Site) -> Value {
    site.ask(&["log", "--json"]).json().pop().unwrap()
}

#[test]
fn a_root_that_is_forgotten_is_nowhere_until_it_is_named_again() {
    let site = Site::default();
    site.photo("kept.jpg", &Jpeg::new(1));
    let stick = other(&site, "stick", 2);
    index(&site, &[site.photos(), &stick]);
    let id = |name: &str| {
        let list = site.list();
        let asset = list.iter().find(|asset| asset["paths"][0].as_str().unwrap().ends_with(name));
        asset.unwrap()["id"].clone()
    };
    let before = id("stick.jpg");

    let daemon = site.up();
    daemon.settle();
    assert_eq!(paths(&site, "offline"), [text(&stick)], "known, but not watched now");
    let folders = site.mount().join("folders");
    assert_eq!(entries(&folders), ["photos", "stick"]);
    let answer = site.ask(&["forget", text(&stick)]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert!(answer.out.contains("1 file "), "{}", answer.out);
    let gone = || {
        assert_eq!(paths(&site, "offline"), [""; 0]);
        assert_eq!(paths(&site, "roots"), [text(site.photos())]);
    };
    gone();
    eventually("its folder goes", &vec!["photos".to_owned()], || entries(&folders));
    let faces: Vec<Value> =
        site.ask(&["log", "--json"]).json().into_iter().filter(|record| record["kind"] == "forget").collect();
    assert_eq!(faces[0]["face"], "cli");
    assert!(daemon.stop().success());
    let daemon = site.up();
    daemon.settle();
    gone();
    assert!(daemon.stop().success());
    assert_eq!(site.ask(&["forget", text(&stick)]).code, Some(3), "nobody knows it any more");

    index(&site, &[site.photos(), &stick]);
    assert_eq!(paths(&site, "roots"), [text(site.photos()), text(&stick)]);
    assert_eq!(id("stick.jpg"), before, "and all of it is as it was");
}

#[test]
fn only_what_is_away_is_forgotten_with_its_folder() {
    let site = Site::default();
    for seed in 0..130 {
        site.photo(&format!("fr/gone/{seed}.jpg"), &Jpeg::new(seed));
    }
    let here = site.photo("fr/here/1.jpg", &Jpeg::new(1000));
    let missing = site.photo("fr/here/2.jpg", &Jpeg::new(1001));
    site.index();
    std::fs::remove_dir_all(site.photos().join("fr/gone")).unwrap();
    site.index();
    assert_eq!(paths(&site, "offline"), [text(&site.photos().join("fr/gone"))]);
    std::fs::remove_file(missing).unwrap();
    let answer = site.ask(&["forget", text(&site.photos().join("fr"))]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert!(answer.out.contains("131 files "), "{}", answer.out);
    assert_eq!(site.listed_paths(), [here]);
    assert_eq!(last_record(&site)["face"], "cli");
    assert_eq!(site.ask(&["forget", text(&site.photos().join("fr"))]).code, Some(1), "all is there");
}

#[test]
fn where_no_folder_is_named_those_watched_last_are_meant() {
    let site = Site::default();
    site.photo("outer.jpg", &Jpeg::new(1));
    let inner = site.photo("sub/inner.jpg", &Jpeg::new(2));
    let sub = site.photos().join("sub");
    index(&site, &[site.photos()]);
    index(&site, &[&sub]);
    assert_eq!(site.listed_paths(), [inner.as_path()]);
    assert_eq!(site.ask(&["show", text(&inner)]).code, Some(0), "the inner folder knows it");
    index(&site, &[]);
    assert_eq!(site.listed_paths(), [inner.as_path()]);
    let rebuilt = site.ask(&["rebuild"]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.err);
    assert_eq!(site.listed_paths(), [inner]);
    let both = site.ask(&["index", "--photos", text(site.photos()), "--photos", text(&sub)]);
    assert_eq!(both.code, Some(2), "{}", both.err);
}

#[test]
fn a_running_daemon_is_not_asked_to_index_what_it_does_not_watch() {
    let site = Site::default();
    site.photo("one.jpg", &Jpeg::new(1));
    let stick = other(&site, "stick", 2);
    let daemon = site.up();
    daemon.settle();
    index(&site, &[site.photos()]);
    let answer = site.ask(&["index", "--photos", text(&stick)]);
    assert_eq!(answer.code, Some(4), "{}", answer.err);
    for words in [text(site.photos()), text(&stick), "galleryfs unmount"] {
        assert!(answer.err.contains(words), "{words} in {}", answer.err);
    }
    assert_eq!(site.list().len(), 1);
    assert!(daemon.stop().success());
}
