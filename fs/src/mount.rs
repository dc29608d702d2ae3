//! Putting the tree in place, and taking it away again.
//!
//! 1. A daemon that was killed leaves a mount behind that answers ENOTCONN to everything: it is cleared first.
//! 2. A mount point that is somebody else's mount, holds files, or lies in a watched folder is refused, with what to
//!    do about it: files under a mount point vanish from sight, and a folder that holds the mount would be indexed
//!    into itself.
//! 3. A busy mount cannot be unmounted. It is then detached: gone from the tree at once, and for good when the last
//!    user closes. Its threads live until then, so they are waited for only for a while.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use rustix::mount::UnmountFlags;

use crate::announce::{Announcer, Tokens};
use crate::attr::Owner;
use crate::files::Files;
use crate::handles::Handles;
use crate::inbox::{Inbox, Worker};
use crate::mount_table::{NAME, is_galleryfs, lies_on, mounted_on};
use crate::options::{Options, Passthrough};
use crate::pool::Pools;
use crate::shell::arriving::Arriving;
use crate::shell::{Shared, Shell};
use crate::source::Source;
use crate::tree::Tree;
use crate::watcher::{Follower, Following};

/// How long the threads of a mount are waited for once it is unmounted.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a mount could not be made or taken away. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// Nothing there.
    #[error("{} is not there; make it with: mkdir -p '{}'", .0.display(), .0.display())]
    Missing(PathBuf),
    /// Something there, but no directory.
    #[error("{} is not a directory; choose one to mount on", .0.display())]
    NotADirectory(PathBuf),
    /// Files would vanish under the mount.
    #[error("{} is not empty, and what is in it would be out of reach; choose an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// Another galleryfs, alive.
    #[error("a galleryfs is mounted on {} already; end it, or unmount it with: fusermount3 -u '{}'", .0.display(), .0.display())]
    AlreadyMounted(PathBuf),
    /// Another file system.
    #[error("{} is where a {kind} file system is mounted; choose another directory", .path.display())]
    Occupied {
        /// The mount point.
        path: PathBuf,
        /// The type of what is mounted there.
        kind: String,
    },
    /// The mount would hold itself.
    #[error("{} and the watched folder {} lie in one another, so the library would hold itself; choose a directory outside", .mountpoint.display(), .root.display())]
    InsideRoot {
        /// The mount point.
        mountpoint: PathBuf,
        /// The watched folder.
        root: PathBuf,
    },
    /// `allow_other` without leave.
    #[error("other users may be let in only where /etc/fuse.conf has the line user_allow_other")]
    AllowOther,
    /// FUSE is not there, or not for this user.
    #[error(
        "cannot use /dev/fuse: {0}; load it with: modprobe fuse, and see that this user may read and write it"
    )]
    NoFuse(io::Error),
    /// A mount that was left behind could not be cleared.
    #[error("{} was left behind by a galleryfs that was killed, and cannot be cleared: {reason}; try: fusermount3 -uz '{}'", .path.display(), .path.display())]
    Stale {
        /// The mount point.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Anything else.
    #[error("cannot mount on {}: {error}", .path.display())]
    Io {
        /// The mount point.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Unmounting failed even lazily.
    #[error("cannot unmount {}: {reason}", .path.display())]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// A mount in place. Dropping it unmounts.
#[derive(Debug)]
pub struct Mount {
    mountpoint: PathBuf,
    session: Option<BackgroundSession>,
    follower: Option<Follower>,
    /// Takes in what nobody waits for.
    arrivals: Option<Worker>,
}

/// Mounts the library of `source` on `mountpoint`.
pub fn mount(source: Arc<dyn Source>, mountpoint: &Path, options: Options) -> Result<Mount, MountError> {
    let snapshot = source.snapshot();
    let watched = snapshot.folders().roots().filter(|(root, _)| root.watched);
    let roots: Vec<PathBuf> = watched.map(|(root, _)| root.path.clone()).collect();
    let mountpoint = prepare(mountpoint, &roots)?;

    // Before the first snapshot, so that no commit falls in between.
    let (commits, sights) = (source.subscribe(), source.sights());
    let tree = Arc::new(Tree::new(source, Owner::this_process(), &options));
    let handles = Arc::new(Handles::default());
    let tokens = Arc::new(Tokens::default());
    let inbox = inbox(&tree);
    let shell = Shell(Arc::new(Shared {
        tree: Arc::clone(&tree),
        files: Files::new(options.passthrough),
        handles: Arc::clone(&handles),
        tokens: Arc::clone(&tokens),
        pools: Pools::default(),
        xattrs: options.xattrs,
        mountpoint: mountpoint.clone(),
        arriving: inbox.clone().map(Arriving::new),
        stack_depth: stack_depth(options.passthrough, &roots),
    }));
    let io_error = |error| io_error(&mountpoint, error);
    let session =
        Session::new(shell, &mountpoint, &config(&options)).and_then(Session::spawn).map_err(io_error)?;
    let announcer =
        options.announce.then(|| (Announcer::new(Arc::clone(&tokens), &mountpoint), Arc::clone(&tokens)));
    let mut mount =
        Mount { mountpoint: mountpoint.clone(), session: Some(session), follower: None, arrivals: None };
    if let Some(session) = &mount.session {
        let follower = Follower::start(Following {
            tree,
            commits,
            sights,
            clock: options.clock,
            tick: options.tick,
            notifier: session.notifier(),
            handles,
            announcer,
        });
        mount.follower = Some(follower.map_err(io_error)?);
        mount.arrivals = inbox.map(Worker::start).transpose().map_err(io_error)?;
    }
    Ok(mount)
}

impl Mount {
    /// Where it is.
    pub fn mountpoint(&self) -> &Path {
        &self.mountpoint
    }

    /// Whether it still stands: somebody may have unmounted it from outside.
    pub fn is_mounted(&self) -> bool {
        self.session.as_ref().is_some_and(|session| !session.guard.is_finished())
    }

    /// Takes the mount away: at once, even while somebody is in it.
    pub fn unmount(mut self) -> Result<(), MountError> {
        self.take_away()
    }

    fn take_away(&mut self) -> Result<(), MountError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let outcome = if session.guard.is_finished() { Ok(()) } else { unmount(&self.mountpoint) };
        // After unmounting: what the threads wait for in the kernel ends with the mount.
        drop(self.follower.take());
        drop(self.arrivals.take());
        let waited = Instant::now();
        while !session.guard.is_finished() && outcome.is_ok() && waited.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
        if session.guard.is_finished() {
            if let Err(error) = session.join() {
                tracing::warn!(%error, "the mount ended with an error");
            }
        } else {
            tracing::warn!(
                mountpoint = %self.mountpoint.display(),
                "somebody still has files of the mount open; it ends when they close them"
            );
            // Dropping it would unmount whatever is mounted on the same path by then.
            std::mem::forget(session);
        }
        outcome
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = self.take_away() {
            tracing::error!(%error, "the mount stays behind");
        }
    }
}

/// The inbox, where the library can take files in.
fn inbox(tree: &Arc<Tree>) -> Option<Arc<Inbox>> {
    let directory = tree.source().inbox()?;
    match Inbox::new(Arc::clone(tree), &directory) {
        Ok(inbox) => Some(Arc::new(inbox)),
        Err(error) => {
            tracing::warn!(directory = %directory.display(), %error, "inbox/ takes nothing in");
            None
        }
    }
}

fn config(options: &Options) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(NAME.into()),
        // Not fuser's own option, which it keeps from the kernel when it mounts without fusermount3.
        MountOption::CUSTOM(format!("subtype={NAME}")),
        MountOption::NoSuid,
        MountOption::NoDev,
        MountOption::NoAtime,
        MountOption::RW,
    ];
    if options.allow_other {
        config.acl = SessionACL::All;
        // The kernel holds the others to the modes. Alone, the owner may ask for anything and hears why not from us.
        config.mount_options.push(MountOption::DefaultPermissions);
    }
    config.n_threads = Some(options.threads.max(1));
    config
}

/// How deep file systems may be stacked below an original that the kernel reads itself: one more over an overlay.
fn stack_depth(passthrough: Passthrough, roots: &[PathBuf]) -> u32 {
    let overlay = |root: &PathBuf| lies_on(root).is_ok_and(|kind| kind.as_deref() == Some("overlay"));
    match passthrough {
        Passthrough::Off => 0,
        Passthrough::Auto => 1 + u32::from(roots.iter().any(overlay)),
    }
}

fn io_error(mountpoint: &Path, error: io::Error) -> MountError {
    if error.kind() == io::ErrorKind::PermissionDenied && error.to_string().contains("user_allow_other") {
        return MountError::AllowOther;
    }
    match rustix::fs::access("/dev/fuse", rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK) {
        Err(missing) => MountError::NoFuse(missing.into()),
        Ok(()) => MountError::Io { path: mountpoint.to_owned(), error },
    }
}

/// Sees that `mountpoint` can be mounted on, clearing what a killed daemon left there. The answer is canonical.
fn prepare(mountpoint: &Path, roots: &[PathBuf]) -> Result<PathBuf, MountError> {
    let mountpoint = canonical(mountpoint)?;
    let failed = |error| MountError::Io { path: mountpoint.clone(), error };
    if let Err(error) = std::fs::metadata(&mountpoint) {
        match error.raw_os_error() {
            Some(libc::ENOTCONN | libc::ECONNABORTED) => {
                // Somebody else's, an sshfs whose server is gone, is not ours to take away.
                match mounted_on(&mountpoint).map_err(failed)? {
                    Some(kind) if !is_galleryfs(&kind) => {
                        return Err(MountError::Occupied { path: mountpoint, kind });
                    }
                    _ => {}
                }
                tracing::info!(mountpoint = %mountpoint.display(), "clearing a mount left behind");
                unmount(&mountpoint).map_err(|error| MountError::Stale {
                    path: mountpoint.clone(),
                    reason: error.to_string(),
                })?;
            }
            Some(libc::ENOENT) => return Err(MountError::Missing(mountpoint)),
            _ => return Err(failed(error)),
        }
    }
    if !std::fs::metadata(&mountpoint).map_err(failed)?.is_dir() {
        return Err(MountError::NotADirectory(mountpoint));
    }
    match mounted_on(&mountpoint).map_err(failed)? {
        Some(kind) if is_galleryfs(&kind) => return Err(MountError::AlreadyMounted(mountpoint)),
        Some(kind) => return Err(MountError::Occupied { path: mountpoint, kind }),
        None => {}
    }
    // Canonical as they are: nobody waits for their disks here.
    if let Some(root) =
        roots.iter().find(|root| mountpoint.starts_with(root) || root.starts_with(&mountpoint)).cloned()
    {
        return Err(MountError::InsideRoot { mountpoint, root });
    }
    if std::fs::read_dir(&mountpoint).map_err(failed)?.next().is_some() {
        return Err(MountError::NotEmpty(mountpoint));
    }
    Ok(mountpoint)
}

/// The canonical path of what may be a dead mount, which itself cannot be asked.
fn canonical(path: &Path) -> Result<PathBuf, MountError> {
    match std::fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(MountError::Missing(path.to_owned())),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTCONN | libc::ECONNABORTED)) => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            match (
                absolute.parent().and_then(|parent| std::fs::canonicalize(parent).ok()),
                absolute.file_name(),
            ) {
                (Some(parent), Some(name)) => Ok(parent.join(name)),
                _ => Ok(absolute),
            }
        }
        Err(error) => Err(MountError::Io { path: path.to_owned(), error }),
    }
}

/// Unmounts, and where somebody is in it, detaches.
fn unmount(mountpoint: &Path) -> Result<(), MountError> {
    let reason = if rustix::process::geteuid().is_root() {
        let plain = rustix::mount::unmount(mountpoint, UnmountFlags::NOFOLLOW);
        match plain
            .or_else(|_| rustix::mount::unmount(mountpoint, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH))
        {
            Ok(()) => return Ok(()),
            Err(error) => error.to_string(),
        }
    } else {
        match fusermount("-u", mountpoint).or_else(|_| fusermount("-uz", mountpoint)) {
            Ok(()) => return Ok(()),
            Err(reason) => reason,
        }
    };
    // Somebody was faster.
    if matches!(mounted_on(mountpoint), Ok(None)) {
        return Ok(());
    }
    Err(MountError::Unmount { path: mountpoint.to_owned(), reason })
}

fn fusermount(how: &str, mountpoint: &Path) -> Result<(), String> {
    let output = Command::new("fusermount3")
        .args([OsStr::new(how), OsStr::new("--"), OsStr::from_bytes(mountpoint.as_os_str().as_bytes())])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("fusermount3: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_mounted_on_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(dir.path()).unwrap();
        let (empty, full, file) = (path.join("empty"), path.join("full"), path.join("file"));
        std::fs::create_dir_all(full.join("below")).unwrap();
        std::fs::create_dir(&empty).unwrap();
        std::fs::write(&file, "x").unwrap();
        let at = |path: &Path| prepare(path, std::slice::from_ref(&full));
        assert_eq!(at(&empty).unwrap(), empty);
        assert!(matches!(at(&path.join("none")), Err(MountError::Missing(_))));
        assert!(matches!(at(&file), Err(MountError::NotADirectory(_))));
        assert!(matches!(at(&full.join("below")), Err(MountError::InsideRoot { .. })));
        assert!(matches!(at(&path), Err(MountError::InsideRoot { .. })), "the other way round");
        assert!(matches!(prepare(&full, &[]), Err(MountError::NotEmpty(_))));
        assert!(matches!(at(Path::new("/proc")), Err(MountError::Occupied { .. })));
    }
}
