//! What mounting needs.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Finding, packages};
use crate::config::{Passthrough, Settings};

const DEVICE: &str = "/dev/fuse";

/// The device through which the kernel asks us.
pub(super) fn device() -> Finding {
    let about = "FUSE in the kernel";
    match OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => Finding::good(about, DEVICE),
        Err(error) if error.kind() == ErrorKind::NotFound => Finding::bad(
            about,
            format!("{DEVICE} is not there"),
            "sudo modprobe fuse\nIn a container: start it with --device /dev/fuse --cap-add SYS_ADMIN",
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Finding::bad(about, format!("you may not open {DEVICE}"), "sudo chmod 666 /dev/fuse")
        }
        Err(error) => Finding::bad(about, format!("{DEVICE}: {error}"), "sudo modprobe fuse"),
    }
}

/// The setuid helper that mounts for a normal user.
pub(super) fn helper() -> Finding {
    let about = "Mounting as a normal user";
    let root = rustix::process::geteuid().is_root();
    match find_program("fusermount3") {
        Some(path) => match std::fs::metadata(&path) {
            Ok(metadata) if metadata.mode() & 0o4000 == 0 && !root => Finding::bad(
                about,
                format!("{} is not setuid root", path.display()),
                format!("sudo chown root: {0} && sudo chmod 4755 {0}", path.display()),
            ),
            _ => Finding::good(about, path.display().to_string()),
        },
        None if root => Finding::worth(
            about,
            "fusermount3 is not there; as root you can mount without it",
            packages::install("fuse3"),
        ),
        None => Finding::bad(about, "fusermount3 is not there", packages::install("fuse3")),
    }
}

/// `--allow-other` needs root's leave.
pub(super) fn allow_other() -> Finding {
    let about = "--allow-other";
    if rustix::process::geteuid().is_root() {
        return Finding::good(about, "root may");
    }
    let allowed = std::fs::read_to_string("/etc/fuse.conf")
        .is_ok_and(|text| text.lines().any(|line| line.trim() == "user_allow_other"));
    if allowed {
        return Finding::good(about, "user_allow_other is in /etc/fuse.conf");
    }
    Finding::bad(
        about,
        "user_allow_other is not in /etc/fuse.conf",
        "echo user_allow_other | sudo tee -a /etc/fuse.conf",
    )
}

/// Whether the kernel can read originals by itself.
pub(super) fn passthrough(settings: &Settings) -> Finding {
    let about = "Passthrough reads";
    if settings.passthrough == Passthrough::Off {
        return Finding::good(about, "switched off");
    }
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.trim().split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (6, 9) {
        return Finding::worth(
            about,
            format!("not in kernel {}", release.trim()),
            "Reads go through galleryfs instead, and stay in the page cache. Linux 6.9 and later can do better.",
        );
    }
    if may_administrate() {
        return Finding::good(about, format!("kernel {}", release.trim()));
    }
    Finding::worth(
        about,
        "only root may use them",
        "Reads go through galleryfs instead, and stay in the page cache: fine for nearly everybody.",
    )
}

/// Whether this process has CAP_SYS_ADMIN.
fn may_administrate() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << CAP_SYS_ADMIN) != 0)
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let usual = ["/usr/bin", "/bin", "/usr/local/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|folder| folder.join(name)).find(|path| Path::is_file(path))
}
