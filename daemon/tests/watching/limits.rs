//! Where inotify ends: too few watches, lost events, folders that are only scanned.

use std::time::Duration;

use daemon::pipeline::progress::{State, WatchMode};

use crate::stage::{Kind, Stage, photo};

crate::over_both! { too_few_watches too_few_later overflow rescanned report }

fn too_few_watches(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.options.max_watches = Some(3);
    stage.options.poll = Duration::from_millis(500);
    for number in 0..10 {
        stage.write(format!("{number}/a.jpg"), &photo(number));
    }
    stage.watch();
    assert_eq!(stage.state().len(), 10);
    let root = stage.watcher().report().roots[&stage.id].clone();
    assert_eq!((root.mode, root.watches), (WatchMode::Limited, 3));
    assert!(root.reason.unwrap().contains("sudo sysctl fs.inotify.max_user_watches="));
    for number in 0..10 {
        stage.write(format!("{number}/b.jpg"), &photo(20 + number));
    }
    stage.until("all of them", |stage| stage.state().len() == 20);
}

/// A limit that is reached only once new folders come: from then on scans make up for it.
fn too_few_later(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.options.max_watches = Some(2);
    stage.options.poll = Duration::from_millis(500);
    stage.options.verify = Duration::from_secs(3600);
    stage.write("0/a.jpg", &photo(0));
    stage.watch();
    // The scan that found all watched has been followed by one that is planned for tomorrow.
    std::thread::sleep(stage.options.poll * 2);
    assert_eq!(stage.watcher().report().roots[&stage.id].mode, WatchMode::Watched);
    for number in 1..5 {
        std::fs::create_dir(stage.path(number.to_string())).unwrap();
    }
    let mode = |stage: &Stage| stage.watcher().report().roots[&stage.id].mode;
    stage.until("the limit", |stage| mode(stage) == WatchMode::Limited);
    stage.idle();
    stage.write("4/late.jpg", &photo(1));
    stage.until("the late one", |stage| stage.says("4/late.jpg") == "asset");
}

/// More happens at once than the kernel keeps for us. Only root can make its queue so short.
fn overflow(kind: &Kind) {
    const LENGTH: &str = "/proc/sys/fs/inotify/max_queued_events";
    let now: u32 = std::fs::read_to_string(LENGTH).unwrap().trim().parse().unwrap();
    // The other kind of this test may have it short at this moment.
    let usual = now.max(16_384).to_string();
    let mut stage = Stage::new(kind);
    for number in 0..40 {
        stage.write(format!("{number}/a.jpg"), &photo(number));
    }
    // What is watched from now on has the short queue; another test that begins in between is none the worse for it.
    if std::fs::write(LENGTH, "2").is_err() {
        return;
    }
    stage.start();
    stage.until("it to be watched", |stage| stage.watcher().report().roots[&stage.id].watches > 0);
    std::fs::write(LENGTH, usual).unwrap();
    stage.idle();
    let scans = || stage.watcher().report().roots[&stage.id].scans;
    let before = scans();
    for number in 0..40 {
        for more in 1..50 {
            stage.write(format!("{number}/{more}.jpg"), &photo(number * 100 + more));
        }
    }
    stage.until("all of them", |stage| stage.state().len() == 40 * 50);
    assert!(scans() > before, "events were lost, and a scan made up for them");
}

/// As after lost events: what happened unheard is found by a scan.
fn rescanned(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.options.max_watches = Some(0);
    stage.write("a.jpg", &photo(1));
    stage.write("b.jpg", &photo(2));
    stage.watch();
    stage.write("c.jpg", &photo(3));
    std::fs::remove_file(stage.path("a.jpg")).unwrap();
    std::fs::rename(stage.path("b.jpg"), stage.path("d.jpg")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["a.jpg", "b.jpg"]);
    stage.watcher().rescan(None);
    stage.idle();
    assert_eq!(stage.names(), ["c.jpg", "d.jpg"]);
}

fn report(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..10 {
        stage.write(format!("a/{number}.jpg"), &photo(number));
    }
    stage.watch();
    let settled = stage.watcher().settled();
    let report = stage.watcher().report();
    assert_eq!((report.state, report.known, report.read, report.waiting), (State::Watching, 10, 10, 0));
    let root = &report.roots[&stage.id];
    assert_eq!((root.mode, root.watches, &root.path), (WatchMode::Watched, 2, &stage.root));
    assert_eq!(report.bytes, 10 * photo(0).len() as u64);
    stage.write("b.jpg", &photo(11));
    // The last of those before may be told a moment after all of them are stored.
    let told = std::iter::from_fn(|| settled.recv_timeout(Duration::from_secs(3)).ok());
    assert!(told.into_iter().any(|file| file == stage.file("b.jpg")));
    assert!(serde_json::to_value(stage.watcher().report()).unwrap()["roots"].is_object());
}
