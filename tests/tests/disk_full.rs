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

#[test]
fn a_full_disk_stops_nothing_for_good() {
    let site = Site::default();
    let small = site.folder().join("small");
    // Declared before the site's use of it ends, so that it is unmounted after the daemon is gone.
    let Some(_small) = Small::mount(&small, 48) else {
        assert!(
            !rustix::process::geteuid().is_root() || std::env::var_os("CI").is_none(),
            "root cannot mount tmpfs"
        );
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
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
