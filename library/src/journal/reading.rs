//! Records in order of their sequence, from the files that hold them: live ones, or live and archived ones together.

use std::collections::VecDeque;

use super::error::{Doing, JournalError};
use super::lines::{Backward, Lines};
use super::record::{Record, Sequence, check_line, parse_checked};
use super::segment::Segment;

/// Files that follow one another, read forwards as one. Bad lines are skipped: open has reported them.
pub(super) struct Chain {
    rest: VecDeque<Segment>,
    lines: Option<(Lines, Segment)>,
    /// Records from here on were written again in the next file.
    limit: u64,
    until: u64,
    /// The last sequence given, or what the iteration begins after.
    pub(super) at: u64,
}

impl Chain {
    /// The records after `after`, up to `until`.
    pub(super) fn new(segments: Vec<Segment>, after: u64, until: u64) -> Self {
        let mut rest = VecDeque::from(segments);
        // A file whose successor begins at or before the first record wanted has nothing to add.
        while rest.get(1).is_some_and(|next| next.first > 0 && next.first <= after.saturating_add(1)) {
            rest.pop_front();
        }
        Self { rest, lines: None, limit: u64::MAX, until, at: after }
    }

    /// Moves to the next record: false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, JournalError> {
        loop {
            let Some((lines, segment)) = &mut self.lines else {
                let Some(segment) = self.rest.pop_front() else { return Ok(false) };
                let lines = Lines::open(&segment.path, segment.end).doing("read", &segment.path)?;
                self.limit = self.rest.front().map_or(u64::MAX, |next| match next.first {
                    0 => u64::MAX,
                    first => first,
                });
                self.lines = Some((lines, segment));
                continue;
            };
            if !lines.advance().doing("read", &segment.path)? {
                self.lines = None;
                continue;
            }
            let Ok((sequence, _)) = lines.line().and_then(check_line) else { continue };
            if sequence > self.at && sequence < self.limit && sequence <= self.until {
                self.at = sequence;
                return Ok(true);
            }
        }
    }

    /// The current line, without its newline.
    pub(super) fn line(&self) -> &[u8] {
        self.lines.as_ref().and_then(|(lines, _)| lines.line().ok()).unwrap_or_default()
    }
}

/// The live records, oldest first. A bad line, reported when the journal was opened, is skipped; a disk that fails
/// ends the iteration with the error.
pub struct Records {
    chain: Option<Chain>,
}

impl Records {
    pub(super) fn new(segments: Vec<Segment>, after: Sequence, head: u64) -> Self {
        Self { chain: Some(Chain::new(segments, after.0, head)) }
    }
}

impl Iterator for Records {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let chain = self.chain.as_mut()?;
        loop {
            match chain.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.chain = None;
                    return Some(Err(error));
                }
            }
            if let Ok(record) = parse_checked(chain.line()) {
                return Some(Ok(record));
            }
        }
        self.chain = None;
        None
    }
}

/// Several chains merged by sequence. A record that stands in more than one comes once.
pub(super) struct Merged {
    chains: Vec<Chain>,
    /// Chains that stand on the current record, or have not been moved yet.
    due: Vec<usize>,
    current: Option<usize>,
}

impl Merged {
    pub(super) fn new(chains: Vec<Chain>) -> Self {
        let due = (0..chains.len()).collect();
        Self { chains, due, current: None }
    }

    pub(super) fn advance(&mut self) -> Result<bool, JournalError> {
        let mut ended = Vec::new();
        for at in std::mem::take(&mut self.due) {
            if !self.chains[at].advance()? {
                ended.push(at);
            }
        }
        ended.sort_unstable();
        for at in ended.into_iter().rev() {
            self.chains.remove(at);
        }
        let Some(lowest) = self.chains.iter().map(|chain| chain.at).min() else {
            self.current = None;
            return Ok(false);
        };
        self.due = (0..self.chains.len()).filter(|at| self.chains[*at].at == lowest).collect();
        self.current = self.due.first().copied();
        Ok(true)
    }

    pub(super) fn sequence(&self) -> u64 {
        self.current.map_or(0, |at| self.chains[at].at)
    }

    pub(super) fn line(&self) -> &[u8] {
        self.current.map_or(&[], |at| self.chains[at].line())
    }
}

/// Everything ever recorded, archive included, oldest first.
pub struct History {
    merged: Option<Merged>,
}

impl History {
    pub(super) fn new(live: Vec<Segment>, archive: Vec<Segment>, after: Sequence, head: u64) -> Self {
        let chains = std::iter::once(live)
            .chain(archive.into_iter().map(|segment| vec![segment]))
            .map(|segments| Chain::new(segments, after.0, head))
            .collect();
        Self { merged: Some(Merged::new(chains)) }
    }
}

impl Iterator for History {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let merged = self.merged.as_mut()?;
        loop {
            match merged.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.merged = None;
                    return Some(Err(error));
                }
            }
            if let Ok(record) = parse_checked(merged.line()) {
                return Some(Ok(record));
            }
        }
        self.merged = None;
        None
    }
}

/// Files that follow one another, read backwards as one.
struct BackChain {
    rest: Vec<Segment>,
    lines: Option<(Backward, Segment)>,
    /// Records from here on were given already, or were written again in a later file.
    limit: u64,
    line: Vec<u8>,
}

impl BackChain {
    fn retreat(&mut self) -> Result<bool, JournalError> {
        loop {
            let Some((lines, segment)) = &mut self.lines else {
                let Some(segment) = self.rest.pop() else { return Ok(false) };
                let lines = Backward::open(&segment.path, segment.end).doing("read", &segment.path)?;
                self.lines = Some((lines, segment));
                continue;
            };
            let Some(line) = lines.retreat().doing("read", &segment.path)? else {
                // Whatever an earlier file holds from here on was written again in this one.
                if segment.first > 0 {
                    self.limit = self.limit.min(segment.first);
                }
                self.lines = None;
                continue;
            };
            if let Ok((sequence, _)) = check_line(&line)
                && sequence < self.limit
            {
                self.limit = sequence;
                self.line = line;
                return Ok(true);
            }
        }
    }
}

/// Everything ever recorded, archive included, newest first; reads only as far back as it is asked to.
///
/// Where lines stand out of order, which open reports and only a hand can do, it skips those around them;
/// [`History`] does not.
pub struct Newest {
    chains: Vec<BackChain>,
    due: Vec<usize>,
}

impl Newest {
    pub(super) fn new(live: Vec<Segment>, archive: Vec<Segment>, head: u64) -> Self {
        let chains: Vec<BackChain> = std::iter::once(live)
            .chain(archive.into_iter().map(|segment| vec![segment]))
            .map(|rest| BackChain { rest, lines: None, limit: head.saturating_add(1), line: Vec::new() })
            .collect();
        Self { due: (0..chains.len()).collect(), chains }
    }

    fn retreat(&mut self) -> Result<Option<&[u8]>, JournalError> {
        let mut ended = Vec::new();
        for at in std::mem::take(&mut self.due) {
            if !self.chains[at].retreat()? {
                ended.push(at);
            }
        }
        ended.sort_unstable();
        for at in ended.into_iter().rev() {
            self.chains.remove(at);
        }
        let Some(highest) = self.chains.iter().map(|chain| chain.limit).max() else { return Ok(None) };
        self.due = (0..self.chains.len()).filter(|at| self.chains[*at].limit == highest).collect();
        Ok(self.due.first().map(|at| &*self.chains[*at].line))
    }
}

impl Iterator for Newest {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.retreat() {
                Ok(None) => return None,
                Ok(Some(line)) => {
                    if let Ok(record) = parse_checked(line) {
                        return Some(Ok(record));
                    }
                }
                Err(error) => {
                    self.chains.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}
