//! `galleryfs models pull NAME`: a model from the hub, whole or not at all.
//!
//! Files gather in a hidden folder beside the models, each verified by its checksum; a pull that was broken off goes on
//! where it stood. Only when all are there does the folder take the model's name. An older model of that name stays
//! until then.

use std::fs::{File, TryLockError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::hub::{Hub, HubError, HubFile, Listing};
use super::{ModelFolder, ModelName, Task};
use crate::download::{DownloadError, Progress, Wanted};

/// A model that was pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pulled {
    /// What it is for.
    pub task: Task,
    /// Where it lies.
    pub path: PathBuf,
    /// Its files together.
    pub bytes: u64,
}

/// Why a model was not pulled. What was there before still is, and what came is kept to go on from.
#[derive(Debug, Error)]
pub enum PullError {
    /// The hub does not tell what it is made of.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A file does not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It cannot be written.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no room for it.
    #[error("{} has {free} bytes free, and the model needs {needed} more", path.display())]
    NoRoom {
        /// The folder of models.
        path: PathBuf,
        /// What is free.
        free: u64,
        /// What is missing of the model.
        needed: u64,
    },
    /// Another process pulls the same model.
    #[error("`{0}` is being pulled already")]
    Busy(ModelName),
}

/// Pulls a model into `models`. `progress` is told of all its files together, and says whether to go on.
pub fn pull(
    hub: &Hub,
    name: &ModelName,
    models: &ModelFolder,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Pulled, PullError> {
    let listing = hub.list(name)?;
    let place = models.place(listing.task, name);
    let staging = models.path().join(listing.task.folder()).join(format!(".pulling-{name}"));
    std::fs::create_dir_all(&staging).map_err(disk(&staging))?;
    let lock = File::create(staging.join(".lock")).map_err(disk(&staging))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(PullError::Busy(name.clone())),
        Err(TryLockError::Error(source)) => return Err(disk(&staging)(source)),
    }
    let total = listing.bytes();
    let missing = missing(&listing, &staging)?;
    let needed = missing.iter().map(|(_, bytes)| bytes).sum();
    let room = rustix::fs::statvfs(&staging).map_err(|error| disk(&staging)(error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < needed {
        return Err(PullError::NoRoom { path: models.path().to_owned(), free, needed });
    }
    let mut before = total - missing.iter().map(|(file, _)| file.bytes).sum::<u64>();
    for (file, _) in missing {
        let path = staging.join(&file.path);
        let part = staging.join(format!("{}.part", file.path));
        let wanted = Wanted {
            url: hub.address(name, file),
            length: Some(file.bytes),
            limit: file.bytes,
            checksum: Some(file.checksum),
        };
        let mut told = |done: Progress| progress(Progress { done: before + done.done, total: Some(total) });
        hub.client().fetch(&wanted, &part, &mut told)?;
        std::fs::rename(&part, &path).map_err(disk(&path))?;
        before += file.bytes;
    }
    install(&listing, &staging, &place, models)?;
    Ok(Pulled { task: listing.task, path: place, bytes: total })
}

/// The files that are not there yet, and how much of each is missing.
fn missing<'l>(listing: &'l Listing, staging: &Path) -> Result<Vec<(&'l HubFile, u64)>, PullError> {
    let mut missing = Vec::new();
    for file in &listing.files {
        let path = staging.join(&file.path);
        let folder = path.parent().unwrap_or(staging);
        std::fs::create_dir_all(folder).map_err(disk(folder))?;
        // Files of an earlier try are believed by their checksum, not by their name.
        if !(path.is_file() && file.checksum.fits(&path).map_err(disk(&path))?) {
            let part =
                std::fs::metadata(staging.join(format!("{}.part", file.path))).map_or(0, |part| part.len());
            missing.push((file, file.bytes.saturating_sub(part)));
        }
    }
    Ok(missing)
}

/// Gives the folder the model's name.
fn install(listing: &Listing, staging: &Path, place: &Path, models: &ModelFolder) -> Result<(), PullError> {
    // What an earlier pull of another revision left is no part of this model.
    remove_others(listing, staging, staging)?;
    let task = models.path().join(listing.task.folder());
    let old = staging.with_extension("old");
    if place.exists() {
        let _ = std::fs::remove_dir_all(&old);
        std::fs::rename(place, &old).map_err(disk(place))?;
    }
    if let Err(source) = std::fs::rename(staging, place) {
        let _ = std::fs::rename(&old, place);
        return Err(disk(place)(source));
    }
    let _ = std::fs::remove_dir_all(&old);
    File::open(&task).and_then(|task| task.sync_all()).map_err(disk(&task))
}

fn remove_others(listing: &Listing, staging: &Path, folder: &Path) -> Result<(), PullError> {
    for entry in std::fs::read_dir(folder).map_err(disk(folder))? {
        let path = entry.map_err(disk(folder))?.path();
        if path.is_dir() {
            remove_others(listing, staging, &path)?;
            File::open(&path).and_then(|folder| folder.sync_all()).map_err(disk(&path))?;
        } else if !listing.files.iter().any(|file| staging.join(&file.path) == path) {
            std::fs::remove_file(&path).map_err(disk(&path))?;
        }
    }
    Ok(())
}

fn disk(path: &Path) -> impl Fn(std::io::Error) -> PullError + use<> {
    let path = path.to_owned();
    move |source| PullError::Disk { path: path.clone(), source }
}
