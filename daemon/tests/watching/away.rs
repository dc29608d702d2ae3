//! Missing files, folders that are away, roots that come back.

use daemon::watch::BELIEVED_FILES;

use crate::stage::{Kind, Stage, kinds, photo};

crate::over_both! { missing root_moved_and_back root_deleted root_away_at_start burst slowly burst_while_stopped part_returns emptied forget }

fn fill(stage: &Stage, folder: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        stage.write(format!("{folder}/{number}.jpg"), &photo(number));
    }
}

fn missing(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "a", 0..50);
    stage.watch();
    for number in 0..30 {
        std::fs::remove_file(stage.path(format!("a/{number}.jpg"))).unwrap();
    }
    stage.idle();
    assert_eq!(stage.state().len(), 20);
    assert!(stage.away().is_empty());
}

fn root_moved_and_back(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "a", 0..150);
    stage.watch();
    stage.told();
    let elsewhere = stage.temporary.path().join("Pictures.away");
    std::fs::rename(&stage.root, &elsewhere).unwrap();
    stage.until("offline", |stage| stage.away() == [""]);
    stage.idle();
    assert_eq!(stage.state().len(), 150, "nothing is forgotten");
    std::fs::rename(&elsewhere, &stage.root).unwrap();
    stage.until("online", |stage| stage.away().is_empty());
    stage.idle();
    // The end of the first scan may be told only now.
    let mut told = stage.told();
    told.retain(|what| !matches!(what, library::Observation::Scanned));
    assert_eq!(kinds(&told), ["offline", "online"], "nothing was read again");
    // Watched again.
    stage.write("a/late.jpg", &photo(1000));
    stage.until("the late one", |stage| stage.says("a/late.jpg") == "asset");
    assert_eq!(stage.state().len(), 151);
}

fn root_deleted(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "a", 0..20);
    stage.watch();
    stage.told();
    std::fs::remove_dir_all(&stage.root).unwrap();
    stage.until("offline", |stage| stage.away() == [""]);
    stage.idle();
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert_eq!(stage.state().len(), 20);
    // Another folder under its name, with half of the photos.
    fill(&stage, "a", 0..10);
    stage.until("online", |stage| stage.away().is_empty());
    stage.idle();
    stage.until("the other half missing", |stage| stage.state().len() == 10);
}

fn root_away_at_start(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "a", 0..20);
    stage.watch();
    stage.stop();
    let elsewhere = stage.temporary.path().join("elsewhere");
    std::fs::rename(&stage.root, &elsewhere).unwrap();
    stage.told();
    stage.watch();
    assert_eq!(kinds(&stage.told()), ["offline"], "and not `scanned`");
    assert_eq!(stage.away(), [""]);
    assert!(stage.watcher().report().roots[&stage.id].reason.as_ref().unwrap().contains("not there"));
    std::fs::rename(&elsewhere, &stage.root).unwrap();
    stage.until("online", |stage| stage.away().is_empty());
    stage.idle();
    assert_eq!(kinds(&stage.told()), ["online", "scanned"]);
}

/// `rm -rf` of a large folder is not believed.
fn burst(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "large", 0..150);
    fill(&stage, "small", 200..250);
    stage.watch();
    stage.told();
    std::fs::remove_dir_all(stage.path("large")).unwrap();
    stage.until("offline", |stage| stage.away() == ["large"]);
    stage.idle();
    assert_eq!(stage.state().len(), 200);
    assert!(!kinds(&stage.told()).contains(&"gone"));
    // Put back.
    fill(&stage, "large", 0..150);
    stage.until("online", |stage| stage.away().is_empty());
    stage.idle();
    assert_eq!(stage.state().len(), 200);
}

/// Nor when it takes its time: what is believed before the rest is doubted is no more than may be lost at all.
fn slowly(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "large", 0..240);
    fill(&stage, "small", 300..340);
    stage.watch();
    for number in 0..240 {
        std::fs::remove_file(stage.path(format!("large/{number}.jpg"))).unwrap();
        if number % 60 == 59 {
            std::thread::sleep(stage.options.hold_back * 2);
        }
    }
    std::fs::remove_dir(stage.path("large")).unwrap();
    stage.until("offline", |stage| stage.away() == ["large"]);
    stage.idle();
    assert!(stage.state().len() >= 280 - BELIEVED_FILES, "{} are left", stage.state().len());
}

fn burst_while_stopped(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "large/a", 0..80);
    fill(&stage, "large/b", 80..160);
    fill(&stage, "small", 200..250);
    stage.watch();
    stage.stop();
    std::fs::remove_dir_all(stage.path("large")).unwrap();
    stage.watch();
    assert_eq!(stage.away(), ["large"]);
    assert_eq!(stage.state().len(), 210);
    // Known at the next start, and not told again.
    stage.stop();
    stage.told();
    stage.watch();
    assert_eq!(kinds(&stage.told()), ["scanned"]);
}

/// Of an offline folder some files return: they show, the others stay protected.
fn part_returns(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "large/a", 0..120);
    fill(&stage, "large/b", 120..240);
    fill(&stage, "small", 300..340);
    stage.watch();
    // At a stroke: removing file by file may take longer than losses are held back on a busy machine.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(stage.path("large"), elsewhere.path().join("large")).unwrap();
    stage.until("offline", |stage| stage.away() == ["large"]);
    fill(&stage, "large/b", 120..240);
    stage.until("the rest", |stage| stage.away() == ["large/a"]);
    stage.idle();
    assert_eq!(stage.state().len(), 280);
}

fn emptied(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "a", 0..3);
    stage.watch();
    stage.stop();
    std::fs::remove_dir_all(stage.path("a")).unwrap();
    stage.watch();
    assert_eq!(stage.away(), [""]);
    assert_eq!(stage.state().len(), 3);
}

fn forget(kind: &Kind) {
    let mut stage = Stage::new(kind);
    fill(&stage, "large", 0..150);
    fill(&stage, "small", 200..203);
    stage.watch();
    std::fs::remove_dir_all(stage.path("large")).unwrap();
    stage.until("offline", |stage| stage.away() == ["large"]);
    stage.forget("large");
    assert!(stage.away().is_empty());
    stage.idle();
    assert_eq!(stage.names(), ["small/200.jpg", "small/201.jpg", "small/202.jpg"]);
    // What is there is found again, even after such a word.
    stage.forget("");
    stage.idle();
    assert_eq!(stage.state().len(), 3);
}
