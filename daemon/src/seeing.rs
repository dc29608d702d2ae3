//! What a photo shows: thumbnails, what it is about, who is in it.
//!
//! What makes it hard, and what answers it:
//! 1. It takes a thousand times as long as reading what a file says, and may be cut at any moment. Nothing is written down
//!    of what is done but the results themselves: what is missing of a photo is found out by looking for them, so a start
//!    goes on where the last one stood, whatever was lost ([`look`]).
//! 2. It must not be in anybody's way. New photos come first, then the newest ([`mod@todo`]); a search goes before
//!    ([`courtesy`]); the threads are nice, and on a battery they wait where the user wants that ([`power`]).
//! 3. Files are hostile and models are large. Files are decoded by children that may die; a failure costs that file, is
//!    remembered with its reason and tried again further and further apart.
//! 4. There may be no models, or they may come later, or another one may be chosen. All else goes on, and the reason is
//!    said once ([`eyes`], [`opening`]).

mod chosen;
mod courtesy;
mod eyes;
mod look;
mod opening;
mod power;
mod progress;
mod sights;
mod sorting;
mod todo;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use library::meaning::PictureMeaning;
use library::{Entity, Library, RowNumber};
use media::decoder::Decoders;
use media::thumbnails::Store;
use vision::provider::WantedProvider;
use vision::remote::Server;
use vision::runtime::{Prober, Search};
use vision::{Engine, EngineOptions};

pub use self::chosen::Chosen;
pub use self::eyes::EyesReport;
pub use self::opening::understand;
pub use self::progress::Stage;
pub use self::sights::Sights;

use self::courtesy::Courtesy;
use self::eyes::{Eyes, Searched};
use self::progress::Progress;
use self::todo::Todo;
use crate::pipeline::join_until;
use crate::source::LibrarySource;

/// How often the battery is asked.
const BATTERY: Duration = Duration::from_secs(30);

/// How nice the threads are that look.
const NICE: i32 = 10;

/// How looking is done.
#[derive(Clone, Debug)]
pub struct SeeingOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Where the models lie.
    pub models: PathBuf,
    /// A library of ONNX Runtime to use rather than whichever is found.
    pub onnxruntime: Option<PathBuf>,
    /// What shall compute.
    pub provider: WantedProvider,
    /// Whether to wait while on a battery.
    pub spare_battery: bool,
    /// Servers that are asked before anything is computed here.
    pub servers: Vec<String>,
}

impl SeeingOptions {
    /// Where pulled runtimes lie.
    pub fn runtimes(&self) -> PathBuf {
        self.data.join("onnxruntime")
    }

    /// Where ONNX Runtime is looked for.
    pub fn search(&self) -> Search {
        Search::from_environment(self.onnxruntime.clone(), self.runtimes().join("lib"), &|name| {
            std::env::var_os(name)
        })
    }

    /// Whoever tries libraries out: this program, started again.
    pub fn prober() -> Result<Prober> {
        Ok(Prober::new(std::env::current_exe()?, ["runtime-probe"]))
    }

    /// Finds a runtime and what computes best.
    pub(crate) fn engine(&self) -> Result<Engine> {
        let prober = Self::prober()?;
        let found = vision::runtime::find(&self.search(), &prober)?;
        let options = EngineOptions { provider: self.provider, ..EngineOptions::default() };
        Ok(Engine::open(&found, prober, options)?)
    }
}

/// What the threads share.
struct Shared {
    library: Arc<Library>,
    source: LibrarySource,
    sights: Arc<Sights>,
    thumbnails: Store,
    decoders: Decoders,
    eyes: RwLock<Arc<Eyes>>,
    /// What search understands words with.
    meaning: Mutex<Option<(Arc<Searched>, Arc<PictureMeaning>)>>,
    /// How often models were to be looked for, and how many of these times are done.
    wanted: AtomicU64,
    opened: AtomicU64,
    todo: Todo,
    progress: Progress,
    courtesy: Arc<Courtesy>,
    /// What is wrong that is no file's fault.
    trouble: Mutex<Option<String>>,
    /// Counts looks and openings that gave something to be sorted: people, things.
    seen: AtomicU64,
    /// What that count was when all of it was sorted last.
    sorted: AtomicU64,
    /// People are being sorted out.
    sorting: AtomicBool,
    stop: AtomicBool,
    options: SeeingOptions,
}

impl Shared {
    fn eyes(&self) -> Arc<Eyes> {
        Arc::clone(&self.eyes.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn clear(&self, trouble: Option<String>) {
        let mut now = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.is_some() && *now != trouble {
            tracing::warn!("{}", trouble.as_deref().unwrap_or_default());
        }
        *now = trouble;
    }

    /// Whether models are being looked for, or are to be.
    fn is_opening(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) != self.opened.load(Ordering::SeqCst)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// How things stand.
#[derive(Clone, Debug)]
pub struct SeeingReport {
    /// Photos still to be looked at, those in hand included, and 1 while people are being sorted out.
    pub left: u64,
    /// Per stage: how many since the start, and a second.
    pub stages: BTreeMap<&'static str, (u64, f64)>,
    /// What there is to see with.
    pub eyes: EyesReport,
    /// The servers that were named, and how they are.
    pub servers: Vec<Server>,
    /// What is wrong that is no file's fault.
    pub trouble: Option<String>,
}

/// Whoever looks, at work.
pub struct Seeing {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Seeing {
    /// Starts looking at all that is there and all that comes; what is seen is told to `sights`.
    pub fn start(library: &Arc<Library>, sights: &Arc<Sights>, options: SeeingOptions) -> Result<Self> {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let program = std::env::current_exe()?;
        let shared = Arc::new(Shared {
            library: Arc::clone(library),
            source: LibrarySource::new(Arc::clone(library), Arc::clone(sights)),
            sights: Arc::clone(sights),
            thumbnails: Store::open(options.data.join("derived/thumbnails"))?,
            decoders: Decoders::new(program, vec!["decoder".into()], cores),
            eyes: RwLock::default(),
            meaning: Mutex::default(),
            wanted: AtomicU64::new(1),
            opened: AtomicU64::new(0),
            todo: Todo::default(),
            progress: Progress::default(),
            courtesy: Arc::default(),
            trouble: Mutex::default(),
            seen: AtomicU64::new(1),
            sorted: AtomicU64::new(0),
            sorting: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            options,
        });
        let seeing = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        // In this order: what changes in between is told.
        let commits = library.subscribe();
        seeing.spawn("open eyes", Shared::keep_eyes_open)?;
        seeing.spawn("to see", move |shared| shared.follow(&commits))?;
        // One more than decode, so that the models have work while files are decoded.
        for _ in 0..=cores.get() {
            seeing.spawn("see", Shared::work)?;
        }
        seeing.spawn("people", Shared::sort)?;
        if shared.options.spare_battery {
            seeing.spawn("battery", Shared::mind_battery)?;
        }
        Ok(seeing)
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
            work(&shared);
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(run)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// How things stand.
    pub fn report(&self) -> SeeingReport {
        let shared = &self.shared;
        // In this order: who has looked counts that before it is done.
        let looking = shared.todo.left();
        let unsorted = shared.seen.load(Ordering::SeqCst) != shared.sorted.load(Ordering::SeqCst)
            || shared.sorting.load(Ordering::SeqCst)
            || shared.is_opening();
        let (stages, eyes) = (shared.progress.stages(), shared.eyes());
        SeeingReport {
            left: looking + u64::from(unsorted),
            stages: stages.into_iter().map(|(stage, done, rate)| (stage.word(), (done, rate))).collect(),
            eyes: eyes.report.clone(),
            servers: eyes.servers(),
            trouble: shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Takes up models and runtimes that came or were chosen since they were last looked for. Comes back at once.
    pub fn open_eyes_again(&self) {
        self.shared.wanted.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends the threads; a look that is under way is left to itself after a second.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.todo.close();
        self.shared.library.set_meaning(None);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        join_until(threads, Instant::now() + Duration::from_secs(1));
    }
}

impl Shared {
    fn follow(&self, commits: &crossbeam_channel::Receiver<library::Commit>) {
        let mut epoch = self.library.cursor().epoch;
        while !self.is_stopped() {
            let Ok(commit) = commits.recv_timeout(Duration::from_millis(200)) else { continue };
            let now = commit.snapshot.cursor().epoch;
            if std::mem::replace(&mut epoch, now) != now {
                self.todo.fill(&commit.snapshot);
                continue;
            }
            let rows = commit.changes.iter().filter_map(|change| match change.entity {
                Entity::Asset(id) if !change.gone => commit.snapshot.by_id(id),
                _ => None,
            });
            rows.for_each(|row: RowNumber| self.todo.put(row));
        }
    }

    fn work(&self) {
        while let Some(row) = self.todo.next() {
            let again = self.look(row);
            self.todo.done(row, again);
        }
    }

    fn mind_battery(&self) {
        while !self.is_stopped() {
            self.todo.pause(power::on_battery());
            std::thread::park_timeout(BATTERY);
        }
    }
}
