//! How far the kernel has been told what is over, so that whoever decided something has its answer only after that.
//!
//! 1. Listings and attributes are invalidated without waiting for anybody, so every answer waits for that.
//! 2. To forget a name the kernel waits for the lock of its directory, which whoever makes, moves or removes something
//!    in it holds until it has its answer. So names in the directories of those that wait are told after the answer,
//!    and the kernel knows of these itself.
//! 3. Whoever is killed while it waits for such a lock cannot die: it waits for somebody who waits for an answer that only
//!    it could give. So nothing is told of a directory in which an operation is under way, or was a moment ago: the next
//!    is likely to be.
//! 4. An operation may begin in a directory just when it is told of: then one waits for the other. Hence nobody waits for
//!    long, and what is stale a moment later is only a name.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use library::Cursor;

/// How long an answer waits for the tree to show what was decided.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);
/// How long it waits for the kernel to forget names.
const NAMES_WITHIN: Duration = Duration::from_millis(100);
/// How long after an operation in a directory another is likely.
const CALM: Duration = Duration::from_millis(50);
/// When this many directories were calm lately, those that long have been are swept out.
const SWEEP: usize = 1024;

#[derive(Debug, Default)]
struct Reached {
    /// No listing and no attribute is older.
    listings: Option<Cursor>,
    /// No name is older, but for those that are told later.
    names: Option<Cursor>,
    /// The directories whose names are told later, with the state that they are told of.
    later: Vec<(u64, Cursor)>,
    /// The directories of those who wait for an answer, and how many there are in each.
    busy: HashMap<u64, usize>,
    /// When the last operation in a directory ended.
    lately: HashMap<u64, Instant>,
    /// How many wait.
    waiting: usize,
}

/// How far the kernel has been told what is over.
#[derive(Debug, Default)]
pub(crate) struct Told {
    reached: Mutex<Reached>,
    moved: Condvar,
}

/// Somebody who waits for an answer, and holds the locks of some directories meanwhile.
#[derive(Debug)]
pub(crate) struct Busy<'a> {
    told: &'a Told,
    dirs: Vec<u64>,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut reached = self.told.lock();
        reached.waiting -= 1;
        let now = Instant::now();
        if reached.lately.len() > SWEEP {
            reached.lately.retain(|_, at| now.duration_since(*at) < CALM);
        }
        for dir in &self.dirs {
            reached.lately.insert(*dir, now);
            if let Some(count) = reached.busy.get_mut(dir) {
                *count -= 1;
                if *count == 0 {
                    reached.busy.remove(dir);
                }
            }
        }
    }
}

/// Whether what stood at `cursor` is told of by now.
fn includes(now: Option<Cursor>, cursor: Cursor) -> bool {
    now.is_some_and(|now| now.epoch != cursor.epoch || now.seq >= cursor.seq)
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the locks of these directories are held until the answer lets go of this.
    pub(crate) fn busy(&self, dirs: impl IntoIterator<Item = u64>) -> Busy<'_> {
        let dirs: Vec<u64> = dirs.into_iter().collect();
        let mut reached = self.lock();
        reached.waiting += 1;
        for dir in &dirs {
            *reached.busy.entry(*dir).or_default() += 1;
        }
        Busy { told: self, dirs }
    }

    /// Whether anybody waits to be told.
    pub(crate) fn is_awaited(&self) -> bool {
        self.lock().waiting > 0
    }

    /// Whether an operation is under way in a directory, or was a moment ago.
    pub(crate) fn is_busy(&self, dir: u64) -> bool {
        let reached = self.lock();
        reached.busy.contains_key(&dir) || reached.lately.get(&dir).is_some_and(|at| at.elapsed() < CALM)
    }

    /// The kernel keeps no listing and no attribute from before.
    pub(crate) fn listings(&self, cursor: Cursor) {
        self.lock().listings = Some(cursor);
        self.moved.notify_all();
    }

    /// The kernel keeps no name from before, but for those in the directories that it is told of later.
    pub(crate) fn names(&self, cursor: Option<Cursor>, later: Vec<(u64, Cursor)>) {
        let mut reached = self.lock();
        reached.names = cursor.or(reached.names);
        reached.later = later;
        drop(reached);
        self.moved.notify_all();
    }

    /// Waits until what was decided by `cursor` shows.
    pub(crate) fn wait(&self, cursor: Cursor) {
        let listings = |reached: &mut Reached| !includes(reached.listings, cursor);
        let waited = self.moved.wait_timeout_while(self.lock(), SHOWN_WITHIN, listings);
        let (reached, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // Where an operation is under way, that may be the one that waits.
        let is_later = |reached: &Reached| {
            let mut later = reached.later.iter().filter(|(dir, _)| !reached.busy.contains_key(dir));
            later.any(|(_, told_of)| includes(Some(*told_of), cursor))
        };
        let names = |reached: &mut Reached| !includes(reached.names, cursor) || is_later(reached);
        let _waited = self.moved.wait_timeout_while(reached, NAMES_WITHIN, names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::{ChangeSeq, Epoch};

    #[test]
    fn whoever_waits_has_its_answer_once_all_is_told_and_is_asked_about_its_directories_until_then() {
        let told = Told::default();
        let at = |seq| Cursor { epoch: Epoch::from_bytes([1; 16]), seq: ChangeSeq(seq) };
        assert!(!told.is_awaited());
        let (one, two) = (told.busy([7, 8]), told.busy([7]));
        drop(one);
        assert!(told.is_awaited() && told.is_busy(7) && told.is_busy(8) && !told.is_busy(9));
        std::thread::sleep(CALM);
        assert!(told.is_busy(7) && !told.is_busy(8), "the other is still under way");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| told.wait(at(5)));
            told.listings(at(4));
            told.names(Some(at(4)), Vec::new());
            std::thread::sleep(Duration::from_millis(5));
            assert!(!waiting.is_finished());
            told.listings(at(5));
            told.names(Some(at(6)), vec![(9, at(6)), (8, at(4))]);
            std::thread::sleep(Duration::from_millis(5));
            assert!(!waiting.is_finished(), "of 9, where nothing is under way, it is told in a moment");
            told.names(None, vec![(7, at(6)), (8, at(4))]);
            waiting.join().unwrap();
        });
        drop(two);
        assert!(!told.is_awaited());
    }
}
