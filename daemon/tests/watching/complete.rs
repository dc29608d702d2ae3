//! A file is read once it is complete, and soon.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::stage::{Kind, Stage, kinds, photo};

crate::over_both! { closed large linked grows new_folder many_at_once backlog overwritten }

fn closed(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.watch();
    let mut file = std::fs::File::create(stage.path("a.jpg")).unwrap();
    let bytes = photo(1);
    file.write_all(&bytes[..20]).unwrap();
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(stage.says("a.jpg"), "nothing", "still open");
    file.write_all(&bytes[20..]).unwrap();
    drop(file);
    let closed = Instant::now();
    stage.until("the photo", |stage| stage.says("a.jpg") == "asset");
    assert!(closed.elapsed() < Duration::from_secs(1), "{:?}", closed.elapsed());
    stage.idle();
    assert_eq!(kinds(&stage.told()).iter().filter(|kind| **kind == "asset").count(), 1, "read once");
}

/// 64 MB in less than a second after the close.
fn large(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.watch();
    let mut bytes = photo(1);
    bytes.resize(64 << 20, 7);
    stage.write("large.jpg", &bytes);
    let closed = Instant::now();
    stage.until("the photo", |stage| stage.says("large.jpg") == "asset");
    // Hashing unoptimised code of ours is not what this measures; the budget is the release build's.
    assert!(closed.elapsed() < Duration::from_millis(2500), "{:?}", closed.elapsed());
}

/// A hard link has no close.
fn linked(kind: &Kind) {
    let mut stage = Stage::new(kind);
    std::fs::write(stage.temporary.path().join("outside.jpg"), photo(1)).unwrap();
    stage.watch();
    std::fs::hard_link(stage.temporary.path().join("outside.jpg"), stage.path("a.jpg")).unwrap();
    stage.until("the link", |stage| stage.says("a.jpg") == "asset");
}

/// Found by a scan while it is still being written.
fn grows(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let mut file = std::fs::File::create(stage.path("a.jpg")).unwrap();
    file.write_all(&photo(1)[..22]).unwrap();
    stage.start();
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(70));
        file.write_all(b"more").unwrap();
        assert_eq!(stage.says("a.jpg"), "nothing");
    }
    drop(file);
    stage.idle();
    assert_eq!(stage.record("a.jpg").unwrap().stat.size, 62);
    let told = stage.told();
    assert_eq!(kinds(&told).iter().filter(|kind| **kind == "asset").count(), 1);
}

/// Folders made and filled faster than they can be watched.
fn new_folder(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.watch();
    for number in 0..60 {
        stage.write(format!("a/{}/c/{number}.jpg", number % 7), &photo(number));
    }
    let closed = Instant::now();
    stage.until("all of them", |stage| stage.state().len() == 60);
    assert!(closed.elapsed() < Duration::from_millis(1500), "{:?}", closed.elapsed());
    stage.idle();
    stage.write("a/3/c/late.jpg", &photo(99));
    stage.until("one more", |stage| stage.says("a/3/c/late.jpg") == "asset");
}

fn many_at_once(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.watch();
    for number in 0..1500 {
        stage.write(format!("{number}.jpg"), &photo(number));
    }
    stage.idle();
    assert_eq!(stage.state().len(), 1500);
}

/// A fresh file does not queue behind a first scan.
fn backlog(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..4000 {
        stage.write(format!("old/{}/{number}.jpg", number / 100), &photo(number));
    }
    std::fs::create_dir(stage.path("new")).unwrap();
    stage.start();
    stage.until("the beginning", |stage| stage.state().len() > 20);
    // Its folder is known to be watched once a first file of it has been seen.
    std::thread::sleep(Duration::from_millis(50));
    stage.write("new/fresh.jpg", &photo(5000));
    let closed = Instant::now();
    stage.until("the fresh one", |stage| stage.says("new/fresh.jpg") == "asset");
    let took = closed.elapsed();
    stage.idle();
    assert_eq!(stage.state().len(), 4001);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// New bytes at a known path are told as such, and the old never as gone.
fn overwritten(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", &photo(1));
    stage.write("b.jpg", &photo(2));
    stage.write("c.jpg", &photo(3));
    stage.watch();
    stage.told();
    let before = stage.checksum("a.jpg");
    // In place.
    stage.write("a.jpg", &photo(11));
    // Over it by rename.
    stage.write(".b.jpg.tmp12", &photo(12));
    std::fs::rename(stage.path(".b.jpg.tmp12"), stage.path("b.jpg")).unwrap();
    // Aside, anew, and the old one removed.
    std::fs::rename(stage.path("c.jpg"), stage.path("c.jpg~")).unwrap();
    stage.write("c.jpg", &photo(13));
    std::fs::remove_file(stage.path("c.jpg~")).unwrap();
    stage.idle();
    assert_ne!(stage.checksum("a.jpg"), before);
    assert_eq!(stage.checksum("c.jpg"), Some(library::Checksum::of(&photo(13))));
    let told = stage.told();
    assert!(!kinds(&told).contains(&"gone"), "{told:?}");
    // Slower than the hold-back, even.
    std::fs::remove_file(stage.path("a.jpg")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["b.jpg", "c.jpg"]);
}
