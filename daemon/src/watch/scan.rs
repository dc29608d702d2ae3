//! Walking through a folder and comparing it with what is known.
//!
//! What makes it hard, and what answers it:
//!
//! 1. *Things change while it walks.* Every folder is watched before any is compared, so whatever the listing misses
//!    comes as an event. And a scan tells nothing itself: it asks for looks at paths, and names losses, which are
//!    looked at again before anybody believes them.
//! 2. *100,000 unchanged files should take a second.* One listing a folder, one stat a file, one walk over what is
//!    known; only what differs goes any further.
//! 3. *A folder that cannot be listed is not an empty folder.* What is known below it is left out of the losses.
//! 4. *Disks get another device number at every start.* A device has left only if no known file of it is found under
//!    another number.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use library::{FileContent, FilePath, FileRecord, FileStat, Format, SidecarSeen};
use rustix::fs::{AtFlags, Dir, FileType};

use super::absence::{Lost, ancestors, folder_of};
use super::holdback::{ScanLosses, to_path};
use super::notify::WatchError;
use super::root::Root;
use crate::pipeline::beneath;
use crate::pipeline::describe::{photos_of, sidecars_of};
use crate::pipeline::duty::{Duties, Duty};
use crate::pipeline::filesystem::mounts_below;
use crate::pipeline::names::{Names, is_ignored_folder, join, promised};
use crate::pipeline::place::is_unchanged;
use crate::pipeline::queue::{Job, Urgency};

/// How many problems are remembered for `status`.
const PROBLEMS_SHOWN: usize = 20;

/// What was found to have moved.
#[derive(Debug, Default, Clone)]
pub(super) struct Moves {
    /// Open while a moved file is not stored under its new path.
    pub(super) open: Arc<Duties>,
    /// Device and inode number of the files that moved.
    files: HashSet<(u64, u64)>,
}

/// What a scan is asked to do.
pub(super) struct Order {
    /// Where.
    pub(super) folder: Box<[u8]>,
    /// What the folder was called before it was renamed.
    pub(super) moved_from: Option<Box<[u8]>>,
    /// Read unreadable files again.
    pub(super) retry: bool,
    /// What an earlier scan found to have moved, perhaps from here.
    pub(super) moves: Moves,
    /// How soon what it finds should be read.
    pub(super) urgency: Urgency,
    /// Kept until all it found is told.
    pub(super) duty: Duty,
    /// The same, if it is the root's first scan: the library wants to know when everything was told once.
    pub(super) first: Option<Duty>,
}

/// What a file was when it was last looked at, as far as a scan compares it.
struct Known {
    stat: FileStat,
    content: KnownContent,
}

/// The known files of a folder, by name.
type KnownFolder = HashMap<Box<[u8]>, Known>;

enum KnownContent {
    Asset(Vec<SidecarSeen>),
    Sidecar(Vec<Box<[u8]>>),
    Unreadable,
}

impl From<FileRecord> for Known {
    fn from(record: FileRecord) -> Self {
        let content = match record.content {
            FileContent::Asset { sidecars, .. } => KnownContent::Asset(sidecars),
            FileContent::Sidecar { hosts, .. } => KnownContent::Sidecar(hosts),
            FileContent::Unreadable { .. } => KnownContent::Unreadable,
        };
        Self { stat: record.stat, content }
    }
}

/// What is in a folder.
struct Listed {
    /// Names of files that are looked at.
    names: Vec<Box<[u8]>>,
    /// Paths of folders.
    folders: Vec<Box<[u8]>>,
}

/// How a scan ended.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Files known at its start.
    pub(super) known: u64,
    /// Files found that were not known.
    pub(super) new: u64,
    /// Links passed over.
    pub(super) links: u64,
    /// Folders that could not be looked at.
    pub(super) problems: Vec<String>,
    /// A folder that had to go without a watch, and why.
    pub(super) unwatched: Option<String>,
    /// What has moved.
    pub(super) moves: Moves,
}

/// One scan.
pub(super) struct Scan<'a> {
    root: &'a Root,
    order: Order,
    known: HashMap<Box<[u8]>, KnownFolder>,
    /// The device of every folder that exists.
    devices: HashMap<Box<[u8]>, u64>,
    /// Device numbers under which known files were found, by the number they were known under.
    renumbered: HashMap<u64, HashSet<u64>>,
    /// Folders about which nothing can be said.
    unknown: Vec<Box<[u8]>>,
    ours: Vec<Box<[u8]>>,
    away: Vec<Box<[u8]>>,
    returned: Vec<Box<[u8]>>,
    lost: Vec<Lost>,
    /// Known files that were not found, with their device and inode number.
    missing: Vec<(Box<[u8]>, u64, u64)>,
    seen: Seen,
}

impl<'a> Scan<'a> {
    /// Does what is ordered; what it finds lost is handed on. An error means that the root itself is not there.
    pub(super) fn run(root: &'a Root, order: Order) -> io::Result<Seen> {
        let opened = root.place.open()?;
        let mut scan = Self {
            root,
            order,
            known: HashMap::new(),
            devices: HashMap::new(),
            renumbered: HashMap::new(),
            unknown: Vec::new(),
            ours: ours_below(root),
            away: root.place.away(),
            returned: Vec::new(),
            lost: Vec::new(),
            missing: Vec::new(),
            seen: Seen::default(),
        };
        scan.seen.moves = scan.order.moves.clone();
        scan.arm(&opened);
        scan.load_known()?;
        scan.walk(&opened);
        if root.stopping() {
            return Ok(scan.seen);
        }
        scan.find_losses(&opened);
        let losses = ScanLosses {
            lost: scan.lost,
            returned: scan.returned,
            moves: Arc::clone(&scan.seen.moves.open),
            duty: std::iter::once(scan.order.duty).chain(scan.order.first).collect(),
        };
        // Nobody judges any more while everything stops.
        let _ = root.losses.send(losses);
        Ok(scan.seen)
    }

    fn load_known(&mut self) -> io::Result<()> {
        let mut count = 0;
        let known = &mut self.known;
        let mut folder: (Box<[u8]>, KnownFolder) = Default::default();
        self.root
            .pipeline
            .sink()
            .each_under(self.root.place.id(), &self.order.folder, &mut |path, record| {
                count += 1;
                let (in_folder, name) = path.split();
                if *in_folder != *folder.0 {
                    let done = std::mem::replace(&mut folder, (in_folder.into(), HashMap::new()));
                    known.entry(done.0).or_default().extend(done.1);
                }
                folder.1.insert(name.into(), record.into());
            })
            .map_err(io::Error::other)?;
        known.entry(folder.0).or_default().extend(folder.1);
        self.seen.known = count;
        Ok(())
    }

    /// Watches every folder before any file is compared: comparing waits for readers, and what is dropped into a
    /// folder meanwhile must be heard of.
    fn arm(&mut self, root: &OwnedFd) {
        if self.root.notify().is_none() {
            return;
        }
        let mut folders = vec![self.order.folder.clone()];
        while let Some(folder) = folders.pop() {
            if self.root.stopping() {
                return;
            }
            // What cannot be looked at is named by the walk that follows.
            let Ok(Some(opened)) = self.open(root, &folder) else { continue };
            folders.extend(self.list(&opened, &folder).map(|listed| listed.folders).unwrap_or_default());
        }
        self.seen.links = 0;
    }

    fn walk(&mut self, root: &OwnedFd) {
        let mut folders = vec![self.order.folder.clone()];
        while let Some(folder) = folders.pop() {
            if self.root.stopping() {
                return;
            }
            match self.enter(root, &folder) {
                Ok(below) => folders.extend(below),
                Err(error) if beneath::is_absence(&error) => {}
                Err(error) => {
                    let path = self.root.place.path().join(to_path(&folder));
                    tracing::warn!(path = %path.display(), %error, "a folder cannot be looked at");
                    self.problem(format!("{}: {error}", path.display()));
                    self.unknown.push(folder);
                }
            }
        }
    }

    fn problem(&mut self, problem: String) {
        if self.seen.problems.len() < PROBLEMS_SHOWN {
            self.seen.problems.push(problem);
        }
    }

    /// Looks at one folder; returns those in it.
    fn enter(&mut self, root: &OwnedFd, folder: &[u8]) -> io::Result<Vec<Box<[u8]>>> {
        let Some(opened) = self.open(root, folder)? else {
            self.unknown.push(folder.into());
            return Ok(Vec::new());
        };
        let moment = self.root.place.changes().now();
        let Listed { names, folders } = self.list(&opened, folder)?;
        self.compare(&opened, folder, &Names::new(names, moment));
        Ok(folders)
    }

    /// Opens a folder and watches it. `None` if it is one of our own mounts.
    fn open(&mut self, root: &OwnedFd, folder: &[u8]) -> io::Result<Option<OwnedFd>> {
        if self.ours.iter().any(|ours| **ours == *folder) {
            return Ok(None);
        }
        let opened = beneath::open_folder(root, folder)?;
        let device = rustix::fs::fstat(&opened)?.st_dev;
        self.devices.insert(folder.into(), device);
        self.watch(&opened, folder, device);
        Ok(Some(opened))
    }

    /// The names of the files and the paths of the folders in a folder.
    fn list(&mut self, opened: &OwnedFd, folder: &[u8]) -> io::Result<Listed> {
        let mut names = Vec::new();
        let mut folders = Vec::new();
        for entry in Dir::read_from(opened)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                let stat = rustix::fs::statat(opened, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
                kind = stat.map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode));
            }
            match kind {
                FileType::RegularFile if promised(name).is_some() => names.push(name.into()),
                FileType::Directory if !is_ignored_folder(name) => folders.push(join(folder, name)),
                FileType::Symlink if name.first() != Some(&b'.') => {
                    tracing::debug!(folder = %String::from_utf8_lossy(folder), name = %String::from_utf8_lossy(name), "a symbolic link is not followed");
                    self.seen.links += 1;
                }
                _ => {}
            }
        }
        Ok(Listed { names, folders })
    }

    fn watch(&mut self, opened: &OwnedFd, folder: &[u8], device: u64) {
        let Some(notify) = self.root.notify() else { return };
        let file_system = self.root.place.file_system(opened, device);
        let path = || self.root.place.path().join(to_path(folder));
        if file_system.is_remote {
            let reason = format!(
                "{} is on {}, where changes made elsewhere are not heard of, so it is scanned from time to time",
                path().display(),
                file_system.name
            );
            self.seen.unwatched.get_or_insert(reason);
            return;
        }
        match notify.watch(opened, folder) {
            Ok(()) => {}
            Err(error @ WatchError::Limit) => {
                self.seen.unwatched.get_or_insert_with(|| error.to_string());
            }
            Err(error @ WatchError::Other(_)) => {
                self.seen.unwatched.get_or_insert_with(|| format!("{} {error}", path().display()));
            }
        }
    }

    /// Compares the files of a folder with what is known of them, and asks for a look at those that differ.
    fn compare(&mut self, opened: &OwnedFd, folder: &[u8], names: &Arc<Names>) {
        let mut known = self.known.remove(folder).unwrap_or_default();
        let id = self.root.place.id();
        let mut unchanged = 0;
        // Sidecars first: they are few, and a photo read after its sidecar is read once.
        for name in names.sidecars().iter().chain(names.media()) {
            let Ok(stat) = rustix::fs::statat(opened, &**name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if !beneath::is_regular(&stat) {
                continue;
            }
            let stat = beneath::file_stat(&stat);
            let path = FilePath::new(id, join(folder, name));
            let before = known.remove(name);
            if let Some(before) = &before {
                self.found(&path, before, &stat);
                if self.is_as_known(opened, name, names, before, &stat) {
                    unchanged += 1;
                    continue;
                }
            } else if promised(name) == Some(Format::TakeoutJson) && photos_of(name, names).is_empty() {
                continue;
            }
            self.ask(path, before.is_some(), &stat, names);
        }
        let progress = self.root.pipeline.progress();
        progress.unchanged.fetch_add(unchanged, std::sync::atomic::Ordering::Relaxed);
        self.miss(folder, known);
    }

    /// Notes known files of a folder that are not there.
    fn miss(&mut self, folder: &[u8], files: KnownFolder) {
        self.missing.extend(
            files.into_iter().map(|(name, known)| (join(folder, &name), known.stat.device, known.stat.inode)),
        );
    }

    /// Notes that a known file is there.
    fn found(&mut self, path: &FilePath, before: &Known, now: &FileStat) {
        if (before.stat.size, before.stat.mtime_ns) == (now.size, now.mtime_ns) {
            self.renumbered.entry(before.stat.device).or_default().insert(now.device);
        }
        if let Some(away) = self.away.iter().find(|away| path.is_under(away))
            && !self.returned.contains(away)
        {
            self.returned.push(away.clone());
        }
    }

    fn is_as_known(
        &self,
        opened: &OwnedFd,
        name: &[u8],
        names: &Names,
        before: &Known,
        now: &FileStat,
    ) -> bool {
        let keeps_inodes = self.root.place.keeps_inodes(opened, now.device);
        if !is_unchanged(&before.stat, now, keeps_inodes) || keeps_inodes && before.stat.device != now.device
        {
            return false;
        }
        match &before.content {
            KnownContent::Asset(sidecars) => {
                if names.sidecars().is_empty() {
                    return sidecars.is_empty();
                }
                let now: Vec<SidecarSeen> = sidecars_of(name, names)
                    .into_iter()
                    .filter_map(|name| {
                        let stat = rustix::fs::statat(opened, &*name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
                        let stat = beneath::is_regular(&stat).then(|| beneath::file_stat(&stat))?;
                        Some(SidecarSeen { name, size: stat.size, mtime_ns: stat.mtime_ns })
                    })
                    .collect();
                now == *sidecars
            }
            KnownContent::Sidecar(hosts) => photos_of(name, names) == *hosts,
            KnownContent::Unreadable => !self.order.retry,
        }
    }

    /// Asks for a look at a path.
    fn ask(&mut self, path: FilePath, is_known: bool, stat: &FileStat, names: &Arc<Names>) {
        let place = &self.root.place;
        // Its close comes as an event.
        if place.is_being_written(&path.relative) {
            return;
        }
        let mut job = Job::new(path, self.root.duty());
        let mut urgency = self.order.urgency;
        if !is_known {
            self.seen.new += 1;
            let known_elsewhere = matches!(self.root.pipeline.sink().same_file(stat), Ok(Some(_)));
            if known_elsewhere || self.order.moved_from.is_some() {
                urgency = urgency.min(Urgency::Arrived);
                job.duty.push(self.seen.moves.open.open());
                job.duty.push(self.root.moves.open());
                self.seen.moves.files.insert((stat.device, stat.inode));
            }
        }
        if let Some(from) = &self.order.moved_from {
            let below = &job.path.relative[self.order.folder.len()..];
            job.moved_from = Some(FilePath::new(place.id(), [from, below].concat()));
        }
        if self.order.urgency != Urgency::Backlog && self.root.notify().is_some() {
            job.settle = Some(self.root.options.arrival_settle);
        }
        job.duty.extend(self.order.first.clone());
        job.names = Some(Arc::clone(names));
        job.retry = self.order.retry;
        self.root.pipeline.look(job, urgency);
    }

    /// Sorts out what was not found: lost, or not to be judged.
    fn find_losses(&mut self, root: &OwnedFd) {
        for (folder, files) in std::mem::take(&mut self.known) {
            self.miss(&folder, files);
        }
        if self.missing.is_empty() {
            return;
        }
        // The scanned folder itself may be gone; what is above it tells the device then.
        for above in ancestors(&self.order.folder) {
            if let Ok(opened) = beneath::open(root.as_fd(), above, rustix::fs::OFlags::PATH)
                && let Ok(stat) = rustix::fs::fstat(opened)
            {
                self.devices.insert(above.into(), stat.st_dev);
            }
        }
        let id = self.root.place.id();
        for (path, device, inode) in std::mem::take(&mut self.missing) {
            let file = FilePath::new(id, path);
            let under = |folders: &[Box<[u8]>]| folders.iter().any(|folder| file.is_under(folder));
            let still_away =
                self.away.iter().any(|away| !self.returned.contains(away) && file.is_under(away));
            if under(&self.unknown) || still_away {
                continue;
            }
            let now = self.device_at(&file.relative);
            let device_left = now.is_some_and(|now| {
                now != device && !self.renumbered.get(&device).is_some_and(|numbers| numbers.contains(&now))
            });
            let moved = self.seen.moves.files.contains(&(device, inode));
            self.lost.push(Lost { path: file.relative, device_left: device_left && !moved, moved });
        }
    }

    /// The device of the nearest folder above a path that exists.
    fn device_at(&self, path: &[u8]) -> Option<u64> {
        let mut folder = folder_of(path);
        loop {
            if let Some(device) = self.devices.get(folder) {
                return Some(*device);
            }
            if folder.is_empty() {
                return None;
            }
            folder = folder_of(folder);
        }
    }
}

/// Our own mounts below a root, which must not be touched, by path below it.
fn ours_below(root: &Root) -> Vec<Box<[u8]>> {
    use std::os::unix::ffi::OsStrExt;
    mounts_below(root.place.path())
        .into_iter()
        .filter(crate::pipeline::filesystem::Mount::is_ours)
        .filter_map(|mount| {
            let below = mount.path.strip_prefix(root.place.path()).ok()?;
            Some(below.as_os_str().as_bytes().into())
        })
        .collect()
}
