//! One bad file is named with its reason, and stops nobody.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daemon::pipeline::describe::{Describe, Media, SidecarFile};
use library::Metadata;

use crate::stage::{Kind, Stage, kinds, photo};

crate::over_both! { reasons repaired by_content panics hangs }

fn reasons(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("empty.jpg", b"");
    stage.write("text.jpg", b"hello, this is text");
    stage.write("zeros.jpg", &[0; 4096]);
    stage.write("good.jpg", &photo(1));
    stage.write("secret.jpg", &photo(2));
    std::fs::set_permissions(stage.path("secret.jpg"), PermissionsExt::from_mode(0)).unwrap();
    // Empty files are given some time while they are fresh.
    let old = std::fs::File::open(stage.path("empty.jpg")).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    stage.start();
    stage.until("the others", |stage| {
        stage.says("good.jpg") == "asset" && stage.says("zeros.jpg") != "nothing"
    });
    stage.until("the text", |stage| stage.says("text.jpg").contains("not a picture"));
    assert!(stage.says("zeros.jpg").contains("zeros"));
    if rustix::process::getuid().is_root() {
        stage.until("root reads all", |stage| stage.says("secret.jpg") == "asset");
    } else {
        stage.until("permission", |stage| stage.says("secret.jpg").contains("permission denied"));
    }
    stage.until("the empty one", |stage| stage.says("empty.jpg").contains("empty"));
}

fn repaired(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write("a.jpg", b"hello, this is text");
    stage.watch();
    assert!(stage.says("a.jpg").contains("not a picture"));
    stage.told();
    stage.stop();
    // Tried again at the start, told again only if something else comes out.
    stage.watch();
    assert_eq!(kinds(&stage.told()), ["scanned"]);
    stage.write("a.jpg", &photo(1));
    stage.idle();
    assert_eq!(stage.says("a.jpg"), "asset");
}

fn by_content(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.write(
        "really.jpg",
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90\x77\x53\xde",
    );
    stage.write("photo.bin", &photo(1));
    stage.watch();
    assert_eq!(stage.names(), ["really.jpg"]);
    assert_eq!(stage.says("really.jpg"), "asset");
}

/// A reader with accidents, by file name.
struct Accidents {
    hanging: AtomicBool,
}

impl Describe for Accidents {
    fn describe(
        &self,
        source: &mut dyn media::Source,
        name: &[u8],
        sidecars: &[SidecarFile],
    ) -> Result<Metadata, String> {
        match name {
            b"panic.jpg" => panic!("an accident"),
            b"hang.jpg" => {
                while self.hanging.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            _ => {}
        }
        Media.describe(source, name, sidecars)
    }
}

fn panics(kind: &Kind) {
    let mut stage = Stage::new(kind);
    stage.describe = Arc::new(Accidents { hanging: AtomicBool::new(false) });
    stage.write("panic.jpg", &photo(1));
    for number in 2..50 {
        stage.write(format!("{number}.jpg"), &photo(number));
    }
    stage.watch();
    assert!(stage.says("panic.jpg").contains("stumbled"));
    assert_eq!(stage.state().len(), 49);
}

/// A file that takes for ever is given up, and all others are read meanwhile.
fn hangs(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let accidents = Arc::new(Accidents { hanging: AtomicBool::new(true) });
    stage.describe = accidents.clone();
    stage.options.pipeline.time_limit = Duration::from_millis(500);
    stage.options.pipeline.readers = 1;
    stage.write("hang.jpg", &photo(1));
    for number in 2..20 {
        stage.write(format!("{number}.jpg"), &photo(number));
    }
    stage.watch();
    assert!(stage.says("hang.jpg").contains("longer than"), "{}", stage.says("hang.jpg"));
    assert_eq!(stage.state().len(), 19);
    // It comes to an end after all.
    accidents.hanging.store(false, Ordering::Relaxed);
    stage.until("the late one", |stage| stage.says("hang.jpg") == "asset");
}
