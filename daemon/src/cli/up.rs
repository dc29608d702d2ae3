//! `galleryfs up`: the daemon.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Base, ModelFlags, MountFlags, PhotoFlags, offer};
use crate::config::Settings;
use crate::exit::Exit;
use crate::importing::Importer;
use crate::mounting::{self, MountPoint};
use crate::notify::notify;
use crate::output::{Status, elapsed, plural, safe};
use crate::progress::Progress;
use crate::running::{Opening, Running};
use crate::source::LibrarySource;
use crate::stop::{Cause, Stop};
use crate::terminal::Page;
use crate::{limits, memory};

/// Index, mount and watch, until stopped.
///
/// Stays in the foreground; Ctrl-C or SIGTERM unmounts and ends it, a second Ctrl-C at once. The mount is there within
/// a moment, and photos appear in it as they are read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs up --photos ~/Pictures --mount ~/Gallery
  galleryfs up --photos ~/Pictures --photos /mnt/nas/photos --mount ~/Gallery --xattrs off
  galleryfs config --write --photos ~/Pictures --mount ~/Gallery && galleryfs up

Every option has a variable: --photos is GALLERYFS_PHOTOS (several with `:` between), --mount is
GALLERYFS_MOUNT, and so on. They may also stand in the configuration file.")]
pub(super) struct Args {
    #[command(flatten)]
    photos: PhotoFlags,
    #[command(flatten)]
    models: ModelFlags,
    #[command(flatten)]
    mount: MountFlags,
}

/// How often the progress line is drawn.
const DRAWN: Duration = Duration::from_millis(200);

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let settings = base.settings_with(args.photos, args.mount, args.models)?;
    // Before signals are caught: Ctrl-C at the question ends it at once.
    let agreed = offer::ask(&settings);
    let began = Instant::now();
    let stop = Stop::default();
    let forced = settings.mount.clone();
    // Whoever presses Ctrl-C twice wants it gone now, but no dead mount left behind.
    stop.on_signals(move || {
        if let Some(mount) = &forced {
            let _ = mounting::clear(mount);
        }
    })?;
    let running = Running::open(&settings, Opening::AsItIs, stop.clone())?;
    limits::raise_open_files();
    let mounted = match running.places.mount.clone() {
        Some(path) => Some(Mounted::mount(&running, &path, &settings)?),
        None => None,
    };
    running.watch()?;
    notify("READY=1");
    greet(&running, mounted.is_some(), began)?;
    let fetching = match agreed {
        Some(agreed) => {
            offer::remember(&running.places.data);
            Some(offer::Fetching::start(agreed, settings.seeing(), running.service.clone())?)
        }
        None => None,
    };
    let cause = stay(&running, mounted.as_ref(), &stop)?;
    drop(fetching);
    notify("STOPPING=1");
    match cause {
        Cause::Signal(_) => tracing::info!("stopping"),
        Cause::Requested => tracing::info!("stopping, as `galleryfs unmount` asked"),
        Cause::Unmounted => tracing::info!("stopping: the gallery was unmounted"),
    }
    running.service.mounted_at(None);
    drop(mounted);
    running.finish()?;
    Ok(Exit::Done)
}

/// The mount and the folder under it, taken away in this order.
struct Mounted {
    mount: Option<galleryfs_fs::Mount>,
    /// Goes after the mount that stands on it.
    _point: MountPoint,
}

impl Mounted {
    fn mount(running: &Running, path: &Path, settings: &Settings) -> Result<Self> {
        let point = MountPoint::prepare(path)?;
        let source = LibrarySource::new(running.service.library().clone(), running.service.sights().clone());
        let source = Arc::new(source.with_importer(importer(running, settings)));
        let mount =
            galleryfs_fs::mount(source, point.path(), mounting::options(settings)).map_err(|error| {
                Exit::NotMounted.because(format!("{error}\n`galleryfs doctor` tells what this machine lacks"))
            })?;
        running.service.mounted_at(Some(path.to_owned()));
        Ok(Self { mount: Some(mount), _point: point })
    }

    fn is_gone(&self) -> bool {
        self.mount.as_ref().is_some_and(|mount| !mount.is_mounted())
    }
}

/// Who takes in what is copied into the mount. Without one it is mounted all the same.
fn importer(running: &Running, settings: &Settings) -> Option<Importer> {
    let upload = running.places.upload()?;
    match Importer::new(running.service.clone(), &upload, settings.layout.clone()) {
        Ok(importer) => Some(importer),
        Err(error) => {
            tracing::warn!("nothing can be copied into the gallery: {error:#}");
            None
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.mount.take().map(galleryfs_fs::Mount::unmount) {
            tracing::warn!("{error}");
        }
    }
}

/// Says what is where, and what to try first.
fn greet(running: &Running, mounted: bool, began: Instant) -> Result<()> {
    let mut page = Page::default();
    let status = running.service.status()?;
    for (at, root) in running.places.roots.iter().enumerate() {
        page.line(&format_args!("{}  {}", if at == 0 { "Photos " } else { "       " }, shown(root)))?;
    }
    match running.places.mount.as_deref().filter(|_| mounted) {
        Some(mount) => {
            let path = shown(mount);
            page.line(&format_args!(
                "Mounted  {path}  ({} after the start)",
                elapsed(began.elapsed().as_secs_f64())
            ))?;
            page.line(&format_args!(
                "Try      ls {path}/by-date    ls '{path}/search/beach'    cat {path}/README.txt"
            ))?;
        }
        None => page.line(&"Mounted  nowhere: say --mount DIR")?,
    }
    page.line(&format_args!("Data     {}", shown(&running.places.data)))?;
    if status.assets > 0 {
        page.line(&format_args!(
            "Known    {}; looking for changes",
            plural(status.assets, "photo or video", "photos and videos")
        ))?;
    }
    page.line(&"Stop with Ctrl-C, or `galleryfs unmount` from anywhere.")?;
    page.show()
}

fn shown(path: &Path) -> String {
    safe(&path.to_string_lossy())
}

/// Until somebody wants it to end.
fn stay(running: &Running, mounted: Option<&Mounted>, stop: &Stop) -> Result<Cause> {
    let mut progress = Progress::default();
    let mut settled = false;
    loop {
        if let Some(cause) = stop.wait(DRAWN) {
            progress.clear();
            return Ok(cause);
        }
        if mounted.is_some_and(Mounted::is_gone) {
            progress.clear();
            return Ok(Cause::Unmounted);
        }
        let activity = running.service.activity();
        progress.show(&activity);
        if activity.is_settled() && !settled {
            report(&running.service.status()?);
            memory::give_back();
        }
        settled = activity.is_settled();
    }
}

fn report(status: &Status) {
    let unreadable = match status.unreadable.len() {
        0 => String::new(),
        files => format!(
            "; {} cannot be read (`galleryfs status` says why)",
            plural(files as u64, "file", "files")
        ),
    };
    let photos = plural(status.assets, "photo or video", "photos and videos");
    tracing::info!("all is indexed: {photos}{unreadable}");
    notify(&format!("STATUS={} photos and videos", status.assets));
}
