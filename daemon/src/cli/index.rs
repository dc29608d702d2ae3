//! `galleryfs index`: all the work, then the end.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Base, ModelFlags, MountFlags, PhotoFlags};
use crate::backend::Backend;
use crate::config::{Places, Settings};
use crate::exit::Exit;
use crate::output::{Activity, Busy, State, Status, bytes, count, elapsed, plural, safe};
use crate::progress::Progress;
use crate::request::Request;
use crate::running::{Opening, Running};
use crate::socket::Client;
use crate::stop::Stop;
use crate::terminal::Page;

/// Index everything to the end, then exit.
///
/// When a daemon runs on the data folder, it is asked to look at every file again, and waited for. It does so in the
/// folders it watches; naming others is an error then.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs index --photos ~/Pictures
  galleryfs index && galleryfs search beach")]
pub(super) struct Args {
    #[command(flatten)]
    photos: PhotoFlags,
    #[command(flatten)]
    models: ModelFlags,
}

/// How often the state is looked at.
const LOOKED: Duration = Duration::from_millis(20);

/// How often a daemon is asked how it goes.
const ASKED: Duration = Duration::from_millis(500);

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let settings = base.settings_with(args.photos, MountFlags::default(), args.models)?;
    if let Some(client) = Client::reach(&settings.data) {
        let daemon = Backend::Daemon(client);
        refuse_others(&settings, &daemon.ask_one(&Request::Status)?)?;
        tracing::info!("a daemon has the library: it is asked to look through the folders");
        daemon.ask(&Request::Scan, &mut |_| Ok(()))?;
        let stop = Stop::default();
        stop.on_signals(|| {})?;
        let status = || daemon.ask_one(&Request::Status);
        return to_the_end(ASKED, &stop, || Ok(Activity::from(&status()?)), status);
    }
    here(&settings, Opening::AsItIs)
}

/// A daemon looks through the folders it was started with: whoever names others would wait for nothing.
fn refuse_others(settings: &Settings, status: &Status) -> Result<()> {
    if settings.photos.is_empty() {
        return Ok(());
    }
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let places = Places::resolve(&Settings { mount: None, ..settings.clone() }, None)?;
    let named: BTreeSet<String> = places.roots.iter().map(|root| shown(root)).collect();
    let watched: BTreeSet<String> =
        status.roots.iter().filter(|root| root.watch.is_some()).map(|root| root.path.clone()).collect();
    if named.is_subset(&watched) {
        return Ok(());
    }
    let list = |roots: BTreeSet<String>| safe(&roots.into_iter().collect::<Vec<_>>().join(", "));
    Err(Exit::InUse.because(format!(
        "a daemon has the library and watches {}, not {}: end it first (`galleryfs unmount`), or leave the folders \
         out to have it look through those it watches",
        list(watched),
        list(named)
    )))
}

/// Opens the library in this process and works until nothing is left to do.
pub(super) fn here(settings: &Settings, opening: Opening) -> Result<Exit> {
    // An index needs no mount; one that the configuration names has no say in where the folders may lie.
    let settings = Settings { mount: None, ..settings.clone() };
    let stop = Stop::default();
    stop.on_signals(|| {})?;
    let running = Running::open(&settings, opening, stop.clone())?;
    running.watch()?;
    let activity = || {
        let activity = running.service.activity();
        if activity.state == State::Indexing
            && activity.busy.waiting == 0
            && running.service.library().pending_text() > 0
        {
            // Only the text index gathers yet, for more that will not come.
            running.service.library().settle()?;
        }
        Ok(activity)
    };
    let outcome = to_the_end(LOOKED, &stop, activity, || running.service.status());
    running.finish()?;
    outcome
}

fn to_the_end(
    every: Duration,
    stop: &Stop,
    activity: impl Fn() -> Result<Activity>,
    status: impl Fn() -> Result<Status>,
) -> Result<Exit> {
    let began = Instant::now();
    let before = activity()?.busy;
    let mut progress = Progress::default();
    loop {
        let now = activity()?;
        progress.show(&now);
        if now.is_settled() {
            return summary(&status()?, before, began);
        }
        if stop.wait(every).is_some() {
            progress.clear();
            return Err(
                Exit::Failed.because("interrupted; what is indexed stays so, and the rest is for next time")
            );
        }
    }
}

fn summary(status: &Status, before: Busy, began: Instant) -> Result<Exit> {
    let (seconds, busy) = (began.elapsed().as_secs_f64(), status.busy.unwrap_or_default());
    let (read, size) = (busy.read.saturating_sub(before.read), busy.bytes.saturating_sub(before.bytes));
    let mut page = Page::default();
    page.line(&format_args!(
        "{} in the library ({}, {}, {})",
        plural(status.assets, "photo or video", "photos and videos"),
        plural(status.images, "picture", "pictures"),
        plural(status.videos, "video", "videos"),
        bytes(status.bytes)
    ))?;
    page.line(&format_args!(
        "read {} ({}) in {}, {:.0} a second; {} as known",
        plural(read, "file", "files"),
        bytes(size),
        elapsed(seconds),
        read as f64 / seconds.max(0.001),
        count(busy.unchanged.saturating_sub(before.unchanged) + busy.moved.saturating_sub(before.moved))
    ))?;
    if !status.unreadable.is_empty() {
        page.line(&format_args!(
            "{} cannot be read: `galleryfs status` says why",
            plural(status.unreadable.len() as u64, "file", "files")
        ))?;
    }
    for away in &status.offline {
        page.line(&format_args!("away: {} ({})", away.path, away.reason))?;
    }
    page.finish()
}
