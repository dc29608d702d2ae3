//! Photos on disks of their own, on overlays, on file systems that tell nothing; and a mount that lets others in.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::ffi::CString;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use galleryfs_tests::{Disk, Jpeg, Site, eventually, folder, until};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// `nobody`, everywhere.
const USER: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A card below a photo folder, pulled out and put back while the daemon watches, and with other photos on it.
#[test]
fn a_disk_that_is_pulled_out_is_hidden_until_it_returns() {
    let site = Site::default();
    let card = site.photos().join("card");
    let Some(mut disk) = Disk::make(&site.folder().join("card.img"), 16, &card) else { return };
    for seed in 0..5 {
        site.photo(&format!("card/DCIM/{seed}.jpg"), &Jpeg::new(seed).taken("2024:05:01 10:20:30"));
    }
    site.photo("own.jpg", &Jpeg::new(90));
    let daemon = site.up();
    daemon.settle();
    let before = site.list();
    assert_eq!(before.len(), 6);

    disk.pull_out();
    eventually("what is left", &1, || site.list().len());
    let status = site.status().unwrap();
    let away = status["offline"].as_array().unwrap().clone();
    assert_eq!(away.len(), 1, "{away:?}");
    assert!(away[0]["path"].as_str().unwrap().starts_with(card.to_str().unwrap()), "{away:?}");
    assert!(folder::names(&site.mount().join("folders/photos")).iter().all(|name| *name != "card"));

    assert!(disk.plug_in(&card));
    eventually("all of them", &6, || site.list().len());
    daemon.settle();
    assert_eq!(site.list(), before, "as if nothing had been");
    eventually("nothing is away", &0, || site.status().unwrap()["offline"].as_array().unwrap().len());

    // Watched again: a photo written to the card now is there now.
    site.photo("card/DCIM/new.jpg", &Jpeg::new(7));
    eventually("the new one", &7, || site.list().len());
    assert!(daemon.stop().success());
    disk.pull_out();
}

/// Photos on an overlay, as in containers: the kernel reads the originals there too, or we do.
#[test]
fn originals_on_an_overlay_are_read() {
    let site = Site::default();
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| site.folder().join(name));
    for folder in [&lower, &upper, &work] {
        std::fs::create_dir(folder).unwrap();
    }
    let photo = Jpeg::new(1).taken("2024:05:01 10:20:30").bytes();
    std::fs::write(lower.join("below.jpg"), &photo).unwrap();
    let data =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let data = CString::new(data).unwrap();
    if mount("overlay", site.photos(), "overlay", MountFlags::empty(), Some(data.as_c_str())).is_err() {
        eprintln!("skipped: an overlay takes root, and a file system below that can carry one");
        return;
    }
    let read = || {
        let daemon = site.up();
        daemon.settle();
        let day = site.mount().join("by-date/2024/2024-05/2024-05-01");
        let bytes = std::fs::read(day.join("below.jpg"));
        // Changed, it moves to the upper layer under another inode number.
        let above = Jpeg::new(2).taken("2024:05:01 10:20:30").bytes();
        site.put("above.jpg", &above);
        let late = until("the file above", || std::fs::read(day.join("above.jpg")).ok());
        assert!(daemon.stop().success());
        (bytes, late == above)
    };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    unmount(site.photos(), UnmountFlags::DETACH).unwrap();
    let (bytes, late) = outcome.unwrap();
    assert!(bytes.unwrap() == photo && late);
}

/// A file system that another program serves tells nobody what changes in it: it is looked through from time to time,
/// and `status` says so.
#[test]
fn what_is_not_heard_of_is_scanned() {
    let site = Site::default();
    let behind = site.folder().join("behind");
    std::fs::create_dir(&behind).unwrap();
    std::fs::write(behind.join("one.jpg"), Jpeg::new(1).bytes()).unwrap();
    let mut bindfs = Command::new("bindfs");
    bindfs.arg("--no-allow-other").arg(&behind).arg(site.photos()).stderr(Stdio::null());
    if !bindfs.status().is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "bindfs is missing: run `make test`");
        eprintln!("skipped: needs bindfs");
        return;
    }
    let look = || {
        let daemon = site.up();
        daemon.settle();
        assert_eq!(site.list().len(), 1);
        let status = site.status().unwrap();
        let root = status["roots"][0].clone();
        // Behind its back, and then somebody asks for a look.
        std::fs::write(behind.join("two.jpg"), Jpeg::new(2).bytes()).unwrap();
        eventually("both", &2, || {
            site.ask(&["index"]);
            site.list().len()
        });
        assert!(daemon.stop().success());
        root
    };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
    let _ = Command::new("fusermount3").args(["-u", "-z", "--"]).arg(site.photos()).status();
    let root = outcome.unwrap();
    let said = root.to_string();
    assert!(said.contains("scan") && said.contains("fuse"), "{said}");
}

/// `--allow-other`: another user sees what the modes allow, and that is all of it.
#[test]
fn others_look_in_where_they_are_let_in() {
    if !is_root() {
        return;
    }
    let site = Site::default();
    site.photo("one.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    std::fs::set_permissions(site.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let as_other = |arguments: &[&str]| {
        let output = Command::new(arguments[0]).args(&arguments[1..]).uid(USER).gid(USER).output().unwrap();
        (output.status.success(), output.stdout)
    };
    let day = site.mount().join("by-date/2024/2024-05/2024-05-01");
    let photo = day.join("one.jpg");
    for (more, let_in) in [(&["--allow-other"][..], true), (&[], false)] {
        let daemon = site.up_with(more);
        daemon.settle();
        let (listed, names) = as_other(&["ls", day.to_str().unwrap()]);
        assert_eq!((listed, names == b"one.jpg\n"), (let_in, let_in));
        let (read, bytes) = as_other(&["cat", photo.to_str().unwrap()]);
        assert_eq!((read, bytes == std::fs::read(site.photos().join("one.jpg")).unwrap()), (let_in, let_in));
        if let_in {
            assert!(!as_other(&["rm", "-f", photo.to_str().unwrap()]).0, "looking is not removing");
        }
        assert!(daemon.stop().success());
    }
}
