//! What is to be looked at: one entry a path, the urgent first.
//!
//! What makes it hard, and what answers it:
//!
//! 1. *A file dropped into the folder now must not wait behind a first scan of 100,000.* Three lines, the fresh one
//!    first, and a reader that serves nothing else.
//! 2. *Two readers at one path could tell an old state after a new one.* A path is in the hands of one reader at a
//!    time: whoever asks meanwhile is noted, and the path is looked at once more after.
//! 3. *A scan finds files faster than they are read.* The backlog is bounded, and the scan waits.
//! 4. *Some files are not complete yet.* They wait for their time beside the lines, and hold up nobody.
//! 5. *A disk may not answer.* Each root has lines of its own, as it has readers, so that only what lies there waits for it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use library::{FilePath, FileStat, RootId};

use super::duty::Duty;
use super::names::Names;
use super::progress::Progress;

/// How soon a path should be looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Urgency {
    /// It changed just now.
    Fresh,
    /// It came with a folder that changed just now.
    Arrived,
    /// A scan found it.
    Backlog,
}

const LINES: usize = 3;

/// A path to look at, and what is known about why.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which.
    pub path: FilePath,
    /// The names in its folder, where they were just listed.
    pub names: Option<Arc<Names>>,
    /// The path it was renamed from: told as gone together with this one's arrival.
    pub moved_from: Option<FilePath>,
    /// Its writer has closed it, or it was renamed into place: no need to watch it settle.
    pub complete: bool,
    /// Its stat when it was last put off, to see whether it still grows.
    pub last_seen: Option<FileStat>,
    /// How often it was put off.
    pub put_off: u32,
    /// Read it even if it was found unreadable in just this state before.
    pub retry: bool,
    /// Its absence has been waited out and judged: if it is still not there, it is gone.
    pub gone: bool,
    /// The line it was taken from.
    pub urgency: Urgency,
    /// How long it must stay the same, where that is not the usual time.
    pub settle: Option<Duration>,
    /// Kept until what was found has been told.
    pub duty: Vec<Duty>,
}

impl Job {
    /// Look at `path`, for whatever reason.
    pub fn new(path: FilePath, duty: Duty) -> Self {
        Self {
            path,
            names: None,
            moved_from: None,
            complete: false,
            last_seen: None,
            put_off: 0,
            retry: false,
            gone: false,
            urgency: Urgency::Backlog,
            settle: None,
            duty: vec![duty],
        }
    }

    /// Takes over what an earlier request for the same path wanted.
    fn absorb(&mut self, earlier: Self) {
        self.names = self.names.take().or(earlier.names);
        self.moved_from = self.moved_from.take().or(earlier.moved_from);
        self.complete |= earlier.complete;
        self.retry |= earlier.retry;
        self.duty.extend(earlier.duty);
    }
}

enum Entry {
    Waiting(Box<Job>, Urgency),
    Reading(Option<(Box<Job>, Urgency)>),
}

#[derive(Default)]
struct Lines {
    waiting: HashMap<RootId, [VecDeque<FilePath>; LINES]>,
    entries: HashMap<FilePath, Entry>,
    later: BTreeMap<(Instant, u64), (Box<Job>, Urgency)>,
    ticket: u64,
    closed: bool,
}

impl Lines {
    fn put(&mut self, mut job: Box<Job>, urgency: Urgency) {
        match self.entries.remove(&job.path) {
            None => self.wait(job, urgency),
            Some(Entry::Waiting(earlier, before)) => {
                job.absorb(*earlier);
                if urgency < before {
                    // The place in the slower line is skipped when its turn comes.
                    self.wait(job, urgency);
                } else {
                    self.entries.insert(job.path.clone(), Entry::Waiting(job, before));
                }
            }
            Some(Entry::Reading(again)) => {
                let mut urgency = urgency;
                if let Some((earlier, before)) = again {
                    job.absorb(*earlier);
                    urgency = urgency.min(before);
                }
                self.entries.insert(job.path.clone(), Entry::Reading(Some((job, urgency))));
            }
        }
    }

    fn wait(&mut self, job: Box<Job>, urgency: Urgency) {
        self.waiting.entry(job.path.root).or_default()[urgency as usize].push_back(job.path.clone());
        self.entries.insert(job.path.clone(), Entry::Waiting(job, urgency));
    }

    /// Moves what has waited long enough into the lines; says when the next is due.
    fn ripen(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.later.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            let (job, urgency) = first.remove();
            self.put(job, urgency);
        }
        None
    }

    fn take(&mut self, root: RootId, slowest: Urgency) -> Option<Job> {
        let lines = self.waiting.get_mut(&root)?;
        for (line, waiting) in lines.iter_mut().enumerate().take(slowest as usize + 1) {
            while let Some(path) = waiting.pop_front() {
                match self.entries.remove(&path) {
                    Some(Entry::Waiting(mut job, urgency)) if urgency as usize == line => {
                        job.urgency = urgency;
                        self.entries.insert(path, Entry::Reading(None));
                        return Some(*job);
                    }
                    Some(other) => {
                        self.entries.insert(path, other);
                    }
                    None => {}
                }
            }
        }
        None
    }

    fn room(&self, root: RootId, urgency: Urgency, bound: usize) -> bool {
        let waiting = || self.waiting.get(&root).map_or(0, |lines| lines[urgency as usize].len());
        urgency == Urgency::Fresh || waiting() < bound
    }
}

/// The lines. Shared by scans, listeners and readers.
pub struct Queue {
    lines: Mutex<Lines>,
    arrived: Condvar,
    taken: Condvar,
    bound: usize,
    progress: Arc<Progress>,
}

impl Queue {
    /// Empty; each line but the fresh one holds `bound` paths. How many wait is told to `progress`.
    pub fn new(bound: usize, progress: Arc<Progress>) -> Self {
        Self { lines: Mutex::default(), arrived: Condvar::new(), taken: Condvar::new(), bound, progress }
    }

    fn count(&self, lines: &Lines) {
        let waiting = lines.entries.len() + lines.later.len();
        self.progress.waiting.store(waiting as u64, Ordering::Relaxed);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nothing here can panic half way through a change of the lines.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a path; waits for room unless it is fresh. False when closed.
    pub fn put(&self, job: Job, urgency: Urgency) -> bool {
        let mut lines = self.lines();
        while !lines.closed && !lines.room(job.path.root, urgency, self.bound) {
            lines = self.taken.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
        if lines.closed {
            return false;
        }
        lines.put(Box::new(job), urgency);
        self.count(&lines);
        drop(lines);
        // The reader that serves only the fresh line could be the one woken, so all are.
        self.arrived.notify_all();
        true
    }

    /// Adds a path that shall not be looked at before `due`.
    pub fn put_later(&self, job: Job, urgency: Urgency, due: Instant) {
        let mut lines = self.lines();
        if !lines.closed {
            let ticket = lines.ticket;
            lines.ticket += 1;
            lines.later.insert((due, ticket), (Box::new(job), urgency));
            drop(lines);
            self.arrived.notify_all();
        }
    }

    /// The next path of a root no slower than `slowest`; waits up to `patience`. `None` when there is none, or closed.
    pub fn take(&self, root: RootId, slowest: Urgency, patience: Duration) -> Option<Job> {
        let give_up = Instant::now() + patience;
        let mut lines = self.lines();
        loop {
            if lines.closed {
                return None;
            }
            let now = Instant::now();
            let next = lines.ripen(now);
            if let Some(job) = lines.take(root, slowest) {
                drop(lines);
                self.taken.notify_all();
                return Some(job);
            }
            if now >= give_up {
                return None;
            }
            let until = next.map_or(give_up, |next| next.min(give_up));
            lines = self
                .arrived
                .wait_timeout(lines, until.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The reader is through with a path, and has told what it found.
    pub fn done(&self, path: &FilePath) {
        let mut lines = self.lines();
        let again = match lines.entries.remove(path) {
            Some(Entry::Reading(Some((job, urgency)))) => Some((job, urgency)),
            _ => None,
        };
        let asked_again = again.is_some();
        if let Some((job, urgency)) = again {
            lines.wait(job, urgency);
        }
        self.count(&lines);
        drop(lines);
        if asked_again {
            self.arrived.notify_all();
        }
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        self.lines().closed
    }

    /// Drops all that waits and sends everybody home.
    pub fn close(&self) {
        let mut lines = self.lines();
        *lines = Lines { closed: true, ..Lines::default() };
        drop(lines);
        self.arrived.notify_all();
        self.taken.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: RootId = RootId::from_bytes([1; 16]);

    fn job(name: &str) -> Job {
        Job::new(FilePath::new(ROOT, name.as_bytes()), Arc::new(Progress::default()).duty())
    }

    fn name(job: &Job) -> String {
        String::from_utf8_lossy(&job.path.relative).into_owned()
    }

    #[test]
    fn the_fresh_come_first_and_a_path_is_with_one_reader() {
        let progress = Arc::new(Progress::default());
        let queue = Queue::new(10, Arc::clone(&progress));
        for (name, urgency) in [
            ("old", Urgency::Backlog),
            ("folder", Urgency::Arrived),
            ("new", Urgency::Fresh),
            ("old", Urgency::Fresh),
        ] {
            assert!(queue.put(job(name), urgency));
        }
        let take = |slowest| queue.take(ROOT, slowest, Duration::ZERO);
        assert_eq!(name(&take(Urgency::Fresh).unwrap()), "new");
        let old = take(Urgency::Fresh).unwrap();
        assert_eq!((name(&old), old.duty.len()), ("old".into(), 2));
        assert!(queue.put(job("old"), Urgency::Fresh));
        assert!(take(Urgency::Fresh).is_none());
        assert_eq!(name(&take(Urgency::Backlog).unwrap()), "folder");
        assert!(take(Urgency::Backlog).is_none(), "old is being read");
        queue.done(&old.path);
        assert_eq!(name(&take(Urgency::Fresh).unwrap()), "old");
        queue.done(&old.path);
        assert_eq!(progress.waiting.load(Ordering::Relaxed), 2, "`new` and `folder` are still in hand");
    }

    #[test]
    fn what_waits_for_its_time_holds_up_nobody() {
        let queue = Queue::new(10, Arc::default());
        queue.put_later(job("later"), Urgency::Fresh, Instant::now() + Duration::from_millis(40));
        queue.put(job("now"), Urgency::Backlog);
        let take = |slowest, patience| queue.take(ROOT, slowest, Duration::from_millis(patience));
        assert_eq!(name(&take(Urgency::Backlog, 1000).unwrap()), "now");
        assert!(take(Urgency::Backlog, 5).is_none());
        assert_eq!(name(&take(Urgency::Fresh, 1000).unwrap()), "later");
    }

    #[test]
    fn what_waits_in_one_root_takes_no_room_in_another() {
        let other = RootId::from_bytes([2; 16]);
        let queue = Queue::new(1, Arc::default());
        assert!(queue.put(job("here"), Urgency::Backlog));
        let there = FilePath::new(other, &b"there"[..]);
        assert!(queue.put(Job::new(there, Arc::new(Progress::default()).duty()), Urgency::Backlog));
        assert_eq!(name(&queue.take(other, Urgency::Backlog, Duration::ZERO).unwrap()), "there");
        assert!(queue.take(other, Urgency::Backlog, Duration::ZERO).is_none());
        assert_eq!(name(&queue.take(ROOT, Urgency::Backlog, Duration::ZERO).unwrap()), "here");
    }
}
