//! Files that arrive in `inbox/`, taken into the upload folder.
//!
//! What makes it hard, and what answers it:
//! 1. What is said to be in the library must be: a file is moved to its place only when it is on the disk, and the place
//!    is on the disk before anybody is told.
//! 2. The same photo comes again, also while the first is on its way. It is recognised by its bytes, by the library
//!    and by what came lately, and only where an original stands as it is known: then it is not kept twice.
//! 3. Sidecars and the videos of live photos come before or after their photo and belong beside it, under its name, also
//!    where that had to be another ([`Companions`]).
//! 4. The library finds the file as it finds all others: by its watcher, which is told to look.

mod companions;
mod layout;
pub(crate) mod placing;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use galleryfs_fs::{Arrival, Arrived, SourceError};
use library::journal::Face;
use library::{AssetId, Checksum, Decision, Digests, FilePath, FileStat, Format, Holding, Kind, Library};
use rustix::fs::{Mode, OFlags};

use self::companions::{Companions, Following};
pub use self::layout::{Layout, LayoutError};
use crate::answering;
use crate::pipeline::beneath;
use crate::pipeline::contents::Contents;
use crate::pipeline::describe::Media;
use crate::pipeline::names::{OURS, join, promised};
use crate::pipeline::place::is_unchanged;
use crate::service::Service;

/// Where files arrive in our folder in the upload folder.
const INBOX: &str = "inbox";
/// Files of which it is remembered that they came lately.
const LATELY: usize = 20_000;

/// Takes files into the upload folder.
pub struct Importer {
    service: Arc<Service>,
    /// The upload folder, in its root.
    upload: FilePath,
    path: PathBuf,
    layout: Layout,
    /// What came lately, and where it is: the library may not have it yet.
    lately: Mutex<HashMap<Checksum, (FilePath, u64)>>,
    companions: Companions,
}

impl Importer {
    /// Takes files into the folder at `path`, which lies in a watched one.
    pub fn new(service: Arc<Service>, path: &Path, layout: Layout) -> Result<Self> {
        let upload = service.library().find_root(path).context("the upload folder is not watched")?;
        let inbox = path.join(OURS).join(INBOX);
        std::fs::create_dir_all(&inbox).with_context(|| inbox.display().to_string())?;
        Ok(Self {
            service,
            upload,
            path: path.to_owned(),
            layout,
            lately: Mutex::default(),
            companions: Companions::default(),
        })
    }

    /// The real directory behind `inbox/`.
    pub fn inbox(&self) -> PathBuf {
        self.path.join(OURS).join(INBOX)
    }

    /// The service whose library files come into.
    pub fn service(&self) -> &Service {
        &self.service
    }

    fn library(&self) -> &Arc<Library> {
        self.service.library()
    }

    fn lately(&self) -> MutexGuard<'_, HashMap<Checksum, (FilePath, u64)>> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a file in.
    pub fn import(&self, arrival: &Arrival<'_>) -> Result<Arrived, SourceError> {
        let Some(format) = promised(arrival.name) else {
            return left("its name does not end as that of a photo or video does");
        };
        if format.kind() == Kind::Sidecar {
            return self.sidecar(arrival);
        }
        let mut file = arrival.file.try_clone()?;
        let stat = stat(&file)?;
        let size = stat.size;
        if size == 0 {
            return left("the file is empty");
        }
        let mut contents = Contents::default();
        let digests = contents.digest(&mut file, size, &AtomicBool::new(false)).map_err(io::Error::from)?;
        if let Some(known) = self.known(&digests.checksum)? {
            return Ok(Arrived::Known(known));
        }
        let metadata = match contents.describe(&mut file, arrival.name, &[], &Media) {
            Ok(metadata) => metadata,
            Err(reason) => return Ok(Arrived::Left(reason)),
        };
        let beside = self.companions.beside(arrival.dir, arrival.name)?;
        let (folders, wanted) = match beside {
            Some((folders, wanted)) => (folders, wanted),
            None => {
                let day = metadata.taken.map(|taken| taken.local.date());
                (self.layout.folders(day), arrival.name.to_owned())
            }
        };
        let path = self.place(arrival, &folders, &wanted, Some((&stat, &digests)))?;
        let placed = path.name().to_owned();
        self.companions.placed(arrival.dir, arrival.name, &folders, &placed)?;
        for Following { name, wanted } in self.companions.waiting(arrival.dir, arrival.name, &placed)? {
            if let Err(error) = self.waited(arrival.dir, &name, &folders, &wanted) {
                tracing::warn!(%error, "a sidecar stays in inbox/");
            }
        }
        Ok(Arrived::TakenIn(Some(AssetId::of_content(self.library().account(), &digests.checksum))))
    }

    /// Takes in a sidecar that was there before its photo.
    fn waited(
        &self,
        dir: &OwnedFd,
        sidecar: &[u8],
        folders: &[String],
        wanted: &[u8],
    ) -> Result<(), SourceError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(dir, name(sidecar), flags, Mode::empty()).map_err(io::Error::from)?;
        let file = File::from(file);
        if file.metadata()?.is_file() {
            self.place(&Arrival { dir, name: sidecar, file: &file }, folders, wanted, None)?;
        }
        Ok(())
    }

    /// A sidecar belongs beside its photo.
    fn sidecar(&self, arrival: &Arrival<'_>) -> Result<Arrived, SourceError> {
        match self.companions.host(arrival.dir, arrival.name)? {
            Some((folders, wanted)) => {
                self.place(arrival, &folders, &wanted, None)?;
                Ok(Arrived::TakenIn(None))
            }
            None => left("it describes a photo that has not come here: copy the photo to the same folder"),
        }
    }

    /// Moves a file to its place, and has the library look at it. `hashed`: what it was when it was begun to be hashed, and
    /// what came of that.
    fn place(
        &self,
        arrival: &Arrival<'_>,
        folders: &[String],
        wanted: &[u8],
        hashed: Option<(&FileStat, &Digests)>,
    ) -> Result<FilePath, SourceError> {
        let base = beneath::open_root(&self.path)?;
        let folder = placing::folder(base.as_fd(), folders)?;
        let from = (arrival.dir.as_fd(), arrival.name, arrival.file);
        let placed = placing::place(from, folder.as_fd(), wanted)?;
        let relative =
            folders.iter().fold(self.upload.relative.clone(), |at, name| join(&at, name.as_bytes()));
        let path = FilePath::new(self.upload.root, join(&relative, &placed));
        if let Some((before, digests)) = hashed {
            // At once, for readers hear of it already.
            let now = stat(arrival.file)?;
            if now.is_same_file(before)
                && let Some(watcher) = self.service.watcher()
            {
                watcher.hashed(now, *digests);
            }
            let mut lately = self.lately();
            if lately.len() >= LATELY {
                lately.clear();
            }
            lately.insert(digests.checksum, (path.clone(), digests.size));
        }
        rustix::fs::fsync(&folder).map_err(io::Error::from)?;
        self.look(path.clone());
        Ok(path)
    }

    fn look(&self, path: FilePath) {
        if let Some(watcher) = self.service.watcher() {
            watcher.arrived(path);
        }
    }

    /// The photo of which an original of these bytes stands where it is known to. What is in the trash is taken out of it.
    fn known(&self, checksum: &Checksum) -> Result<Option<AssetId>, SourceError> {
        let failed = |error: library::LibraryError| SourceError::Io(io::Error::other(error));
        let known = self.library().holding(checksum).map_err(failed)?;
        if let Some(Holding { asset, files }) = known
            && files.iter().any(|(path, stat)| self.stands(path, |now| is_unchanged(stat, now, false)))
        {
            let restore = [(asset, vec![Decision::Trash(false)])];
            self.library().decide(Face::Mount, &restore).map_err(failed)?;
            return Ok(Some(asset));
        }
        let lately = self.lately().get(checksum).cloned();
        // Whoever copied it sets its time after it was taken in.
        let lately = lately.filter(|(path, size)| self.stands(path, |now| now.size == *size));
        Ok(lately.map(|_| AssetId::of_content(self.library().account(), checksum)))
    }

    /// Whether a file that will do stands at a path now.
    fn stands(&self, path: &FilePath, will_do: impl Fn(&FileStat) -> bool) -> bool {
        let snapshot = self.library().snapshot();
        let root = snapshot.folders().root(path.root).map(|(root, _)| root.path.clone());
        let stat = root
            // One that does not answer is as one that is away: nobody who copies waits for it.
            .filter(|root| answering::answers(root))
            .and_then(|root| beneath::open_root(&root).ok())
            .and_then(|root| beneath::regular_file(root, &path.relative).ok().flatten());
        stat.is_some_and(|stat| will_do(&beneath::file_stat(&stat)))
    }

    /// A file that was taken in was written to by whoever had it open.
    pub fn amended(&self, file: &File) -> Result<(), SourceError> {
        use std::os::fd::AsRawFd as _;
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        if let Some(path) = self.library().find_root(&path) {
            self.look(path);
        }
        Ok(())
    }
}

fn left(reason: &str) -> Result<Arrived, SourceError> {
    Ok(Arrived::Left(reason.to_owned()))
}

fn stat(file: &File) -> io::Result<FileStat> {
    Ok(beneath::file_stat(&rustix::fs::fstat(file)?))
}

fn name(bytes: &[u8]) -> &std::ffi::OsStr {
    std::ffi::OsStr::from_bytes(bytes)
}

/// Whether a file of this name is a still or a moving picture.
fn kind_of(name: &[u8]) -> Option<Kind> {
    promised(name).map(Format::kind)
}
