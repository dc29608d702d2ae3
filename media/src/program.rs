//! Programs of the system that read what no library of ours does: ffmpeg, ffprobe, LibRaw's dcraw_emu.
//!
//! Each gets one file, as its standard input; it knows no name and no folder, and may read nothing else but its libraries
//! ([`crate::decoder`]).

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::decoder::{Limited as _, Room};
use crate::pixels::DecodeError;

/// Where a program finds the file: it is opened anew there, so that it can be sought in.
pub(crate) const GIVEN: &str = "/proc/self/fd/0";

/// Processor time each may take, in seconds.
const MOST_SECONDS: u64 = 40;

/// A program on the PATH, confined to this file.
pub(crate) fn program(name: &str, file: &File) -> Result<Command, DecodeError> {
    let path = on_path(name).ok_or_else(|| DecodeError::MissingProgram { program: name.to_owned() })?;
    let mut command = Command::new(&path);
    command.stdin(file.try_clone()?).limited(MOST_SECONDS, Room::new(&path, file)?);
    Ok(command)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// Runs it to its end, or until it has said more than `most` bytes. What it complained about comes second.
pub(crate) fn run(mut command: Command, most: u64) -> Result<(Vec<u8>, String), DecodeError> {
    let failed = |error: std::io::Error| DecodeError::NoDecoder(error.to_string());
    // Complaints go through a file without a name: of two pipes, the one not being read could fill up.
    let complaints = rustix::fs::memfd_create("galleryfs-complaints", rustix::fs::MemfdFlags::CLOEXEC);
    let mut complaints = File::from(complaints.map_err(std::io::Error::from)?);
    let mut child = command.stdout(Stdio::piped()).stderr(complaints.try_clone()?).spawn().map_err(failed)?;
    let mut said = Vec::new();
    let read = child.stdout.take().map_or(Ok(0), |stdout| stdout.take(most).read_to_end(&mut said));
    if read.is_err() || said.len() as u64 == most {
        let _ = child.kill();
    }
    child.wait().map_err(failed)?;
    read?;
    let mut words = Vec::new();
    std::io::Seek::rewind(&mut complaints)?;
    complaints.take(4096).read_to_end(&mut words)?;
    Ok((said, String::from_utf8_lossy(&words).into_owned()))
}
