//! The folders of the settings: whether they are there, can be watched, and have room.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Finding;
use crate::config::{Places, Settings};
use crate::mounting;
use crate::output::{bytes, count};

/// Below this the catalogue and the journal soon have no room.
const LITTLE_ROOM: u64 = 1 << 30;

/// How long folders are counted before the number is taken as it is.
const COUNTING: Duration = Duration::from_secs(5);

/// Where the gallery would be mounted.
pub(super) fn mount_point(path: &Path) -> Finding {
    let about = format!("Mount point {}", path.display());
    if mounting::is_dead(path) {
        if let Ok(Some(kind)) = mounting::others(path) {
            return Finding::bad(
                about,
                format!("a dead {kind} mount of another program"),
                format!("choose another, or take it away: fusermount3 -uz '{}'", path.display()),
            );
        }
        return Finding::worth(
            about,
            "a dead mount from a crash; the next `galleryfs up` clears it",
            "or now: galleryfs unmount",
        );
    }
    match std::fs::read_dir(path) {
        Ok(_) if mounting::is_mounted(path) => Finding::good(about, "mounted"),
        Ok(_) if is_empty(path) => Finding::good(about, "there and empty"),
        Ok(_) => Finding::bad(
            about,
            "not empty: mounting there would hide what is in it",
            format!("choose another, or empty it: ls -A '{}'", path.display()),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Finding::good(about, "will be made"),
        Err(error) => Finding::bad(about, error.to_string(), format!("ls -ld '{}'", path.display())),
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// The photo folders, and whether all of them together can be watched.
pub(super) fn photos(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folders = 0;
    let deadline = Instant::now() + COUNTING;
    for path in &settings.photos {
        let about = format!("Photo folder {}", path.display());
        match std::fs::read_dir(path) {
            Ok(_) => {
                folders += count_folders(path, deadline);
                findings.push(Finding::good(about, "can be read"));
            }
            Err(error) => {
                findings.push(Finding::bad(about, error.to_string(), format!("ls -ld '{}'", path.display())));
            }
        }
    }
    findings.push(watches(folders, Instant::now() > deadline));
    findings
}

/// Whether inotify can watch so many folders.
fn watches(folders: u64, more: bool) -> Finding {
    let about = "Watching for changes";
    let limit = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
        text.trim().parse::<u64>().unwrap_or(0)
    };
    let allowed = limit("max_user_watches");
    let least = if more { "at least " } else { "" };
    let needs = format!("{least}{} folders, and inotify watches up to {}", count(folders), count(allowed));
    // Other programs of the same user take from the same number.
    if folders.saturating_mul(2) <= allowed {
        return Finding::good(about, needs);
    }
    let wanted = (folders * 4).next_power_of_two().max(524_288);
    Finding::worth(
        about,
        format!("{needs}; what is left over is looked through from time to time"),
        format!(
            "echo fs.inotify.max_user_watches={wanted} | sudo tee /etc/sysctl.d/60-galleryfs.conf && sudo sysctl --system"
        ),
    )
}

fn count_folders(root: &Path, deadline: Instant) -> u64 {
    let mut folders = 0;
    let mut waiting: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        folders += 1;
        if Instant::now() > deadline {
            break;
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        waiting.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    folders
}

/// Room for what galleryfs keeps.
pub(super) fn room(data: &Path) -> Option<Finding> {
    let about = format!("Room in the data folder {}", data.display());
    let there = data.ancestors().find(|folder| folder.exists())?;
    Some(match rustix::fs::statvfs(there) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            if free >= LITTLE_ROOM {
                Finding::good(about, format!("{} free", bytes(free)))
            } else {
                let advice = "make room, or choose another with --data DIR; about 10 kB a photo are needed";
                Finding::worth(about, format!("only {} free", bytes(free)), advice)
            }
        }
        Err(error) => Finding::bad(about, error.to_string(), format!("df -h '{}'", there.display())),
    })
}

/// That the folders do not lie in each other.
pub(super) fn places(settings: &Settings) -> Finding {
    let about = "Folders apart from each other";
    match Places::resolve(settings, None) {
        Ok(_) => Finding::good(about, "yes"),
        Err(error) => {
            Finding::bad(about, format!("{error:#}"), "change the options or the configuration file")
        }
    }
}
