//! Reading one open file: both hashes, and what it says about itself, touching the disk once.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::sync::atomic::{AtomicBool, Ordering};

use library::{DigestHasher, Digests, Metadata};

use super::describe::{Describe, SidecarFile, guarded};

/// Files up to this size are read into memory at once; larger ones pass by in pieces, and their metadata is read
/// from the page cache after.
const WHOLE: u64 = 8 << 20;

/// How much of a large file is hashed at a time.
const PIECE: usize = 1 << 20;

/// Why there are no contents.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The disk or the permissions.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It grew or shrank under our hands.
    #[error("the file changed while it was read")]
    Changed,
    /// Everything stops.
    #[error("stopped")]
    Stopped,
}

impl From<ContentsError> for io::Error {
    fn from(error: ContentsError) -> Self {
        match error {
            ContentsError::Io(error) => error,
            error => Self::other(error),
        }
    }
}

/// A file being read. One a thread: its buffer is used again.
#[derive(Debug, Default)]
pub struct Contents {
    buffer: Vec<u8>,
    whole: bool,
}

impl Contents {
    /// Gives the memory back, when there is nothing to read for a while.
    pub fn shrink(&mut self) {
        self.buffer = Vec::new();
    }

    /// The next file is described without having been hashed here.
    pub fn leave(&mut self) {
        self.whole = false;
    }

    /// Hashes a file that should have `size` bytes.
    pub fn digest(
        &mut self,
        file: &mut File,
        size: u64,
        stop: &AtomicBool,
    ) -> Result<Digests, ContentsError> {
        self.whole = size <= WHOLE;
        if self.whole {
            self.buffer.clear();
            self.buffer.reserve(size as usize + 1);
            let read = file.take(size + 1).read_to_end(&mut self.buffer)?;
            if read as u64 != size {
                return Err(ContentsError::Changed);
            }
            return Ok(Digests::of(&self.buffer));
        }
        self.buffer.resize(PIECE, 0);
        let mut hasher = DigestHasher::default();
        let mut read = 0;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(ContentsError::Stopped);
            }
            match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(piece) => {
                    hasher.update(&self.buffer[..piece]);
                    read += piece as u64;
                    if read > size {
                        return Err(ContentsError::Changed);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if read == size { Ok(hasher.finish()) } else { Err(ContentsError::Changed) }
    }

    /// What the file that was just hashed, or left, says about itself.
    pub fn describe(
        &self,
        file: &mut File,
        name: &[u8],
        sidecars: &[SidecarFile],
        reader: &dyn Describe,
    ) -> Result<Metadata, String> {
        if self.whole {
            guarded(|| reader.describe(&mut Cursor::new(&self.buffer), name, sidecars))
        } else {
            Self::describe_file(file, name, sidecars, reader)
        }
    }

    /// What a file says about itself, read from where it is.
    pub fn describe_file(
        file: &mut File,
        name: &[u8],
        sidecars: &[SidecarFile],
        reader: &dyn Describe,
    ) -> Result<Metadata, String> {
        file.rewind().map_err(|error| explain(&error))?;
        guarded(|| reader.describe(file, name, sidecars))
    }
}

/// What went wrong with a file, in words that help.
pub fn explain(error: &io::Error) -> String {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => {
            "permission denied: the user galleryfs runs as may not read it (chmod or chown it)".into()
        }
        Some(Errno::IO) => "the disk reports an error when reading it: check the disk and its cable".into(),
        Some(Errno::NAMETOOLONG) => "its path is too long to be opened".into(),
        Some(Errno::STALE | Errno::NOTCONN | Errno::TIMEDOUT | Errno::HOSTDOWN) => {
            format!("the network file system does not answer ({error})")
        }
        _ => format!("it cannot be read: {error}"),
    }
}
