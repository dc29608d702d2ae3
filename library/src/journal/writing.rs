//! The growing end of the journal: appending, waiting for the disk, beginning new segments, surviving failures.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Shared;
use super::disk::Disk;
use super::error::JournalError;
use super::record::{Draft, MAX_DEPTH, MAX_LINE, Sequence, is_kind, is_shallow, write_line};
use super::recovery::Found;
use super::segment::{Header, Segment, Span};
use crate::id::LibraryId;

/// How long the committing thread leaves a failing disk alone.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What changes as the journal grows.
#[derive(Debug)]
pub(super) struct State {
    /// Segments that count, in order; the last one grows.
    pub(super) live: Vec<Segment>,
    pub(super) archive: Vec<Segment>,
    /// Segment numbers up to this are not ours to use.
    taken: u64,
    /// The growing file and its length. `None` only if everything is read-only from the start.
    active: Option<(Arc<File>, u64)>,
    /// The last sequence given out.
    pub(super) head: u64,
    /// The last sequence known to be on the disk.
    pub(super) durable: u64,
    /// The lines of the records between the two, a batch each with its last sequence.
    pending: VecDeque<(u64, Vec<u8>)>,
    /// An fdatasync is under way.
    syncing: bool,
    /// The growing file cannot be trusted: a fresh one has to be begun before anything else.
    wounded: Option<String>,
    pub(super) read_only: Option<String>,
    pub(super) incidents: Vec<String>,
    pub(super) closing: bool,
}

impl State {
    fn new(live: Vec<Segment>, archive: Vec<Segment>, head: u64) -> Self {
        Self {
            live,
            archive,
            taken: 0,
            active: None,
            head,
            durable: head,
            pending: VecDeque::new(),
            syncing: false,
            wounded: None,
            read_only: None,
            incidents: Vec::new(),
            closing: false,
        }
    }

    /// A new journal.
    pub(super) fn begin(disk: &Disk, folder: &Path, library: LibraryId) -> Result<Self, JournalError> {
        let mut state = Self::new(Vec::new(), Vec::new(), 0);
        state.begin_segment(disk, folder, library)?;
        Ok(state)
    }

    /// A journal that was there.
    pub(super) fn resume(disk: &Disk, folder: &Path, found: Found) -> Result<Self, JournalError> {
        let mut state = Self::new(found.live, found.archive, found.head);
        state.read_only = found.newer;
        state.taken = found.taken;
        match found.active {
            Some((file, len)) => state.active = Some((Arc::new(file), len)),
            None if state.read_only.is_some() => {}
            None => state.begin_segment(disk, folder, found.library)?,
        }
        Ok(state)
    }

    /// Begins a segment after the last, with the records in it that are not durable yet; on return they are.
    fn begin_segment(&mut self, disk: &Disk, folder: &Path, library: LibraryId) -> Result<(), JournalError> {
        let span = Span::one(self.live.last().map_or(0, |last| last.span.to).max(self.taken) + 1);
        let header = Header { library, span, first: self.durable + 1, made: Timestamp::now(), whole: None };
        let mut bytes = header.line();
        for (_, lines) in &self.pending {
            bytes.extend_from_slice(lines);
        }
        let (file, len) = disk.publish(folder, &span.name(), |file| {
            disk.write_at(file, &bytes, 0)?;
            Ok(bytes.len() as u64)
        })?;
        let path = folder.join(span.name());
        self.live.push(Segment { path, span, first: header.first, header: Some(header), end: None });
        self.active = Some((Arc::new(file), len));
        self.pending.clear();
        self.durable = self.head;
        Ok(())
    }

    /// The live segments, the growing one up to where it has grown.
    pub(super) fn snapshot(&self) -> Vec<Segment> {
        let mut live = self.live.clone();
        if let (Some(last), Some((_, len))) = (live.last_mut(), &self.active) {
            last.end = Some(*len);
        }
        live
    }

    /// The disk has everything up to `sequence`.
    fn confirmed(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
        while self.pending.front().is_some_and(|(last, _)| *last <= self.durable) {
            self.pending.pop_front();
        }
    }

    fn wound(&mut self, what: &str, error: &dyn std::fmt::Display) -> String {
        let reason = format!("{what}: {error}");
        tracing::error!(reason, "the journal's disk failed; starting a fresh segment");
        self.incidents.push(format!("{:.3} {reason}", Timestamp::now()));
        // A disk that fails for days must not fill the memory.
        if self.incidents.len() > 100 {
            self.incidents.remove(0);
        }
        self.wounded = Some(reason.clone());
        reason
    }
}

impl Shared {
    pub(super) fn append(&self, drafts: &[Draft]) -> Result<Vec<Sequence>, JournalError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let mut contents = Vec::with_capacity(drafts.len());
        for draft in drafts {
            contents.push(content(draft)?);
        }
        let mut state = self.lock();
        if let Some(reason) = &state.read_only {
            return Err(JournalError::ReadOnly { reason: reason.clone() });
        }
        let full =
            |state: &State| state.active.as_ref().is_some_and(|(_, len)| *len >= self.options.segment_bytes);
        if state.wounded.is_some() || full(&state) {
            state = self.finish_sync(state);
            self.mend(&mut state)?;
            if full(&state) {
                self.begin_next(&mut state)?;
            }
        }
        let first = state.head + 1;
        let now = Timestamp::now();
        let mut lines = Vec::with_capacity(contents.iter().map(|content| content.len() + 160).sum());
        for (at, (draft, content)) in drafts.iter().zip(&contents).enumerate() {
            let time = format!("{:.3}", draft.time.unwrap_or(now));
            write_line(&mut lines, (first + at as u64, at + 1 < drafts.len()), &time, draft, content);
        }
        let Some((file, len)) = state.active.clone() else {
            return Err(JournalError::ReadOnly { reason: "it was opened so".into() });
        };
        if let Err(source) = self.disk.write_at(&file, &lines, len) {
            // The batch must not come back after a crash: take away whatever part of it arrived.
            if let Err(error) = self.disk.truncate(&file, len) {
                state.wound("cannot take back a decision that was written in part", &error);
            }
            return Err(JournalError::NotWritten { source });
        }
        let idle = state.durable == state.head;
        let last = state.head + drafts.len() as u64;
        state.head = last;
        state.active = Some((file, len + lines.len() as u64));
        state.pending.push_back((last, lines));
        drop(state);
        if idle {
            self.wake.notify_one();
        }
        Ok((first..=last).map(Sequence).collect())
    }

    pub(super) fn sync(&self) -> Result<(), JournalError> {
        let state = self.lock();
        let target = state.head;
        self.sync_to(state, target)
    }

    /// Waits until the disk has everything up to `target`; the first who waits asks it, for all.
    fn sync_to<'a>(&'a self, mut state: MutexGuard<'a, State>, target: u64) -> Result<(), JournalError> {
        loop {
            if state.durable >= target {
                return Ok(());
            }
            if state.syncing {
                state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if state.wounded.is_some() {
                self.mend(&mut state)?;
                continue;
            }
            let Some((file, _)) = state.active.clone() else { return Ok(()) };
            let reached = state.head;
            state.syncing = true;
            drop(state);
            let result = self.disk.sync(&file);
            state = self.lock();
            state.syncing = false;
            self.synced.notify_all();
            match result {
                Ok(()) => state.confirmed(reached),
                Err(error) => {
                    state.wound("the disk did not take what was written", &error);
                    self.mend(&mut state)?;
                }
            }
        }
    }

    /// Waits for an fdatasync that is under way: its result decides what the file is worth.
    fn finish_sync<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.syncing {
            state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Goes on in a fresh segment if the growing one cannot be trusted. Nothing may be syncing.
    fn mend(&self, state: &mut State) -> Result<(), JournalError> {
        if state.wounded.is_none() {
            return Ok(());
        }
        match state.begin_segment(&self.disk, &self.folder, self.library) {
            Ok(()) => {
                state.wounded = None;
                tracing::warn!("the journal goes on in a fresh segment; nothing was lost");
                Ok(())
            }
            Err(error) => {
                Err(JournalError::Wounded { reason: state.wound("cannot begin a segment", &error) })
            }
        }
    }

    pub(super) fn rotate(&self) -> Result<(), JournalError> {
        let mut state = self.finish_sync(self.lock());
        if let Some(reason) = &state.read_only {
            return Err(JournalError::ReadOnly { reason: reason.clone() });
        }
        self.mend(&mut state)?;
        if state.live.last().is_some_and(|last| last.first <= state.head) {
            self.begin_next(&mut state)?;
        }
        Ok(())
    }

    /// Seals the growing segment and begins the next. Nothing may be syncing.
    fn begin_next(&self, state: &mut State) -> Result<(), JournalError> {
        let Some((file, _)) = state.active.clone() else { return Ok(()) };
        if state.durable < state.head {
            if let Err(error) = self.disk.sync(&file) {
                state.wound("the disk did not take what was written", &error);
                return self.mend(state);
            }
            let head = state.head;
            state.confirmed(head);
        }
        // Should this fail half way, the new segment may exist, and from its first sequence on the old one would not
        // count: so nothing may be appended to the old one any more.
        state
            .begin_segment(&self.disk, &self.folder, self.library)
            .map_err(|error| JournalError::Wounded { reason: state.wound("cannot begin a segment", &error) })
    }

    /// What the committing thread does: waits for a first record, lets others join it, asks the disk.
    pub(super) fn commit_forever(&self, delay: Duration) {
        loop {
            let mut state = self.lock();
            while state.durable == state.head && !state.closing {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state = self.rest(state, delay);
            if state.closing {
                return;
            }
            let target = state.head;
            // The error went to the log and to `incidents`; the next append or sync meets it too.
            if self.sync_to(state, target).is_err() {
                let state = self.lock();
                drop(self.rest(state, AFTER_FAILURE));
            }
        }
    }

    fn rest<'a>(&'a self, mut state: MutexGuard<'a, State>, delay: Duration) -> MutexGuard<'a, State> {
        let until = Instant::now() + delay;
        while !state.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

/// The content of a draft as one line of JSON, if it can be read back.
fn content(draft: &Draft) -> Result<String, JournalError> {
    if !is_kind(&draft.kind) {
        return Err(JournalError::Kind { kind: draft.kind.clone() });
    }
    if !is_shallow(&draft.content, MAX_DEPTH) {
        return Err(JournalError::TooDeep);
    }
    let text = serde_json::to_string(&draft.content).map_err(io::Error::from);
    let text = text.map_err(|source| JournalError::NotWritten { source })?;
    // 256 bytes hold everything else a line has.
    if text.len() + 256 > MAX_LINE {
        return Err(JournalError::TooLarge { bytes: text.len() });
    }
    Ok(text)
}
