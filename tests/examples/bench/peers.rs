//! Those we are measured against.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::timing::time;

/// A bindfs mount of the folder that holds everything. Unmounted when dropped.
pub(crate) struct Bindfs {
    point: PathBuf,
}

impl Bindfs {
    /// Mounts it, where bindfs is installed.
    pub(crate) fn mount(folder: &Path) -> Option<Self> {
        let point = folder.join("bindfs");
        std::fs::create_dir(&point).expect("a mount point");
        let mut command = Command::new("bindfs");
        let status = command.arg("--no-allow-other").arg(folder).arg(&point).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("bindfs does not run here: install it to be measured against it, too");
            return None;
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while !point.join("photos").is_dir() {
            assert!(Instant::now() < deadline, "bindfs mounts nothing");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { point })
    }

    /// Where it is mounted.
    pub(crate) fn point(&self) -> &Path {
        &self.point
    }
}

impl Drop for Bindfs {
    fn drop(&mut self) {
        let _ = Command::new("fusermount3").args(["-u", "-z", "--"]).arg(&self.point).status();
    }
}

/// Files a second that `exiftool -fast2 -json` reads; `None` when it is not installed.
pub(crate) fn exiftool(files: &[&Path], list: &Path) -> Option<f64> {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    std::fs::write(list, names.join("\n")).expect("a list");
    let mut command = Command::new("exiftool");
    command.args(["-fast2", "-json", "-@"]).arg(list).stdout(Stdio::null()).stderr(Stdio::null());
    let mut ran = false;
    let took = time(|| ran = command.status().is_ok_and(|status| status.success()));
    ran.then(|| files.len() as f64 / took.as_secs_f64())
}
