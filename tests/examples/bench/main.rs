//! How fast galleryfs is, against ext4, bindfs and exiftool in the same run: `make bench`.
//!
//! Makes libraries of small photos, indexes, mounts, lists, reads and searches them as a user would, and prints one
//! table a library. What one machine does in a second says little: the ratios count, and each is of measurements that
//! took turns. `docs/performance.md` says how to read it.
//!
//! `BENCH_SIZES=10000,100000` says how many photos, `TMPDIR` where they are put: on a real disk, not in memory. Of more
//! than 200,000 only what has a budget at a million is measured: start, memory, searches. `BENCH_COPIES=0.1` copies a tenth of
//! the 6 GB that are copied into `inbox/` otherwise.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "it is a program")]

mod arriving;
mod deciding;
mod indexing;
mod listing;
mod machine;
mod memory;
mod peers;
mod photos;
mod reading;
mod searching;
mod starting;
mod table;
mod timing;

use galleryfs_tests::Site;

use crate::machine::Machine;
use crate::peers::Bindfs;
use crate::photos::Photos;
use crate::table::Table;

/// The largest library of which all is measured.
const WHOLE: usize = 200_000;

/// How many photos, unless `BENCH_SIZES` says so.
const SIZES: &str = "10000,100000";

fn main() {
    let sizes = std::env::var("BENCH_SIZES").unwrap_or_else(|_| SIZES.to_owned());
    for size in sizes.split(',') {
        let size = size.trim().parse().expect("BENCH_SIZES is numbers with commas between");
        measure(size);
    }
}

fn measure(size: usize) {
    let site = Site::default();
    let machine = Machine::look(&site.folder());
    println!("\n## {} photos\n", table::count(size));
    machine.print();
    let mut table = Table::default();

    let photos = Photos::make(&site, size);
    indexing::measure(&site, &photos, &mut table);
    if size > WHOLE {
        large(&site, size, &machine, &mut table);
        table.print();
        return;
    }
    photos.add_big();
    site.index();

    let bindfs = Bindfs::mount(&site.folder());
    let daemon = starting::measure(&site, &machine, size, &mut table);
    memory::settled(&daemon, "idle", size, &mut table);
    listing::measure(&site, &machine, bindfs.as_ref(), &mut table);
    reading::measure(&site, &machine, bindfs.as_ref(), "", &mut table);
    searching::measure(&site, size, &mut table);
    memory::settled(&daemon, "idle again, after all this", size, &mut table);
    arriving::measure(&site, &mut table);
    let share =
        std::env::var("BENCH_COPIES").map_or(1.0, |share| share.parse().expect("BENCH_COPIES is a share"));
    deciding::measure(&site, share, &mut table);
    daemon.stop();

    let daemon = starting::start(&site, &["--xattrs", "off", "--passthrough", "off"]);
    listing::measure_without_attributes(&site, bindfs.as_ref(), &mut table);
    reading::measure(&site, &machine, bindfs.as_ref(), ", passthrough off", &mut table);
    daemon.stop();

    table.print();
    println!("\nLoad at the end: {}", machine::load());
}

fn large(site: &Site, size: usize, machine: &Machine, table: &mut Table) {
    let daemon = starting::measure(site, machine, size, table);
    memory::settled(&daemon, "idle", size, table);
    let view = site.mount().join("types/image");
    let took = timing::time(|| {
        let seen = view.read_dir().expect("a view").map(|entry| entry.expect("an entry").metadata());
        assert_eq!(seen.filter(Result::is_ok).count(), size);
    });
    table.row("a look at every file of types/image", table::duration(took));
    searching::measure(site, size, table);
    memory::settled(&daemon, "idle again, after all this", size, table);
    daemon.stop();
}
