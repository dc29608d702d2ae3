//! `ls`, `find` and `du`, against the disk and against bindfs, on the same files.

use std::path::PathBuf;
use std::time::Duration;

use galleryfs_tests::Site;

use crate::machine::Machine;
use crate::peers::Bindfs;
use crate::photos::flat;
use crate::table::{Table, duration};
use crate::timing::{program, turns};

/// Times each is run, warm.
const ROUNDS: usize = 5;

/// Times each is run with the kernel's caches empty.
const COLD: usize = 1;

/// The flat folder and the tree, as somebody shows them: we, the disk, bindfs.
struct Places {
    flat: Vec<PathBuf>,
    tree: Vec<PathBuf>,
}

/// What it is called, the command, where it is run, and how many times as long as the disk it may take.
type Listing<'a> = (&'a str, &'a [&'a str], &'a [PathBuf], Option<f64>);

impl Places {
    fn of(site: &Site, bindfs: Option<&Bindfs>) -> Self {
        let (mount, disk) = (site.mount(), flat(site));
        let mut flat = vec![mount.join("types/image"), disk];
        let mut tree = vec![mount.join("folders/photos"), site.photos().to_owned()];
        flat.extend(bindfs.map(|bindfs| bindfs.point().join("flat")));
        tree.extend(bindfs.map(|bindfs| bindfs.point().join("photos")));
        Self { flat, tree }
    }
}

/// Every command, cold and warm.
pub(crate) fn measure(site: &Site, machine: &Machine, bindfs: Option<&Bindfs>, table: &mut Table) {
    let places = Places::of(site, bindfs);
    let commands: [Listing<'_>; 4] = [
        ("ls -f types/image", &["ls", "-f"], &places.flat, None),
        ("ls -lU types/image, xattrs on", &["ls", "-lU"], &places.flat, Some(6.0)),
        ("find folders", &["find"], &places.tree, None),
        ("du folders", &["du", "-s"], &places.tree, None),
    ];
    for (what, words, folders, budget) in commands {
        if machine.forget() {
            let times = turns(COLD, folders, |folder| {
                machine.forget();
                program(words, folder)
            });
            row(&format!("{what}, cold"), &times, None, table);
        }
        warm(what, words, folders, budget, table);
    }
}

/// What extended attributes cost: the same long listing without them.
pub(crate) fn measure_without_attributes(site: &Site, bindfs: Option<&Bindfs>, table: &mut Table) {
    let places = Places::of(site, bindfs);
    warm("ls -lU types/image, xattrs off", &["ls", "-lU"], &places.flat, Some(1.2), table);
}

fn warm(what: &str, words: &[&str], folders: &[PathBuf], budget: Option<f64>, table: &mut Table) {
    let times = turns(ROUNDS, folders, |folder| program(words, folder));
    row(&format!("{what}, warm"), &times, budget, table);
}

fn row(what: &str, times: &[Duration], budget: Option<f64>, table: &mut Table) {
    let ratio = |time: Duration| time.as_secs_f64() / times[1].as_secs_f64();
    let ours = ratio(times[0]);
    let row = table.row(what, duration(times[0]));
    row.against(format!("disk {}", duration(times[1])), ours).bindfs(times.get(2).map(|time| ratio(*time)));
    if let Some(most) = budget {
        row.budget(&format!("<= {most} x"), ours <= most);
    }
}
