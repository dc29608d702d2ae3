//! Reading a large file through the mount, against reading the original.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use galleryfs_tests::{Jpeg, Random, Site};

use crate::table::{Samples, milliseconds, row};

/// Bytes of the file.
const SIZE: usize = 256 << 20;

/// Reads at random places, and how much each.
const PLACES: usize = 20_000;
const PIECE: usize = 4096;

pub(crate) fn measure() {
    let site = Site::default();
    let original = site.photo("large.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30").padding(SIZE));
    for passthrough in ["auto", "off"] {
        let daemon = site.up_with(&["--passthrough", passthrough]);
        daemon.settle();
        let seen = site.mount().join("all/2024/05/large.jpg");
        for (what, read) in [
            ("sequential read, 1 MiB at a time", sequential as fn(&Path) -> Duration),
            ("random reads, 4 KiB", random as fn(&Path) -> Duration),
        ] {
            // Both once before, so that both are warm.
            let (mut ours, mut direct) = (Samples::default(), Samples::default());
            for round in 0..6 {
                let (through, itself) = (read(&seen), read(&original));
                if round > 0 {
                    ours.add(through);
                    direct.add(itself);
                }
            }
            let ratio = direct.median().as_secs_f64() / ours.median().as_secs_f64();
            let against = format!("{ratio:.2} x the rate of the original ({})", direct.median_ms());
            let budget = if what.starts_with("sequential") { ">= 0.95 x" } else { "" };
            row(
                &format!("{what}, passthrough {passthrough}"),
                &milliseconds(ours.median()),
                &against,
                budget,
            );
        }
        assert!(daemon.stop().success());
    }
}

fn sequential(path: &Path) -> Duration {
    let began = Instant::now();
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => break,
            read => total += read,
        }
    }
    assert!(total > SIZE);
    began.elapsed()
}

fn random(path: &Path) -> Duration {
    let began = Instant::now();
    let file = File::open(path).unwrap();
    let mut random = Random::new(7);
    let mut buffer = vec![0; PIECE];
    for _ in 0..PLACES {
        file.read_exact_at(&mut buffer, random.below((SIZE - PIECE) / PIECE) as u64 * PIECE as u64).unwrap();
    }
    began.elapsed()
}
