//! After a start only what changed is read.

use std::os::unix::fs::PermissionsExt;

use crate::stage::{Kind, Stage, kinds, photo};

crate::over_both! { unchanged changed stops_at_once }

fn unchanged(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..200 {
        stage.write(format!("{}/{number}.jpg", number % 9), &photo(number));
    }
    stage.watch();
    stage.stop();
    stage.told();
    stage.watch();
    assert_eq!(kinds(&stage.told()), ["scanned"]);
    let report = stage.watcher().report();
    assert_eq!((report.read, report.unchanged), (0, 200));
}

fn changed(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for name in ["same.jpg", "bytes.jpg", "mode.jpg", "touched.jpg", "restored.jpg", "gone.jpg"] {
        stage.write(name, &photo(name.len() * 100 + usize::from(name.as_bytes()[0])));
    }
    stage.watch();
    stage.stop();
    stage.told();
    stage.write("bytes.jpg", &photo(77));
    stage.write("new.jpg", &photo(78));
    std::fs::set_permissions(stage.path("mode.jpg"), PermissionsExt::from_mode(0o600)).unwrap();
    let touched = std::fs::File::open(stage.path("touched.jpg")).unwrap();
    touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    // Other bytes of the same size, with the old time: only the change time tells.
    let time = std::fs::metadata(stage.path("restored.jpg")).unwrap().modified().unwrap();
    stage.write("restored.jpg", &photo(79));
    std::fs::File::open(stage.path("restored.jpg")).unwrap().set_modified(time).unwrap();
    std::fs::remove_file(stage.path("gone.jpg")).unwrap();
    stage.watch();
    let mut told = kinds(&stage.told());
    told.sort_unstable();
    assert_eq!(told, ["asset", "asset", "asset", "gone", "scanned", "touched", "touched"]);
    assert_eq!(stage.checksum("restored.jpg"), Some(library::Checksum::of(&photo(79))));
}

/// In the middle of a first scan, and it goes on where it was.
fn stops_at_once(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..3000 {
        stage.write(format!("{}/{number}.jpg", number % 30), &photo(number));
    }
    stage.start();
    stage.until("the beginning", |stage| stage.state().len() > 100);
    stage.stop();
    let before = stage.state().len();
    stage.watch();
    assert_eq!(stage.state().len(), 3000);
    let read = stage.watcher().report().read as usize;
    assert!(read + before <= 3000, "{read} read after {before}");
}
