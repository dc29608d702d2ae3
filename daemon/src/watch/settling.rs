//! Files that something is happening to, until they are complete.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::pipeline::duty::Duty;

/// How long a file is left alone after its last event, so that a handful of events is one look.
pub(super) const PAUSE: Duration = Duration::from_millis(30);

/// How much longer than usual a file is waited for whose writer was seen writing: its close is sure to come.
const WRITER: u32 = 10;

/// What happened to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Happened {
    /// It was created: open, or linked.
    Created,
    /// Bytes were written.
    Written,
    /// Its writer closed it.
    Closed,
    /// It was renamed to here: complete, for all we know.
    Arrived,
    /// It was removed or renamed away.
    Left,
    /// Its times, owner, mode or link count changed.
    Touched,
}

/// Where a file was renamed from.
#[derive(Debug)]
pub(super) struct MovedFrom {
    pub(super) path: Box<[u8]>,
    /// Open from the moment the rename was read until the file is stored under its new path: while it is, nobody
    /// judges that the old path is empty.
    pub(super) moving: Duty,
}

/// A file that is waited for.
#[derive(Debug)]
pub(super) struct Waiting {
    due: Instant,
    /// A program has it open, as far as we saw.
    pub(super) writing: bool,
    /// It was closed or renamed into place.
    pub(super) complete: bool,
    /// Where it was renamed from.
    pub(super) moved_from: Option<MovedFrom>,
    /// Open until it has been looked at.
    pub(super) duty: Duty,
}

/// All that are waited for.
#[derive(Debug)]
pub(super) struct Settling {
    files: HashMap<Box<[u8]>, Waiting>,
    due: BTreeSet<(Instant, Box<[u8]>)>,
    settle: Duration,
}

impl Settling {
    /// Nothing yet; `settle` is how long a file without a close must be left alone.
    pub(super) fn new(settle: Duration) -> Self {
        Self { files: HashMap::new(), due: BTreeSet::new(), settle }
    }

    /// Notes what happened to a file. Says whether a program is now writing to it, where that changed.
    pub(super) fn note(
        &mut self,
        path: &[u8],
        happened: Happened,
        moved_from: Option<MovedFrom>,
        now: Instant,
        duty: impl FnOnce() -> Duty,
    ) -> Option<bool> {
        let fresh = !self.files.contains_key(path);
        let file = self.files.entry(path.into()).or_insert_with(|| Waiting {
            due: now,
            writing: false,
            complete: false,
            moved_from: None,
            duty: duty(),
        });
        let before = file.writing;
        let due = match happened {
            Happened::Created => {
                (file.writing, file.complete) = (true, false);
                now + self.settle
            }
            Happened::Written => {
                (file.writing, file.complete) = (true, false);
                now + self.settle * WRITER
            }
            Happened::Closed | Happened::Arrived => {
                (file.writing, file.complete) = (false, true);
                now + PAUSE
            }
            Happened::Left => {
                (file.writing, file.complete) = (false, false);
                now + PAUSE
            }
            // It tells nothing about being complete.
            Happened::Touched if fresh || !file.writing => now + PAUSE,
            Happened::Touched => file.due,
        };
        file.moved_from = match happened {
            Happened::Arrived => moved_from,
            Happened::Left => None,
            _ => file.moved_from.take(),
        };
        if !fresh {
            self.due.remove(&(file.due, path.into()));
        }
        file.due = due;
        self.due.insert((due, path.into()));
        (before != file.writing).then_some(file.writing)
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes out those that are due, at most `most`.
    pub(super) fn take(&mut self, now: Instant, most: usize) -> Vec<(Box<[u8]>, Waiting)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some((due, _)) = self.due.first()
            && *due <= now
            && let Some((_, path)) = self.due.pop_first()
        {
            if let Some(file) = self.files.remove(&path) {
                taken.push((path, file));
            }
        }
        taken
    }

    /// How many are waited for.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.files.clear();
        self.due.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::progress::Progress;

    #[test]
    fn a_close_ends_the_wait_and_a_touch_does_not() {
        let progress = Progress::default();
        let mut settling = Settling::new(Duration::from_secs(2));
        let now = Instant::now();
        let mut note = |happened, at| settling.note(b"x.jpg", happened, None, at, || progress.duty());
        assert_eq!(note(Happened::Created, now), Some(true));
        assert_eq!(note(Happened::Written, now), None);
        assert_eq!(note(Happened::Touched, now), None);
        assert!(settling.take(now + Duration::from_secs(19), 9).is_empty());
        let closed = now + Duration::from_secs(19);
        assert_eq!(settling.note(b"x.jpg", Happened::Closed, None, closed, || progress.duty()), Some(false));
        assert_eq!(settling.len(), 1);
        let taken = settling.take(closed + PAUSE, 9);
        assert!(taken[0].1.complete && settling.next().is_none());
        drop(taken);
        assert_eq!(progress.open_duties(), 0);
    }
}
