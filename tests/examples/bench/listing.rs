//! Listing one folder of everything: the mount against the disk and against bindfs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use galleryfs_tests::Site;

use crate::collection::Collection;
use crate::table::{Samples, milliseconds, row};
use crate::{forget_caches, is_there, timed};

const COMMANDS: [(&str, &[&str]); 4] =
    [("ls -f", &["ls", "-f"]), ("ls -lU", &["ls", "-lU"]), ("find", &["find"]), ("du", &["du", "-s"])];

/// Prints a line for each command, with xattrs on and off, warm and cold.
pub(crate) fn measure(site: &Site, collection: &Collection) {
    let flat = collection.flat();
    let bound = Bound::mount(&flat, &site.folder().join("bound"));
    for xattrs in ["user", "off"] {
        let daemon = site.up_with(&["--xattrs", xattrs]);
        daemon.settle();
        let view = site.mount().join("types/image");
        for (name, command) in COMMANDS {
            for cold in [false, true] {
                let (ours, disk) = (median(command, &view, cold), median(command, &flat, cold));
                let (Some(ours), Some(disk)) = (ours, disk) else { continue };
                let peer = bound.as_ref().and_then(|bound| median(command, &bound.0, cold));
                let ratio = |other: Duration| ours.as_secs_f64() / other.as_secs_f64();
                let mut against = format!("{:.2} x disk ({})", ratio(disk), milliseconds(disk));
                if let Some(peer) = peer {
                    against.push_str(&format!(", {:.2} x bindfs", ratio(peer)));
                }
                let budget = match (name, cold, xattrs) {
                    ("ls -lU", false, "off") => "<= 1.2 x disk",
                    ("ls -lU", false, _) => "<= 6 x disk",
                    _ => "",
                };
                let how = if cold { "cold" } else { "warm" };
                row(&format!("{name}, {how}, --xattrs {xattrs}"), &milliseconds(ours), &against, budget);
            }
        }
        assert!(daemon.stop().success());
    }
}

/// The middle of three; `None` where caches cannot be dropped.
fn median(command: &[&str], folder: &Path, cold: bool) -> Option<Duration> {
    let mut samples = Samples::default();
    let run = || timed(Command::new(command[0]).args(&command[1..]).arg(folder));
    if !cold {
        run();
    }
    for _ in 0..3 {
        if cold && !forget_caches() {
            return None;
        }
        samples.add(run());
    }
    Some(samples.median())
}

/// bindfs over a folder, where it is installed.
struct Bound(PathBuf);

impl Bound {
    fn mount(folder: &Path, at: &Path) -> Option<Self> {
        if !is_there("bindfs") {
            return None;
        }
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("bindfs").arg(folder).arg(at).status().unwrap().success();
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = Command::new("fusermount3").args(["-u", "-z"]).arg(&self.0).status();
    }
}
