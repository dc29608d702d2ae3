//! Reading every line of the segments once, to find what is damaged or missing and where the journal ends.

use super::error::{Damage, Doing, JournalError};
use super::lines::Lines;
use super::record::{BadLine, Sequence, check_line, read_number};
use super::segment::{Segment, Span};

/// More bad lines than this in one segment are only counted.
const NAMED: u64 = 100;

/// What was found.
pub(super) struct Survey {
    pub(super) damage: Vec<Damage>,
    /// The sequence the next record gets.
    pub(super) next: u64,
    /// Compacted segments that are not what their first line says.
    pub(super) unsound: Vec<Span>,
    /// The end of the last segment, if it is one that grows.
    pub(super) tail: Option<Tail>,
}

impl Survey {
    pub(super) fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.unsound.is_empty() && self.tail.is_none_or(|tail| tail.cut == tail.len)
    }
}

/// The end of a segment that grows.
#[derive(Clone, Copy)]
pub(super) struct Tail {
    /// Where its complete batches end.
    pub(super) cut: u64,
    /// Where the file ends.
    pub(super) len: u64,
    /// The sequence that follows at `cut`.
    pub(super) next: u64,
}

/// What follows the last segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing yet: its last line, or batch, may be incomplete.
    Grows,
    /// Another one, which begins with this sequence.
    Before(u64),
}

/// Reads all of the segments. `next` is the sequence that is expected first.
pub(super) fn survey(segments: &[Segment], next: u64, end: End) -> Result<Survey, JournalError> {
    let end_limit = match end {
        End::Grows => u64::MAX,
        End::Before(sequence) => sequence,
    };
    let mut walk = Walk {
        survey: Survey { damage: Vec::new(), next, unsound: Vec::new(), tail: None },
        bad: 0,
        unnamed: 0,
        limit: u64::MAX,
    };
    let mut number = segments.first().map_or(1, |segment| if next == 1 { 1 } else { segment.span.from });
    for (at, segment) in segments.iter().enumerate() {
        walk.limit = segments.get(at + 1).map_or(end_limit, |after| match after.first {
            0 => u64::MAX,
            first => first,
        });
        let missing = segment.span.from > number;
        let before = walk.survey.damage.len();
        if segment.first > 0 {
            walk.expect(segment.first);
        }
        // Numbers may be skipped, records may not.
        if missing && (segment.first == 0 || walk.survey.damage.len() > before) {
            let gap = Damage::MissingSegments { first: number, last: segment.span.from - 1 };
            walk.survey.damage.insert(before, gap);
        }
        number = segment.span.to + 1;
        walk.segment(segment, at + 1 == segments.len() && end == End::Grows)?;
    }
    if let End::Before(sequence) = end {
        walk.expect(sequence);
    }
    walk.survey.next += walk.bad;
    Ok(walk.survey)
}

struct Walk {
    survey: Survey,
    /// Bad lines since the last good record; each may have been one.
    bad: u64,
    /// Bad lines of this segment that were not named.
    unnamed: u64,
    limit: u64,
}

impl Walk {
    /// A record of this sequence comes next: reports what should have come before.
    fn expect(&mut self, sequence: u64) {
        if sequence > self.survey.next.saturating_add(self.bad) {
            let (first, last) = (Sequence(self.survey.next), Sequence(sequence - 1));
            self.survey.damage.push(Damage::MissingRecords { first, last });
        }
        self.survey.next = self.survey.next.max(sequence);
        self.bad = 0;
    }

    fn bad_line(&mut self, segment: &Segment, line: u64, reason: BadLine, named: &mut u64) {
        // All that is expected of this segment has been read: what follows was written again in the next one.
        if self.survey.next >= self.limit {
            return;
        }
        if reason != BadLine::Backwards {
            self.bad += 1;
        }
        *named += 1;
        if *named <= NAMED {
            self.survey.damage.push(Damage::BadRecord { segment: segment.name(), line, reason });
        } else {
            self.unnamed += 1;
        }
    }

    fn segment(&mut self, segment: &Segment, last: bool) -> Result<(), JournalError> {
        let before = self.survey.damage.len();
        let whole = segment.header.as_ref().and_then(|header| header.whole);
        let grows = last && !segment.span.is_compacted();
        let mut lines = Lines::open(&segment.path, segment.end).doing("read", &segment.path)?;
        let (mut records, mut named) = (0, 0);
        // Where a batch began whose end has not been seen yet, and its first sequence.
        let mut batch: Option<(u64, u64)> = None;
        let mut torn = None;
        if segment.header.is_none() {
            self.survey.damage.push(Damage::BadHeader { segment: segment.name() });
        }
        while lines.advance().doing("read", &segment.path)? {
            if lines.number == 1 {
                continue;
            }
            let line = match lines.line() {
                Err(BadLine::Incomplete) if grows => {
                    torn = Some(lines.start);
                    break;
                }
                line => line,
            };
            if let Ok([b'#', note @ ..]) = line {
                self.note(note);
                continue;
            }
            match line.and_then(check_line) {
                Ok((sequence, _)) if sequence < self.survey.next => {
                    self.bad_line(segment, lines.number, BadLine::Backwards, &mut named);
                    batch = None;
                }
                Ok((sequence, _)) if sequence >= self.limit => {}
                Ok((sequence, continues)) => {
                    if segment.span.is_compacted() {
                        self.survey.next = sequence;
                    }
                    self.expect(sequence);
                    self.survey.next = sequence + 1;
                    records += 1;
                    batch = continues.then(|| batch.unwrap_or((lines.start, sequence)));
                }
                Err(reason) => {
                    self.bad_line(segment, lines.number, reason, &mut named);
                    batch = None;
                }
            }
        }
        if self.unnamed > 0 {
            let count = std::mem::take(&mut self.unnamed);
            self.survey.damage.push(Damage::MoreBadRecords { segment: segment.name(), count });
        }
        if grows {
            let len = lines.next;
            let after = self.survey.next + self.bad;
            let (cut, next) = batch.unwrap_or((torn.unwrap_or(len), after));
            self.survey.tail = Some(Tail { cut, len, next });
        }
        if segment.span.is_compacted() {
            if whole.is_none_or(|whole| whole.records != records) || self.survey.damage.len() > before {
                self.survey.unsound.push(segment.span);
            }
            if let Some(whole) = whole {
                self.survey.next = self.survey.next.max(whole.last + 1);
                self.bad = 0;
            }
        }
        Ok(())
    }

    /// `# lost 12-40`: a person has given these records up, so they are not reported again.
    fn note(&mut self, note: &[u8]) {
        let Some((first, last)) = std::str::from_utf8(note).ok().and_then(lost) else { return };
        if last >= self.survey.next && last < self.limit {
            self.expect(first);
            self.survey.next = last + 1;
        }
    }
}

fn lost(note: &str) -> Option<(u64, u64)> {
    let mut words = note.split_whitespace();
    if words.next() != Some("lost") {
        return None;
    }
    let range = words.next()?;
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (read_number(first)?, read_number(last)?);
    (1 <= first && first <= last).then_some((first, last))
}
