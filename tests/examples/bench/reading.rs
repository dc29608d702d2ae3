//! Reading an original through the mount, against the original itself.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use galleryfs_tests::{Random, Site};

use crate::machine::Machine;
use crate::peers::Bindfs;
use crate::photos::{BIG, BIG_PATH};
use crate::table::Table;
use crate::timing::{time, turns};

/// Times each is read, warm.
const ROUNDS: usize = 15;

/// Times each is read with the kernel's caches empty.
const COLD: usize = 1;

/// What `cat` and `cp` read at a time, about.
const BLOCK: usize = 128 << 10;

const PAGE: usize = 4 << 10;

/// Pages read at random.
const PAGES: usize = 20_000;

/// From the beginning to the end, and here and there. `how` says in which way it is mounted.
pub(crate) fn measure(site: &Site, machine: &Machine, bindfs: Option<&Bindfs>, how: &str, table: &mut Table) {
    let mut paths = vec![site.mount().join("folders/photos").join(BIG_PATH), site.photos().join(BIG_PATH)];
    paths.extend(bindfs.map(|bindfs| bindfs.point().join("photos").join(BIG_PATH)));
    one(&format!("read 512 MB in order{how}"), &paths, whole, megabytes, Some(0.95), machine, table);
    one(&format!("read {PAGES} x 4 KB anywhere{how}"), &paths, pages, thousands, None, machine, table);
}

fn one(
    what: &str,
    paths: &[PathBuf],
    read: fn(&Path) -> Duration,
    unit: fn(Duration) -> String,
    budget: Option<f64>,
    machine: &Machine,
    table: &mut Table,
) {
    if machine.forget() {
        let cold = turns(COLD, paths, |path| {
            machine.forget();
            read(path)
        });
        row(&format!("{what}, cold"), &cold, unit, None, table);
    }
    let warm = turns(ROUNDS, paths, read);
    row(&format!("{what}, warm"), &warm, unit, budget, table);
}

fn row(what: &str, times: &[Duration], unit: fn(Duration) -> String, budget: Option<f64>, table: &mut Table) {
    // Rates: more is better.
    let ratio = |time: Duration| times[1].as_secs_f64() / time.as_secs_f64();
    let ours = ratio(times[0]);
    let row = table.row(what, unit(times[0]));
    row.against(format!("disk {}", unit(times[1])), ours).bindfs(times.get(2).map(|time| ratio(*time)));
    if let Some(least) = budget {
        row.budget(&format!(">= {least} x"), ours >= least);
    }
}

fn megabytes(took: Duration) -> String {
    format!("{:.0} MB/s", BIG as f64 / 1e6 / took.as_secs_f64())
}

fn thousands(took: Duration) -> String {
    format!("{:.0} k/s", PAGES as f64 / 1e3 / took.as_secs_f64())
}

fn whole(path: &Path) -> Duration {
    let mut block = vec![0; BLOCK];
    time(|| {
        let mut file = File::open(path).expect("a file");
        let mut total = 0;
        loop {
            match file.read(&mut block).expect("its bytes") {
                0 => break,
                read => total += read,
            }
        }
        assert_eq!(total, BIG);
    })
}

fn pages(path: &Path) -> Duration {
    let mut page = vec![0; PAGE];
    let mut random = Random::new(7);
    let at: Vec<u64> = (0..PAGES).map(|_| (random.below(BIG / PAGE) * PAGE) as u64).collect();
    time(|| {
        let file = File::open(path).expect("a file");
        for at in &at {
            file.read_exact_at(&mut page, *at).expect("its bytes");
        }
    })
}
