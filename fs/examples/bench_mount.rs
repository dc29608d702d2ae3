//! Mounts a library of 100,000 photos made by hand and prints what listing it takes, against a directory on disk
//! with the same names: `cargo run --release -p galleryfs-fs --example bench_mount [COUNT]`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use galleryfs_fs::{Options, Xattrs};
use library::snapshot::fixture::Photo;
use support::TestLibrary;

fn timed(what: &str, dir: &Path, command: &str) -> f64 {
    let mut best = f64::MAX;
    let mut first = 0.0;
    for round in 0..5 {
        let begun = Instant::now();
        let status = Command::new("sh").args(["-c", command]).current_dir(dir).stdout(Stdio::null()).status();
        assert!(status.unwrap().success());
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        if round == 0 {
            first = took;
        } else {
            best = best.min(took);
        }
    }
    println!("{what:<24} {command:<12} first {first:7.0} ms, then {best:7.0} ms");
    best
}

fn main() {
    let count: usize = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (point, disk) = (dir.path().join("mnt"), dir.path().join("disk"));
    std::fs::create_dir(&point).unwrap();
    std::fs::create_dir(&disk).unwrap();
    let library = TestLibrary::new(&dir.path().join("photos"));
    library.edit(|fixture| {
        for number in 0..count {
            let (name, size) = (format!("IMG_{number:06}.jpg"), 1000 + number as u64);
            let taken =
                format!("{}-{:02}-{:02}T10:00:00", 2000 + number % 25, 1 + number % 12, 1 + number % 28);
            std::fs::write(disk.join(&name), "").unwrap();
            fixture.add(&Photo { path: &name, size, taken: Some(&taken), ..Photo::default() });
        }
        Vec::new()
    });
    let commands = ["ls -f", "ls -lU", "find"];
    let peers = commands.map(|command| timed("disk", &disk, command));
    for (what, xattrs) in [("mount, xattrs off", Xattrs::Off), ("mount, xattrs on", Xattrs::User)] {
        let source = std::sync::Arc::<TestLibrary>::clone(&library);
        let begun = Instant::now();
        let mount = galleryfs_fs::mount(source, &point, Options { xattrs, ..Options::default() }).unwrap();
        println!("{what}: mounted in {:.0} ms", begun.elapsed().as_secs_f64() * 1000.0);
        for (command, peer) in commands.into_iter().zip(peers) {
            let took = timed(what, &point.join("types/image"), command);
            println!("{what:<24} {command:<12} {:.2} x disk", took / peer);
        }
        mount.unmount().unwrap();
    }
}
