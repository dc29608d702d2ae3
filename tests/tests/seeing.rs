//! Faces and meaning, end to end: real photos, real models, the real runtime, fetched as a user would fetch it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use galleryfs_tests::{Jpeg, Site, until};
use serde_json::Value;

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")
}

/// People of whom four photos each are taken.
const PEOPLE: [&str; 3] = ["Abdullah_Gul", "Angelina_Jolie", "Bill_Clinton"];

/// A site that has the models, the runtime and `PEOPLE`.
fn seeing() -> Site {
    let site = Site::default();
    let photos = shared().join("photos/people/lfw");
    for name in PEOPLE {
        let mut files: Vec<_> =
            photos.join(name).read_dir().expect("../shared").map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in &files[..4] {
            let bytes = std::fs::read(file).unwrap();
            site.put(&format!("people/{}", file.file_name().unwrap().to_str().unwrap()), &bytes);
        }
    }
    let pulled = site.ask(&["runtime", "pull", "cpu"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.err);
    // As a user lays them out, and not by a flag that each command would need.
    std::os::unix::fs::symlink(shared().join("models"), site.data().join("models")).unwrap();
    site
}

/// Who is in which photos: names of files by the person's id, number and name.
fn people(site: &Site) -> Vec<(Value, Value, Value, BTreeSet<String>)> {
    let file = |path: &Value| path.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let person = |person: Value| {
        let photos = person["assets"].as_array().unwrap().iter().map(file).collect();
        (person["id"].clone(), person["number"].clone(), person["name"].clone(), photos)
    };
    site.ask(&["people", "--json"]).json().into_iter().map(person).collect()
}

#[test]
fn people_are_found_named_and_found_again() {
    let site = seeing();
    site.index();
    let found = people(&site);
    for name in PEOPLE {
        let whole = found.iter().filter(|(_, _, _, photos)| {
            photos.len() == 4 && photos.iter().all(|photo| photo.starts_with(name))
        });
        assert_eq!(whole.count(), 1, "{name}: {found:?}");
    }
    let number =
        found.iter().find(|(_, _, _, photos)| photos.iter().any(|photo| photo.starts_with("Angelina")));
    let number = number.unwrap().1.to_string();
    assert_eq!(site.ask(&["people", "name", &number, "Angelina"]).code, Some(0));
    let named = people(&site);
    assert!(named.iter().any(|(_, _, name, photos)| name == "Angelina" && photos.len() == 4));
    let list = site.list();
    let of_hers = list.iter().filter(|asset| asset["people"] == serde_json::json!(["Angelina"]));
    assert_eq!(of_hers.count(), 4);
    assert!(list.iter().all(|asset| !asset["faces"].as_array().unwrap().is_empty()));

    // Everything that can be worked out again is, and comes to the same.
    let rebuilt = site.ask(&["rebuild"]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.err);
    assert_eq!(people(&site), named);
    assert_eq!(site.list(), list);
}

/// Found by killing the daemon: the file of embeddings was lost, the faces were known, and nobody was anybody for ever.
#[test]
fn people_come_back_when_the_embeddings_of_their_faces_are_lost() {
    let site = seeing();
    site.index();
    let before = people(&site);
    assert!(before.len() >= PEOPLE.len());
    std::fs::remove_file(site.data().join("derived/vectors/face-standin.slots")).unwrap();
    std::fs::remove_dir_all(site.data().join("derived/catalogue")).unwrap();
    site.index();
    assert_eq!(people(&site), before);
    std::fs::remove_file(site.data().join("derived/vectors/face-standin.slots")).unwrap();
    site.put("people/Angelina_again.jpg", &{
        let photos = shared().join("photos/people/lfw/Angelina_Jolie");
        let mut files: Vec<_> = photos.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        std::fs::read(&files[4]).unwrap()
    });
    site.index();
    let hers = people(&site).into_iter().filter(|(.., photos)| photos.contains("Angelina_again.jpg"));
    let hers: Vec<_> = hers.collect();
    assert_eq!(hers.iter().map(|(.., photos)| photos.len()).collect::<Vec<_>>(), [5], "she is known again");
}

#[test]
fn words_find_what_is_in_the_picture_and_folders_show_who() {
    let site = seeing();
    let captions = std::fs::read_to_string(shared().join("photos/flickr/captions.csv")).unwrap();
    let mut scenes: Vec<_> =
        shared().join("photos/flickr/images").read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    scenes.sort();
    // Of everything something: likeness ends where it does for what else there is.
    for path in scenes.iter().step_by(2) {
        let name = path.file_name().unwrap().to_str().unwrap();
        site.put(&format!("scenes/{name}"), &std::fs::read(path).unwrap());
    }
    let daemon = site.up();
    daemon.settle();
    let found = site.ask(&["search", "--json", "--limit", "1000", "a dog"]).json();
    assert!(!found.is_empty());
    let listed = |view: &str| site.mount().join(view).read_dir().unwrap().count();
    assert_eq!(listed("search/a dog"), found.len());
    assert_eq!(listed("search/a-dog"), found.len());
    let first = &found[0]["paths"][0].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let said = captions.lines().filter(|line| line.contains(first.as_str()));
    assert!(said.clone().any(|line| line.contains("dog")), "{first}: {:?}", said.collect::<Vec<_>>());

    assert_eq!(listed("people"), 1, "nobody has a name");
    let number = people(&site)[0].1.to_string();
    let photos = listed(&format!("people/unnamed/person {number}"));
    assert_eq!(site.ask(&["people", "name", &number, "Somebody"]).code, Some(0));
    until("the folder shows", || {
        let mut names = site.mount().join("people").read_dir().unwrap();
        names.any(|entry| entry.unwrap().file_name() == "Somebody").then_some(())
    });
    assert_eq!(listed("people/Somebody"), photos);
    assert_eq!(listed(&format!("people/unnamed/person {number}")), photos, "a number leads there for ever");
    daemon.stop();
}

#[test]
fn the_same_picture_in_two_formats_is_a_duplicate_and_the_larger_comes_first() {
    let site = seeing();
    let scenes = shared().join("photos/flickr/images");
    let original = scenes.read_dir().unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::open(&original).unwrap().write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let original = site.put("scene.jpg", &std::fs::read(&original).unwrap());
    let larger = site.put("sent/scene.png", &bytes.into_inner());
    let daemon = site.up();
    daemon.settle();
    let groups = site.ask(&["duplicates", "--json"]).json();
    daemon.stop();
    let paths: Vec<_> = groups.iter().flat_map(|group| group["assets"].as_array().unwrap()).collect();
    let paths: Vec<&str> = paths.iter().map(|asset| asset["paths"][0].as_str().unwrap()).collect();
    assert_eq!(paths, [larger.to_str().unwrap(), original.to_str().unwrap()]);
    assert_eq!(site.ask(&["duplicates", "--json"]).json(), groups, "without a daemon, too");
}

#[test]
fn without_models_all_else_works_and_what_is_missing_is_said_with_the_command_that_mends_it() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1).description("A dog"));
    let daemon = site.up();
    daemon.settle();
    let status = site.status().unwrap();
    let missing = status["vision"]["missing"].to_string();
    assert!(missing.contains("galleryfs models pull"), "{missing}");
    assert_eq!(site.ask(&["search", "--json", "dog"]).json().len(), 1, "what is written is found");
    assert!(site.mount().join("things").read_dir().unwrap().next().is_none());
    daemon.stop();
}
