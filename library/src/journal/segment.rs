//! A segment: what its name and its first line say.
//!
//! `galleryfs-journal 1 library=0d9c… segment=3 first=1041 made=2026-11-23T05:26:01.123Z 9f86d081884c7d65`

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::record::{read_number, seal_line, unseal_line};
use crate::id::LibraryId;

/// The format this program writes. It reads this one and refuses to write beside a newer one.
pub const FORMAT: u64 = 1;

const MAGIC: &str = "galleryfs-journal";

/// First lines are short; more than this is none.
const MAX_HEADER: u64 = 4096;

/// The segment numbers a file stands for: one as written, several when compacted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Span {
    pub(super) fn one(number: u64) -> Self {
        Self { from: number, to: number }
    }

    /// Reads a file name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".journal")?;
        let number = |digits: &str| {
            let plain = digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten().filter(|n| (1..u64::MAX / 2).contains(n))
        };
        let span = match stem.split_once('-') {
            None => Self::one(number(stem)?),
            Some((from, to)) => Self { from: number(from)?, to: number(to)? },
        };
        // Only the one spelling, or two files could claim the same numbers.
        (span.from <= span.to && span.name() == name).then_some(span)
    }

    pub(super) fn name(self) -> String {
        if self.is_compacted() {
            format!("{:08}-{:08}.journal", self.from, self.to)
        } else {
            format!("{:08}.journal", self.from)
        }
    }

    pub(super) fn is_compacted(self) -> bool {
        self.from != self.to
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_compacted() { write!(f, "{}-{}", self.from, self.to) } else { self.from.fmt(f) }
    }
}

/// What the first line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) library: LibraryId,
    pub(super) span: Span,
    /// The sequence of the first record. What earlier segments hold from here on was written again, here.
    pub(super) first: u64,
    /// When the file was begun.
    pub(super) made: Timestamp,
    /// Of a compacted or archive segment: the last sequence of what it replaces, and how many records it holds.
    pub(super) whole: Option<Whole>,
}

/// What a segment that was written in one go knows about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Whole {
    pub(super) last: u64,
    pub(super) records: u64,
}

/// What stands in the first line of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum FirstLine {
    Header(Header),
    /// Written by a newer program, in that format.
    Newer(u64),
    /// No header, or a damaged one.
    Bad,
    /// The file ends before its first line does.
    Incomplete,
}

impl Header {
    /// The line, newline included.
    pub(super) fn line(&self) -> Vec<u8> {
        let Self { library, span, first, made, whole } = self;
        let mut text =
            format!("{MAGIC} {FORMAT} library={library} segment={span} first={first} made={made:.3}");
        if let Some(Whole { last, records }) = whole {
            text.push_str(&format!(" last={last} records={records}"));
        }
        let mut line = text.into_bytes();
        seal_line(&mut line, 0);
        line
    }

    fn parse(line: &[u8]) -> FirstLine {
        // The version stands where every format will have it, and is believed without the checksum, which a newer
        // format may compute in another way.
        let mut words = line.split(|b| *b == b' ');
        if words.next() != Some(MAGIC.as_bytes()) {
            return FirstLine::Bad;
        }
        let version = words.next().and_then(|word| std::str::from_utf8(word).ok()).and_then(read_number);
        match version {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => return FirstLine::Newer(newer),
            _ => return FirstLine::Bad,
        }
        unseal_line(line).ok().and_then(Self::fields).map_or(FirstLine::Bad, FirstLine::Header)
    }

    fn fields(text: &str) -> Option<Self> {
        let (mut library, mut span, mut first, mut made, mut last, mut records) =
            (None, None, None, None, None, None);
        for word in text.split(' ').skip(2) {
            let (key, value) = word.split_once('=')?;
            match key {
                "library" => library = Some(value.parse().ok()?),
                "segment" => span = Some(read_span(value)?),
                "first" => first = Some(read_number(value).filter(|n| *n > 0)?),
                "made" => made = Some(value.parse().ok()?),
                "last" => last = Some(read_number(value)?),
                "records" => records = Some(read_number(value)?),
                // Room to say more without a new format.
                _ => {}
            }
        }
        let whole = match (last, records) {
            (Some(last), Some(records)) => Some(Whole { last, records }),
            _ => None,
        };
        Some(Self { library: library?, span: span?, first: first?, made: made?, whole })
    }

    /// Reads the first line of a file.
    pub(super) fn read(path: &Path) -> io::Result<FirstLine> {
        let mut start = Vec::new();
        File::open(path)?.take(MAX_HEADER).read_to_end(&mut start)?;
        Ok(match start.iter().position(|b| *b == b'\n') {
            Some(end) => Self::parse(&start[..end]),
            None if (start.len() as u64) < MAX_HEADER => FirstLine::Incomplete,
            None => FirstLine::Bad,
        })
    }
}

fn read_span(text: &str) -> Option<Span> {
    match text.split_once('-') {
        None => read_number(text).map(Span::one),
        Some((from, to)) => Some(Span { from: read_number(from)?, to: read_number(to)? }),
    }
}

/// A file of records, as readers see it.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) span: Span,
    /// Records before this one are not this file's; 0 where its first line could not be read.
    pub(super) first: u64,
    /// `None` where the first line could not be read.
    pub(super) header: Option<Header>,
    /// Bytes beyond this are not to be read: they came later, or are about to be taken back.
    pub(super) end: Option<u64>,
}

impl Segment {
    pub(super) fn name(&self) -> String {
        self.span.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_lines_read_back() {
        for span in [Span::one(1), Span { from: 1, to: 12 }, Span::one(123_456_789)] {
            assert_eq!(Span::of_name(&span.name()), Some(span));
            for whole in [None, Some(Whole { last: 90, records: 7 })] {
                let made = "2026-11-23T05:26:01.123Z".parse().unwrap();
                let header = Header { library: LibraryId::random(), span, first: 3, made, whole };
                let line = header.line();
                assert_eq!(Header::parse(&line[..line.len() - 1]), FirstLine::Header(header));
            }
        }
        for name in
            ["1.journal", "00000000.journal", "00000005-00000002.journal", "00000001.journal.tmp", "a.txt"]
        {
            assert_eq!(Span::of_name(name), None, "{name}");
        }
        assert_eq!(Span::of_name("00000001-00000001.journal"), None);
    }

    #[test]
    fn a_newer_format_is_recognised_whatever_follows() {
        assert_eq!(Header::parse(b"galleryfs-journal 2 whatever"), FirstLine::Newer(2));
        assert_eq!(Header::parse(b"galleryfs-journal 1 whatever"), FirstLine::Bad);
        assert_eq!(Header::parse(b"something else"), FirstLine::Bad);
    }
}
