//! Renames and moves keep what is known; nothing is read again.

use daemon::pipeline::sink::Sink;
use library::Observation;

use crate::stage::{Kind, Stage, kinds, photo, xmp};

crate::over_both! { file folder while_stopped out_and_back hard_link many to_another_root swapped }

fn file(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", &photo(1));
    stage.write("sub/b.jpg", &photo(2));
    stage.watch();
    stage.told();
    std::fs::rename(stage.path("a.jpg"), stage.path("sub/c.jpg")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["sub/b.jpg", "sub/c.jpg"]);
    assert_eq!(kinds(&stage.told()), ["moved", "gone"]);
}

fn folder(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..150 {
        stage.write(format!("a/b{}/{number}.jpg", number % 3), &photo(number));
    }
    stage.write("keep.jpg", &photo(999));
    stage.watch();
    stage.told();
    std::fs::rename(stage.path("a"), stage.path("new")).unwrap();
    stage.idle();
    assert_eq!(stage.away(), Vec::<String>::new());
    let told = stage.told();
    assert_eq!(kinds(&told).iter().filter(|kind| **kind == "moved").count(), 150);
    assert!(!kinds(&told).contains(&"asset"));
    assert!(stage.names().iter().all(|name| !name.starts_with("a/")));
    assert_eq!(stage.state().len(), 151);
    // Watches went along.
    stage.write("new/b1/late.jpg", &photo(1000));
    std::fs::remove_file(stage.path("new/b0/0.jpg")).unwrap();
    stage.idle();
    assert_eq!(
        (stage.says("new/b1/late.jpg"), stage.says("new/b0/0.jpg")),
        ("asset".into(), "nothing".into())
    );
}

/// A large folder renamed while nobody watched is no loss.
fn while_stopped(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..150 {
        stage.write(format!("a/{number}.jpg"), &photo(number));
    }
    stage.write("a/7.jpg.xmp", &xmp("seven"));
    stage.write("keep.jpg", &photo(999));
    stage.watch();
    stage.stop();
    stage.told();
    std::fs::rename(stage.path("a"), stage.path("b")).unwrap();
    stage.watch();
    assert_eq!(stage.away(), Vec::<String>::new());
    let told = stage.told();
    assert_eq!(kinds(&told).iter().filter(|kind| **kind == "moved").count(), 150);
    assert!(!kinds(&told).contains(&"asset"));
    assert_eq!(stage.state().len(), 152);
    assert_eq!(stage.says("b/7.jpg.xmp"), "sidecar");
}

fn out_and_back(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a/1.jpg", &photo(1));
    stage.write("2.jpg", &photo(2));
    stage.watch();
    let outside = stage.temporary.path().join("outside");
    std::fs::rename(stage.path("a"), &outside).unwrap();
    stage.until("the loss", |stage| stage.names() == ["2.jpg"]);
    stage.idle();
    // No longer ours, whatever happens there.
    std::fs::write(outside.join("3.jpg"), photo(3)).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["2.jpg"]);
    std::fs::rename(&outside, stage.path("b")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["2.jpg", "b/1.jpg", "b/3.jpg"]);
}

fn hard_link(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", &photo(1));
    stage.watch();
    stage.told();
    std::fs::hard_link(stage.path("a.jpg"), stage.path("b.jpg")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["a.jpg", "b.jpg"]);
    let told = stage.told();
    assert!(!kinds(&told).contains(&"asset") || kinds(&told).contains(&"touched"), "{told:?}");
    assert_eq!(stage.checksum("a.jpg"), stage.checksum("b.jpg"));
}

/// Files moved one by one, more than a burst of deletions may take.
fn many(kind: &Kind) {
    let mut stage = Stage::new(kind);
    for number in 0..300 {
        stage.write(format!("a/{number}.jpg"), &photo(number));
    }
    std::fs::create_dir(stage.path("b")).unwrap();
    stage.watch();
    stage.told();
    for number in 0..300 {
        std::fs::rename(stage.path(format!("a/{number}.jpg")), stage.path(format!("b/{number}.jpg")))
            .unwrap();
    }
    stage.idle();
    assert_eq!(stage.away(), Vec::<String>::new());
    assert_eq!(stage.state().len(), 300);
    assert!(stage.names().iter().all(|name| name.starts_with("b/")));
    assert!(!stage.told().iter().any(|told| matches!(told, Observation::Asset { .. })));
}

/// A large folder moved from one root into another is no loss of the first.
fn to_another_root(kind: &Kind) {
    let mut stage = Stage::with_two_roots(kind);
    for number in 0..150 {
        stage.write(format!("big/{number}.jpg"), &photo(number));
    }
    stage.write("keep.jpg", &photo(999));
    stage.watch();
    stage.told();
    let (other, folder) = stage.other.clone().unwrap();
    std::fs::rename(stage.path("big"), folder.join("big")).unwrap();
    stage.until("the move", |stage| stage.names() == ["keep.jpg"]);
    stage.idle();
    assert_eq!(stage.away(), Vec::<String>::new());
    assert!(!stage.told().iter().any(|told| matches!(told, Observation::Asset { .. })));
    // One by one, and back.
    for number in 0..150 {
        let name = format!("{number}.jpg");
        std::fs::rename(folder.join("big").join(&name), stage.path(&name)).unwrap();
    }
    stage.until("the way back", |stage| stage.names().len() == 151);
    stage.idle();
    assert_eq!(stage.sink.away(other).unwrap(), Vec::<Box<[u8]>>::new());
    assert!(!stage.told().iter().any(|told| matches!(told, Observation::Asset { .. })));
}

fn swapped(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", &photo(1));
    stage.write("b.jpg", &photo(2));
    stage.watch();
    let (a, b) = (stage.checksum("a.jpg"), stage.checksum("b.jpg"));
    std::fs::rename(stage.path("a.jpg"), stage.path("t.jpg")).unwrap();
    std::fs::rename(stage.path("b.jpg"), stage.path("a.jpg")).unwrap();
    std::fs::rename(stage.path("t.jpg"), stage.path("b.jpg")).unwrap();
    stage.idle();
    assert_eq!((stage.checksum("b.jpg"), stage.checksum("a.jpg")), (a, b));
    assert_eq!(stage.names(), ["a.jpg", "b.jpg"]);
}
