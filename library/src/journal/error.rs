//! What can go wrong with the journal, and what was found wrong with it; both say what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::record::{BadLine, MAX_LINE, Sequence};

/// Why the journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk, or the file system, said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What it answered.
        source: io::Error,
    },
    /// A record could not be put on the disk. Nothing of the batch was kept.
    #[error(
        "the decision could not be written to the journal ({source}); nothing was changed. Make room on the disk that \
         holds the data folder, or see to it, and try again"
    )]
    NotWritten {
        /// What the disk answered.
        source: io::Error,
    },
    /// The disk failed earlier, and starting a new segment does not succeed either.
    #[error(
        "the journal cannot reach its disk ({reason}); no decision is taken until it can. Make room on the disk that \
         holds the data folder, or see to it, and try again"
    )]
    Wounded {
        /// What the disk answered.
        reason: String,
    },
    /// The library is read-only, for a reason that was said at open or by the library.
    #[error("the library is read-only: {reason}")]
    ReadOnly {
        /// Why, and what to do.
        reason: String,
    },
    /// The caller's kind is not a word.
    #[error(
        "`{kind}` cannot be the kind of a record: use a-z, 0-9, `.`, `-` and `_`, a letter first, 64 bytes at most"
    )]
    Kind {
        /// The offending word.
        kind: String,
    },
    /// The caller's content is too large for a line.
    #[error("a record of {bytes} bytes is too large for the journal, which takes {MAX_LINE}; split it")]
    TooLarge {
        /// Its size as a line.
        bytes: usize,
    },
    /// The caller's content nests too deep to be read back.
    #[error("the content of a record nests too deep to be read back")]
    TooDeep,
    /// No segment says which library this is.
    #[error(
        "no segment in {} has a readable first line, so it cannot be told which library this is. Restore one segment \
         from a backup, or mend the first line as docs/journal.md describes",
        folder.display()
    )]
    NoHeader {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// Nothing here is in a format we know.
    #[error(
        "{segment} was written by a newer galleryfs (journal format {format}). Start that version again, or a later one"
    )]
    Newer {
        /// Its file name.
        segment: String,
        /// Its format.
        format: u64,
    },
    /// History without a present.
    #[error(
        "{} holds an archive but no segments: the decisions people took are missing. Restore the folder from a backup; \
         to start an empty library instead, move the archive away",
        folder.display()
    )]
    NoSegments {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// Compaction keeps away from a journal that is not whole.
    #[error("the journal is damaged, so it is not compacted ({first}). Mend it as docs/journal.md describes")]
    Damaged {
        /// The first thing found.
        first: Damage,
    },
}

/// Names what was being done when the disk said no.
pub(super) trait Doing<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, JournalError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: &'static str, path: &Path) -> Result<T, JournalError> {
        self.map_err(|source| JournalError::Io { action, path: path.to_owned(), source })
    }
}

/// Something about the journal that was not as it should be, and what was done about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Damage {
    /// The last line, or the last batch, was written only in part, and was cut off.
    TornTail {
        /// The segment's file name.
        segment: String,
        /// How much was cut.
        bytes: u64,
        /// Where those bytes are now.
        kept: PathBuf,
    },
    /// A line is no record. It stays where it is and is skipped.
    BadRecord {
        /// The segment's file name.
        segment: String,
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: BadLine,
    },
    /// More bad records in one segment than are worth naming one by one.
    MoreBadRecords {
        /// The segment's file name.
        segment: String,
        /// How many more.
        count: u64,
    },
    /// The first line of a segment cannot be read; its records were read nevertheless.
    BadHeader {
        /// The segment's file name.
        segment: String,
    },
    /// A segment belongs to another library, and is ignored.
    Foreign {
        /// The segment's file name.
        segment: String,
    },
    /// Records are missing between two that are there.
    MissingRecords {
        /// The first that is missing.
        first: Sequence,
        /// The last that is missing.
        last: Sequence,
    },
    /// Whole segments are missing.
    MissingSegments {
        /// The first segment number that is missing.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// A compacted segment is not what it replaces. Where that is still there, it is used, and the new one stands aside.
    BadCompaction {
        /// The segment's file name.
        segment: String,
        /// The segments it replaces are whole and are used instead.
        undone: bool,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornTail { segment, bytes, kept } => write!(
                f,
                "{segment} ended in {bytes} bytes of a decision that was never completely written, most likely \
                 because the power went; they were moved to {}",
                kept.display()
            ),
            Self::BadRecord { segment, line, reason } => write!(
                f,
                "line {line} of {segment} is no valid record: {reason}. It is skipped and kept; restore that line from a \
                 backup"
            ),
            Self::MoreBadRecords { segment, count } => {
                write!(
                    f,
                    "{count} more lines of {segment} are no valid records; restore the file from a backup"
                )
            }
            Self::BadHeader { segment } => {
                write!(
                    f,
                    "the first line of {segment} cannot be read; its records are used. Restore it from a backup"
                )
            }
            Self::Foreign { segment } => {
                write!(f, "{segment} belongs to another library and is ignored; move it out of the journal")
            }
            Self::MissingRecords { first, last } if first == last => {
                write!(f, "record {first} is missing; restore the segment that held it from a backup")
            }
            Self::MissingRecords { first, last } => {
                write!(
                    f,
                    "records {first} to {last} are missing; restore the segment that held them from a backup"
                )
            }
            Self::MissingSegments { first, last } if first == last => {
                write!(f, "segment {first:08}.journal is missing; restore it from a backup")
            }
            Self::MissingSegments { first, last } => {
                write!(
                    f,
                    "segments {first:08}.journal to {last:08}.journal are missing; restore them from a backup"
                )
            }
            Self::BadCompaction { segment, undone: true } => {
                write!(
                    f,
                    "{segment} was not compacted correctly; it stands aside and what it replaced is used. \
                           Nothing is lost"
                )
            }
            Self::BadCompaction { segment, undone: false } => {
                write!(
                    f,
                    "{segment} does not hold all that it replaces; everything is kept. Restore it from a backup"
                )
            }
        }
    }
}
