//! The threads that read: for each root as many as there are cores, one more for what is fresh, and replacements for
//! those that a file holds up. A disk that does not answer holds up its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use library::{FilePath, FileStat, Observation, RootId};

use super::contents::Contents;
use super::duty::Duty;
use super::gather::Told;
use super::place::Notice;
use super::queue::{Job, Urgency};
use super::reader::{Found, Reader};
use super::{PipelineOptions, Shared};

/// How many readers of a root may be replaced because something holds them up.
const MOST_REPLACED: usize = 8;

/// The slowest disk that is still believed to make progress, bytes a second.
const SLOWEST_DISK: u64 = 1 << 20;

/// What a reader has in hand.
struct Current {
    path: FilePath,
    /// Lies here while the file is read: a file that is given up must not keep anybody waiting.
    duty: Vec<Duty>,
    stat: Option<FileStat>,
    since: Instant,
}

/// One reader, seen from outside.
pub(super) struct Slot {
    current: Mutex<Option<Current>>,
    /// Somebody else does its work now.
    replaced: AtomicBool,
    root: RootId,
    slowest: Urgency,
}

impl Slot {
    fn set(&self, current: Option<Current>) -> Option<Current> {
        std::mem::replace(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), current)
    }
}

/// All readers.
pub(super) struct Workers {
    slots: Mutex<Vec<Arc<Slot>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts the readers and whoever watches over them.
    pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<Arc<Self>> {
        let workers = Arc::new(Self { slots: Mutex::default(), threads: Mutex::default() });
        for place in &shared.places {
            for _ in 0..shared.options.readers.max(1) {
                workers.spawn(shared, place.id(), Urgency::Backlog)?;
            }
            workers.spawn(shared, place.id(), Urgency::Fresh)?;
        }
        let (watched, shared) = (Arc::clone(&workers), Arc::clone(shared));
        let thread = std::thread::Builder::new().name("read-watch".into()).spawn(move || {
            while !shared.stop.load(Ordering::Relaxed) {
                // Whoever ends everything wakes us.
                std::thread::park_timeout(Duration::from_millis(100));
                watched.replace_stuck(&shared);
            }
        })?;
        workers.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(workers)
    }

    fn spawn(&self, shared: &Arc<Shared>, root: RootId, slowest: Urgency) -> std::io::Result<()> {
        let replaced = AtomicBool::new(false);
        let slot = Arc::new(Slot { current: Mutex::default(), replaced, root, slowest });
        let (theirs, shared) = (Arc::clone(&slot), Arc::clone(shared));
        let thread = std::thread::Builder::new().name("read".into()).spawn(move || work(&shared, &theirs))?;
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Finds readers that take too long over one file, tells that file as unreadable, and puts others in their place.
    fn replace_stuck(&self, shared: &Arc<Shared>) {
        let mut wanted = Vec::new();
        {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let mut replaced: HashMap<RootId, usize> = HashMap::new();
            for slot in slots.iter().filter(|slot| slot.replaced.load(Ordering::Relaxed)) {
                *replaced.entry(slot.root).or_default() += 1;
            }
            for slot in slots.iter().filter(|slot| !slot.replaced.load(Ordering::Relaxed)) {
                let mut current = slot.current.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(current) = current.as_mut() else { continue };
                let size = current.stat.map_or(0, |stat| stat.size);
                let limit = shared.options.time_limit + Duration::from_secs(size / SLOWEST_DISK);
                let replaced = replaced.entry(slot.root).or_default();
                if current.since.elapsed() < limit || *replaced >= MOST_REPLACED {
                    continue;
                }
                *replaced += 1;
                tracing::warn!(path = ?current.path, "reading takes too long; going on without it");
                if let Some(stat) = current.stat {
                    let reason = format!(
                        "reading it took longer than {} s: the disk or the file may be damaged; it is tried again at the next start",
                        limit.as_secs()
                    );
                    let path = current.path.clone();
                    let observation = Observation::Unreadable { path, stat, reason };
                    // With its duty, or whoever waits for the end would not see it told.
                    let duty = std::mem::take(&mut current.duty);
                    shared.tell(Told { observations: vec![observation], duty, ..Told::default() });
                }
                current.duty.clear();
                slot.replaced.store(true, Ordering::Relaxed);
                wanted.push((slot.root, slot.slowest));
            }
            slots.retain(|slot| Arc::strong_count(slot) > 1);
        }
        for (root, slowest) in wanted {
            if let Err(error) = self.spawn(shared, root, slowest) {
                tracing::error!(%error, "no further reader can be started");
            }
        }
    }

    /// Waits for all that can end; leaves those that a disk holds.
    pub(super) fn join(&self, deadline: Instant) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        super::join_until(threads, deadline);
    }
}

/// A reader's life.
fn work(shared: &Shared, slot: &Slot) {
    let mut reader = Reader {
        sink: Arc::clone(&shared.sink),
        describe: Arc::clone(&shared.describe),
        hashed: Arc::clone(&shared.hashed),
        settle: shared.options.settle,
        stop: Arc::clone(&shared.stop),
        contents: Contents::default(),
    };
    while !slot.replaced.load(Ordering::Relaxed) {
        let Some(mut job) = shared.queue.take(slot.root, slot.slowest, Duration::from_secs(2)) else {
            if shared.queue.is_closed() {
                return;
            }
            reader.contents.shrink();
            continue;
        };
        let (path, duty) = (job.path.clone(), std::mem::take(&mut job.duty));
        slot.set(Some(Current { path, duty, stat: None, since: Instant::now() }));
        let on_stat = |stat: &FileStat| {
            if let Some(current) = slot.current.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                current.stat = Some(*stat);
            }
        };
        let found = match shared.places.iter().find(|place| place.id() == job.path.root) {
            Some(place) => reader.look(place, &job, &on_stat),
            None => Ok(Found::Nothing),
        };
        job.duty = slot.set(None).map(|current| current.duty).unwrap_or_default();
        match found {
            Ok(found) => shared.found(job, found),
            Err(error) => {
                tracing::warn!(path = ?job.path, %error, "cannot be looked at; trying again later");
                job.put_off += 1;
                shared.look_later(job, shared.options.settle * 5);
            }
        }
    }
}

impl Shared {
    /// Acts on what was found at a path, and gives the path back.
    fn found(&self, mut job: Job, found: Found) {
        let count = |counter: &std::sync::atomic::AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let place = self.places.iter().find(|place| place.id() == job.path.root);
        if let (Some(place), Found::News(_) | Found::Unchanged) = (place, &found)
            && place.away_over(&job.path).is_some()
        {
            place.notice(Notice::Returned(job.path.clone()));
        }
        match found {
            Found::News(observation) => {
                match observation.as_ref() {
                    Observation::Asset { digests, .. } | Observation::Sidecar { digests, .. } => {
                        count(&self.progress.read);
                        self.progress.bytes.fetch_add(digests.size, Ordering::Relaxed);
                    }
                    Observation::Moved { .. } => count(&self.progress.moved),
                    Observation::Unreadable { .. } => count(&self.progress.unreadable),
                    _ => count(&self.progress.unchanged),
                }
                let old = job.moved_from.take();
                let urgency = job.urgency;
                let duty = job.duty.clone();
                let told = Told { observations: vec![*observation], path: Some(job.path), duty: job.duty };
                self.tell_by(job.urgency, told);
                if let Some(old) = old {
                    let mut job = Job::new(old, self.progress.duty());
                    job.duty.extend(duty);
                    job.gone = true;
                    // By the same way, so that it does not overtake the arrival; and never waiting for room, which
                    // only readers make.
                    self.queue.put_later(job, urgency, Instant::now());
                }
                return;
            }
            Found::Absent if job.gone => {
                let path = job.path.clone();
                let told = Told {
                    observations: vec![Observation::Gone { path }],
                    path: Some(job.path),
                    duty: job.duty,
                };
                self.tell_by(job.urgency, told);
                return;
            }
            Found::Unchanged => count(&self.progress.unchanged),
            Found::Absent => {
                if let Some(place) = place {
                    place.notice(Notice::Absent(job.path.clone(), self.progress.duty()));
                }
            }
            Found::Unsettled(wait, stat) => {
                job.last_seen = Some(stat);
                job.complete = false;
                job.put_off += 1;
                self.look_later(job, wait);
                return;
            }
            Found::Nothing | Found::Away => {}
        }
        self.queue.done(&job.path);
        self.progress.tell_settled(std::slice::from_ref(&job.path));
    }

    fn look_later(&self, job: Job, wait: Duration) {
        let path = job.path.clone();
        self.queue.put_later(job, Urgency::Fresh, Instant::now() + wait);
        self.queue.done(&path);
    }
}

impl PipelineOptions {
    /// As many readers as there are cores.
    pub(super) fn cores() -> usize {
        std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
    }
}
