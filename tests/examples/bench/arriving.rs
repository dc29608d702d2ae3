//! A photo that comes into a watched folder.

use std::time::{Duration, Instant};

use galleryfs_tests::Site;

use crate::photos::photo;
use crate::table::{Table, duration};
use crate::timing::median;

/// How many arrive, one after the other.
const PHOTOS: usize = 20;

const BUDGET: Duration = Duration::from_secs(1);

/// From its being closed to its being in the mount.
pub(crate) fn measure(site: &Site, table: &mut Table) {
    let times: Vec<Duration> = (0..PHOTOS)
        .map(|number| {
            let name = format!("NEW_{number}.jpg");
            std::fs::write(site.photos().join("000").join(&name), photo(10_000_000 + number).bytes())
                .expect("a photo");
            let begun = Instant::now();
            let shown = site.mount().join("types/image").join(&name);
            while !shown.exists() {
                assert!(begun.elapsed() < Duration::from_secs(60), "{name} never comes");
                std::thread::sleep(Duration::from_millis(1));
            }
            begun.elapsed()
        })
        .collect();
    let worst = times.iter().max().copied().unwrap_or_default();
    table
        .row("a new file closed to in the mount, slowest of 20", duration(worst))
        .budget("<= 1 s", worst <= BUDGET);
    table.row("the same, p50", duration(median(&times)));
}
