//! How far looking has come, stage by stage.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far back the rates look.
const WINDOW: Duration = Duration::from_secs(20);

/// How often they take a sample.
const STEP: Duration = Duration::from_millis(500);

/// What is made of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Thumbnails and preview.
    Thumbnails,
    /// What it is about.
    Meaning,
    /// Who is in it.
    Faces,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Thumbnails, Self::Meaning, Self::Faces];

    /// What `status` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Thumbnails => "thumbnails",
            Self::Meaning => "meaning",
            Self::Faces => "faces",
        }
    }
}

/// Counters that whoever looks adds to.
#[derive(Debug, Default)]
pub(super) struct Progress {
    done: [AtomicU64; 3],
    failed: AtomicU64,
    samples: Mutex<VecDeque<(Instant, [u64; 3])>>,
}

impl Progress {
    pub(super) fn done(&self, stage: Stage) {
        self.done[stage as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> [u64; 3] {
        Stage::ALL.map(|stage| self.done[stage as usize].load(Ordering::Relaxed))
    }

    /// For each stage how many were made since the start, and how many a second lately.
    pub(super) fn stages(&self) -> [(Stage, u64, f64); 3] {
        let now = (Instant::now(), self.counts());
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.back().is_none_or(|(at, _)| now.0.duration_since(*at) >= STEP) {
            samples.push_back(now);
        }
        while samples.front().is_some_and(|(at, _)| now.0.duration_since(*at) > WINDOW) {
            samples.pop_front();
        }
        let (since, before) = samples.front().copied().unwrap_or(now);
        let seconds = now.0.duration_since(since).as_secs_f64();
        Stage::ALL.map(|stage| {
            let at = stage as usize;
            let rate = if seconds < 0.1 { 0.0 } else { (now.1[at] - before[at]) as f64 / seconds };
            (stage, now.1[at], rate)
        })
    }
}
