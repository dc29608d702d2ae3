//! As a normal user, who mounts through fusermount3, and for whom permissions mean something.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use galleryfs_tests::{Jpeg, Site, eventually, folder, until};

/// `nobody`, everywhere.
const USER: u32 = 65534;

#[test]
fn a_normal_user_mounts_through_fusermount() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test here is this test.
        return;
    }
    let fuse = std::fs::metadata("/dev/fuse").expect("/dev/fuse");
    assert_eq!(
        fuse.mode() & 0o666,
        0o666,
        "run `make test`, which opens /dev/fuse to users as a desktop does"
    );
    let site = Site::default();
    site.photo("one.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let closed = site.photo("closed.jpg", &Jpeg::new(2));
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The program itself may lie where only root looks.
    let program = site.folder().join("galleryfs");
    std::fs::copy(site.command(&[]).get_program(), &program).unwrap();
    std::fs::create_dir(site.mount()).unwrap();
    for path in [&site.folder(), site.photos(), site.mount(), &site.photos().join("one.jpg"), &closed] {
        chown(path, Some(USER), Some(USER)).unwrap();
    }
    std::fs::set_permissions(site.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let as_user = |program: &Path, arguments: &[&str]| {
        let template = site.command(arguments);
        let mut command = Command::new(program);
        command.args(arguments).env_clear().uid(USER).gid(USER).current_dir(site.folder());
        command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    };
    let ask = |program: &str, arguments: &[&str]| {
        let output = as_user(Path::new(program), arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let own = program.to_str().unwrap();
    let (photos, mount) = (site.photos().to_str().unwrap(), site.mount().to_str().unwrap());
    let daemon = site.start(as_user(&program, &["up", "--photos", photos, "--mount", mount]));

    let day = site.mount().join("by-date/2024/2024-05/2024-05-01");
    until("the mount, as its user sees it", || {
        ask("ls", &[day.to_str().unwrap()]).contains("one.jpg").then_some(())
    });
    let read = as_user(Path::new("cat"), &[day.join("one.jpg").to_str().unwrap()]).output().unwrap();
    assert!(read.stdout == std::fs::read(site.photos().join("one.jpg")).unwrap(), "the bytes");
    // Others, root among them, see nothing without --allow-other.
    assert!(std::fs::read_dir(site.mount()).is_err());
    assert!(folder::names(site.mount()).is_empty());

    // A file that may not be read is named, until it may.
    let unreadable = || {
        let status: serde_json::Value =
            serde_json::from_str(&ask(own, &["status", "--json"])).unwrap_or_default();
        status["unreadable"].as_array().map_or(9, Vec::len)
    };
    eventually("the closed file", &1, unreadable);
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o644)).unwrap();
    eventually("the opened file", &0, unreadable);

    // Root is told to be that user rather than leave files of its own in the data folder; while the daemon runs it may
    // ask.
    assert_eq!(site.ask(&["status"]).code, Some(0));
    assert!(daemon.stop().success());
    assert_eq!(site.ask(&["status"]).code, Some(1));
    assert!(site.mount().read_dir().unwrap().next().is_none(), "unmounted");
}
