//! Sidecars before their photo, after it, changed and gone.

use library::{FileContent, Observation};

use crate::stage::{Kind, Stage, kinds, photo, xmp};

crate::over_both! { before_and_after changed_and_gone photo_leaves takeout moved_together }

/// The caption last told for a photo.
fn caption(told: &[Observation], name: &str) -> Option<String> {
    told.iter().rev().find_map(|observation| match observation {
        Observation::Asset { path, metadata, .. } if path.name() == name.as_bytes() => {
            Some(metadata.description.clone().unwrap_or_default())
        }
        _ => None,
    })
}

fn hosts(stage: &Stage, name: &str) -> Vec<String> {
    match stage.record(name).unwrap().content {
        FileContent::Sidecar { hosts, .. } => {
            hosts.iter().map(|host| String::from_utf8_lossy(host).into_owned()).collect()
        }
        _ => panic!("{name} is no sidecar"),
    }
}

fn before_and_after(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("before.jpg.xmp", &xmp("before"));
    stage.watch();
    assert!(hosts(&stage, "before.jpg.xmp").is_empty());
    stage.write("before.jpg", &photo(1));
    stage.write("after.jpg", &photo(2));
    stage.idle();
    stage.write("after.xmp", &xmp("after"));
    stage.idle();
    let told = stage.told();
    assert_eq!(caption(&told, "before.jpg").as_deref(), Some("before"));
    assert_eq!(caption(&told, "after.jpg").as_deref(), Some("after"));
    assert_eq!(hosts(&stage, "before.jpg.xmp"), ["before.jpg"]);
    assert_eq!(hosts(&stage, "after.xmp"), ["after.jpg"]);
}

fn changed_and_gone(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", &photo(1));
    stage.write("a.jpg.xmp", &xmp("one"));
    stage.watch();
    assert_eq!(caption(&stage.told(), "a.jpg").as_deref(), Some("one"));
    stage.write("a.jpg.xmp", &xmp("number two"));
    stage.idle();
    assert_eq!(caption(&stage.told(), "a.jpg").as_deref(), Some("number two"));
    std::fs::remove_file(stage.path("a.jpg.xmp")).unwrap();
    stage.idle();
    assert_eq!(caption(&stage.told(), "a.jpg").as_deref(), Some(""));
    // And all of it while nobody looks.
    stage.stop();
    stage.write("a.jpg.xmp", &xmp("three"));
    stage.watch();
    assert_eq!(caption(&stage.told(), "a.jpg").as_deref(), Some("three"));
    stage.stop();
    std::fs::remove_file(stage.path("a.jpg.xmp")).unwrap();
    stage.watch();
    assert_eq!(caption(&stage.told(), "a.jpg").as_deref(), Some(""));
    assert_eq!(stage.names(), ["a.jpg"]);
}

fn photo_leaves(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", &photo(1));
    stage.write("a.nef", &photo(2));
    stage.write("a.xmp", &xmp("both"));
    stage.watch();
    assert_eq!(hosts(&stage, "a.xmp"), ["a.jpg", "a.nef"]);
    std::fs::remove_file(stage.path("a.jpg")).unwrap();
    stage.idle();
    assert_eq!(hosts(&stage, "a.xmp"), ["a.nef"]);
}

/// JSON that describes no photo is nobody's business, until its photo comes.
fn takeout(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let json = br#"{"title":"a.jpg","description":"from google"}"#;
    stage.write("a.jpg.supplemental-metadata.json", json);
    stage.write("package.json", json);
    stage.watch();
    assert!(stage.names().is_empty());
    stage.write("a.jpg", &photo(1));
    stage.idle();
    assert_eq!(stage.names(), ["a.jpg", "a.jpg.supplemental-metadata.json"]);
    assert_eq!(caption(&stage.told(), "a.jpg").as_deref(), Some("from google"));
}

fn moved_together(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a/1.jpg", &photo(1));
    stage.write("a/1.jpg.xmp", &xmp("one"));
    stage.watch();
    stage.told();
    std::fs::rename(stage.path("a"), stage.path("b")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["b/1.jpg", "b/1.jpg.xmp"]);
    let told = stage.told();
    assert!(kinds(&told).contains(&"moved") && !kinds(&told).contains(&"asset"), "{told:?}");
    // Without its sidecar it says less.
    std::fs::rename(stage.path("b/1.jpg"), stage.path("1.jpg")).unwrap();
    stage.idle();
    assert_eq!(caption(&stage.told(), "1.jpg").as_deref(), Some(""));
    assert!(hosts(&stage, "b/1.jpg.xmp").is_empty());
}
