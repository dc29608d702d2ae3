//! SIGKILL through every stage of looking: thumbnails, meaning, faces, people. What comes out is what an undisturbed run
//! gives.
//!
//! A short form of it runs with the other tests; `GALLERYFS_SOAK=1` (`make soak`) makes it a hundred kills over more
//! photos. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use galleryfs_tests::{Random, Site};
use serde_json::Value;

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")
}

/// `people` of whom four photos each are there, and so many other photos.
fn photos(people: usize, others: usize) -> BTreeMap<String, Vec<u8>> {
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
    };
    let sorted = |folder: PathBuf| {
        let mut paths: Vec<_> =
            folder.read_dir().expect("../shared").map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let faces = sorted(shared().join("photos/people/lfw")).into_iter().filter(|path| path.is_dir());
    let faces = faces.map(sorted).filter(|photos| photos.len() >= 4).take(people);
    let faces = faces.flat_map(|photos| photos.into_iter().take(4)).map(read);
    faces.chain(sorted(shared().join("photos/flickr/images")).into_iter().take(others).map(read)).collect()
}

fn site(photos: &BTreeMap<String, Vec<u8>>) -> Site {
    let site = Site::default();
    for (name, bytes) in photos {
        site.put(name, bytes);
    }
    let pulled = site.ask(&["runtime", "pull", "cpu"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.err);
    std::os::unix::fs::symlink(shared().join("models"), site.data().join("models")).unwrap();
    site
}

/// Everything that was seen, without what differs from library to library: file names, not ids.
#[derive(PartialEq, Debug)]
struct Seen {
    /// Boxes of faces by photo.
    faces: BTreeMap<String, Vec<String>>,
    /// Which photos show the same person.
    people: BTreeSet<BTreeSet<String>>,
    /// What is found by words, best first.
    found: Vec<Vec<String>>,
    /// Names and sizes of thumbnails.
    thumbnails: BTreeMap<PathBuf, u64>,
}

fn seen(site: &Site) -> Seen {
    let name = |path: &Value| path.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let of = |asset: &Value| name(&asset["paths"][0]);
    let boxes = |asset: &Value| {
        let faces = asset["faces"].as_array().unwrap();
        faces.iter().map(|face| face["box"].to_string()).collect::<Vec<_>>()
    };
    let people = site.ask(&["people", "--json"]).json();
    let people = people.iter().map(|person| person["assets"].as_array().unwrap().iter().map(name).collect());
    let search = |words: &&str| site.ask(&["search", "--json", words]).json().iter().map(of).collect();
    let thumbnails = galleryfs_tests::folder::contents(&site.data().join("derived/thumbnails"));
    Seen {
        faces: site.list().iter().map(|asset| (of(asset), boxes(asset))).collect(),
        people: people.collect(),
        found: ["a dog", "snow", "a man in a suit"].iter().map(search).collect(),
        thumbnails: thumbnails.into_iter().map(|(path, bytes)| (path, bytes.len() as u64)).collect(),
    }
}

#[test]
fn what_is_seen_after_kills_is_what_is_seen_without() {
    let (kills, people, others) = if galleryfs_tests::soaks() { (100, 20, 220) } else { (6, 4, 24) };
    let seed = galleryfs_tests::seed();
    let mut random = Random::new(seed);

    let photos = photos(people, others);
    let undisturbed = site(&photos);
    undisturbed.index();
    let expected = seen(&undisturbed);
    assert!(expected.people.len() >= people, "{:?}", expected.people);
    assert!(expected.thumbnails.len() >= 4 * photos.len());

    let site = site(&photos);
    for _ in 0..kills {
        let daemon = site.up();
        // The models take half a second to open: half of the kills fall before, half while they work.
        std::thread::sleep(Duration::from_millis(random.below(1500) as u64));
        daemon.kill();
        // What is derived may lose anything at any time.
        if random.below(3) == 0 {
            lose(&site, &mut random);
        }
    }
    let daemon = site.up();
    daemon.settle();
    daemon.stop();
    let found = seen(&site);
    assert_eq!(found.faces, expected.faces, "seed {seed}");
    assert_eq!(found.people, expected.people, "seed {seed}");
    assert_eq!(found.found, expected.found, "seed {seed}");
    assert_eq!(found.thumbnails, expected.thumbnails, "seed {seed}");
    for (name, bytes) in &photos {
        assert!(std::fs::read(site.photos().join(name)).unwrap() == *bytes, "{name} changed");
    }
}

/// A thumbnail goes, or a file of embeddings loses its end or some bytes in its middle.
fn lose(site: &Site, random: &mut Random) {
    let derived = site.data().join("derived");
    let all: Vec<PathBuf> = galleryfs_tests::folder::contents(&derived)
        .into_keys()
        .filter(|path| path.starts_with("thumbnails") || path.starts_with("vectors"))
        .collect();
    let vectors: Vec<PathBuf> = all.iter().filter(|path| path.starts_with("vectors")).cloned().collect();
    let from = if random.below(2) == 0 { &all } else { &vectors };
    let Some(path) = random.pick(from).map(|path| derived.join(path)) else { return };
    let mut bytes = std::fs::read(&path).unwrap();
    match random.below(3) {
        _ if path.starts_with(derived.join("thumbnails")) => std::fs::remove_file(&path).unwrap(),
        0 => std::fs::remove_file(&path).unwrap(),
        1 => std::fs::write(&path, &bytes[..random.below(bytes.len() + 1)]).unwrap(),
        _ => {
            let at = random.below(bytes.len().max(1));
            for byte in bytes.iter_mut().skip(at).take(64) {
                *byte ^= 0x5a;
            }
            std::fs::write(&path, &bytes).unwrap();
        }
    }
}
