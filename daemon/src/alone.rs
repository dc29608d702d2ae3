//! One at a time: whoever exchanges or removes files of something has it to itself.
//!
//! By what it is about, so that a disk that does not answer holds up only what is to be done there.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What somebody has to itself now.
#[derive(Debug)]
pub struct Alone<K> {
    taken: Mutex<BTreeSet<K>>,
    freed: Condvar,
}

/// Somebody has these to itself for as long as this lives.
#[derive(Debug)]
pub struct Taken<'a, K: Ord> {
    alone: &'a Alone<K>,
    what: BTreeSet<K>,
}

impl<K: Ord + Copy> Alone<K> {
    /// Nobody has anything.
    pub const fn new() -> Self {
        Self { taken: Mutex::new(BTreeSet::new()), freed: Condvar::new() }
    }

    /// Waits until nobody has any of these, and takes them: all or none, so that nobody waits for one with another in hand.
    pub fn with(&self, what: impl IntoIterator<Item = K>) -> Taken<'_, K> {
        let what: BTreeSet<K> = what.into_iter().collect();
        let is_taken = |taken: &mut BTreeSet<K>| !taken.is_disjoint(&what);
        let mut taken = self.freed.wait_while(self.taken(), is_taken).unwrap_or_else(PoisonError::into_inner);
        taken.extend(&what);
        drop(taken);
        Taken { alone: self, what }
    }
}

impl<K: Ord + Copy> Default for Alone<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Alone<K> {
    fn taken(&self) -> MutexGuard<'_, BTreeSet<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord> Drop for Taken<'_, K> {
    fn drop(&mut self) {
        self.alone.taken().retain(|key| !self.what.contains(key));
        self.alone.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn who_wants_something_else_does_not_wait() {
        static ALONE: Alone<u8> = Alone::new();
        let (one, other) = (ALONE.with([1, 2]), ALONE.with([3]));
        let both = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let _both = ALONE.with([2, 3]);
                both.store(true, Ordering::SeqCst);
            });
            drop(other);
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!both.load(Ordering::SeqCst));
            drop(ALONE.with([3]));
            drop(one);
            waits.join().unwrap();
        });
        assert!(both.load(Ordering::SeqCst));
    }
}
