//! Random lives of a library in the hands of the whole program: what docs/semantics.md says of making, linking, moving and removing
//! names, of people, of saving and of arriving is what happens, and is what is there after a kill at any moment.
//!
//! Faces are found by the models in `../shared`, in portraits of people who are strangers: whoever is met is made by hand, and
//! nobody is gathered behind the model's back. Without the models there are no faces, and nobody can be said to be in a photo.
//!
//! `GALLERYFS_SOAK=1` makes it many. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code, unreachable_pub, missing_docs)]
#[path = "../../fs/tests/support/reference/mod.rs"]
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use galleryfs_tests::{Jpeg, Random, Site, eventually};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reference::Reference;
use reference::act::Act;
use reference::ops::{Op, ops};
use reference::picture::{Faces, Picture};
use reference::walk::{left, read, walked};

/// The operations that a seed stands for.
fn operations(seed: u64, count: usize) -> Vec<Op> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| ops().new_tree(&mut runner).unwrap().current()).collect()
}

fn pictures(number: usize) -> Picture {
    let day = [Some("2024-05-01"), Some("2024-05-02"), Some("2023-12-31"), None][number % 4];
    let photo = Jpeg::new(number as u64);
    let photo = match day {
        Some(day) => photo.taken(&format!("{} 10:00:00", day.replace('-', ":"))),
        None => photo,
    };
    Picture { bytes: photo.bytes().into(), day, faces: Faces::None, is_photo: true }
}

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")
}

/// Portraits of strangers, in which the models find one face each; none where there are no models.
fn portraits(site: &Site) -> Vec<Picture> {
    if !shared().join("models").exists() {
        return Vec::new();
    }
    let pulled = site.ask(&["runtime", "pull", "cpu"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.err);
    std::os::unix::fs::symlink(shared().join("models"), site.data().join("models")).unwrap();
    let portrait = |name: &str| {
        let folder = shared().join("photos/people/lfw").join(name);
        let mut files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let bytes = std::fs::read(&files[0]).unwrap().into();
        Picture { bytes, day: None, faces: Faces::One, is_photo: true }
    };
    ["Abdullah_Gul", "Angelina_Jolie", "Bill_Clinton", "Ben_Affleck"].map(portrait).into()
}

/// A folder of a few photos, and what the library should be.
fn with_photos(site: &Site, portraits: Vec<Picture>) -> Reference {
    // Whoever has no name is listed when they were met three times.
    let mut reference = Reference::new(pictures, 3);
    let drawn = [(); 4].map(|()| reference.draw());
    for (name, picture) in ('a'..).zip(drawn.into_iter().chain(portraits)) {
        let name = format!("{name}.jpg");
        site.put(&name, &picture.bytes);
        reference.add(&name, picture);
    }
    reference
}

/// All that is compared.
type Seen = (BTreeSet<String>, BTreeMap<String, u64>, BTreeSet<String>);

fn seen(mount: &Path) -> Seen {
    (walked(mount), read(mount), left(mount))
}

fn wanted(reference: &Reference) -> Seen {
    (reference.listed(), reference.contents(), reference.left())
}

/// Which of these it has come to, when it has come to rest.
fn come_to(context: &str, mount: &Path, outcomes: &[Reference]) -> Reference {
    let is = |seen: &Seen| outcomes.iter().find(|outcome| wanted(outcome) == *seen);
    let (begun, mut since, mut now) = (Instant::now(), Instant::now(), seen(mount));
    loop {
        let next = seen(mount);
        if next != now {
            (now, since) = (next, Instant::now());
        }
        // What was complete in the inbox is taken in behind the start.
        let rests = since.elapsed() > Duration::from_millis(300);
        match is(&now) {
            Some(outcome) if rests => return outcome.clone(),
            None if begun.elapsed() > Duration::from_secs(20) => {
                let all: Vec<_> = outcomes.iter().map(wanted).collect();
                panic!("{context}: there is {now:#?}, and there should be one of {all:#?}");
            }
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn whatever_was_decided_is_so_and_is_so_after_a_kill() {
    let seed = galleryfs_tests::seed();
    println!("GALLERYFS_SEED={seed}");
    let mut random = Random::new(seed);
    let (lives, kills) = if galleryfs_tests::soaks() { (40, 10) } else { (1, 4) };
    let (mut done, mut refused) = (0, 0);
    for life in 0..lives {
        let site = Site::default();
        let portraits = if life % 4 == 0 { portraits(&site) } else { Vec::new() };
        let mut reference = with_photos(&site, portraits);
        for kill in 0..kills {
            let daemon = site.up();
            daemon.settle();
            let mount = site.mount().to_owned();
            let context = format!("life {life}, kill {kill}");
            eventually(&context, &wanted(&reference), || seen(&mount));
            let steps = operations(random.number(), 60);
            let at = random.number() as usize % steps.len();
            let wait = Duration::from_micros(random.number() % 3000);
            let mut interrupted: Option<(Act, bool)> = None;
            for op in &steps[..at] {
                let Some(act) = reference.act(op) else { continue };
                let outcome = act.perform(&mount);
                let should = reference.apply(&act);
                assert_eq!(outcome.is_ok(), should, "{context}: {act:?}: {outcome:?}");
                let context = format!("{context}: after {act:?}");
                match act.shows_at_once() {
                    true => assert_eq!(seen(&mount), wanted(&reference), "{context}"),
                    false => eventually(&context, &wanted(&reference), || seen(&mount)),
                }
                if should { done += 1 } else { refused += 1 }
            }
            if let Some(act) = reference.act(&steps[at]) {
                let under_way = std::thread::spawn({
                    let (act, mount) = (act.clone(), mount.clone());
                    move || act.perform(&mount).is_ok()
                });
                std::thread::sleep(wait);
                daemon.kill();
                interrupted = Some((act, under_way.join().unwrap()));
            } else {
                daemon.kill();
            }
            let daemon = site.up();
            daemon.settle();
            let context = format!("{context}: during {interrupted:?}");
            let outcomes = match &interrupted {
                None => vec![reference],
                Some((act, true)) => {
                    assert!(reference.apply(act), "{context}");
                    vec![reference]
                }
                Some((act, false)) => {
                    act.leaves().map(|path| std::fs::remove_file(mount.join(path)));
                    reference.outcomes(act)
                }
            };
            reference = come_to(&context, &mount, &outcomes);
            daemon.kill();
        }
    }
    println!("{done} operations done, {refused} refused, {} kills", lives * kills);
    assert!(done > 0);
}
