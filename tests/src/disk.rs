//! Disks that tests plug in and pull out: an ext4 image on a loop device.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::mount::{UnmountFlags, unmount};

/// A disk in a file, formatted. Pulled out when dropped.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    at: Option<PathBuf>,
}

impl Disk {
    /// Makes one of some megabytes. `None` where disks cannot be made or mounted: that takes root, and loop devices.
    /// Under `CI=true` root must be able to.
    pub fn make(image: &Path, megabytes: u64, point: &Path) -> Option<Self> {
        let file = std::fs::File::create(image).expect("an image");
        file.set_len(megabytes << 20).expect("its size");
        let made = run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image));
        let mut disk = Self { image: image.to_owned(), at: None };
        std::fs::create_dir_all(point).expect("a mount point");
        if made && disk.plug_in(point) {
            return Some(disk);
        }
        let must = rustix::process::geteuid().is_root() && std::env::var_os("CI").is_some();
        assert!(!must, "root cannot make and mount an ext4 image");
        eprintln!("skipped: a disk of its own takes root, mkfs.ext4 and a loop device");
        None
    }

    /// Mounts it. False where that cannot be.
    pub fn plug_in(&mut self, point: &Path) -> bool {
        let mounted = run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(point));
        self.at = mounted.then(|| point.to_owned());
        mounted
    }

    /// Takes it away, whoever uses it.
    pub fn pull_out(&mut self) {
        if let Some(point) = self.at.take() {
            let plain = unmount(&point, UnmountFlags::empty());
            if plain.is_err() {
                unmount(&point, UnmountFlags::DETACH).expect("it is mounted");
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.pull_out();
    }
}

fn run(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
