//! A full disk under the data folder: an error, nothing lost, and a daemon that goes on when there is room.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use galleryfs_tests::{Jpeg, Site, eventually};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A small file system of its own.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(path: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let options = std::ffi::CString::new(format!("size={megabytes}m,mode=700")).unwrap();
        mount("none", path, "tmpfs", MountFlags::empty(), Some(options.as_c_str())).ok()?;
        Some(Self(path.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// A small disk at this path, if we may mount one.
fn small_disk(path: &Path) -> Option<Small> {
    let small = Small::mount(path, 48);
    if small.is_none() {
        assert!(
            !rustix::process::geteuid().is_root() || std::env::var_os("CI").is_none(),
            "root cannot mount tmpfs"
        );
        eprintln!("skipped: only root can mount a small disk");
    }
    small
}

#[test]
fn a_full_disk_stops_nothing_for_good() {
    let site = Site::default();
    let small = site.folder().join("small");
    // Declared before the site's use of it ends, so that it is unmounted after the daemon is gone.
    let Some(_small) = small_disk(&small) else { return };
    let site = site.with_data(small.join("data"));
    for seed in 0..20 {
        site.photo(&format!("{seed}.jpg"), &Jpeg::new(seed).taken("2024:05:01 10:20:30"));
    }
    let daemon = site.up();
    daemon.settle();
    assert_eq!(site.list().len(), 20);
    let before = site.ask(&["log", "--all", "--json"]).json();

    // Now there is no room at all.
    let ballast = small.join("ballast");
    let _ = std::fs::write(&ballast, vec![1; 64 << 20]);
    std::fs::set_permissions(&ballast, std::fs::Permissions::from_mode(0o600)).unwrap();
    for seed in 100..160 {
        let photo = Jpeg::new(seed).taken("2024:05:02 10:20:30").description(&"long words ".repeat(3000));
        site.photo(&format!("{seed}.jpg"), &photo);
    }
    std::thread::sleep(std::time::Duration::from_secs(3));
    // It answers, and what it had it still shows.
    assert!(site.status().is_some(), "the daemon does not answer: {}", daemon.said());
    assert!(site.mount().join("README.txt").exists());
    assert_eq!(
        std::fs::read(site.mount().join("all/2024/05/3.jpg")).unwrap(),
        std::fs::read(site.photos().join("3.jpg")).unwrap()
    );

    std::fs::remove_file(&ballast).unwrap();
    eventually("all photos once there is room", &80, || site.list().len());
    let after = site.ask(&["log", "--all", "--json"]).json();
    assert_eq!(after.get(..before.len()), Some(&before[..]));
    assert!(daemon.stop().success());
    site.index();
    assert_eq!(site.list().len(), 80);
}

#[test]
fn a_disk_with_room_for_the_journal_but_not_for_the_catalogue_stops_nothing_for_good() {
    let site = Site::default();
    let small = site.folder().join("small");
    let Some(_small) = small_disk(&small) else { return };
    let site = site.with_data(small.join("data"));
    for seed in 0..5 {
        site.photo(&format!("{seed}.jpg"), &Jpeg::new(seed).taken("2024:05:01 10:20:30"));
    }
    let daemon = site.up();
    daemon.settle();
    assert_eq!(site.list().len(), 5);

    // A decision is small, what is known of a photo is not: the journal takes it, the catalogue cannot.
    let ballast = leave_free(&small, 150 << 10);
    for seed in 100..130 {
        let photo = Jpeg::new(seed).taken("2024:05:02 10:20:30").description(&"long words ".repeat(2700));
        site.photo(&format!("{seed}.jpg"), &photo);
    }
    std::thread::sleep(std::time::Duration::from_secs(4));
    let status = site.ask(&["status", "--json"]);
    assert_eq!(status.code, Some(0), "{}\n{}", status.err, daemon.said());

    std::fs::remove_file(&ballast).unwrap();
    // Until the catalogue is opened again, reading fails too.
    eventually("all photos once there is room", &35, || site.ask(&["list", "--json"]).out.lines().count());
    daemon.settle();
    eventually("all photos in the text index", &30, || {
        site.ask(&["search", "long words", "--json", "--limit", "100"]).json().len()
    });
    assert_eq!(site.list().len(), 35);
    assert!(daemon.said().contains("opened again"), "the catalogue never failed: {}", daemon.said());
    assert!(daemon.stop().success());
    site.index();
    assert_eq!(site.list().len(), 35);
}

/// Fills a small disk up to so many bytes, and gives the file that does.
fn leave_free(disk: &Path, bytes: u64) -> std::path::PathBuf {
    use std::io::Write as _;
    let path = disk.join("ballast");
    let mut ballast = std::fs::File::create(&path).unwrap();
    loop {
        let free = rustix::fs::statvfs(disk).map(|disk| disk.f_bavail * disk.f_frsize).unwrap();
        let Some(more) = free.checked_sub(bytes).filter(|more| *more >= 4096) else { return path };
        ballast.write_all(&vec![1; more.min(1 << 20) as usize]).unwrap();
    }
}
