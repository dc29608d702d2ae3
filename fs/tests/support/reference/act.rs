//! Operations as they are asked of a file system.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::picture::Picture;
use super::split;

/// An operation.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    Rename { from: String, to: String },
    Link { from: String, to: String },
    Unlink(String),
    Mkdir(String),
    Rmdir(String),
    Xattr { path: String, name: &'static str, value: String },
    Save { path: String, how: How, picture: Picture },
    Copy { path: String, picture: Picture },
}

/// How a program saves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Emptied, and written to.
    InPlace,
    /// A new file takes its name.
    Beside,
    /// It gets another name first.
    Aside,
}

impl Act {
    /// Asks it of the file system at `top`.
    pub fn perform(&self, top: &Path) -> io::Result<()> {
        let at = |path: &str| top.join(path);
        match self {
            Self::Rename { from, to } => std::fs::rename(at(from), at(to)),
            Self::Link { from, to } => {
                // As ln and cp do. The kernel takes names off the count of links that it knows, and links nothing that has none
                // left, until it is told the count again.
                std::fs::symlink_metadata(at(from))?;
                std::fs::hard_link(at(from), at(to))
            }
            Self::Unlink(path) => std::fs::remove_file(at(path)),
            Self::Mkdir(path) => std::fs::create_dir(at(path)),
            Self::Rmdir(path) => std::fs::remove_dir(at(path)),
            Self::Xattr { path, name, value } => {
                let flags = rustix::fs::XattrFlags::empty();
                Ok(rustix::fs::setxattr(at(path), *name, value.as_bytes(), flags)?)
            }
            Self::Save { path, how, picture } => save(&at(path), *how, picture),
            Self::Copy { path, picture } => copy(picture, &at(path)),
        }
    }

    /// Whether all of what it does shows before it returns: what a file says is read behind it.
    pub fn shows_at_once(&self) -> bool {
        !matches!(self, Self::Save { .. } | Self::Copy { .. })
            && !matches!(self, Self::Unlink(path) if path.starts_with("versions/"))
    }

    /// What may be left of it where it was interrupted, and is none of the library's.
    pub fn leaves(&self) -> Option<&str> {
        match self {
            Self::Copy { path, .. } if split(path).0 == "inbox" => Some(path),
            _ => None,
        }
    }
}

/// By a program that says what came of closing it.
fn copy(picture: &Picture, to: &Path) -> io::Result<()> {
    let from = tempfile::NamedTempFile::new()?;
    std::fs::write(from.path(), &picture.bytes)?;
    let begun = Instant::now();
    loop {
        let done = Command::new("cp").arg(from.path()).arg(to).env("LC_ALL", "C").output()?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        // The kernel tells of the last close of a reader a moment later.
        let is_read = said.contains("Text file busy") && begun.elapsed() < Duration::from_secs(10);
        match done.status.success() {
            true => return Ok(()),
            false if is_read => std::thread::sleep(Duration::from_millis(5)),
            false => return Err(io::Error::other(said)),
        }
    }
}

fn save(photo: &Path, how: How, picture: &Picture) -> io::Result<()> {
    let name = photo.file_name().unwrap_or_default().display();
    match how {
        How::InPlace => copy(picture, photo),
        How::Beside => {
            let beside = photo.with_file_name(format!(".{name}.tmp"));
            let saved = copy(picture, &beside).and_then(|()| std::fs::rename(&beside, photo));
            saved.inspect_err(|_| drop(std::fs::remove_file(&beside)))
        }
        How::Aside => {
            let aside = photo.with_file_name(format!("{name}~"));
            std::fs::rename(photo, &aside)?;
            match copy(picture, photo) {
                // With another date it is in another directory by now, and what was this one's is gone.
                Ok(()) => std::fs::remove_file(&aside).or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                }),
                Err(error) => std::fs::rename(&aside, photo).and(Err(error)),
            }
        }
    }
}
