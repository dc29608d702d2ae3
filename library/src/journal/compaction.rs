//! Compaction: records that later ones supersede move to the archive, so that a start reads less.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use jiff::Timestamp;

use super::disk::Disk;
use super::error::{Doing, JournalError};
use super::lines::Lines;
use super::reading::{Chain, Merged};
use super::record::{Record, parse_checked};
use super::segment::{Header, Segment, Span, Whole};
use super::survey::{End, survey};
use super::{Journal, Shared};

/// Where superseded records go, below the journal's folder.
pub(super) const ARCHIVE: &str = "archive";

/// What a compaction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CompactionReport {
    /// Segments that were read.
    pub segments: usize,
    /// Records that stay live.
    pub live: u64,
    /// Records that went to the archive. When 0, nothing was changed.
    pub archived: u64,
}

impl Journal {
    /// Moves superseded records to the archive.
    ///
    /// `key` names what a record decides, and a later record with the same key supersedes it: then a replay must come
    /// to the same result without it. `None` for a record that always counts, or that the caller does not know.
    /// Appends go on meanwhile. What was compacted is removed at a later open, when its replacement is proven.
    pub fn compact(&self, key: &dyn Fn(&Record) -> Option<String>) -> Result<CompactionReport, JournalError> {
        self.shared.compact(key)
    }
}

impl Shared {
    fn compact(&self, key: &dyn Fn(&Record) -> Option<String>) -> Result<CompactionReport, JournalError> {
        let _one = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        self.rotate()?;
        let (sealed, until) = {
            let state = self.lock();
            let Some((growing, sealed)) = state.live.split_last() else {
                return Ok(CompactionReport::default());
            };
            (sealed.to_vec(), growing.first - 1)
        };
        let (Some(oldest), Some(newest)) = (sealed.first(), sealed.last()) else {
            return Ok(CompactionReport::default());
        };
        let (span, first) = (Span { from: oldest.span.from, to: newest.span.to }, oldest.first.max(1));
        // Nothing was sealed since the last time.
        if sealed.len() == 1 && oldest.span.is_compacted() {
            return Ok(CompactionReport { segments: 1, ..CompactionReport::default() });
        }
        if let Some(first) = survey(&sealed, 1, End::Before(until + 1))?.damage.into_iter().next() {
            return Err(JournalError::Damaged { first });
        }
        let sealed = Sealed { segments: sealed, until };
        let superseded = Superseded::find(&sealed, key)?;
        let mut report = CompactionReport {
            segments: sealed.segments.len(),
            live: superseded.live,
            archived: superseded.count,
        };
        // A single segment has no name that says it was compacted; it waits for a second.
        if report.archived == 0 || !span.is_compacted() {
            report.live += std::mem::take(&mut report.archived);
            return Ok(report);
        }
        let header = |records| Header {
            library: self.library,
            span,
            first,
            made: Timestamp::now(),
            whole: Some(Whole { last: until, records }),
        };
        let archive = self.folder.join(ARCHIVE);
        self.disk.create_dir(&archive).doing("create", &archive)?;
        self.disk.sync_dir(&self.folder).doing("sync", &self.folder)?;
        let old =
            self.write(&archive, header(report.archived), &sealed, |line| superseded.holds(line, key), true)?;
        let new = self.write(
            &self.folder,
            header(report.live),
            &sealed,
            |line| !superseded.holds(line, key),
            false,
        )?;
        let mut state = self.lock();
        state.live.splice(..sealed.segments.len(), [new]);
        state.archive.retain(|segment| segment.span != old.span);
        state.archive.push(old);
        Ok(report)
    }

    /// Writes a segment of those records that `belongs` picks. People's notes go where `notes` says.
    fn write(
        &self,
        folder: &Path,
        header: Header,
        sealed: &Sealed,
        belongs: impl Fn(&Record) -> bool,
        notes: bool,
    ) -> Result<Segment, JournalError> {
        let name = header.span.name();
        let path = folder.join(&name);
        self.disk.publish(folder, &name, |file| {
            let mut sink = Sink { disk: &self.disk, file, offset: 0, buffer: header.line() };
            if notes {
                for segment in &sealed.segments {
                    let mut lines = Lines::open(&segment.path, None)?;
                    while lines.advance()? {
                        if let Ok(line @ [b'#', ..]) = lines.line() {
                            sink.put(line)?;
                        }
                    }
                }
            }
            let mut chain = sealed.records();
            while chain.advance().map_err(io::Error::other)? {
                let record = parse_checked(chain.line()).map_err(io::Error::other)?;
                if belongs(&record) {
                    sink.put(chain.line())?;
                }
            }
            sink.finish()
        })?;
        Ok(Segment { path, span: header.span, first: header.first, header: Some(header), end: None })
    }
}

/// The segments that are compacted, and the last sequence that is theirs.
struct Sealed {
    segments: Vec<Segment>,
    until: u64,
}

impl Sealed {
    fn records(&self) -> Chain {
        Chain::new(self.segments.clone(), 0, self.until)
    }
}

/// Which records a later one supersedes. Holds 24 bytes a key, not the records.
struct Superseded {
    /// The last record of each key, by a hash of the key.
    last: HashMap<[u8; 16], u64>,
    count: u64,
    live: u64,
}

impl Superseded {
    fn find(sealed: &Sealed, key: &dyn Fn(&Record) -> Option<String>) -> Result<Self, JournalError> {
        let mut found = Self { last: HashMap::new(), count: 0, live: 0 };
        let mut chain = sealed.records();
        while chain.advance()? {
            let Ok(record) = parse_checked(chain.line()) else { continue };
            found.live += 1;
            if let Some(key) = key(&record)
                && found.last.insert(hashed(&key), record.sequence.0).is_some()
            {
                found.count += 1;
                found.live -= 1;
            }
        }
        Ok(found)
    }

    fn holds(&self, record: &Record, key: &dyn Fn(&Record) -> Option<String>) -> bool {
        key(record)
            .is_some_and(|key| self.last.get(&hashed(&key)).is_some_and(|last| *last > record.sequence.0))
    }
}

fn hashed(key: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(key.as_bytes()).as_bytes()[..16]);
    short
}

/// Writes a new segment in large pieces.
struct Sink<'a> {
    disk: &'a Disk,
    file: &'a File,
    offset: u64,
    buffer: Vec<u8>,
}

impl Sink<'_> {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
        if self.buffer.len() >= 1 << 20 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.write_at(self.file, &self.buffer, self.offset)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        Ok(self.offset)
    }
}

/// Whether every record of `old` that `new` answers for stands, byte for byte, in `new` or in the archive.
pub(super) fn replaces(new: &Segment, archive: &[Segment], old: &[Segment]) -> Result<bool, JournalError> {
    let Some(whole) = new.header.as_ref().and_then(|header| header.whole) else { return Ok(false) };
    let chain = |segment: &Segment| Chain::new(vec![segment.clone()], 0, whole.last);
    let chains = |segments: &[Segment]| segments.iter().map(chain).collect::<Vec<_>>();
    let mut theirs = Merged::new(chains(old));
    let mut ours = chains(archive);
    ours.push(chain(new));
    let mut ours = Merged::new(ours);
    while theirs.advance()? {
        while ours.sequence() < theirs.sequence() {
            if !ours.advance()? {
                return Ok(false);
            }
        }
        if ours.sequence() != theirs.sequence() || ours.line() != theirs.line() {
            return Ok(false);
        }
    }
    Ok(true)
}
