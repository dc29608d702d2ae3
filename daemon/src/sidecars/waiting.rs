//! Photos whose sidecars are to be looked at, once it has been quiet about them for a moment.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use library::AssetId;

/// How long nothing must be told of a photo: several decisions in a row are written once.
const QUIET: Duration = Duration::from_secs(1);
/// How long it waits at most, whatever is told.
const MOST: Duration = Duration::from_secs(5);
/// How many may wait. When more do, all photos are looked at instead.
const MANY: usize = 50_000;

/// The photos, without the waiting.
#[derive(Debug, Default)]
struct Quiet {
    since: HashMap<AssetId, (Instant, Instant)>,
    due: BTreeSet<(Instant, AssetId)>,
    overflowed: bool,
    closed: bool,
}

impl Quiet {
    fn note(&mut self, asset: AssetId, now: Instant) {
        if self.overflowed {
            return;
        }
        let (first, before) =
            self.since.get(&asset).copied().map_or((now, None), |(first, due)| (first, Some(due)));
        if let Some(before) = before {
            self.due.remove(&(before, asset));
        }
        let due = (now + QUIET).min(first + MOST);
        self.since.insert(asset, (first, due));
        self.due.insert((due, asset));
        if self.since.len() > MANY {
            *self = Self { overflowed: true, closed: self.closed, ..Self::default() };
        }
    }

    fn take(&mut self, now: Instant) -> Option<AssetId> {
        let (due, asset) = *self.due.first()?;
        if due > now {
            return None;
        }
        self.due.remove(&(due, asset));
        self.since.remove(&asset);
        Some(asset)
    }
}

/// What there is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// This photo's sidecars are to be looked at.
    Look(AssetId),
    /// So many changed that all are.
    All,
    /// Nothing yet.
    Idle,
    /// Nothing ever again.
    Closed,
}

/// The photos that wait, shared by who tells and who looks.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    quiet: Mutex<Quiet>,
    told: Condvar,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Quiet> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was told of these.
    pub(super) fn note(&self, assets: impl IntoIterator<Item = AssetId>) {
        let (now, mut quiet) = (Instant::now(), self.lock());
        assets.into_iter().for_each(|asset| quiet.note(asset, now));
        drop(quiet);
        self.told.notify_one();
    }

    /// Nothing will be told any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.told.notify_one();
    }

    /// What is to be done next; waits no longer than `patience` for it.
    pub(super) fn next(&self, patience: Duration) -> Turn {
        let until = Instant::now() + patience;
        let mut quiet = self.lock();
        loop {
            let now = Instant::now();
            if quiet.closed {
                return Turn::Closed;
            }
            if std::mem::take(&mut quiet.overflowed) {
                return Turn::All;
            }
            if let Some(asset) = quiet.take(now) {
                return Turn::Look(asset);
            }
            if now >= until {
                return Turn::Idle;
            }
            let wait =
                quiet.due.first().map_or(until, |(due, _)| until.min(*due)).saturating_duration_since(now);
            quiet = self.told.wait_timeout(quiet, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(number: u32) -> AssetId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        AssetId::from_bytes(bytes)
    }

    #[test]
    fn several_decisions_in_a_row_are_one_but_nobody_waits_for_ever() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        quiet.note(asset(1), at(0));
        quiet.note(asset(1), at(900));
        quiet.note(asset(2), at(950));
        assert_eq!(quiet.take(at(1800)), None);
        assert_eq!(quiet.take(at(1900)), Some(asset(1)));
        assert_eq!((quiet.take(at(1900)), quiet.take(at(1950))), (None, Some(asset(2))));
        for time in (2000..=6900).step_by(100) {
            assert_eq!(quiet.take(at(time)), None, "{time}");
            quiet.note(asset(1), at(time));
        }
        assert_eq!(quiet.take(at(7000)), Some(asset(1)));
        assert_eq!(quiet.take(at(70_000)), None);
    }

    #[test]
    fn of_too_many_none_is_remembered_but_that_there_were() {
        let waiting = Waiting::default();
        waiting.note((0..=MANY as u32).map(asset));
        assert_eq!(waiting.next(Duration::ZERO), Turn::All);
        assert_eq!(waiting.next(Duration::ZERO), Turn::Idle);
        waiting.note([asset(1)]);
        assert_eq!(waiting.next(Duration::ZERO), Turn::Idle, "it has not been quiet");
        assert_eq!(waiting.next(Duration::from_secs(20)), Turn::Look(asset(1)));
        waiting.close();
        assert_eq!(waiting.next(Duration::from_secs(20)), Turn::Closed);
    }
}
