//! A disk that stops answering for a while, as one whose server is gone: a folder behind bindfs, which is stopped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::patience::until;

/// The disk. Unmounted when dropped.
#[derive(Debug)]
pub struct StallingDisk {
    at: PathBuf,
    server: Child,
}

/// It does not answer for as long as this lives.
#[derive(Debug)]
pub struct Stalled<'a>(&'a StallingDisk);

impl StallingDisk {
    /// Shows at `at` what is in `behind`; both are made. `None` where there is no bindfs, which fails on CI.
    pub fn over(behind: &Path, at: &Path) -> Option<Self> {
        for folder in [behind, at] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        let mut bindfs = Command::new("bindfs");
        bindfs.args(["-f", "--no-allow-other"]).args([behind, at]).stdin(Stdio::null()).stderr(Stdio::null());
        let Ok(server) = bindfs.spawn() else {
            assert!(std::env::var_os("CI").is_none(), "bindfs is missing: run `make test`");
            eprintln!("skipped: needs bindfs");
            return None;
        };
        let disk = Self { at: at.to_owned(), server };
        let point = format!(" {} ", at.display());
        until("bindfs", || {
            let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
            mounts.lines().any(|line| line.contains(&point)).then_some(())
        });
        Some(disk)
    }

    /// Stops answering.
    pub fn stall(&self) -> Stalled<'_> {
        self.signal(Signal::STOP);
        Stalled(self)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Stalled<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::CONT);
    }
}

impl Drop for StallingDisk {
    fn drop(&mut self) {
        let _ = Command::new("fusermount3").args(["-u", "-z", "--"]).arg(&self.at).status();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
