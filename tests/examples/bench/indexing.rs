//! Reading everything for the first time.

use std::process::Stdio;
use std::time::{Duration, Instant};

use galleryfs_tests::Site;

use crate::memory;
use crate::peers::exiftool;
use crate::photos::Photos;
use crate::table::{Table, count, duration};

/// Files that exiftool is given.
const SAMPLE: usize = 2000;

/// Megabytes while indexing.
const MEMORY: f64 = 1000.0;

/// `galleryfs index`, from start to end: all is hashed, read, decided, stored and searchable. exiftool before and after.
pub(crate) fn measure(site: &Site, photos: &Photos, table: &mut Table) {
    let sample = photos.sample(SAMPLE);
    let list = site.folder().join("sample");
    let before = exiftool(&sample, &list);

    let begun = Instant::now();
    let mut command = site.command(&["index", "--photos", site.photos().to_str().expect("UTF-8")]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut peak = 0_f64;
    let status = loop {
        if let Some(status) = child.try_wait().expect("its status") {
            break status;
        }
        peak = peak.max(memory::megabytes(child.id()));
        std::thread::sleep(Duration::from_millis(50));
    };
    let took = begun.elapsed();
    assert!(status.success(), "galleryfs index: {status}");

    let after = exiftool(&sample, &list);
    let rate = photos.count() as f64 / took.as_secs_f64();
    let average = photos.bytes() as f64 / photos.count() as f64 / 1e3;
    let row = table.row(
        format!("index all, {average:.0} KB each, hashing included"),
        format!("{} files/s ({})", count(rate as usize), duration(took)),
    );
    if let (Some(before), Some(after)) = (before, after) {
        let theirs = before.max(after);
        let ratio = rate / theirs;
        row.against(format!("exiftool {} files/s", count(theirs as usize)), ratio)
            .budget(">= 10 x", ratio >= 10.0);
    } else {
        row.against("exiftool is not installed", f64::NAN);
    }
    table.row("memory, most while indexing", format!("{peak:.0} MB")).budget("<= 1 GB", peak <= MEMORY);
}
