//! What the library costs at a given size: taking in, opening, rebuilding from the journal, and memory.
//!
//! `cargo run --release -p galleryfs-library --example bench_library -- 100000`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use library::metadata::{Camera, Gps, PixelSize, Place, TagPath, Taken};
use library::{Digests, FilePath, FileStat, Format, Library, Metadata, Observation, RootSpec};

fn main() {
    if let Some(data) = std::env::args().nth(2) {
        return open(std::path::Path::new(&data));
    }
    let count: u64 = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(100_000);
    let data = tempfile::tempdir().unwrap();
    let (library, _) = Library::open(data.path()).unwrap();
    let root = library.set_roots(library.account(), &[RootSpec { path: "/pictures".into() }]).unwrap()[0];
    let start = Instant::now();
    let mut batch = Vec::new();
    for at in 0..count {
        let bytes = at.to_be_bytes();
        batch.push(Observation::Asset {
            path: FilePath::new(
                root,
                format!("{}/{:02}/IMG_{at:07}.jpg", 2000 + at % 24, at % 12).as_bytes(),
            ),
            stat: FileStat { size: 3_000_000, mtime_ns: at as i64 * 1000, ctime_ns: 0, device: 1, inode: at },
            digests: Digests::of(&bytes),
            metadata: Box::new(metadata(at)),
            sidecars: Vec::new(),
        });
        if batch.len() == 200 {
            library.observe(std::mem::take(&mut batch)).unwrap();
        }
    }
    library.observe(batch).unwrap();
    println!("taken in      {:>8.0} assets/s", count as f64 / start.elapsed().as_secs_f64());
    library.settle().unwrap();
    println!("with text     {:>8.0} assets/s", count as f64 / start.elapsed().as_secs_f64());
    println!("memory        {:>8.0} MB after taking in", resident_mb());
    drop(library);
    std::thread::sleep(std::time::Duration::from_secs(1));
    // A fresh process, as after a restart.
    let program = std::env::current_exe().unwrap();
    let child = std::process::Command::new(program).arg("open").arg(data.path()).status().unwrap();
    assert!(child.success());
    let start = Instant::now();
    let _rebuilt = Library::rebuild(data.path()).unwrap();
    println!(
        "rebuilt       {:>8.0} ms from the journal, before any scan",
        start.elapsed().as_secs_f64() * 1e3
    );
}

fn open(data: &std::path::Path) {
    let start = Instant::now();
    let (library, report) = Library::open(data).unwrap();
    println!(
        "opened        {:>8.0} ms ({:.0} ms of processor) {:?}",
        start.elapsed().as_secs_f64() * 1e3,
        processor_ms(),
        report.notes
    );
    println!("memory        {:>8.0} MB open", resident_mb());
    let root = library.snapshot().folders().roots().next().unwrap().0.id;
    let start = Instant::now();
    let files = library.files_under(root, b"").unwrap().len();
    println!("files listed  {:>8.0} ms ({files})", start.elapsed().as_secs_f64() * 1e3);
    println!("memory        {:>8.0} MB then", resident_mb());
    library.settle().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    println!("memory        {:>8.0} MB idle", resident_mb());
}

/// Processor time this process has used, in ms: steadier than the clock on a busy machine.
fn processor_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10.0
}

fn metadata(at: u64) -> Metadata {
    let day = jiff::civil::date(2000 + (at % 24) as i16, (at % 12) as i8 + 1, (at % 28) as i8 + 1);
    Metadata {
        format: Some(Format::Jpeg),
        taken: Some(Taken { local: day.at((at % 24) as i8, (at % 60) as i8, 0, 0), zone: None }),
        size: Some(PixelSize { width: 4000, height: 3000 }),
        camera: Camera {
            make: Some("Canon".into()),
            model: Some(format!("Canon EOS {}D", at % 20)),
            lens: Some("EF-S 18-55mm".into()),
        },
        gps: Some(Gps { lat: 41.9, lon: 12.5, altitude: None }),
        place: Some(Place {
            city: format!("City {}", at % 500),
            region: format!("Region {}", at % 50),
            country: format!("Country {}", at % 10),
        }),
        tags: TagPath::new(["travel", "italy"]).into_iter().collect(),
        ..Metadata::default()
    }
}

/// Anonymous memory of this process, in MB.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:")?.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0);
    kb / 1024.0
}
