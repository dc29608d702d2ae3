//! How fast it is, against peers in the same run: `make bench`, or with `COUNT=100000` another size.
//!
//! Makes libraries of small real JPEGs with EXIF, then measures as a user would: the real program, a real mount, `ls` and
//! `find`, and the same commands on the same files on disk and through bindfs. `docs/performance.md` keeps the history.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // a bench prints, or stops

mod collection;
mod listing;
mod reading;
mod table;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use galleryfs_tests::Site;

use crate::collection::Collection;
use crate::table::{Samples, row, section};

fn main() {
    let counts: Vec<usize> = std::env::args().skip(1).filter_map(|count| count.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![10_000, 100_000] } else { counts };
    for count in counts {
        section(&format!("{count} photos"));
        let collection = Collection::make(count);
        let site = Site::default().with_photos(collection.photos());
        indexing(&site, &collection);
        starting(&site);
        listing::measure(&site, &collection);
        searching(&site);
    }
    section("Reading a large file");
    reading::measure();
}

/// Everything read, hashed and stored, from nothing, against exiftool, which neither hashes nor stores.
fn indexing(site: &Site, collection: &Collection) {
    let began = Instant::now();
    let photos = site.photos().to_str().unwrap();
    let mut child = site
        .command(&["index", "--photos", photos])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(memory(child.id()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let rate = collection.count() as f64 / began.elapsed().as_secs_f64();
    let sample = collection.sample(1000);
    let began = Instant::now();
    let exiftool =
        Command::new("exiftool").args(["-fast2", "-json"]).args(&sample).stdout(Stdio::null()).status();
    let peer = exiftool
        .is_ok_and(|status| status.success())
        .then(|| sample.len() as f64 / began.elapsed().as_secs_f64());
    let against = peer.map(|peer| format!("{:.1} x exiftool -fast2 ({peer:.0}/s)", rate / peer));
    row(
        "index",
        &format!("{rate:.0} photos/s"),
        &against.unwrap_or_else(|| "exiftool is not there".into()),
        ">= 10 x",
    );
    row("memory while indexing, at most", &megabytes(peak), "", "<= 1 GB");
}

/// From the start of the program to an answer from the mount.
fn starting(site: &Site) {
    let mut samples = Samples::default();
    for _ in 0..3 {
        let began = Instant::now();
        let mut command = site.command(&["up", "--photos", site.photos().to_str().unwrap()]);
        command.arg("--mount").arg(site.mount()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !lines.next().expect("it mounts").unwrap().starts_with("Mounted") {}
        assert!(site.mount().join("README.txt").exists());
        samples.add(began.elapsed());
        assert_eq!(site.ask(&["unmount"]).code, Some(0));
        child.wait().unwrap();
    }
    row("start to mounted", &samples.median_ms(), "", "<= 1 s");
}

const QUERIES: [&str; 8] = [
    "IMG_00042",
    "canon",
    "rome",
    "beach",
    "canon rome",
    "date:2015-03..2016",
    "place:italy camera:nikon",
    "sunset date:2012 -canon",
];

/// Queries as a search box asks them, over the socket.
fn searching(site: &Site) {
    let daemon = site.up();
    daemon.settle();
    let mut samples = Samples::default();
    for round in 0..25 {
        for query in QUERIES {
            let began = Instant::now();
            let mut stream = UnixStream::connect(site.data().join("socket")).unwrap();
            writeln!(stream, "{}", serde_json::json!({"ask": "search", "query": query, "limit": 100}))
                .unwrap();
            let last = BufReader::new(stream).lines().last().expect("an answer").unwrap();
            assert!(last.contains("\"exit\":0"), "{query}: {last}");
            if round > 0 {
                samples.add(began.elapsed());
            }
        }
    }
    row("search, 100 results in full, p50", &samples.percentile_ms(50), "", "<= 10 ms at 100,000");
    row("search, 100 results in full, p99", &samples.percentile_ms(99), "", "<= 40 ms at 100,000");
    std::thread::sleep(Duration::from_secs(2));
    row("memory idle", &megabytes(memory(daemon.pid())), "", "<= 200 MB at 100,000");
    assert!(daemon.stop().success());
}

/// RssAnon and RssShmem, in kB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0)
    };
    field("RssAnon:") + field("RssShmem:")
}

fn megabytes(kilobytes: u64) -> String {
    format!("{} MB", kilobytes / 1024)
}

/// Lets the kernel forget names and pages, as after a boot. Only root may.
fn forget_caches() -> bool {
    rustix::fs::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

/// How long a command takes, its output thrown away.
fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it starts");
    assert!(status.success(), "{command:?}");
    began.elapsed()
}

/// Whether a program is installed.
fn is_there(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| Path::new(&folder).join(program).exists())
}
