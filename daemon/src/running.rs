//! An open library with everything around it: the socket that answers commands, the watcher that keeps it true.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use library::{Library, LibraryError, OpenReport, RootId, RootSpec};

use crate::backend::{Backend, has_library, opening, refuse_foreign};
use crate::config::{KnownRoots, Places, Settings};
use crate::emptying;
use crate::exit::Exit;
use crate::output::Status;
use crate::purging;
use crate::request::Request;
use crate::seeing::{Seeing, SeeingOptions};
use crate::service::Service;
use crate::sidecars;
use crate::socket::{Client, Server};
use crate::stop::Stop;
use crate::watch::{Arrived, WatchOptions, WatchedRoot, Watcher};

/// How the library is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// As it is.
    AsItIs,
    /// With everything derived thrown away first.
    Anew,
}

/// A library this process has, and serves to others.
pub struct Running {
    /// What it is asked through.
    pub service: Arc<Service>,
    /// Its folders.
    pub places: Places,
    roots: Vec<WatchedRoot>,
    seeing: SeeingOptions,
    /// After how many days the trash lets go of something, if it does by itself.
    trash_days: Option<u32>,
    write_sidecars: bool,
    server: Server,
}

impl Running {
    /// Checks the folders, opens the library and answers on its socket. Watches nothing yet.
    pub fn open(settings: &Settings, opening: Opening, stop: Stop) -> Result<Self> {
        // Before anything is made: a data folder inside a photo folder must not come to be at all.
        let nothing = KnownRoots::default();
        let known = if has_library(&settings.data) { None } else { Some(&nothing) };
        let places = Places::resolve(settings, known)?;
        refuse_foreign(&places.data)?;
        let (library, report) = open_library(&places.data, opening)?;
        for note in &report.notes {
            tracing::warn!("{note}");
        }
        let places = Places::resolve(settings, Some(&KnownRoots::of(&library)))?;
        if places.roots.is_empty() {
            return Err(Exit::Usage.because("which photos? Say --photos DIR"));
        }
        let specs: Vec<RootSpec> = places.roots.iter().map(|path| RootSpec { path: path.clone() }).collect();
        let ids = library.set_roots(library.account(), &specs)?;
        for (root, path) in ids.iter().zip(&places.roots).filter(|(_, path)| places.answers(path)) {
            purging::resume(&library, *root, path);
        }
        let watched = |(id, path): (RootId, &PathBuf)| WatchedRoot { id, path: path.clone(), poll: None };
        let roots = ids.into_iter().zip(&places.roots).map(watched).collect();
        library.set_trash_limit(settings.trash_guard);
        let service = Arc::new(Service::new(library, &places.data).with_stop(stop));
        let server = Server::start(&places.data, service.clone())?;
        let (trash_days, write_sidecars) = (settings.trash_days, settings.write_sidecars);
        Ok(Self { service, places, roots, seeing: settings.seeing(), trash_days, write_sidecars, server })
    }

    /// Starts watching: arms the watches, then looks through everything.
    pub fn watch(&self) -> Result<Arc<Watcher>> {
        let library = self.service.library();
        // Also where none is written any more: what was written is ours still.
        let describe = Arc::new(sidecars::OnlyTheirs::new(library, &self.places.data));
        let service = Arc::downgrade(&self.service);
        let arrived: Arrived = Arc::new(move |root: RootId, path: &Path| {
            if let Some(service) = service.upgrade() {
                service.root_is_here(root, path);
            }
        });
        let (library, roots, options) = (library.clone(), self.roots.clone(), WatchOptions::default());
        let watcher = Watcher::start_with(library, describe, &arrived, roots, options)
            .context("cannot watch the photo folders")?;
        let watcher = Arc::new(watcher);
        self.service.watched_by(watcher.clone());
        look_again_after_failures(self.service.library(), &watcher);
        maintain_daily(self.service.library());
        if let Some(days) = self.trash_days {
            emptying::start(self.service.library(), &self.places.data, days);
        }
        if self.write_sidecars {
            let troubles = sidecars::start(self.service.library(), &watcher, &self.places.data);
            self.service.writes_sidecars(troubles.context("cannot write sidecars")?);
        }
        let seeing = Seeing::start(self.service.library(), self.service.sights(), self.seeing.clone());
        self.service.seen_by(seeing.context("cannot look at the photos")?);
        Ok(watcher)
    }

    /// Ends it in good order: nothing is read any more, the socket is gone, the library is closed.
    pub fn finish(self) -> Result<()> {
        let Self { service, server, .. } = self;
        drop(server);
        if let Some(watcher) = service.watcher() {
            watcher.stop();
        }
        if let Some(seeing) = service.seeing() {
            seeing.stop();
        }
        let library = service.library().clone();
        drop(service);
        let synced = library.sync();
        // The last to let go closes the catalogue; were that a thread that the end of the process cuts off, the next
        // start would have to catch up.
        let deadline = Instant::now() + CLOSING;
        while Arc::strong_count(&library) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(synced?)
    }
}

/// How long threads that are about to end may keep the library.
const CLOSING: Duration = Duration::from_secs(3);

/// A library whose catalogue failed and was opened again, or filled anew, may have lost what the folders told: its
/// change feed begins another epoch then, and everything is looked at once more.
fn look_again_after_failures(library: &Library, watcher: &Arc<Watcher>) {
    // In this order: what begins in between is noticed with the next commit.
    let mut epoch = library.cursor().epoch;
    let commits = library.subscribe();
    let watcher = Arc::downgrade(watcher);
    let work = move || {
        for commit in commits {
            let now = commit.snapshot.cursor().epoch;
            if std::mem::replace(&mut epoch, now) != now
                && let Some(watcher) = watcher.upgrade()
            {
                watcher.rescan(None);
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("look again".into()).spawn(work) {
        tracing::warn!("after a failure of the disk, new photos may show only after a restart: {error}");
    }
}

/// How long after a start the first maintenance comes, and then each next one.
const FIRST_MAINTENANCE: Duration = Duration::from_secs(15 * 60);
const MAINTENANCE: Duration = Duration::from_secs(24 * 3600);

/// Compacts the journal and lets go of what nobody needs, once a day for as long as the library is open.
fn maintain_daily(library: &Arc<Library>) {
    let library = Arc::downgrade(library);
    let work = move || {
        let mut next = FIRST_MAINTENANCE;
        loop {
            std::thread::sleep(next);
            next = MAINTENANCE;
            let Some(library) = library.upgrade() else { return };
            match library.maintain() {
                Ok(done) => tracing::debug!(?done, "maintenance"),
                Err(error) => tracing::warn!("maintenance is put off to tomorrow: {error}"),
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("maintenance".into()).spawn(work) {
        tracing::warn!("there will be no daily maintenance: {error}");
    }
}

/// How long short commands that have the library open right now are waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn open_library(data: &Path, how: Opening) -> Result<(Arc<Library>, OpenReport)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let opened = match how {
            Opening::AsItIs => Library::open(data),
            Opening::Anew => Library::rebuild(data),
        };
        match opened {
            Ok(opened) => return Ok(opened),
            Err(LibraryError::InUse(error)) if Client::reach(data).is_some() || Instant::now() > deadline => {
                return Err(Exit::InUse.because(format!("{error}{}", in_use(data))));
            }
            Err(LibraryError::InUse(_)) => std::thread::sleep(Duration::from_millis(10)),
            Err(other) => return Err(opening(other)),
        }
    }
}

/// What to add about the daemon that has the library: where it is to be seen, and how to end it.
fn in_use(data: &Path) -> String {
    let mut said = String::new();
    let Some(client) = Client::reach(data) else { return said };
    let status: Result<Status> = Backend::Daemon(client).ask_one(&Request::Status);
    if let Ok(Status { mount: Some(mount), .. }) = status {
        said.push_str(&format!(". It is mounted at {mount}"));
    }
    said.push_str(". `galleryfs unmount` ends it");
    said
}
