//! Findings gathered into batches for the library, one commit each.
//!
//! A path stays in its reader's hands until its finding is stored, so that the next look at it compares with what was
//! found before, and a batch never speaks twice of one file.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use library::{FilePath, Observation};

use super::duty::{Duties, Duty};
use super::place::Place;
use super::progress::Progress;
use super::queue::Queue;
use super::sink::Sink;

/// The most observations in one commit.
pub const LARGEST_BATCH: usize = 200;

/// The fewest that a batch is cut down to when storing takes long.
const SMALLEST_BATCH: usize = 20;

/// How long storing a batch may take: what is fresh waits for the batch before it.
const STORE_TIME: Duration = Duration::from_millis(200);

/// How long the first finding of a batch waits for company.
pub const BATCH_WAIT: Duration = Duration::from_millis(50);

/// How long to wait before trying again to store what could not be stored.
const STORE_AGAIN: Duration = Duration::from_secs(2);

/// Something found out.
#[derive(Debug, Default)]
pub struct Told {
    /// What.
    pub observations: Vec<Observation>,
    /// The path that a reader holds until this is stored.
    pub path: Option<FilePath>,
    /// Open until this is stored.
    pub duty: Vec<Duty>,
}

/// Takes findings in and stores them.
pub struct Gatherer {
    /// Findings of scans.
    pub told: Receiver<Told>,
    /// Findings that shall not wait for those.
    pub fresh: Receiver<Told>,
    /// Where they go.
    pub sink: Arc<dyn Sink>,
    /// Where paths are given back.
    pub queue: Arc<Queue>,
    /// The roots.
    pub places: Vec<Arc<Place>>,
    /// Open until every root was scanned once and all that was found is stored.
    pub first_scans: Arc<Duties>,
    /// Who is told how things go.
    pub progress: Arc<Progress>,
    /// Everything stops.
    pub stop: Arc<AtomicBool>,
}

impl Gatherer {
    /// Works until nobody can tell anything any more, or everything stops.
    pub fn run(&self) {
        let mut batch: Vec<Told> = Vec::new();
        let mut most = LARGEST_BATCH;
        loop {
            self.progress.sample();
            let all_told = self.progress.all_told.load(Ordering::Relaxed);
            if !all_told && self.first_scans.count() == 0 {
                let duty = vec![self.progress.duty()];
                batch.push(Told { observations: vec![Observation::Scanned], duty, ..Told::default() });
                self.store(&mut batch);
                self.progress.all_told.store(true, Ordering::Relaxed);
            }
            let patience = Duration::from_millis(if all_told { 200 } else { 20 });
            match self.next(Instant::now() + patience) {
                Some(first) => batch.push(first),
                None if !self.stop.load(Ordering::Relaxed) => continue,
                None => return,
            }
            let deadline = Instant::now() + BATCH_WAIT;
            let mut size = batch.iter().map(|told| told.observations.len()).sum::<usize>();
            while size < most {
                let Some(told) = self.next(deadline) else { break };
                size += told.observations.len();
                batch.push(told);
            }
            let begun = Instant::now();
            self.store(&mut batch);
            most = match begun.elapsed() {
                took if took > STORE_TIME => (most / 2).max(SMALLEST_BATCH),
                took if took < STORE_TIME / 2 => (most * 2).min(LARGEST_BATCH),
                _ => most,
            };
        }
    }

    /// The next finding, the fresh first.
    fn next(&self, deadline: Instant) -> Option<Told> {
        if let Ok(told) = self.fresh.try_recv() {
            return Some(told);
        }
        select! {
            recv(self.fresh) -> told => told.ok(),
            recv(self.told) -> told => told.ok(),
            default(deadline.saturating_duration_since(Instant::now())) => None,
        }
    }

    /// Stores a batch; tries again until it can be, or everything stops.
    fn store(&self, batch: &mut Vec<Told>) {
        let mut observations: Vec<Observation> =
            batch.iter_mut().flat_map(|told| std::mem::take(&mut told.observations)).collect();
        // What goes is told after what appears: a moved file is never missing in between.
        observations.sort_by_key(|observation| matches!(observation, Observation::Gone { .. }));
        observations.retain(|observation| match observation {
            // Never known (a file that came and went): nothing to take away.
            Observation::Gone { path } => !matches!(self.sink.file(path), Ok(None)),
            _ => true,
        });
        let away_changes: HashSet<_> = observations
            .iter()
            .filter_map(|observation| match observation {
                Observation::Offline { root, .. }
                | Observation::Online { root, .. }
                | Observation::Forgotten { root, .. } => Some(*root),
                _ => None,
            })
            .collect();
        let mut troubled = false;
        while !observations.is_empty() {
            match self.sink.observe(observations.clone()) {
                Ok(()) => break,
                Err(error) => {
                    tracing::error!(%error, "what was found cannot be stored; trying again");
                    self.progress.set_trouble(Some(format!("what was found cannot be stored: {error}")));
                    troubled = true;
                }
            }
            let again = Instant::now() + STORE_AGAIN;
            while Instant::now() < again {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        if troubled {
            self.progress.set_trouble(None);
        }
        for place in self.places.iter().filter(|place| away_changes.contains(&place.id())) {
            place.load_away(self.sink.as_ref());
        }
        let mut settled = Vec::new();
        for told in batch.drain(..) {
            if let Some(path) = &told.path {
                self.queue.done(path);
            }
            settled.extend(told.path);
        }
        self.progress.tell_settled(&settled);
    }
}
