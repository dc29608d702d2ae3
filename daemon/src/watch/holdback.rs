//! Absences are held back for a moment before they are told.
//!
//! What makes it hard, and what answers it:
//!
//! 1. *Editors save by removing.* `mv photo photo~; write photo` must be new bytes at the old path. So an absence is
//!    told only if it lasts.
//! 2. *Deleting a large folder is a thousand small events.* While more of them keep coming, all are held, to be
//!    judged together like the losses of a scan ([`super::absence`]); what was told of them before counts
//!    ([`super::series`]).
//! 3. *What was moved is found as new in one place and lost in another*, which may be another root. Losses wait until
//!    what is known to have moved is stored under its new path.
//! 4. *Between judging and telling the file may be back.* It is not told from here: the path is put into the queue,
//!    and whoever takes it looks once more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use library::{FilePath, Observation};

use super::absence::{BELIEVED_FILES, Lost, folder_of, judge};
use super::root::Root;
use super::series::{PAUSE as SERIES_PAUSE, Series};
use crate::pipeline::beneath;
use crate::pipeline::duty::{Duties, Duty};
use crate::pipeline::gather::Told;
use crate::pipeline::names::is_ignored_folder;
use crate::pipeline::place::Notice;
use crate::pipeline::queue::{Job, Urgency};

/// While absences follow each other this closely, they are one burst.
const BURST_PAUSE: Duration = Duration::from_millis(700);

/// The longest that a burst is held back.
const LONGEST_BURST: Duration = Duration::from_secs(10);

/// How long losses wait at most for what has moved.
const LONGEST_SETTLING: Duration = Duration::from_secs(60);

/// What a scan did not find, and what it found again.
#[derive(Debug, Default)]
pub(super) struct ScanLosses {
    /// Files that were not there.
    pub(super) lost: Vec<Lost>,
    /// Offline folders of which something was found.
    pub(super) returned: Vec<Box<[u8]>>,
    /// Open while files that this scan found moved are not stored.
    pub(super) moves: Arc<Duties>,
    /// Held until told.
    pub(super) duty: Vec<Duty>,
}

/// Holds back what one root lost. Runs on a thread of its own, since a sleeping disk may take its time.
pub(super) struct Holdback {
    pub(super) root: Arc<Root>,
    pub(super) notices: Receiver<Notice>,
    pub(super) losses: Receiver<ScanLosses>,
    held: HashMap<FilePath, (Instant, Duty)>,
    first: Instant,
    last: Instant,
    scans: Vec<(Instant, ScanLosses)>,
    series: Series,
}

impl Holdback {
    /// Holds nothing yet.
    pub(super) fn new(root: Arc<Root>, notices: Receiver<Notice>, losses: Receiver<ScanLosses>) -> Self {
        let now = Instant::now();
        Self {
            root,
            notices,
            losses,
            held: HashMap::new(),
            first: now,
            last: now,
            scans: Vec::new(),
            series: Series::default(),
        }
    }

    /// Works until everything stops.
    pub(super) fn run(mut self) {
        let tick = Duration::from_millis(100);
        while !self.root.stopping() {
            let patience = if self.held.is_empty() && self.scans.is_empty() { tick * 2 } else { tick / 2 };
            select! {
                recv(self.notices) -> notice => if let Ok(notice) = notice { self.notice(notice) },
                recv(self.losses) -> losses => if let Ok(losses) = losses { self.scan(losses) },
                default(patience) => {}
            }
            while let Ok(notice) = self.notices.try_recv() {
                self.notice(notice);
            }
            self.tell_due();
        }
    }

    /// Something was lost: the beginning of a burst, or more of it.
    fn arrived(&mut self, now: Instant) {
        if self.held.is_empty() && self.scans.is_empty() {
            self.first = now;
        }
        self.last = now;
        self.series.lost(now);
    }

    fn scan(&mut self, losses: ScanLosses) {
        let now = Instant::now();
        if !losses.lost.is_empty() {
            self.arrived(now);
        }
        self.scans.push((now, losses));
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Absent(path, duty) => {
                let now = Instant::now();
                self.arrived(now);
                self.held.entry(path).or_insert((now, duty));
            }
            Notice::Returned(path) => {
                if let Some(folder) = self.root.place.away_over(&path) {
                    self.root.scan_folder(&folder, None);
                }
            }
        }
    }

    /// Judges what has been held long enough.
    fn tell_due(&mut self) {
        let now = Instant::now();
        let hold = self.root.options.hold_back;
        // What only returned is not held.
        for (_, losses) in self.scans.extract_if(.., |(_, losses)| losses.lost.is_empty()).collect::<Vec<_>>()
        {
            self.tell(Vec::new(), &losses.returned, losses.duty);
        }
        let settled = |since: &Instant, losses: &ScanLosses| {
            losses.moves.count() == 0 || now.duration_since(*since) > LONGEST_SETTLING
        };
        let pending = self.held.len() + self.scans.iter().map(|(_, scan)| scan.lost.len()).sum::<usize>();
        let burst = pending > 0 && pending + self.series.believed(now) > BELIEVED_FILES;
        if burst {
            // A burst is judged as one, once it is over.
            // One that came slowly so far is waited for longer: judged in the middle, it would be named file by file.
            let pause = if self.series.believed(now) > 0 { SERIES_PAUSE } else { BURST_PAUSE };
            let goes_on = now - self.first < hold
                || now - self.last < pause && now - self.first < LONGEST_BURST
                || self.root.moves.count() > 0 && now - self.first < LONGEST_SETTLING
                || !self.scans.iter().all(|(since, losses)| settled(since, losses));
            if goes_on {
                return;
            }
        }
        let is_due = |since: &Instant| burst || now.duration_since(*since) >= hold;
        let held: Vec<_> = self.held.extract_if(|_, (since, _)| is_due(since)).collect();
        let scans: Vec<_> =
            self.scans.extract_if(.., |(since, losses)| is_due(since) && settled(since, losses)).collect();
        let mut lost: HashMap<Box<[u8]>, Lost> = HashMap::new();
        let (mut returned, mut duties) = (Vec::new(), Vec::new());
        for (path, (_, duty)) in held {
            let path = path.relative;
            lost.insert(path.clone(), Lost { path, device_left: false, moved: false });
            duties.push(duty);
        }
        for (_, losses) in scans {
            lost.extend(losses.lost.into_iter().map(|lost| (lost.path.clone(), lost)));
            returned.extend(losses.returned);
            duties.extend(losses.duty);
        }
        self.tell(lost.into_values().collect(), &returned, duties);
    }

    fn tell(&mut self, mut lost: Vec<Lost>, returned: &[Box<[u8]>], duties: Vec<Duty>) {
        if lost.is_empty() && returned.is_empty() {
            return;
        }
        let place = Arc::clone(&self.root.place);
        let Ok(root) = place.open() else {
            // Not these files are lost, but the root: the listener sees to it.
            self.root.wake();
            return;
        };
        lost.retain(|lost| matches!(beneath::regular_file(&root, &lost.path), Ok(None)));
        let away: Vec<_> = place.away().into_iter().filter(|folder| !returned.contains(folder)).collect();
        let id = place.id();
        let is_away = |path: &[u8]| away.iter().any(|folder| FilePath::new(id, path).is_under(folder));
        lost.retain(|lost| !is_away(&lost.path));
        let empty = !lost.is_empty() && is_empty(&root);
        let mut known = HashMap::new();
        let mut lost: HashMap<Box<[u8]>, Lost> =
            lost.into_iter().map(|lost| (lost.path.clone(), lost)).collect();
        let before = self.series.believed(Instant::now());
        if lost.len() + before > BELIEVED_FILES || empty || lost.values().any(|lost| lost.device_left) {
            let sink = self.root.pipeline.sink();
            let mut still_known = HashMap::new();
            let counted = sink.each_under(id, &[], &mut |path, record| {
                if is_away(&path.relative) {
                    return;
                }
                *known.entry(folder_of(&path.relative).into()).or_default() += 1;
                // What is not known here any more was taken away by a move within this root.
                if let Some((name, mut lost)) = lost.remove_entry(&path.relative) {
                    let elsewhere = sink.same_file(&record.stat).ok().flatten();
                    lost.moved |= elsewhere.is_some_and(|(other, _)| other != path);
                    still_known.insert(name, lost);
                }
            });
            if let Err(error) = counted {
                tracing::error!(%error, "the library cannot be asked; nothing is called missing before the next scan");
                self.root.scan_all(false);
                return;
            }
            lost = still_known;
        }
        let verdict = judge(lost.into_values().collect(), &known, before, empty);
        self.series.believe(verdict.believed);
        let mut observations: Vec<Observation> =
            returned.iter().map(|folder| Observation::Online { root: id, folder: folder.clone() }).collect();
        observations.extend(verdict.observations(id));
        for (folder, reason) in &verdict.offline {
            let path = place.path().join(to_path(folder));
            tracing::warn!(path = %path.display(), reason, "offline: hidden, nothing forgotten");
        }
        for path in verdict.missing {
            let mut job = Job::new(FilePath::new(id, path), self.root.duty());
            job.gone = true;
            job.duty.extend(duties.iter().cloned());
            self.root.pipeline.look(job, Urgency::Fresh);
        }
        self.root.pipeline.tell(Told { observations, duty: duties, ..Told::default() });
    }
}

/// Whether a root holds nothing at all that anybody would call contents.
fn is_empty(root: &std::os::fd::OwnedFd) -> bool {
    let Ok(folder) = beneath::open_folder(root, b"") else { return false };
    let Ok(entries) = rustix::fs::Dir::new(folder) else { return false };
    entries.flatten().all(|entry| is_ignored_folder(entry.file_name().to_bytes()))
}

/// A path's bytes as a path.
pub(super) fn to_path(bytes: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt;
    std::path::Path::new(std::ffi::OsStr::from_bytes(bytes))
}
