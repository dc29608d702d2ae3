//! From the start to a mount that shows the photos.

use std::time::{Duration, Instant};

use galleryfs_tests::{Daemon, Site};

use crate::machine::Machine;
use crate::table::{Row, Table, duration};
use crate::timing::median;

/// How often it is started.
const STARTS: usize = 3;

const BUDGET: Duration = Duration::from_secs(1);

/// How long it may take to look through the folders.
const PATIENCE: Duration = Duration::from_secs(300);

/// Starts it some times, and leaves it running with all found again.
pub(crate) fn measure<'a>(site: &'a Site, machine: &Machine, size: usize, table: &mut Table) -> Daemon<'a> {
    let warm: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let (daemon, took) = mounted(site, &[]);
            settle(site);
            daemon.stop();
            took
        })
        .collect();
    let middle = median(&warm);
    // The budget is one of 100,000 photos.
    let budget = |row: &mut Row, took: Duration| {
        if size <= crate::WHOLE {
            row.budget("<= 1 s", took <= BUDGET);
        }
    };
    budget(table.row("start to mounted", duration(middle)), middle);
    let cold = machine.forget();
    let (daemon, took) = mounted(site, &[]);
    if cold {
        budget(table.row("start to mounted, caches empty", duration(took)), took);
    }
    let begun = Instant::now();
    settle(site);
    table.row("then, until all is looked through again", duration(begun.elapsed()));
    daemon
}

/// Starts it and waits until it has nothing to do.
pub(crate) fn start<'a>(site: &'a Site, more: &[&str]) -> Daemon<'a> {
    let (daemon, _) = mounted(site, more);
    settle(site);
    daemon
}

fn mounted<'a>(site: &'a Site, more: &[&str]) -> (Daemon<'a>, Duration) {
    let [photos, mount] = [site.photos(), site.mount()].map(|path| path.to_str().expect("UTF-8"));
    let mut arguments = vec!["up", "--photos", photos, "--mount", mount];
    arguments.extend(more);
    let command = site.command(&arguments);
    let view = site.mount().join("types/image");
    let begun = Instant::now();
    let daemon = site.start(command);
    while !view.is_dir() {
        assert!(begun.elapsed() < PATIENCE, "no mount: {}", daemon.said());
        std::thread::sleep(Duration::from_millis(1));
    }
    (daemon, begun.elapsed())
}

fn settle(site: &Site) {
    let deadline = Instant::now() + PATIENCE;
    let is_ready =
        || site.status().is_some_and(|status| status["state"] == "ready" && status["pending"] == 0);
    while !is_ready() {
        assert!(Instant::now() < deadline, "it never settles: {:?}", site.status());
        std::thread::sleep(Duration::from_millis(50));
    }
}
