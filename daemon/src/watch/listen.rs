//! The thread that listens to a root: its events, its coming and going, and the clock.
//!
//! What makes it hard, and what answers it:
//!
//! 1. *A root may vanish without a word* (a disk pulled out, another mounted over it). It is looked at every few
//!    seconds, whenever the mount table changes, and whenever somebody finds it gone.
//! 2. *The kernel drops events when they come faster than they are read.* Reading them only notes paths; what is
//!    dropped all the same is made up for by a scan.
//! 3. *A rename is two events, and the second may be missing* (moved out of the root). The first is remembered for a
//!    second, and until then nobody judges what was lost.
//! 4. *Nobody says when a writer without a close is done.* See [`super::settling`].

use std::collections::HashMap;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use library::{FileContent, FilePath, Observation};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{ReadFlags, Reader};

use super::absence::folder_of;
use super::notify::Notify;
use super::root::Root;
use super::settling::{Happened, MovedFrom, Settling, Waiting};
use crate::pipeline::describe::related;
use crate::pipeline::filesystem::mounts_below;
use crate::pipeline::gather::Told;
use crate::pipeline::names::{Names, is_ignored_folder, join, promised};
use crate::pipeline::place::Identity;
use crate::pipeline::progress::WatchMode;
use crate::pipeline::queue::{Job, Urgency};
use crate::pipeline::reader::list;

/// How long the first half of a rename waits for the second.
const RENAME_WAIT: Duration = Duration::from_secs(1);

/// How many files are passed on at a time, before events are read again.
const MOST_AT_ONCE: usize = 2000;

/// More files than this in the middle of something are no longer followed one by one, but found by a scan.
const MOST_SETTLING: usize = 200_000;

/// Room for events read at once.
const EVENTS: usize = 64 << 10;

/// An event, kept apart from the buffer it came in.
struct Event {
    watch: i32,
    flags: ReadFlags,
    cookie: u32,
    name: Box<[u8]>,
}

/// A file that has been waited for, with its path.
type Complete = (Box<[u8]>, Waiting);

/// The first half of a rename.
struct Left {
    from: MovedFrom,
    is_folder: bool,
    at: Instant,
}

/// Listens to one root.
pub(super) struct Listener {
    root: Arc<Root>,
    /// The folder that was accepted as the root; none while it is away.
    here: Option<Identity>,
    settling: Settling,
    left: HashMap<u32, Left>,
    mount_table: Option<File>,
    mounts: Vec<std::path::PathBuf>,
    next_probe: Instant,
    scanned: Instant,
}

impl Listener {
    /// Has not looked yet.
    pub(super) fn new(root: Arc<Root>) -> Self {
        let settling = Settling::new(root.pipeline.options().settle);
        let now = Instant::now();
        Self {
            root,
            here: None,
            settling,
            left: HashMap::new(),
            mount_table: File::open("/proc/self/mountinfo").ok(),
            mounts: Vec::new(),
            next_probe: now,
            scanned: now,
        }
    }

    /// Works until everything stops.
    pub(super) fn run(mut self) {
        while !self.root.stopping() {
            let asked = self.root.asked.load(Ordering::Acquire);
            if Instant::now() >= self.next_probe {
                self.probe();
            }
            let mut gone = false;
            let (events, more) = self.read_events();
            for event in events {
                gone |= self.take(&event);
            }
            if gone {
                self.probe();
            }
            self.expire_renames();
            self.pass_on();
            if self.here.is_some() && self.scanned.elapsed() >= self.scan_every() {
                self.root.scan_all(false);
                self.scanned = Instant::now();
            }
            if !more {
                self.root.answered.store(asked, Ordering::Release);
            }
            self.wait();
        }
    }

    /// Sleeps until something happens or is due.
    fn wait(&mut self) {
        let now = Instant::now();
        let mut until = self.next_probe;
        until = self.settling.next().map_or(until, |due| due.min(until));
        if !self.left.is_empty() {
            until = until.min(now + RENAME_WAIT / 4);
        }
        let patience = until.saturating_duration_since(now);
        let notify = self.root.notify();
        let mut fds = vec![PollFd::new(&self.root.wake, PollFlags::IN)];
        if let Some(table) = &self.mount_table {
            fds.push(PollFd::new(table, PollFlags::PRI));
        }
        if let Some(notify) = &notify {
            fds.push(PollFd::new(notify.as_ref(), PollFlags::IN));
        }
        let timeout = Timespec {
            tv_sec: patience.as_secs() as i64,
            // Up to the next millisecond, or a due time would be polled for.
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        if poll(&mut fds, Some(&timeout)).is_err() {
            return;
        }
        let woken = !fds[0].revents().is_empty();
        let mounts_changed = self.mount_table.is_some() && !fds[1].revents().is_empty();
        drop(fds);
        if woken {
            // It only counts wakes; a scan that found the root gone wakes, too.
            let _ = rustix::io::read(&self.root.wake, &mut [0u8; 8]);
            self.next_probe = now;
        }
        if mounts_changed {
            self.next_probe = now;
            self.see_mounts();
        }
    }

    /// The mount table has changed: a disk below the root may have come or gone.
    fn see_mounts(&mut self) {
        // Reading to the end re-arms the poll.
        if let Ok(table) = File::open("/proc/self/mountinfo") {
            self.mount_table = Some(table);
        }
        let now: Vec<_> = mounts_below(self.root.place.path()).into_iter().map(|mount| mount.path).collect();
        if now != self.mounts {
            self.mounts = now;
            if self.here.is_some() {
                self.root.scan_all(true);
            }
        }
    }

    /// Looks whether the root is still there, or back.
    fn probe(&mut self) {
        self.next_probe = Instant::now() + self.root.options.probe;
        let place = Arc::clone(&self.root.place);
        match place.open_any() {
            Ok((_, identity)) if self.here == Some(identity) => {}
            Ok((opened, identity)) => {
                let file_system = {
                    self.leave();
                    place.accept(Some(identity));
                    place.file_system(&opened, identity.0)
                };
                if file_system.is_ours {
                    self.set_away("it is a mount of galleryfs itself".into());
                    return;
                }
                self.here = Some(identity);
                self.arrive(&file_system);
            }
            Err(error) => {
                let reason = match error.kind() {
                    std::io::ErrorKind::NotFound => "the folder is not there".to_owned(),
                    _ => format!("the folder cannot be opened: {error}"),
                };
                self.set_away(reason);
            }
        }
    }

    /// Another folder is the root from now on, or none.
    fn leave(&mut self) {
        self.here = None;
        *self.root.notify.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        self.settling.clear();
        self.left.clear();
        self.root.place.forget_writing();
    }

    fn arrive(&mut self, file_system: &crate::pipeline::filesystem::FileSystem) {
        (self.root.arrived)(self.root.place.id(), self.root.place.path());
        self.mounts = mounts_below(self.root.place.path()).into_iter().map(|mount| mount.path).collect();
        let (notify, reason) = if file_system.is_remote {
            let name = &file_system.name;
            (None, Some(format!("it is on {name}, where changes made elsewhere are not heard of")))
        } else {
            match Notify::new(self.root.options.max_watches) {
                Ok(notify) => (Some(Arc::new(notify)), None),
                Err(error) => (
                    None,
                    Some(format!(
                        "inotify is not to be had ({error}); if it says too many open files: sudo sysctl fs.inotify.max_user_instances=1024"
                    )),
                ),
            }
        };
        let mode = if notify.is_some() { WatchMode::Starting } else { WatchMode::Scanned };
        if let Some(reason) = &reason {
            tracing::info!(root = %self.root.place.path().display(), reason, "scanned from time to time");
        }
        *self.root.notify.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = notify;
        self.root.progress(|progress| {
            progress.mode = mode;
            progress.reason = reason;
        });
        // Whatever could not be read may have been the disk's fault.
        self.root.scan_all(true);
        self.scanned = Instant::now();
    }

    /// How often all of it is scanned as things stand: a watch may come to lack at any time.
    fn scan_every(&self) -> Duration {
        let options = &self.root.options;
        let mut every = options.poll;
        self.root.progress(|progress| {
            // While it still is starting, a limit may yet be found.
            if progress.mode == WatchMode::Watched {
                every = options.verify;
            }
        });
        self.root.poll.unwrap_or(every)
    }

    /// The root is not there: hides what it held.
    fn set_away(&mut self, reason: String) {
        let was_here = self.here.is_some();
        self.leave();
        let mut first = false;
        self.root.progress(|progress| {
            first = progress.mode != WatchMode::Away;
            progress.mode = WatchMode::Away;
            progress.reason = Some(reason.clone());
            progress.watches = 0;
        });
        if !was_here && !first {
            return;
        }
        let place = &self.root.place;
        let mut any = false;
        let asked = self.root.pipeline.sink().each_under(place.id(), &[], &mut |_, _| any = true);
        if let Err(error) = asked {
            tracing::error!(%error, "the library cannot be asked");
        }
        if any && !place.away().iter().any(|folder| folder.is_empty()) {
            tracing::warn!(root = %place.path().display(), reason, "offline: hidden, nothing forgotten");
            let folder = Box::default();
            let observation = Observation::Offline { root: place.id(), folder, reason };
            let duty = vec![self.root.duty()];
            self.root.pipeline.tell(Told { observations: vec![observation], duty, ..Told::default() });
        }
        self.root.progress(|progress| progress.scans += 1);
    }

    /// Reads the events there are; says whether there may be more.
    fn read_events(&self) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let Some(notify) = self.root.notify() else { return (events, false) };
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = Reader::new(notify.as_fd(), &mut buffer);
        // An error is the end of what there is.
        while let Ok(event) = reader.next() {
            events.push(Event {
                watch: event.wd(),
                flags: event.events(),
                cookie: event.cookie(),
                name: event.file_name().map(std::ffi::CStr::to_bytes).unwrap_or_default().into(),
            });
            // Never with events left in the buffer: they would be lost.
            if events.len() >= 8 * MOST_AT_ONCE && reader.is_buffer_empty() {
                return (events, true);
            }
        }
        (events, false)
    }

    /// Takes in one event. True when the root may be gone.
    fn take(&mut self, event: &Event) -> bool {
        let Some(notify) = self.root.notify() else { return true };
        let flags = event.flags;
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            tracing::info!(root = %self.root.place.path().display(), "events were lost; scanning");
            self.root.scan_all(false);
            return false;
        }
        if flags.contains(ReadFlags::IGNORED) {
            notify.ended(event.watch);
            return false;
        }
        let Some(folder) = notify.folder(event.watch) else { return false };
        if flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT) {
            if flags.contains(ReadFlags::UNMOUNT) {
                self.root.scan_folder(&folder, None);
            }
            return folder.is_empty();
        }
        if event.name.is_empty() {
            return false;
        }
        let path = join(&folder, &event.name);
        if flags.contains(ReadFlags::ISDIR) {
            self.folder_event(&notify, event, &path);
        } else {
            self.file_event(event, &path);
        }
        false
    }

    fn folder_event(&mut self, notify: &Notify, event: &Event, path: &[u8]) {
        let flags = event.flags;
        let ignored = is_ignored_folder(&event.name);
        self.root.place.changes().note_tree(path);
        if flags.contains(ReadFlags::MOVED_FROM) {
            if !ignored {
                self.note_left(event.cookie, path, true);
            }
        } else if flags.contains(ReadFlags::MOVED_TO) {
            let from = self.left.remove(&event.cookie).map(|left| left.from.path);
            match (from, ignored) {
                (Some(from), false) => {
                    notify.renamed(&from, path);
                    self.root.scan_folder(path, Some(from));
                }
                (Some(from), true) => {
                    notify.unwatch(&from);
                    self.root.scan_folder(&from, None);
                }
                (None, false) => self.root.scan_folder(path, None),
                (None, true) => {}
            }
        } else if !ignored && flags.intersects(ReadFlags::CREATE | ReadFlags::DELETE | ReadFlags::ATTRIB) {
            self.root.scan_folder(path, None);
        }
    }

    fn note_left(&mut self, cookie: u32, path: &[u8], is_folder: bool) {
        let from = MovedFrom { path: path.into(), moving: self.root.moves.open() };
        self.left.insert(cookie, Left { from, is_folder, at: Instant::now() });
    }

    fn file_event(&mut self, event: &Event, path: &[u8]) {
        let flags = event.flags;
        let known_name = promised(&event.name).is_some();
        let mut from = None;
        let happened = if flags.contains(ReadFlags::MOVED_FROM) {
            if known_name {
                self.note_left(event.cookie, path, false);
            }
            Happened::Left
        } else if flags.contains(ReadFlags::MOVED_TO) {
            from = self.left.remove(&event.cookie).map(|left| left.from);
            Happened::Arrived
        } else if flags.contains(ReadFlags::CLOSE_WRITE) {
            Happened::Closed
        } else if flags.contains(ReadFlags::DELETE) {
            Happened::Left
        } else if flags.contains(ReadFlags::CREATE) {
            Happened::Created
        } else if flags.contains(ReadFlags::MODIFY) {
            Happened::Written
        } else {
            Happened::Touched
        };
        if !known_name {
            return;
        }
        let root = &self.root;
        if matches!(happened, Happened::Created | Happened::Arrived | Happened::Left) {
            root.place.changes().note_name(folder_of(path));
        }
        let writing = self.settling.note(path, happened, from, Instant::now(), || root.duty());
        if let Some(writing) = writing {
            root.place.set_writing(path, writing);
        }
        if self.settling.len() > MOST_SETTLING {
            self.settling.clear();
            root.place.forget_writing();
            root.scan_all(false);
        }
    }

    /// Gives up on the second half of renames: what was moved has left the root.
    fn expire_renames(&mut self) {
        let root = &self.root;
        self.left.retain(|_, left| {
            if left.at.elapsed() < RENAME_WAIT {
                return true;
            }
            if left.is_folder {
                if let Some(notify) = root.notify() {
                    notify.unwatch(&left.from.path);
                }
                root.scan_folder(&left.from.path, None);
            }
            false
        });
    }

    /// Hands on the files that are complete, a folder at a time.
    fn pass_on(&mut self) {
        let ready = self.settling.take(Instant::now(), MOST_AT_ONCE);
        let mut folders: HashMap<Box<[u8]>, Vec<Complete>> = HashMap::new();
        for (path, file) in ready {
            if file.writing {
                self.root.place.set_writing(&path, false);
            }
            folders.entry(folder_of(&path).into()).or_default().push((path, file));
        }
        for (folder, files) in folders {
            match list(&self.root.place, &folder) {
                Ok(names) => self.ask(&folder, files, &names),
                Err(error) => {
                    tracing::debug!(%error, "a folder cannot be listed");
                    self.root.scan_folder(&folder, None);
                }
            }
        }
    }

    fn ask(&self, folder: &[u8], files: Vec<Complete>, names: &Arc<Names>) {
        let id = self.root.place.id();
        let mut beside: HashMap<Box<[u8]>, ()> = HashMap::new();
        for (path, file) in files {
            let path = FilePath::new(id, path);
            beside.extend(related(path.name(), names).into_iter().map(|name| (name, ())));
            // Photos that a sidecar described are read anew when it describes others.
            if let Ok(Some(record)) = self.root.pipeline.sink().file(&path)
                && let FileContent::Sidecar { hosts, .. } = record.content
            {
                beside.extend(hosts.into_iter().filter(|name| names.contains(name)).map(|name| (name, ())));
            }
            let mut job = Job::new(path, file.duty);
            job.complete = file.complete;
            if let Some(from) = file.moved_from {
                job.moved_from = Some(FilePath::new(id, from.path));
                job.duty.push(from.moving);
            }
            job.names = Some(Arc::clone(names));
            self.root.pipeline.look(job, Urgency::Fresh);
        }
        for (name, ()) in beside {
            let path = FilePath::new(id, join(folder, &name));
            if self.root.place.is_being_written(&path.relative) {
                continue;
            }
            let mut job = Job::new(path, self.root.duty());
            job.names = Some(Arc::clone(names));
            self.root.pipeline.look(job, Urgency::Fresh);
        }
    }
}
