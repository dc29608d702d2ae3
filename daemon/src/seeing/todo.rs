//! What still has to be looked at: what is fresh first, then from the newest photo to the oldest.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use library::{Kind, Row, RowNumber, Snapshot};
use roaring::RoaringBitmap;

/// Rows to look at. A row is in one pair of hands at a time.
#[derive(Debug, Default)]
pub(super) struct Todo {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Oldest first: taken from the end.
    backlog: Vec<RowNumber>,
    fresh: VecDeque<RowNumber>,
    /// To be tried again, and when.
    later: BinaryHeap<Reverse<(Instant, RowNumber)>>,
    /// All that lie in `backlog` or `fresh`.
    queued: RoaringBitmap,
    in_hand: RoaringBitmap,
    /// Changed while in hand.
    again: RoaringBitmap,
    /// Nobody is given anything.
    paused: bool,
    closed: bool,
}

/// Whether there is something to see. A live photo's video shows what its still shows, and stands only beside it.
pub(super) fn is_seen(row: &Row) -> bool {
    row.present && row.kind != Kind::Sidecar && row.extras.host.is_none()
}

impl Todo {
    /// Everything there is.
    pub(super) fn fill(&self, snapshot: &Snapshot) {
        let time = |row: &Row| row.taken.map(|taken| taken.local);
        let mut rows: Vec<_> = snapshot
            .rows()
            .filter(|(_, row)| is_seen(row))
            .map(|(number, row)| (time(row), row.added, number))
            .collect();
        rows.sort_unstable();
        let mut waiting = self.lock();
        waiting.backlog = rows.into_iter().map(|(_, _, number)| number).collect();
        waiting.fresh.clear();
        waiting.queued = waiting.backlog.iter().map(|number| number.0).collect();
        drop(waiting);
        self.changed.notify_all();
    }

    /// Something about this row is new.
    pub(super) fn put(&self, row: RowNumber) {
        let mut waiting = self.lock();
        if waiting.in_hand.contains(row.0) {
            waiting.again.insert(row.0);
        } else if waiting.queued.insert(row.0) {
            waiting.fresh.push_back(row);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next row to look at; waits for one. `None` when everything ends.
    pub(super) fn next(&self) -> Option<RowNumber> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let now = Instant::now();
            while let Some(Reverse((_, row))) =
                waiting.later.peek().filter(|Reverse((at, _))| *at <= now).copied()
            {
                waiting.later.pop();
                if !waiting.in_hand.contains(row.0) && waiting.queued.insert(row.0) {
                    waiting.fresh.push_back(row);
                }
            }
            if !waiting.paused
                && let Some(row) = waiting.fresh.pop_front().or_else(|| waiting.backlog.pop())
            {
                waiting.queued.remove(row.0);
                waiting.in_hand.insert(row.0);
                return Some(row);
            }
            waiting = match waiting.later.peek().map(|Reverse((at, _))| *at - now) {
                Some(soon) => {
                    self.changed.wait_timeout(waiting, soon).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A row has been looked at; `again` says when it is to be tried once more.
    pub(super) fn done(&self, row: RowNumber, again: Option<Instant>) {
        let mut waiting = self.lock();
        waiting.in_hand.remove(row.0);
        if waiting.again.remove(row.0) {
            waiting.queued.insert(row.0);
            waiting.fresh.push_back(row);
        } else if let Some(again) = again {
            waiting.later.push(Reverse((again, row)));
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// How many are to be looked at now, those in hand included; those to be tried again later are not.
    pub(super) fn left(&self) -> u64 {
        let waiting = self.lock();
        waiting.queued.len() + waiting.in_hand.len()
    }

    /// Gives nobody anything until it is called again with `false`.
    pub(super) fn pause(&self, paused: bool) {
        self.lock().paused = paused;
        self.changed.notify_all();
    }

    /// Everything ends.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use library::snapshot::fixture::{Fixture, Photo};

    use super::*;

    #[test]
    fn what_is_fresh_comes_first_and_then_the_newest() {
        let mut fixture = Fixture::default();
        let mut add = |path: &str, taken| fixture.add(&Photo { path, taken, ..Photo::default() });
        let old = add("old.jpg", Some("2001-01-01T00:00:00"));
        let undated = add("undated.jpg", None);
        let new = add("new.jpg", Some("2024-01-01T00:00:00"));
        let todo = Todo::default();
        todo.fill(&fixture.snapshot());
        let fresh = fixture.add(&Photo { path: "fresh.jpg", ..Photo::default() });
        todo.put(fresh);
        todo.put(fresh);
        assert_eq!(todo.left(), 4);
        assert_eq!(
            [todo.next(), todo.next(), todo.next(), todo.next()],
            [fresh, new, old, undated].map(Some)
        );
    }

    #[test]
    fn what_changes_in_hand_is_looked_at_again_and_what_failed_later() {
        let todo = Todo::default();
        let row = RowNumber(7);
        todo.put(row);
        assert_eq!(todo.next(), Some(row));
        todo.put(row);
        todo.done(row, None);
        assert_eq!(todo.left(), 1);
        assert_eq!(todo.next(), Some(row));
        todo.done(row, Some(Instant::now() + Duration::from_millis(20)));
        assert_eq!(todo.left(), 0, "what waits for another try is not under way");
        assert_eq!(todo.next(), Some(row), "and comes by itself");
        todo.done(row, None);
        todo.close();
        assert_eq!(todo.next(), None);
    }
}
