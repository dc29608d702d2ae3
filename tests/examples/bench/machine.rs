//! Where all this happens.

use std::path::Path;

use crate::table::count;

/// What of the machine the numbers depend on.
pub(crate) struct Machine {
    filesystem: String,
    is_root: bool,
}

impl Machine {
    /// The machine, and what `folder` is on.
    pub(crate) fn look(folder: &Path) -> Self {
        let filesystem = match rustix::fs::statfs(folder).expect("a file system").f_type {
            0xef53 => "ext4".to_owned(),
            0x0102_1994 => "tmpfs (in memory: set TMPDIR to a real disk)".to_owned(),
            0x9123_683e => "btrfs".to_owned(),
            0x5846_5342 => "xfs".to_owned(),
            other => format!("file system {other:#x}"),
        };
        Self { filesystem, is_root: rustix::process::geteuid().is_root() }
    }

    /// Says it.
    pub(crate) fn print(&self) {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let kernel = kernel.split('-').next().unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cold = if self.is_root { "" } else { "; not root, so nothing can be measured cold" };
        println!("Linux {}, {cores} cores, {}{cold}", kernel.trim(), self.filesystem);
        println!("Load at the start: {}", load());
    }

    /// Empties the kernel's caches; false when it may not.
    pub(crate) fn forget(&self) -> bool {
        if !self.is_root {
            return false;
        }
        rustix::fs::sync();
        std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
    }
}

/// What else the machine was doing: programs that wanted to run, over one and five minutes, ours among them.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let fields: Vec<&str> = text.split(' ').collect();
    let free = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = free.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next());
    let free = free.and_then(|free| free.parse::<usize>().ok()).unwrap_or_default();
    format!("{} {}, {} MB available", fields[0], fields.get(1).unwrap_or(&""), count(free / 1024))
}
