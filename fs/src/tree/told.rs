//! How far the kernel has been told what is over, so that whoever decided something has its answer only after that.
//!
//! 1. Listings and attributes are invalidated without waiting for anybody, so every answer waits for that. Whoever waits does
//!    it itself, where nobody was quicker: an answer that has to wait for other threads takes twice as long.
//! 2. To forget a name the kernel waits for the lock of its directory, which whoever makes, moves or removes something
//!    in it holds until it has its answer. So names in the directories of those that wait are told after the answer,
//!    and the kernel knows of these itself.
//! 3. Whoever is killed while it waits for such a lock cannot die: it waits for somebody who waits for an answer that only
//!    it could give. So nothing is told of a directory in which an operation is under way, or was a moment ago: the next
//!    is likely to be. What is told of it then is told together, so that ten thousand files that come one after the other
//!    are one thing to look at and not ten thousand.
//! 4. An operation may begin in a directory just when it is told of: then one waits for the other. Hence nobody waits for
//!    long, and what is stale a moment later is only a name.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use library::Cursor;

use super::changes::DirChanges;
use super::path::DirPath;

/// How long an answer waits for the tree to show what was decided.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);
/// How long it waits for the kernel to forget names.
const NAMES_WITHIN: Duration = Duration::from_millis(100);
/// How long after an operation in a directory another is likely.
const CALM: Duration = Duration::from_millis(50);
/// How often it is looked whether directories are calm of which something is to be told.
const CALM_LOOKED_FOR: Duration = Duration::from_millis(20);
/// When this many directories were calm lately, those that long have been are swept out.
const SWEEP: usize = 1024;

/// What changed in a directory: its inode number, and what.
pub(crate) type DirOfChanges = (u64, DirPath, DirChanges);

#[derive(Default)]
struct Reached {
    /// No listing and no attribute is older.
    listings: Option<Cursor>,
    /// What is to be told of names, by directory, with the state that it is told of.
    untold: BTreeMap<u64, (Option<Cursor>, DirPath, DirChanges)>,
    /// What is being told of names.
    telling: Vec<Cursor>,
    /// The directories of those who wait for an answer, and how many there are in each.
    busy: HashMap<u64, usize>,
    /// When the last operation in a directory ended.
    lately: HashMap<u64, Instant>,
    /// How many wait.
    waiting: usize,
    /// Nothing is told any more.
    ended: bool,
}

/// Moves the tree to what is decided by now.
type CatchUp = Box<dyn Fn() + Send + Sync>;

/// How far the kernel has been told what is over.
#[derive(Default)]
pub(crate) struct Told {
    reached: Mutex<Reached>,
    moved: Condvar,
    /// There may be something to tell.
    more: Condvar,
    catch_up: OnceLock<CatchUp>,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").field("listings", &self.lock().listings).finish_non_exhaustive()
    }
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

impl Reached {
    /// Whether an operation is under way in a directory, or was a moment ago.
    fn is_busy(&self, dir: u64) -> bool {
        self.busy.contains_key(&dir) || self.lately.get(&dir).is_some_and(|at| at.elapsed() < CALM)
    }

    /// Notes what is to be told of names, and says whether whoever tells has to know: some of it can be told now, or it is the
    /// first after a while.
    fn add(&mut self, dirs: Vec<DirOfChanges>, cursor: Option<Cursor>) -> bool {
        let mut is_news = self.untold.is_empty() && !dirs.is_empty();
        for (ino, path, changes) in dirs {
            // For the rest nobody waits.
            let cursor = cursor.filter(|_| changes.over().next().is_some());
            is_news |= !self.is_busy(ino);
            match self.untold.entry(ino) {
                Entry::Vacant(entry) => drop(entry.insert((cursor, path, changes))),
                Entry::Occupied(entry) => {
                    let (at, _, known) = entry.into_mut();
                    *at = cursor.or(*at);
                    known.append(changes);
                }
            }
        }
        is_news
    }

    /// Takes out what can be told now.
    fn calm(&mut self) -> Vec<DirOfChanges> {
        let calm: Vec<u64> = self.untold.keys().copied().filter(|dir| !self.is_busy(*dir)).collect();
        let mut dirs = Vec::new();
        for ino in calm {
            let Some((cursor, path, changes)) = self.untold.remove(&ino) else { continue };
            self.telling.extend(cursor);
            dirs.push((ino, path, changes));
        }
        dirs.sort_by(|one, other| one.1.cmp(&other.1));
        dirs
    }

    /// Whether names are to be told of that state, but for those in directories in which an operation is under way: that may be
    /// the one that waits.
    fn is_untold(&self, cursor: Cursor) -> bool {
        let mut untold = self.untold.iter().filter(|(dir, _)| !self.busy.contains_key(dir));
        untold.any(|(_, (told_of, _, _))| includes(*told_of, cursor))
            || self.telling.iter().any(|told_of| includes(Some(*told_of), cursor))
    }
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how the tree is moved to what is decided by now. Only the first counts.
    pub(crate) fn set_catch_up(&self, catch_up: CatchUp) {
        let _is_set = self.catch_up.set(catch_up);
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

    /// The kernel keeps no listing and no attribute from before; of the names in these directories it is to be told.
    pub(crate) fn shown(&self, cursor: Cursor, dirs: Vec<DirOfChanges>) {
        let mut reached = self.lock();
        let is_news = reached.add(dirs, Some(cursor));
        reached.listings = Some(cursor);
        drop(reached);
        self.moved.notify_all();
        if is_news {
            self.more.notify_all();
        }
    }

    /// The kernel is to be told of the names in these directories, of which nobody waits to hear.
    pub(crate) fn tell(&self, dirs: Vec<DirOfChanges>) {
        if self.lock().add(dirs, None) {
            self.more.notify_all();
        }
    }

    /// What is to be told of the names in directories in which nothing is under way. Waits for some; `None` at the end.
    pub(crate) fn next(&self) -> Option<Vec<DirOfChanges>> {
        let mut reached = self.lock();
        loop {
            if reached.ended {
                return None;
            }
            let calm = reached.calm();
            if !calm.is_empty() {
                return Some(calm);
            }
            let is_told = reached.untold.is_empty();
            reached = if is_told {
                self.more.wait(reached).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.more.wait_timeout(reached, CALM_LOOKED_FOR).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }

    /// The kernel has forgotten the names that [`Told::next`] gave last.
    pub(crate) fn forgotten(&self) {
        self.lock().telling.clear();
        self.moved.notify_all();
    }

    /// Nothing is told any more.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.more.notify_all();
    }

    /// Waits until what was decided by `cursor` shows.
    pub(crate) fn wait(&self, cursor: Cursor) {
        if let Some(catch_up) = self.catch_up.get() {
            catch_up();
        }
        let listings = |reached: &mut Reached| !includes(reached.listings, cursor);
        let waited = self.moved.wait_timeout_while(self.lock(), SHOWN_WITHIN, listings);
        let (reached, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let names = |reached: &mut Reached| reached.is_untold(cursor);
        let _waited = self.moved.wait_timeout_while(reached, NAMES_WITHIN, names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::changes::Changed;
    use library::{ChangeSeq, Epoch};

    fn at(seq: u64) -> Cursor {
        Cursor { epoch: Epoch::from_bytes([1; 16]), seq: ChangeSeq(seq) }
    }

    fn came(ino: u64, name: &str) -> DirOfChanges {
        let appeared = vec![Changed { name: name.as_bytes().into(), is_dir: false, ino: None }];
        (ino, DirPath::of(["x"]), DirChanges { appeared, ..DirChanges::default() })
    }

    #[test]
    fn whoever_waits_has_its_answer_once_all_is_told_and_is_asked_about_its_directories_until_then() {
        let told = Told::default();
        assert!(!told.is_awaited());
        let (one, two) = (told.busy([7, 8]), told.busy([7]));
        drop(one);
        let is_busy = |dir| told.lock().is_busy(dir);
        assert!(told.is_awaited() && is_busy(7) && is_busy(8) && !is_busy(9));
        std::thread::sleep(CALM);
        assert!(is_busy(7) && !is_busy(8), "the other is still under way");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| told.wait(at(5)));
            told.shown(at(4), Vec::new());
            std::thread::sleep(Duration::from_millis(5));
            assert!(!waiting.is_finished());
            told.shown(at(5), vec![came(7, "a"), came(9, "b")]);
            std::thread::sleep(Duration::from_millis(5));
            assert!(!waiting.is_finished(), "of 9, where nothing is under way, it is to be told");
            assert_eq!(told.next().unwrap().len(), 1);
            std::thread::sleep(Duration::from_millis(5));
            assert!(!waiting.is_finished(), "it is being told");
            told.forgotten();
            waiting.join().unwrap();
        });
        drop(two);
        assert!(!told.is_awaited());
    }

    #[test]
    fn what_is_said_of_a_directory_waits_together_until_it_is_calm() {
        let told = Told::default();
        let busy = told.busy([1]);
        told.shown(at(1), vec![came(1, "a"), came(2, "b")]);
        told.shown(at(2), vec![came(1, "c")]);
        let calm = told.next().unwrap();
        assert_eq!(calm.iter().map(|(ino, _, _)| *ino).collect::<Vec<_>>(), [2]);
        told.forgotten();
        drop(busy);
        let calm = told.next().unwrap();
        let names: Vec<_> = calm[0].2.appeared.iter().map(|changed| &*changed.name).collect();
        assert_eq!((names, calm.len()), (vec![b"a".as_slice(), b"c"], 1));
        told.end();
        assert_eq!(told.next(), None);
    }

    #[test]
    fn whoever_tells_hears_of_a_directory_that_is_busy() {
        let told = Told::default();
        std::thread::scope(|scope| {
            let telling = scope.spawn(|| told.next());
            std::thread::sleep(Duration::from_millis(5));
            let busy = told.busy([1]);
            told.shown(at(1), vec![came(1, "a")]);
            drop(busy);
            assert_eq!(telling.join().unwrap().unwrap().len(), 1);
        });
    }

    #[test]
    fn whoever_waits_catches_up_itself() {
        let told = std::sync::Arc::new(Told::default());
        let weak = std::sync::Arc::downgrade(&told);
        told.set_catch_up(Box::new(move || weak.upgrade().unwrap().shown(at(9), Vec::new())));
        told.wait(at(9));
        assert!(includes(told.lock().listings, at(9)));
    }
}
