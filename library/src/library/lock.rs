//! One process at a time has a data folder.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The data folder could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{path} is in use by another galleryfs{holder}; stop it first, or give this one another --data folder",
        path = path.display(),
        holder = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Held {
        /// The data folder.
        path: PathBuf,
        /// Who has it, where it said so.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("the lock file {path} cannot be used: {source}", path = path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Holds a data folder while it lives. The kernel lets go when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DataLock {
    _file: File,
}

impl DataLock {
    pub(super) fn take(data: &Path) -> Result<Self, LockError> {
        let path = data.join("lock");
        let failed = |source| LockError::File { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held { path: data.to_owned(), pid });
            }
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        // A full disk must not keep the library shut: who holds it is a courtesy.
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}
