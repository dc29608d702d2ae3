//! Why a request is refused: each reason knows what the caller is told and how loudly the log hears of it.

use fuser::Errno;

use crate::source::{QueryError, SourceError};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// No such name, or no longer.
    #[error("no such file or directory")]
    NotFound,
    /// Something that the kernel took for what a name leads to, and is not any more. It looks the name up again.
    #[error("another file by now")]
    Stale,
    /// A name was looked for in a file.
    #[error("not a directory")]
    NotADirectory,
    /// A directory was read as a file.
    #[error("is a directory")]
    IsADirectory,
    /// Something would write where nothing can be written.
    #[error("the tree is read-only")]
    ReadOnly,
    /// A photo cannot be put where it is computed what is listed.
    #[error("what is listed here follows from the photos and cannot be decided")]
    Computed,
    /// Of the versions of a photo, one before the last was to be removed.
    #[error("only the last version can be removed, which goes back to the one before")]
    OlderVersion,
    /// The name is another's.
    #[error("file exists")]
    Exists,
    /// A directory that is to go has something in it.
    #[error("directory not empty")]
    NotEmpty,
    /// A value that cannot be read, with what is wrong.
    #[error("{0}")]
    BadValue(String),
    /// An attribute that cannot be set.
    #[error("this attribute cannot be changed")]
    FixedAttribute,
    /// An attribute that is none of ours.
    #[error("no such attribute can be kept here")]
    ForeignAttribute,
    /// The asset or attribute has no such attribute.
    #[error("no such attribute")]
    NoAttribute,
    /// Attributes are switched off for the whole mount.
    #[error("extended attributes are off")]
    NoAttributes,
    /// The buffer is too small for the attribute.
    #[error("the buffer is too small")]
    Range,
    /// A handle the kernel hands back is none of ours.
    #[error("unknown handle")]
    BadHandle,
    /// A name under `search/` that is no query.
    #[error("not a query: {0}")]
    Query(#[from] QueryError),
    /// More requests wait for a disk than the queue holds.
    #[error("too many requests are waiting")]
    Busy,
    /// The library could not hand it out.
    #[error("the library: {0}")]
    Source(SourceError),
    /// The disk says no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<SourceError> for FsError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Query(query) => Self::Query(query),
            other => Self::Source(other),
        }
    }
}

/// Whether it only says what is where: every program meets such answers, and asks on.
fn is_ordinary(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENOENT
                | libc::EEXIST
                | libc::ENOTDIR
                | libc::EISDIR
                | libc::ENOTEMPTY
                | libc::ENODATA
                | libc::EOPNOTSUPP
                | libc::ELOOP
                | libc::EINVAL
                | libc::ENAMETOOLONG
                | libc::EPERM
                | libc::EACCES
                | libc::ESTALE
        )
    )
}

fn io_errno(error: &std::io::Error) -> Errno {
    Errno::from_i32(error.raw_os_error().unwrap_or(libc::EIO))
}

impl FsError {
    /// What the caller is told.
    pub fn errno(&self) -> Errno {
        match self {
            Self::NotFound | Self::Query(_) => Errno::ENOENT,
            Self::Stale => Errno::ESTALE,
            Self::NotADirectory => Errno::ENOTDIR,
            Self::IsADirectory => Errno::EISDIR,
            Self::ReadOnly => Errno::EROFS,
            Self::Computed | Self::FixedAttribute | Self::OlderVersion => Errno::EPERM,
            Self::Exists => Errno::EEXIST,
            Self::BadValue(_) => Errno::EINVAL,
            Self::ForeignAttribute => Errno::EOPNOTSUPP,
            Self::NoAttribute => Errno::NO_XATTR,
            Self::NoAttributes => Errno::ENOSYS,
            Self::Range => Errno::ERANGE,
            Self::BadHandle => Errno::EBADF,
            Self::Busy => Errno::EAGAIN,
            // The name is there until the library learns otherwise; that its bytes cannot be had is an I/O error.
            Self::Source(SourceError::Gone) => Errno::EIO,
            Self::Source(SourceError::Query(_)) => Errno::ENOENT,
            Self::Source(SourceError::Taken(_)) => Errno::EEXIST,
            Self::NotEmpty | Self::Source(SourceError::NotEmpty(_)) => Errno::ENOTEMPTY,
            Self::Source(SourceError::Guarded(_)) => Errno::EPERM,
            Self::Source(SourceError::Refused(_)) => Errno::EINVAL,
            Self::Source(SourceError::Io(error)) | Self::Io(error) => io_errno(error),
        }
    }

    /// Whether there is more to say than the caller is told by the number.
    pub(crate) fn is_explained(&self) -> bool {
        matches!(self, Self::BadValue(_) | Self::OlderVersion | Self::Source(_))
    }

    /// How loudly the log hears of it: what is somebody's everyday question is no news.
    pub(crate) fn level(&self) -> tracing::Level {
        match self {
            Self::Source(
                SourceError::Taken(_)
                | SourceError::Refused(_)
                | SourceError::NotEmpty(_)
                | SourceError::Guarded(_),
            ) => tracing::Level::INFO,
            Self::Io(error) if is_ordinary(error) => tracing::Level::TRACE,
            Self::Source(_) | Self::Io(_) | Self::Busy | Self::BadHandle => tracing::Level::WARN,
            Self::Query(_) | Self::Computed | Self::OlderVersion | Self::BadValue(_) => tracing::Level::INFO,
            Self::ReadOnly => tracing::Level::DEBUG,
            _ => tracing::Level::TRACE,
        }
    }
}
