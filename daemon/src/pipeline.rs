//! From "something may have changed at this path" to what the library knows of it.
//!
//! Scans and listeners ([`crate::watch`]) put paths into the [`queue`]; [`reader`]s look at them and, where needed,
//! read them; findings are [`gather`]ed into batches for the library. A path is in one pair of hands at a time, from
//! the queue until its finding is stored.

pub mod beneath;
pub mod changes;
pub mod contents;
pub mod describe;
pub mod duty;
pub mod filesystem;
pub mod gather;
pub mod hashed;
pub mod names;
pub mod place;
pub mod progress;
pub mod queue;
pub mod reader;
pub mod sink;
mod workers;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use describe::Describe;
use duty::Duties;
use gather::{Gatherer, LARGEST_BATCH, Told};
use hashed::Hashed;
use place::Place;
use progress::Progress;
use queue::{Job, Queue, Urgency};
use sink::Sink;
use workers::Workers;

/// How the pipeline works.
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    /// How many files of a root are read at a time; what is fresh has one more reader.
    pub readers: usize,
    /// How long a file must stay the same where nothing says that it is complete.
    pub settle: Duration,
    /// How long one file may take to read, besides a second for each MiB.
    pub time_limit: Duration,
    /// How many paths of a scan wait at most.
    pub backlog: usize,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            readers: Self::cores(),
            settle: Duration::from_secs(2),
            time_limit: Duration::from_secs(60),
            backlog: 4096,
        }
    }
}

/// What the threads share.
pub(crate) struct Shared {
    sink: Arc<dyn Sink>,
    describe: Arc<dyn Describe>,
    places: Vec<Arc<Place>>,
    queue: Arc<Queue>,
    told: Sender<Told>,
    fresh: Sender<Told>,
    progress: Arc<Progress>,
    hashed: Arc<Hashed>,
    options: PipelineOptions,
    stop: Arc<AtomicBool>,
}

impl Shared {
    /// Hands findings on; waits while there are many.
    fn tell(&self, what: Told) {
        // Nobody gathers any more while everything stops.
        let _ = self.told.send(what);
    }

    /// The same; what is fresh overtakes what a scan found.
    fn tell_by(&self, urgency: Urgency, what: Told) {
        let told = if urgency == Urgency::Fresh { &self.fresh } else { &self.told };
        let _ = told.send(what);
    }
}

/// The readers and the gatherer, at work.
pub struct Pipeline {
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    gatherer: Mutex<Option<JoinHandle<()>>>,
}

impl Pipeline {
    /// Starts the threads. `first_scans` are open until every root was scanned once.
    pub fn start(
        sink: Arc<dyn Sink>,
        describe: Arc<dyn Describe>,
        places: Vec<Arc<Place>>,
        first_scans: Arc<Duties>,
        options: PipelineOptions,
    ) -> io::Result<Self> {
        for place in &places {
            place.load_away(sink.as_ref());
        }
        // A batch each: one is stored while the next is found.
        let (told, findings) = bounded(LARGEST_BATCH);
        let (fresh, fresh_findings) = bounded(LARGEST_BATCH);
        let progress: Arc<Progress> = Arc::default();
        let shared = Arc::new(Shared {
            sink,
            describe,
            places,
            queue: Arc::new(Queue::new(options.backlog, Arc::clone(&progress))),
            told,
            fresh,
            progress,
            hashed: Arc::default(),
            options,
            stop: Arc::default(),
        });
        let gatherer = Gatherer {
            told: findings,
            fresh: fresh_findings,
            sink: Arc::clone(&shared.sink),
            queue: Arc::clone(&shared.queue),
            places: shared.places.clone(),
            first_scans,
            progress: Arc::clone(&shared.progress),
            stop: Arc::clone(&shared.stop),
        };
        let gatherer = std::thread::Builder::new().name("gather".into()).spawn(move || gatherer.run())?;
        let workers = Workers::start(&shared)?;
        Ok(Self { shared, workers, gatherer: Mutex::new(Some(gatherer)) })
    }

    /// The library.
    pub fn sink(&self) -> &Arc<dyn Sink> {
        &self.shared.sink
    }

    /// How far it has come.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.shared.progress
    }

    /// What need not be hashed again.
    pub fn hashed(&self) -> &Hashed {
        &self.shared.hashed
    }

    /// Set when everything stops.
    pub fn stop_flag(&self) -> &Arc<AtomicBool> {
        &self.shared.stop
    }

    /// Asks for a look at a path; waits while the backlog is full. False when everything stops.
    pub fn look(&self, job: Job, urgency: Urgency) -> bool {
        self.shared.queue.put(job, urgency)
    }

    /// How it works.
    pub fn options(&self) -> &PipelineOptions {
        &self.shared.options
    }

    /// Tells the library something that is no file's state.
    pub fn tell(&self, what: Told) {
        self.shared.tell(what);
    }

    /// Ends the threads, within a second unless a disk holds one.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.queue.close();
        let deadline = Instant::now() + Duration::from_secs(1);
        let gatherer = self.gatherer.lock().unwrap_or_else(PoisonError::into_inner).take();
        join_until(gatherer.into_iter().collect(), deadline);
        self.workers.join(deadline);
    }
}

/// Waits for threads to end until `deadline`, waking those that sleep; what a disk holds up is left to itself.
pub(crate) fn join_until(mut threads: Vec<JoinHandle<()>>, deadline: Instant) {
    for thread in &threads {
        thread.thread().unpark();
    }
    while !threads.is_empty() && Instant::now() < deadline {
        threads.retain(|thread| !thread.is_finished());
        std::thread::sleep(Duration::from_millis(2));
    }
}
