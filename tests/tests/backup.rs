//! rsync of the photo folders and of `truth/`, at any instant while the daemon writes, is a correct backup.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::process::Command;

use galleryfs_tests::{Jpeg, Random, Site};
use serde_json::Value;

fn rsync(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    let status =
        Command::new("rsync").arg("-a").arg(from.join("")).arg(to.join("")).status().expect("rsync is there");
    // 24: files vanished while it copied, as they do in a living folder.
    assert!(matches!(status.code(), Some(0 | 24)), "{status}");
}

#[test]
fn a_backup_taken_during_writes_restores() {
    let site = Site::default();
    let mut random = Random::new(11);
    for seed in 0..20 {
        site.photo(&format!("{seed}.jpg"), &Jpeg::new(seed).taken("2024:05:01 10:20:30"));
    }
    let daemon = site.up();
    daemon.settle();
    let known: Vec<Value> = site.list();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let restored = Site::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // New photos, and new versions of the last ones; the first ten stay.
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let name = 10 + random.below(40);
                site.photo(&format!("{name}.jpg"), &Jpeg::new(random.number()).taken("2023:01:01 00:00:00"));
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(500));
        rsync(site.photos(), restored.photos());
        rsync(&site.data().join("truth"), &restored.data().join("truth"));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let journal = site.ask(&["log", "--all", "--json"]).json();
    assert!(daemon.stop().success());

    restored.index();
    // What was there before the backup began is what it was, ids included; the journal is a beginning of ours.
    let list = restored.list();
    for asset in &known[..] {
        let path = asset["paths"][0].as_str().unwrap();
        let name = path.rsplit('/').next().unwrap();
        if name.trim_end_matches(".jpg").parse::<u32>().unwrap() >= 10 {
            continue;
        }
        let again =
            list.iter().find(|other| other["paths"][0].as_str().unwrap().ends_with(&format!("/{name}")));
        assert_eq!(again.map(|again| &again["id"]), Some(&asset["id"]), "{name}");
    }
    let copied = restored.ask(&["log", "--all", "--json"]).json();
    let both = copied.iter().zip(&journal).take_while(|(a, b)| a == b).count();
    assert!(both > 0, "nothing of the journal came along");
    let ids = |records: &[Value]| records.iter().map(|record| record["seq"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&copied[..both]), ids(&journal[..both]));
}
