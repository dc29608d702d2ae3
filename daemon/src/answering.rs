//! Disks that do not answer: a network disk whose server is gone, one that is broken. Whoever asks one is held by the kernel
//! until it answers, and cannot be called back.
//!
//! Reading waits: whoever reads knows what for. What is changed in a directory of the mount keeps all others out of it
//! meanwhile, and what is done behind it should go on elsewhere: so the disk is asked first, by a thread that is left to it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

/// How long a disk may take. One that slept answers later, and is found then.
const PATIENCE: Duration = Duration::from_secs(4);

/// The folders whose disks are asked now, and since when: one thread each.
static ASKED: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());
static ANSWERED: Condvar = Condvar::new();

fn asked() -> MutexGuard<'static, BTreeMap<PathBuf, Instant>> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a disk says to a question; `None` where it does not answer in time.
pub fn in_time<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, answer) = bounded(1);
    let asking = std::thread::Builder::new().name("ask".into()).spawn(move || {
        // Nobody waits any more where it took too long.
        let _ = sender.send(ask());
    });
    asking.ok()?;
    answer.recv_timeout(PATIENCE).ok()
}

/// Whether the disk of a folder answers. An error is an answer.
pub fn answers(folder: &Path) -> bool {
    let mut now = asked();
    let since = match now.get(folder) {
        Some(since) => *since,
        None => {
            let (since, path) = (Instant::now(), folder.to_owned());
            let asking = std::thread::Builder::new().name("ask".into()).spawn(move || {
                // Its room is what no cache knows.
                let _ = rustix::fs::statvfs(&path);
                asked().remove(&path);
                ANSWERED.notify_all();
            });
            if asking.is_err() {
                return true;
            }
            now.insert(folder.to_owned(), since);
            since
        }
    };
    let left = PATIENCE.saturating_sub(since.elapsed());
    let is_asked = |now: &BTreeMap<PathBuf, Instant>| now.get(folder) == Some(&since);
    let waited = ANSWERED.wait_timeout_while(now, left, |now| is_asked(now));
    let (now, _) = waited.unwrap_or_else(PoisonError::into_inner);
    !is_asked(&now)
}

/// An error where the disk of one of these folders does not answer.
pub fn expect_answers<'a>(folders: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    match folders.into_iter().find(|folder| !answers(folder)) {
        Some(folder) => {
            tracing::info!(folder = %folder.display(), "its disk does not answer");
            Err(io::Error::from_raw_os_error(libc::EIO))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_is_asked_again_and_what_is_not_there_has_answered() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            assert!(answers(dir.path()) && answers(&dir.path().join("none")));
        }
        assert_eq!(in_time(|| 7), Some(7));
        assert!(asked().is_empty() || asked().values().all(|since| since.elapsed() < PATIENCE));
    }
}
