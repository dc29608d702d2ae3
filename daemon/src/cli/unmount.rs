//! `galleryfs unmount`: the daemon ends; or a dead mount is cleared.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Base, ModelFlags, MountFlags, PhotoFlags};
use crate::backend::Backend;
use crate::exit::Exit;
use crate::mounting;
use crate::output::Status;
use crate::request::Request;
use crate::socket::Client;
use crate::terminal::Page;

/// Unmount the gallery and end the daemon. Without a daemon: clear the dead mount that a crash left behind.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs unmount
  galleryfs unmount ~/Gallery")]
pub(super) struct Args {
    /// The mount point, where no daemon runs and the settings do not name it
    mount: Option<PathBuf>,
}

/// How long the daemon may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let settings = base.settings_with(PhotoFlags::default(), MountFlags::default(), ModelFlags::default())?;
    let mut page = Page::default();
    if let Some(client) = Client::reach(&settings.data) {
        let daemon = Backend::Daemon(client);
        let status: Status = daemon.ask_one(&Request::Status)?;
        daemon.ask(&Request::Stop, &mut |_| Ok(()))?;
        // Its process, not its socket: only then may another daemon have the library. (One that is dead and still
        // listed, because its parent has not asked for its exit code, has no program file any more.)
        let process = status.pid.map(|pid| PathBuf::from(format!("/proc/{pid}/exe")));
        let runs = || {
            process
                .as_deref()
                .map_or_else(|| Client::reach(&settings.data).is_some(), |exe| exe.read_link().is_ok())
        };
        let deadline = Instant::now() + PATIENCE;
        while runs() {
            if Instant::now() > deadline {
                return Err(Exit::Failed.because("the daemon was asked to end and has not yet"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        page.line(&"unmounted; the daemon has ended")?;
        return page.finish();
    }
    let mount = args.mount.map(|mount| super::absolute(&mount)).transpose()?.or(settings.mount);
    match mount {
        Some(mount) if mounting::is_dead(&mount) => {
            mounting::clear(&mount)?;
            page.line(&format_args!("cleared the dead mount at {}", mount.display()))?;
            page.finish()
        }
        _ => Err(Exit::NotFound.because("no daemon runs on this data folder, and no dead mount is known")),
    }
}
