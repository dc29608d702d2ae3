//! SIGKILL at random moments while files arrive, move, change and vanish: each restart comes to the truth of the folder.
//!
//! A short form of it runs with the other tests; `GALLERYFS_SOAK=1` (`make soak`) makes it hundreds of kills. A failure
//! names its seed: `GALLERYFS_SEED` runs it again.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use galleryfs_tests::{Jpeg, Random, Site, eventually, folder};
use serde_json::Value;

/// What the test knows of its folder: every file and its bytes.
struct Model {
    random: Random,
    files: BTreeMap<PathBuf, Vec<u8>>,
    photos: u64,
}

impl Model {
    /// One thing a user might do, to the folder and to the model.
    fn act(&mut self, site: &Site) {
        let existing: Vec<PathBuf> = self.files.keys().cloned().collect();
        let target = PathBuf::from(format!("{}/{}.jpg", self.random.below(4), self.random.below(30)));
        let choice = self.random.below(10);
        match (choice, self.random.pick(&existing).cloned()) {
            (0..=3, _) | (_, None) => self.write(site, target),
            (4..=5, Some(path)) => {
                std::fs::create_dir_all(site.photos().join(&target).parent().unwrap()).unwrap();
                std::fs::rename(site.photos().join(&path), site.photos().join(&target)).unwrap();
                let bytes = self.files.remove(&path).unwrap();
                self.files.insert(target, bytes);
            }
            (6..=7, Some(path)) => self.write(site, path),
            (8, Some(path)) => {
                std::fs::remove_file(site.photos().join(&path)).unwrap();
                self.files.remove(&path);
            }
            (_, Some(path)) => {
                let bytes = self.files[&path].clone();
                self.put(site, target, bytes);
            }
        }
    }

    fn write(&mut self, site: &Site, path: PathBuf) {
        self.photos += 1;
        let seed = self.random.number();
        let day = self.random.below(28) + 1;
        let photo =
            Jpeg::new(seed).taken(&format!("2024:05:{day:02} 10:20:30")).padding(self.random.below(200_000));
        self.put(site, path, photo.bytes());
    }

    fn put(&mut self, site: &Site, path: PathBuf, bytes: Vec<u8>) {
        let target = site.photos().join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        // Half of them in place, half under another name first, as programs differ.
        if self.random.below(2) == 0 {
            std::fs::write(&target, &bytes).unwrap();
        } else {
            let part = target.with_extension("part");
            std::fs::write(&part, &bytes).unwrap();
            std::fs::rename(&part, &target).unwrap();
        }
        self.files.insert(path, bytes);
    }

    /// What `list --json` must say: which bytes stand where, the same bytes being one asset.
    fn truth(&self, root: &Path) -> BTreeSet<(u64, BTreeSet<PathBuf>)> {
        let mut same: BTreeMap<&[u8], BTreeSet<PathBuf>> = BTreeMap::new();
        for (path, bytes) in &self.files {
            same.entry(bytes).or_default().insert(root.join(path));
        }
        same.into_iter().map(|(bytes, paths)| (bytes.len() as u64, paths)).collect()
    }
}

fn listed(site: &Site) -> BTreeSet<(u64, BTreeSet<PathBuf>)> {
    let asset = |asset: &Value| {
        let paths = asset["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().into());
        (asset["size"].as_u64().unwrap(), paths.collect())
    };
    site.list().iter().map(asset).collect()
}

fn journal(site: &Site) -> Vec<Value> {
    site.ask(&["log", "--all", "--json"]).json()
}

#[test]
fn every_restart_after_a_kill_comes_to_the_truth() {
    let rounds = if galleryfs_tests::soaks() { 300 } else { 6 };
    let seed = galleryfs_tests::seed();

    let site = Site::default();
    let mut model = Model { random: Random::new(seed), files: BTreeMap::new(), photos: 0 };
    let mut known: Vec<Value> = Vec::new();
    for round in 0..rounds {
        let daemon = site.up();
        for _ in 0..model.random.below(30) {
            model.act(&site);
            if model.random.below(4) == 0 {
                std::thread::sleep(Duration::from_millis(model.random.below(80) as u64));
            }
        }
        // What was in the journal before must be in it for ever, word for word.
        let now = journal(&site);
        assert_eq!(
            now.get(..known.len()),
            Some(&known[..]),
            "seed {seed}, round {round}: the journal lost something"
        );
        known = now;
        std::thread::sleep(Duration::from_millis(model.random.below(400) as u64));
        daemon.kill();
        // And while nobody looks.
        for _ in 0..model.random.below(6) {
            model.act(&site);
        }
        if round % 3 == 2 {
            let daemon = site.up();
            let truth = model.truth(site.photos());
            eventually(&format!("seed {seed}, round {round}"), &truth, || listed(&site));
            eventually(&format!("seed {seed}, round {round}: the mount"), &truth.len(), || {
                folder::names(&site.mount().join("types/image")).len()
            });
            daemon.kill();
        }
    }

    // In the end the originals are what was written, byte for byte, and nothing else lies beside them.
    let mut found = folder::contents(site.photos());
    found.retain(|path, _| !path.starts_with(".galleryfs"));
    assert!(found == model.files, "seed {seed}: the originals changed");
    let now = journal(&site);
    assert_eq!(now.get(..known.len()), Some(&known[..]), "seed {seed}: the journal lost something");
}

#[test]
fn a_broken_catalogue_is_rebuilt_and_said_so() {
    let site = Site::default();
    for seed in 0..5 {
        site.photo(&format!("{seed}.jpg"), &Jpeg::new(seed).taken("2024:05:01 10:20:30"));
    }
    site.index();
    let before = site.list();
    for file in ["derived/catalogue/db", "derived/catalogue/conf"] {
        let path = site.data().join(file);
        let Ok(mut bytes) = std::fs::read(&path) else { continue };
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31) ^ 0x5a);
        std::fs::write(&path, bytes).unwrap();
    }
    let answer = site.ask(&["index"]);
    assert_eq!(answer.code, Some(0));
    assert!(answer.err.contains("catalogue") && answer.err.contains("rebuilt"), "{}", answer.err);
    assert_eq!(site.list(), before);
}

#[test]
fn a_torn_journal_tail_is_cut() {
    use std::io::Write as _;
    let site = Site::default();
    site.photo("one.jpg", &Jpeg::new(1));
    site.index();
    let before = (site.list(), journal(&site));
    let folder = site.data().join("truth/journal");
    let newest = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(newest).unwrap();
    file.write_all(b"9999 half a reco").unwrap();
    site.index();
    assert_eq!(site.list(), before.0);
    assert_eq!(journal(&site).get(..before.1.len()), Some(&before.1[..]));
}
