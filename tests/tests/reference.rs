//! Random lives of a library in the hands of the whole program: what docs/semantics.md says of making, linking, moving and removing
//! names is what happens, and is what is there after a kill at any moment.
//!
//! `GALLERYFS_SOAK=1` makes it many. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code, unreachable_pub, missing_docs)]
#[path = "../../fs/tests/support/reference.rs"]
mod reference;

use std::time::Duration;

use galleryfs_tests::{Jpeg, Random, Site, eventually};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reference::{Op, Reference, ops, walked};

/// The operations that a seed stands for.
fn operations(seed: u64, count: usize) -> Vec<Op> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| ops().new_tree(&mut runner).unwrap().current()).collect()
}

/// A folder of a few photos, and what the library should be.
fn with_photos(site: &Site) -> Reference {
    let mut reference = Reference::default();
    let days = [Some("2024-05-01"), Some("2024-05-02"), Some("2023-12-31"), None];
    for (at, (name, day)) in ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].into_iter().zip(days).enumerate() {
        let photo = Jpeg::new(at as u64);
        let photo = match day {
            Some(day) => photo.taken(&format!("{} 10:00:00", day.replace('-', ":"))),
            None => photo,
        };
        site.photo(name, &photo);
        reference.add(name, day);
    }
    reference
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
        let mut reference = with_photos(&site);
        for kill in 0..kills {
            let daemon = site.up();
            daemon.settle();
            let mount = site.mount().to_owned();
            let context = format!("life {life}, kill {kill}");
            eventually(&context, &reference.listed(), || walked(&mount));
            let steps = operations(random.number(), 60);
            let at = random.number() as usize % steps.len();
            let wait = Duration::from_micros(random.number() % 3000);
            let mut interrupted = None;
            for op in &steps[..at] {
                let Some(act) = reference.act(op) else { continue };
                let outcome = act.perform(&mount);
                let should = reference.apply(&act);
                assert_eq!(outcome.is_ok(), should, "{context}: {act:?}: {outcome:?}");
                assert_eq!(walked(&mount), reference.listed(), "{context}: at once after {act:?}");
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
            if let Some((act, succeeded)) = interrupted {
                let mut after = reference.clone();
                let should = after.apply(&act);
                eventually(&format!("{context}: during {act:?}"), &true, || {
                    let there = walked(&mount);
                    there == after.listed() || !succeeded && there == reference.listed()
                });
                if should && walked(&mount) == after.listed() {
                    reference = after;
                }
            }
            daemon.kill();
        }
    }
    println!("{done} operations done, {refused} refused, {} kills", lives * kills);
    assert!(done > 0);
}
