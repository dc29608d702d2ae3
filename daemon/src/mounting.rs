//! The mount point: made ready, mounted on, cleaned up.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use galleryfs_fs::{Options, Parts};
use rustix::mount::UnmountFlags;

use crate::config::{OnOff, Passthrough, Settings, Xattrs, real_path};
use crate::exit::Exit;

/// The folder the gallery is mounted on. Removed again when dropped, if galleryfs made it and nothing is in it.
#[derive(Debug)]
pub struct MountPoint {
    path: PathBuf,
    made: bool,
}

impl MountPoint {
    /// Makes the folder where it is missing. What is wrong with one that is there, mounting will say.
    pub fn prepare(path: &Path) -> Result<Self> {
        let missing =
            std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if missing {
            std::fs::create_dir_all(path).map_err(|error| {
                Exit::NotMounted.because(format!("cannot make the mount point {}: {error}", path.display()))
            })?;
        }
        Ok(Self { path: path.to_owned(), made: missing })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if self.made {
            // Fails when something is in it, and then it must stay.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// How the mount behaves, by the settings.
pub fn options(settings: &Settings) -> Options {
    Options {
        allow_other: settings.allow_other,
        passthrough: match settings.passthrough {
            Passthrough::Auto => galleryfs_fs::Passthrough::Auto,
            Passthrough::Off => galleryfs_fs::Passthrough::Off,
        },
        xattrs: match settings.xattrs {
            Xattrs::User => galleryfs_fs::Xattrs::User,
            Xattrs::Off => galleryfs_fs::Xattrs::Off,
        },
        parts: match settings.parts {
            OnOff::On => Parts::Shown,
            OnOff::Off => Parts::Hidden,
        },
        ..Options::default()
    }
}

/// Whether a mount stands there whose process is gone.
pub fn is_dead(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN))
}

/// The type of what is mounted there, if that is not ours.
pub fn others(path: &Path) -> Result<Option<String>> {
    let kind = galleryfs_fs::mounted_on(&real_path(path)?).context("cannot read /proc/self/mountinfo")?;
    Ok(kind.filter(|kind| !galleryfs_fs::is_galleryfs(kind)))
}

/// Takes a mount of ours away, dead or alive, even while somebody looks at it. What others mounted there stays.
pub fn clear(path: &Path) -> Result<()> {
    let path = real_path(path)?;
    if let Some(kind) = others(&path)? {
        return Err(Exit::NotMounted.because(format!(
            "{} is where a {kind} file system is mounted, which is not galleryfs's to take away",
            path.display()
        )));
    }
    if rustix::mount::unmount(&path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).is_ok() {
        return Ok(());
    }
    // Only root may unmount by itself; fusermount3 is setuid and unmounts what is the user's own.
    let output = Command::new("fusermount3")
        .args(["-u", "-z", "--"])
        .arg(&path)
        .output()
        .context("cannot run fusermount3 (package fuse3)")?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(Exit::NotMounted.because(format!("cannot unmount {}: {}", path.display(), reason.trim())))
}

/// Whether the gallery stands there now: a mount of our type.
pub fn is_mounted(path: &Path) -> bool {
    path.canonicalize()
        .and_then(|real| galleryfs_fs::mounted_on(&real))
        .is_ok_and(|kind| kind.is_some_and(|kind| galleryfs_fs::is_galleryfs(&kind)))
}
