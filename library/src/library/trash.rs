//! The trash, and the guard before it: a slip must not cost a library.
//!
//! What is in the trash is hidden everywhere else and otherwise as it was: its original, its albums, its tags, its people. Taking
//! it out shows all of it again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Library, LibraryError, locked};
use crate::catalogue::keys::Key;
use crate::catalogue::records::DecidedRecord;
use crate::id::{AssetId, RowNumber};
use crate::visibility::Scope;

/// Over how long the guard counts.
const WINDOW: Duration = Duration::from_secs(60);
/// How many photos may go into the trash within that, unless it is said otherwise.
pub const TRASH_LIMIT: usize = 500;

/// Why something may not be put into the trash. Nothing was changed then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrashError {
    /// It is not in the trash.
    #[error("photo {0} is not in the trash: only what is there can be removed for good")]
    NotThere(AssetId),
    /// More than usual in a short time.
    #[error(
        "{count} photos would be in the trash within a minute, more than {limit}: if that is meant, say `galleryfs trash allow` and do it again"
    )]
    TooMany {
        /// How many it would be.
        count: usize,
        /// How many may be.
        limit: usize,
    },
}

/// Counts what goes into the trash.
#[derive(Debug)]
pub(super) struct Guard {
    limit: usize,
    lately: VecDeque<(Instant, usize)>,
    allowed_until: Option<Instant>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { limit: TRASH_LIMIT, lately: VecDeque::new(), allowed_until: None }
    }
}

impl Guard {
    /// Whether so many more may go, now.
    fn check(&mut self, more: usize, now: Instant) -> Result<(), TrashError> {
        if self.allowed_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        while self.lately.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.lately.pop_front();
        }
        let count = more + self.lately.iter().map(|(_, count)| count).sum::<usize>();
        if count > self.limit {
            return Err(TrashError::TooMany { count, limit: self.limit });
        }
        Ok(())
    }

    /// So many more went.
    fn count(&mut self, more: usize, now: Instant) {
        if more > 0 {
            self.lately.push_back((now, more));
        }
    }
}

impl Library {
    /// What is in the trash of the first account, parts not counted, and since when.
    pub fn trashed(&self) -> Result<Vec<(AssetId, Timestamp)>, LibraryError> {
        let snapshot = self.snapshot();
        let mut trashed = Vec::new();
        for row in snapshot.shown(self.account(), Scope::Trash) {
            let Some(asset) = snapshot.row(RowNumber(row)).map(|row| row.id) else { continue };
            trashed.extend(self.trashed_since(asset)?.map(|since| (asset, since)));
        }
        Ok(trashed)
    }

    /// Since when an asset is in the trash, if it is.
    pub fn trashed_since(&self, asset: AssetId) -> Result<Option<Timestamp>, LibraryError> {
        let decided = self.catalogue()?.get::<DecidedRecord>(&Key::decided(asset))?;
        Ok(decided.and_then(|decided| decided.trashed))
    }

    /// How many photos may go into the trash within a minute.
    pub fn set_trash_limit(&self, limit: usize) {
        locked(&self.trash_guard).limit = limit;
    }

    /// Lets any number go into the trash for so long.
    pub fn allow_trash(&self, time: Duration) {
        let mut guard = locked(&self.trash_guard);
        guard.allowed_until = Instant::now().checked_add(time);
        guard.lately.clear();
    }

    /// Asks the guard about so many more photos.
    pub(super) fn may_trash(&self, more: usize) -> Result<(), LibraryError> {
        match more {
            0 => Ok(()),
            _ => Ok(locked(&self.trash_guard).check(more, Instant::now())?),
        }
    }

    /// Tells the guard that so many went.
    pub(super) fn has_trashed(&self, more: usize) {
        locked(&self.trash_guard).count(more, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_within_a_minute_is_refused_until_it_is_allowed() {
        let mut guard = Guard { limit: 3, ..Guard::default() };
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for at in 0..3 {
            guard.check(1, after(at)).unwrap();
            guard.count(1, after(at));
        }
        assert_eq!(guard.check(1, after(59)), Err(TrashError::TooMany { count: 4, limit: 3 }));
        assert_eq!(guard.check(1, after(61)), Ok(()), "two of them are longer ago than a minute");
        assert!(guard.check(4, after(1000)).is_err(), "at once");
        guard.allowed_until = Some(after(2000));
        assert_eq!(guard.check(400, after(1001)), Ok(()));
        assert!(guard.check(400, after(2001)).is_err());
    }
}
