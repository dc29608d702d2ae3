//! Mounts of others, dead ones above all, which are not ours to take away.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use galleryfs_tests::{Jpeg, Site};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A FUSE mount of another program that was killed. Cleared when dropped.
struct Dead<'a>(&'a Path);

impl<'a> Dead<'a> {
    /// `None` where this user may not mount.
    fn at(path: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let device = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let data = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let data = std::ffi::CString::new(data).unwrap();
        mount("other", path, "fuse.sshfs", MountFlags::empty(), data.as_c_str()).ok()?;
        Some(Self(path))
    }

    fn stands(&self) -> bool {
        std::fs::metadata(self.0).is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN))
    }
}

impl Drop for Dead<'_> {
    fn drop(&mut self) {
        let _ = unmount(self.0, UnmountFlags::DETACH);
    }
}

#[test]
fn a_dead_mount_of_another_program_is_left_alone() {
    let site = Site::default();
    site.photo("one.jpg", &Jpeg::new(1));
    site.index();
    let Some(dead) = Dead::at(site.mount()) else { return eprintln!("skipped: this user may not mount") };
    assert!(dead.stands());
    let mount = site.mount().to_str().unwrap();
    let refused = |arguments: &[&str]| {
        let answer = site.ask(arguments);
        assert_eq!(answer.code, Some(5), "{arguments:?}: {}", answer.err);
        assert!(answer.err.contains("fuse.sshfs"), "{}", answer.err);
        assert!(dead.stands(), "{arguments:?} took it away");
    };
    refused(&["unmount", mount]);
    refused(&["up", "--mount", mount]);
}
