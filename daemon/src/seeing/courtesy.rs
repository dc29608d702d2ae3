//! Who waits for an answer goes before who indexes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long indexing steps aside at most: a stuck search must not stop it.
const LONGEST: Duration = Duration::from_secs(5);

/// Counts who waits.
#[derive(Debug, Default)]
pub(super) struct Courtesy(AtomicUsize);

/// Somebody waits for as long as this lives.
pub(super) struct Waits<'a>(&'a Courtesy);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Courtesy {
    /// Somebody waits for an answer from now on.
    pub(super) fn wait(&self) -> Waits<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waits(self)
    }

    /// Comes back when nobody waits for an answer.
    pub(super) fn give_way(&self) {
        let begun = Instant::now();
        while self.0.load(Ordering::Relaxed) > 0 && begun.elapsed() < LONGEST {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
