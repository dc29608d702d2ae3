//! Memory that nobody else could have: anonymous and shared, of the program and all it started.

use std::path::Path;
use std::time::Duration;

use galleryfs_tests::Daemon;

use crate::table::Table;

/// Megabytes that are ours when nothing happens, up to 100,000 photos, and with a million.
const IDLE: [f64; 2] = [200.0, 900.0];

/// How long nothing must have happened.
const CALM: Duration = Duration::from_secs(5);

/// Megabytes a process and its descendants have now.
pub(crate) fn megabytes(process: u32) -> f64 {
    let folder = format!("/proc/{process}");
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        matches!(name, "RssAnon" | "RssShmem")
            .then(|| value.split_whitespace().next()?.parse::<f64>().ok())?
    };
    let own = status.lines().filter_map(field).sum::<f64>() * 1024.0 / 1e6;
    own + children(Path::new(&folder)).into_iter().map(megabytes).sum::<f64>()
}

fn children(process: &Path) -> Vec<u32> {
    let threads = std::fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// A row for the daemon that does nothing.
pub(crate) fn settled(daemon: &Daemon<'_>, when: &str, size: usize, table: &mut Table) {
    std::thread::sleep(CALM);
    let now = megabytes(daemon.pid());
    let budget = if size > crate::WHOLE { IDLE[1] } else { IDLE[0] };
    table
        .row(format!("memory, {when}"), format!("{now:.0} MB"))
        .budget(&format!("<= {budget:.0} MB"), now <= budget);
}
