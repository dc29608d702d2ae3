//! What can go wrong with stored vectors.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a vector could not be kept or read. What was stored before is as it was.
#[derive(Debug, Error)]
pub enum VectorError {
    /// The system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another width than the file's: not this model's.
    #[error("a vector of {given} numbers cannot stand among vectors of {width}")]
    Width {
        /// The file's.
        width: usize,
        /// The vector's.
        given: usize,
    },
    /// A width that no file can have.
    #[error("vectors have between 1 and {max} numbers, not {width}", max = crate::Embedding::MAX_WIDTH)]
    NoWidth {
        /// Asked for.
        width: usize,
    },
    /// More slots than a number holds.
    #[error("the file of vectors is full")]
    Full,
    /// Another process has the file open.
    #[error("{path} is in use", path = path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
}
