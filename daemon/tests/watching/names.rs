//! What is ignored, what is not followed, and names that are no text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode};

use crate::stage::{Kind, Stage, photo};

crate::over_both! { ignored links strange pipes }

fn ignored(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let fill = |stage: &Stage, at: &str| {
        for name in [
            ".hidden.jpg",
            "a.jpg.part",
            "a.jpg~",
            "a.jpg.tmp",
            "a.jpg.crdownload",
            ".a.jpg.Xy12Ab",
            "notes.txt",
            "@eaDir/a.jpg",
            ".galleryfs/staging/a.jpg",
            ".thumbnails/a.jpg",
            "lost+found/a.jpg",
            "meta.json",
        ] {
            stage.write(format!("{at}/{name}"), &photo(1));
        }
    };
    fill(&stage, "before");
    stage.write("before/a.jpg", &photo(1));
    stage.watch();
    fill(&stage, "after");
    fill(&stage, "before");
    stage.write("after/b.jpg", &photo(2));
    stage.idle();
    assert_eq!(stage.names(), ["after/b.jpg", "before/a.jpg"]);
    // A hidden folder that is shown, and the other way round.
    std::fs::rename(stage.path("after/.thumbnails"), stage.path("after/shown")).unwrap();
    std::fs::rename(stage.path("before"), stage.path(".before")).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["after/b.jpg", "after/shown/a.jpg"]);
}

fn links(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let outside = stage.temporary.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret.jpg"), photo(1)).unwrap();
    stage.write("in/a.jpg", &photo(2));
    symlink(&outside, stage.path("out")).unwrap();
    symlink("in/a.jpg", stage.path("link.jpg")).unwrap();
    symlink("loop", stage.path("loop")).unwrap();
    stage.watch();
    assert_eq!(stage.names(), ["in/a.jpg"]);
    assert_eq!(stage.watcher().report().roots[&stage.id].links_ignored, 3);
    symlink(outside.join("secret.jpg"), stage.path("in/late.jpg")).unwrap();
    symlink(&outside, stage.path("in/late")).unwrap();
    // A folder swapped for a link while it is watched.
    std::fs::rename(stage.path("in"), stage.path("moved")).unwrap();
    symlink(&outside, stage.path("in")).unwrap();
    std::fs::write(outside.join("more.jpg"), photo(3)).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["moved/a.jpg"]);
}

fn strange(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let names: [&[u8]; 4] =
        [b"\xff\xfe.jpg", b"new\nline.jpg", b" .JPG", b"\xf0\x9f\x90\xb6/\xc3\x28/x.jpeg"];
    for (number, name) in names.iter().enumerate() {
        stage.write(Path::new(OsStr::from_bytes(name)), &photo(number));
        if number == 1 {
            stage.watch();
        }
    }
    stage.idle();
    for name in names {
        assert_eq!(stage.says(OsStr::from_bytes(name)), "asset", "{}", String::from_utf8_lossy(name));
    }
    assert_eq!(stage.state().len(), 4);
}

/// Neither pipes nor sockets nor folders with the names of photos hold anybody up.
fn pipes(kind: &Kind) {
    let mut stage = Stage::new(kind);
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(CWD, stage.path("pipe.jpg"), FileType::Fifo, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(stage.path("socket.jpg")).unwrap();
    stage.write("folder.jpg/a.jpg", &photo(1));
    stage.watch();
    rustix::fs::mknodat(CWD, stage.path("late.jpg"), FileType::Fifo, mode, 0).unwrap();
    stage.write("b.jpg", &photo(2));
    stage.idle();
    assert_eq!(stage.names(), ["b.jpg", "folder.jpg/a.jpg"]);
    // A photo that turns into a pipe is gone.
    std::fs::remove_file(stage.path("b.jpg")).unwrap();
    rustix::fs::mknodat(CWD, stage.path("b.jpg"), FileType::Fifo, mode, 0).unwrap();
    stage.idle();
    assert_eq!(stage.names(), ["folder.jpg/a.jpg"]);
}
