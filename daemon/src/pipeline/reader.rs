//! Looking at one path: is there a file, is it as we knew it, and if not, what is it now?
//!
//! What makes it hard, and what answers it:
//!
//! 1. *A file may be written while it is read.* Its stat is taken before and after, by the open file and by the path;
//!    any difference puts it off until it has settled.
//! 2. *Nobody says when a file without a close event is complete* (found by a scan, on a network disk). One that was
//!    changed lately is read only when it looks the same some time later.
//! 3. *Reading is dear, looking is cheap.* What the library knows is asked first: an unchanged file costs one stat, a
//!    renamed one no read, one whose sidecar changed no hash.
//! 4. *Whoever asks knows less than the disk.* Every request is only a hint to look; what is told is what was found.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use library::{
    Digests, FileContent, FilePath, FileRecord, FileStat, Format, Kind, Metadata, Observation, SidecarSeen,
};

use super::beneath;
use super::contents::{Contents, ContentsError, explain};
use super::describe::{Describe, SidecarFile, photos_of, sidecars_of};
use super::hashed::Hashed;
use super::names::{Names, join, promised};
use super::place::{Place, is_unchanged};
use super::queue::Job;
use super::sink::Sink;

/// The largest sidecar that is merged: XMP and Takeout files have some kilobytes.
pub const LARGEST_SIDECAR: u64 = 16 << 20;

/// How recent a change on a network disk must be to be watched settling: its clock may differ from ours.
const REMOTE_CLOCKS: Duration = Duration::from_secs(3600);

/// How often an empty file without a close is put off before it is called empty.
const PATIENCE_WITH_EMPTY: u32 = 10;

/// For how many times the settling time an empty file may be one that is about to be written.
const LATELY_EMPTY: u32 = 15;

/// How often a file that keeps changing is put off with ever longer waits.
const LONGEST_WAIT: u32 = 16;

/// How coarse the times of some file systems are (vfat: two seconds): bytes that followed others within it, and were
/// as many, look unchanged there.
const COARSE_CLOCK: Duration = Duration::from_secs(3);

/// Whether a file's time lies within `window` of now, before or after.
fn is_recent(time_ns: i64, window: Duration) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i64;
    Duration::from_nanos(now.abs_diff(time_ns)) < window
}

/// What was found at a path.
#[derive(Debug)]
pub enum Found {
    /// Nothing that concerns us.
    Nothing,
    /// The file as it was known.
    Unchanged,
    /// News.
    News(Box<Observation>),
    /// No file.
    Absent,
    /// A file that is not complete; look again after this time.
    Unsettled(Duration, FileStat),
    /// The root is not there, so nothing can be said.
    Away,
}

/// Looks at paths. One a thread.
pub struct Reader {
    /// What is known.
    pub sink: Arc<dyn Sink>,
    /// How metadata is read.
    pub describe: Arc<dyn Describe>,
    /// What was hashed elsewhere.
    pub hashed: Arc<Hashed>,
    /// How long a file must stay the same where no close says that it is complete.
    pub settle: Duration,
    /// Everything stops.
    pub stop: Arc<AtomicBool>,
    /// Reads and hashes.
    pub contents: Contents,
}

/// A failure to look: of the library, or of the disk.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The library could not say what it knows.
    #[error(transparent)]
    Library(#[from] library::LibraryError),
    /// The folder could not be opened or listed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file that was opened, with what is needed to tell of it.
struct Opened<'a> {
    job: &'a Job,
    place: &'a Place,
    file: File,
    stat: FileStat,
    format: Format,
}

impl Reader {
    /// Looks at a path; `on_stat` hears what stands there before it is read.
    pub fn look(
        &mut self,
        place: &Place,
        job: &Job,
        on_stat: &dyn Fn(&FileStat),
    ) -> Result<Found, LookError> {
        let path = &job.path;
        let Some(format) = promised(path.name()) else { return Ok(Found::Nothing) };
        let root = match place.open() {
            Ok(root) => root,
            Err(error) => {
                tracing::debug!(root = %place.path().display(), %error, "the root cannot be opened");
                return Ok(Found::Away);
            }
        };
        let there = match beneath::regular_file(&root, &path.relative) {
            Ok(there) => there,
            Err(_) if !place.is_here() => return Ok(Found::Away),
            // A folder on the way may not be entered; the file itself cannot be judged.
            Err(error) => {
                tracing::debug!(?path, %error, "cannot be looked at");
                return Ok(Found::Nothing);
            }
        };
        let Some(there) = there else { return Ok(Found::Absent) };
        let mut stat = beneath::file_stat(&there);
        on_stat(&stat);
        let keeps_inodes = place.keeps_inodes(&root, stat.device);
        let known = self.sink.file(path)?;
        let sidecars = if format.kind() == Kind::Sidecar { Vec::new() } else { self.sidecars(place, job)? };
        if let Some(known) = &known
            && is_unchanged(&known.stat, &stat, keeps_inodes)
            && !(job.complete && !keeps_inodes && is_recent(stat.mtime_ns, COARSE_CLOCK))
            && let Some(found) = self.as_known(place, job, known, &stat, &sidecars)?
        {
            return Ok(found);
        }
        if known.is_none()
            && let Some(found) = self.moved(place, job, stat, keeps_inodes, &sidecars)?
        {
            return Ok(found);
        }
        if let Some(wait) = self.unsettled(place, job, &root, &stat) {
            return Ok(Found::Unsettled(wait, stat));
        }
        let file = match place.open_file(&path.relative) {
            Ok(Some((file, opened))) => {
                stat = beneath::file_stat(&opened);
                file
            }
            Ok(None) => return Ok(Found::Absent),
            Err(_) if !place.is_here() => return Ok(Found::Away),
            Err(error) => return Ok(unreadable(job, stat, known.as_ref(), format, explain(&error))),
        };
        let opened = Opened { job, place, file, stat, format };
        self.read(opened, known.as_ref(), &sidecars)
    }

    /// Whether a known, unchanged file needs no more than that. `None` when it must be read again.
    fn as_known(
        &mut self,
        place: &Place,
        job: &Job,
        known: &FileRecord,
        stat: &FileStat,
        sidecars: &[SidecarSeen],
    ) -> Result<Option<Found>, LookError> {
        let path = job.path.clone();
        let as_it_was = |path: FilePath| {
            // The device number alone may differ; the library finds moved files by it, so it is told.
            if known.stat == *stat || !place_keeps(place, stat) {
                Found::Unchanged
            } else {
                Found::News(Box::new(Observation::Touched { path, stat: *stat }))
            }
        };
        match &known.content {
            FileContent::Asset { sidecars: before, .. } if before == sidecars => Ok(Some(as_it_was(path))),
            FileContent::Asset { digests, .. } => self.describe_again(place, job, *stat, *digests, sidecars),
            FileContent::Sidecar { digests, hosts } => {
                let now = self.hosts(place, job)?;
                if now == *hosts {
                    return Ok(Some(as_it_was(path)));
                }
                Ok(Some(self.sidecar(path, *stat, *digests, now)))
            }
            FileContent::Unreadable { .. } if !job.retry => Ok(Some(as_it_was(path))),
            FileContent::Unreadable { .. } => Ok(None),
        }
    }

    /// A file at a path where none was known, but which is known elsewhere.
    fn moved(
        &mut self,
        place: &Place,
        job: &Job,
        stat: FileStat,
        keeps_inodes: bool,
        sidecars: &[SidecarSeen],
    ) -> Result<Option<Found>, LookError> {
        let known = if keeps_inodes { self.sink.same_file(&stat)? } else { None };
        let mut record = known.map(|(_, record)| record);
        // The library may not have the old path under this inode; a rename we saw vouches for it.
        if record.is_none()
            && let Some(old) = &job.moved_from
        {
            record = self.sink.file(old)?.filter(|record| {
                (record.stat.size, record.stat.mtime_ns) == (stat.size, stat.mtime_ns)
                    && (!keeps_inodes || record.stat.inode == stat.inode)
            });
        }
        let Some(record) = record else { return Ok(None) };
        if promised(job.path.name()).map(Format::kind) == Some(Kind::Sidecar) {
            let FileContent::Sidecar { digests, .. } = record.content else { return Ok(None) };
            let hosts = self.hosts(place, job)?;
            return Ok(Some(self.sidecar(job.path.clone(), stat, digests, hosts)));
        }
        match &record.content {
            FileContent::Asset { sidecars: before, .. } if before == sidecars => {
                Ok(Some(Found::News(Box::new(Observation::Moved { path: job.path.clone(), stat, record }))))
            }
            FileContent::Asset { digests, .. } => self.describe_again(place, job, stat, *digests, sidecars),
            _ => Ok(None),
        }
    }

    /// How long to wait for a file that may still be written to.
    fn unsettled(
        &self,
        place: &Place,
        job: &Job,
        root: &impl std::os::fd::AsFd,
        stat: &FileStat,
    ) -> Option<Duration> {
        // Its writer may have closed it only to open it again: nothing was written yet.
        if job.complete && stat.size > 0
            || job.last_seen == Some(*stat) && (stat.size > 0 || job.put_off >= PATIENCE_WITH_EMPTY)
        {
            return None;
        }
        let settle = job.settle.unwrap_or(self.settle);
        let wait = settle * (1 + job.put_off).min(LONGEST_WAIT);
        let window = if place.file_system(root, stat.device).is_remote { REMOTE_CLOCKS } else { settle };
        (stat.size == 0 && is_recent(stat.ctime_ns, self.settle * LATELY_EMPTY)
            || is_recent(stat.mtime_ns, window)
            || is_recent(stat.ctime_ns, window)
            || job.last_seen.is_some_and(|before| before != *stat)
            || place.is_being_written(&job.path.relative))
        .then_some(wait)
    }

    /// Reads a file from front to back.
    fn read(
        &mut self,
        opened: Opened<'_>,
        known: Option<&FileRecord>,
        sidecars: &[SidecarSeen],
    ) -> Result<Found, LookError> {
        let Opened { job, place, mut file, stat, format } = opened;
        let unreadable = |reason: String| Ok(unreadable(job, stat, known, format, reason));
        let is_sidecar = format.kind() == Kind::Sidecar;
        if is_sidecar && stat.size > LARGEST_SIDECAR {
            return Ok(Found::Nothing);
        }
        let hosts = if is_sidecar { self.hosts(place, job)? } else { Vec::new() };
        // A JSON file that describes no photo is none of ours, unless it was.
        if format == Format::TakeoutJson && hosts.is_empty() && known.is_none() {
            return Ok(Found::Nothing);
        }
        if stat.size == 0 && !is_sidecar {
            return unreadable("the file is empty".into());
        }
        let hashed = match self.hashed.take(&stat) {
            Some(digests) => {
                self.contents.leave();
                Ok(digests)
            }
            None => self.contents.digest(&mut file, stat.size, &self.stop),
        };
        let digests = match hashed {
            Ok(digests) => digests,
            Err(ContentsError::Changed) => return Ok(Found::Unsettled(self.settle, stat)),
            Err(ContentsError::Stopped) => return Ok(Found::Nothing),
            Err(ContentsError::Io(_)) if !place.is_here() => return Ok(Found::Away),
            Err(ContentsError::Io(error)) => return unreadable(explain(&error)),
        };
        let touched = |known: &FileRecord| match &known.content {
            FileContent::Asset { digests: before, sidecars: merged, .. } => {
                *before == digests && merged == sidecars
            }
            _ => false,
        };
        let (metadata, merged) = if is_sidecar || known.is_some_and(touched) {
            (Ok(Metadata::default()), Vec::new())
        } else {
            let files = self.sidecar_files(place, (&job.path, &digests), sidecars)?;
            let metadata = self.contents.describe(&mut file, job.path.name(), &files, self.describe.as_ref());
            (metadata, files.into_iter().map(|file| file.seen).collect())
        };
        if !still_there(place, job, &file, &stat)? {
            return Ok(Found::Unsettled(self.settle, stat));
        }
        let path = job.path.clone();
        if is_sidecar {
            return Ok(self.sidecar(path, stat, digests, hosts));
        }
        if known.is_some_and(touched) {
            return Ok(Found::News(Box::new(Observation::Touched { path, stat })));
        }
        match metadata {
            Ok(metadata) => Ok(Found::News(Box::new(Observation::Asset {
                path,
                stat,
                digests,
                metadata: Box::new(metadata),
                sidecars: merged,
            }))),
            Err(reason) => unreadable(reason),
        }
    }

    /// Reads the metadata of a photo whose bytes are known.
    fn describe_again(
        &mut self,
        place: &Place,
        job: &Job,
        stat: FileStat,
        digests: Digests,
        sidecars: &[SidecarSeen],
    ) -> Result<Option<Found>, LookError> {
        let Ok(Some((mut file, now))) = place.open_file(&job.path.relative) else { return Ok(None) };
        if beneath::file_stat(&now) != stat {
            return Ok(None);
        }
        let files = self.sidecar_files(place, (&job.path, &digests), sidecars)?;
        let metadata = Contents::describe_file(&mut file, job.path.name(), &files, self.describe.as_ref());
        let (Ok(metadata), true) = (metadata, still_there(place, job, &file, &stat)?) else {
            return Ok(None);
        };
        Ok(Some(Found::News(Box::new(Observation::Asset {
            path: job.path.clone(),
            stat,
            digests,
            metadata: Box::new(metadata),
            sidecars: files.into_iter().map(|file| file.seen).collect(),
        }))))
    }

    fn sidecar(&self, path: FilePath, stat: FileStat, digests: Digests, hosts: Vec<Box<[u8]>>) -> Found {
        let format = promised(path.name()).unwrap_or(Format::Xmp);
        Found::News(Box::new(Observation::Sidecar { path, stat, digests, format, hosts }))
    }

    /// The names in a file's folder: those the request came with, or listed now.
    fn names(&self, place: &Place, job: &Job) -> Result<Arc<Names>, LookError> {
        let folder = job.path.split().0;
        match &job.names {
            Some(names) if !place.changes().since(folder, names.moment()) => Ok(Arc::clone(names)),
            _ => Ok(list(place, folder)?),
        }
    }

    /// The photos that a sidecar describes.
    fn hosts(&self, place: &Place, job: &Job) -> Result<Vec<Box<[u8]>>, LookError> {
        Ok(photos_of(job.path.name(), &*self.names(place, job)?))
    }

    /// The sidecars of a photo, as they are now.
    fn sidecars(&self, place: &Place, job: &Job) -> Result<Vec<SidecarSeen>, LookError> {
        let names = self.names(place, job)?;
        if names.sidecars().is_empty() {
            return Ok(Vec::new());
        }
        let root = place.open()?;
        let folder = job.path.split().0;
        let mut seen = Vec::new();
        for name in sidecars_of(job.path.name(), &names) {
            if let Some(stat) = beneath::regular_file(&root, &join(folder, &name)).ok().flatten()
                && stat.st_size as u64 <= LARGEST_SIDECAR
            {
                seen.push(seen_of(name, &beneath::file_stat(&stat)));
            }
        }
        Ok(seen)
    }

    /// Reads the sidecars that are to be merged. One that cannot be read is left out.
    fn sidecar_files(
        &self,
        place: &Place,
        (photo, digests): (&FilePath, &Digests),
        sidecars: &[SidecarSeen],
    ) -> Result<Vec<SidecarFile>, LookError> {
        let folder = photo.split().0;
        let mut files = Vec::new();
        for sidecar in sidecars {
            let opened = match place.open_file(&join(folder, &sidecar.name)) {
                Ok(Some(opened)) => opened,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(?photo, sidecar = %String::from_utf8_lossy(&sidecar.name), %error, "a sidecar cannot be read");
                    // Remembered all the same, so that the photo is not read again at every scan.
                    files.push(SidecarFile { seen: sidecar.clone(), bytes: Vec::new() });
                    continue;
                }
            };
            let (file, stat) = opened;
            let mut bytes = Vec::new();
            if let Err(error) = file.take(LARGEST_SIDECAR).read_to_end(&mut bytes) {
                tracing::warn!(?photo, %error, "a sidecar cannot be read");
            }
            let path = FilePath::new(photo.root, join(folder, &sidecar.name));
            let bytes = self.describe.as_given(digests, &path, bytes);
            // If it is being written, its close event has the photo read once more.
            files
                .push(SidecarFile { seen: seen_of(sidecar.name.clone(), &beneath::file_stat(&stat)), bytes });
        }
        Ok(files)
    }
}

/// Lists the names in a folder that are looked at. A folder that is not there has none.
pub fn list(place: &Place, folder: &[u8]) -> io::Result<Arc<Names>> {
    let moment = place.changes().now();
    let opened = match beneath::open_folder(place.open()?, folder) {
        Ok(opened) => opened,
        Err(error) if beneath::is_absence(&error) => return Ok(Arc::default()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<Box<[u8]>> = Vec::new();
    for entry in rustix::fs::Dir::new(opened)? {
        let entry = entry?;
        use rustix::fs::FileType;
        if matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
            names.push(entry.file_name().to_bytes().into());
        }
    }
    Ok(Names::new(names, moment))
}

fn place_keeps(place: &Place, stat: &FileStat) -> bool {
    place.open().is_ok_and(|root| place.keeps_inodes(root, stat.device))
}

fn seen_of(name: Box<[u8]>, stat: &FileStat) -> SidecarSeen {
    SidecarSeen { name, size: stat.size, mtime_ns: stat.mtime_ns }
}

/// Whether the file that was read still is what it was, and still stands at its path.
fn still_there(place: &Place, job: &Job, file: &File, before: &FileStat) -> io::Result<bool> {
    let now = beneath::file_stat(&rustix::fs::fstat(file)?);
    let by_path = beneath::regular_file(place.open()?, &job.path.relative)?;
    Ok(now == *before && by_path.is_some_and(|stat| beneath::file_stat(&stat) == *before))
}

/// Tells of a photo that cannot be read, unless the library has been told just that.
fn unreadable(
    job: &Job,
    stat: FileStat,
    known: Option<&FileRecord>,
    format: Format,
    reason: String,
) -> Found {
    if format.kind() == Kind::Sidecar {
        tracing::warn!(path = ?job.path, reason, "a sidecar cannot be read");
        return Found::Nothing;
    }
    if known.is_some_and(|known| {
        known.stat == stat
            && matches!(&known.content, FileContent::Unreadable { reason: before } if *before == reason)
    }) {
        return Found::Unchanged;
    }
    Found::News(Box::new(Observation::Unreadable { path: job.path.clone(), stat, reason }))
}
