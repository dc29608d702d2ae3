//! Losses that follow each other are one loss.
//!
//! A folder removed file by file, on a slow disk or a busy machine, comes as many small losses, each of which would be
//! believed by itself. So what was believed is remembered while more of it keeps coming.

use std::time::{Duration, Instant};

/// Losses that follow each other this closely belong together.
pub(super) const PAUSE: Duration = Duration::from_secs(3);

/// Losses that follow each other.
#[derive(Debug, Default)]
pub(super) struct Series {
    last: Option<Instant>,
    believed: usize,
}

impl Series {
    /// Something was lost.
    pub(super) fn lost(&mut self, now: Instant) {
        self.believed = self.believed(now);
        self.last = Some(now);
    }

    /// So many of the files lost were called missing.
    pub(super) fn believe(&mut self, files: usize) {
        self.believed += files;
    }

    /// How many files of a series that still goes on were called missing.
    pub(super) fn believed(&self, now: Instant) -> usize {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            self.believed
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_believed_counts_until_losses_pause() {
        let mut series = Series::default();
        let start = Instant::now();
        for second in 0..10 {
            series.lost(start + Duration::from_secs(second));
            series.believe(5);
        }
        assert_eq!(series.believed(start + Duration::from_secs(10)), 50);
        series.lost(start + Duration::from_secs(12));
        assert_eq!(series.believed(start + Duration::from_secs(12)), 0, "it paused");
    }
}
