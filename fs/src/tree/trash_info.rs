//! `.Trash-UID/info/NAME.trashinfo`: where a photo was before it was deleted, and when that was.
//!
//! File managers write them before they delete something, and read them to put it back. What they wrote is kept in memory: it says
//! nothing that the library does not know. For what was deleted by other means, and after a restart, it is made up from
//! what is known of the photo.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use library::{RowNumber, Scope};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::all::All;
use super::inodes::{INFO_MARK, number_of};
use super::state::State;
use super::trash_can::{self, Part};
use super::view::{View, text};
use super::{DirPath, Node, Tree};
use crate::error::FsError;

/// What the name of each ends in.
pub(super) const SUFFIX: &[u8] = b".trashinfo";

/// The longest that is kept, in bytes.
const LONGEST: usize = 64 << 10;
/// How many are kept at most; then the oldest go, and are made up.
const MOST: usize = 10_000;

/// How long what was written of a photo is still there when that is out of the trash: whoever put it back removes it next.
const LEAVING: Duration = Duration::from_secs(5);

/// How long after it was written a photo is deleted, at most.
const SAME_TIME: Duration = Duration::from_secs(60);

/// What stays as it is in a path.
const IN_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whether an inode number is that of such a file.
pub(crate) fn is_info(ino: u64) -> bool {
    ino >> 60 == INFO_MARK >> 60
}

/// A file that somebody wrote.
#[derive(Clone, Debug)]
struct Written {
    text: Vec<u8>,
    at: SystemTime,
    /// When the photo that it was of left the trash.
    left: Option<Instant>,
}

/// What file managers wrote of what they deleted.
#[derive(Debug, Default)]
pub(super) struct TrashInfos(Mutex<Infos>);

#[derive(Debug, Default)]
struct Infos {
    written: HashMap<Box<[u8]>, Written>,
    /// The names behind the numbers that were given out.
    names: HashMap<u64, Box<[u8]>>,
}

impl TrashInfos {
    fn lock(&self) -> MutexGuard<'_, Infos> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a file of this name.
    fn number(&self, name: &[u8]) -> u64 {
        let ino = number_of(name, INFO_MARK);
        self.lock().names.insert(ino, name.into());
        ino
    }

    fn name(&self, ino: u64) -> Option<Box<[u8]>> {
        self.lock().names.get(&ino).cloned()
    }

    fn written(&self, name: &[u8]) -> Option<Written> {
        self.lock().written.get(name).cloned()
    }

    fn write(&self, name: &[u8], text: Vec<u8>) {
        let mut infos = self.lock();
        if infos.written.len() >= MOST
            && let Some(oldest) =
                infos.written.iter().min_by_key(|(_, info)| info.at).map(|(name, _)| name.clone())
        {
            infos.written.remove(&oldest);
        }
        infos.written.insert(name.into(), Written { text, at: SystemTime::now(), left: None });
    }

    fn remove(&self, name: &[u8]) -> bool {
        self.lock().written.remove(name).is_some()
    }

    /// What is called `from` is called `to`. False where nothing is.
    fn rename(&self, from: &[u8], to: &[u8]) -> bool {
        let mut infos = self.lock();
        let moved = infos.written.remove(from);
        let was_there = moved.is_some();
        if let Some(moved) = moved {
            infos.written.insert(to.into(), moved);
        }
        was_there
    }

    /// A photo is out of the trash: were it deleted again, what was written of it would say when it was deleted first.
    pub(super) fn leaves(&self, name: &str) {
        if let Some(written) = self.lock().written.get_mut(&*[name.as_bytes(), SUFFIX].concat()) {
            written.left = Some(Instant::now());
        }
    }

    /// What was written of a photo under the name that it was to have in the trash is of its own name.
    pub(super) fn is_called(&self, given: &[u8], own: &[u8]) {
        if given != own {
            self.rename(&[given, SUFFIX].concat(), &[own, SUFFIX].concat());
        }
    }
}

/// What would be written of a photo: the day is the last on which something was decided of it, which was that.
fn made_up(state: &State, number: RowNumber) -> Option<Written> {
    let row = state.row(number)?;
    let dir = All.stands(state, number, row).into_iter().next()?;
    let path = dir.join(row.name.as_bytes());
    let decided: jiff::Timestamp = row.decided.into();
    let when = decided.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let path = percent_encode(path.as_bytes(), IN_PATHS);
    let text = format!("[Trash Info]\nPath={path}\nDeletionDate={when}\n");
    Some(Written { text: text.into_bytes(), at: decided.into(), left: None })
}

/// The photo in the trash that a file is of.
fn photo(state: &State, name: &[u8]) -> Option<RowNumber> {
    let number = state.snapshot.by_name(text(name.strip_suffix(SUFFIX)?)?)?;
    state.row(number).filter(|row| state.shows(row, Scope::Trash)).map(|_| number)
}

/// What is said under a name. What was written of a photo counts for the time that it was deleted then: were it deleted again
/// since, it would be taken for what was deleted long ago.
fn info(state: &State, name: &[u8]) -> Option<Written> {
    let written = state.infos.written(name);
    let is_over = |written: &Written| written.left.is_some_and(|left| left.elapsed() >= LEAVING);
    let Some(number) = photo(state, name) else { return written.filter(|written| !is_over(written)) };
    let decided = SystemTime::from(jiff::Timestamp::from(state.row(number)?.decided));
    let is_of_now = |written: &Written| written.at.checked_add(SAME_TIME).is_some_and(|by| decided <= by);
    written.filter(|written| written.left.is_none() && is_of_now(written)).or_else(|| made_up(state, number))
}

/// Whether something in the trash was deleted out of a directory, or out of one below it.
pub(super) fn came_from(state: &State, dir: &DirPath) -> bool {
    trash_can::infos(state).any(|name| {
        let path = info(state, &name).and_then(|info| path_in(&info.text));
        path.is_some_and(|path| path.parent().is_some_and(|(from, _)| from.moved(dir, dir).is_some()))
    })
}

/// The path that such a file says, below the mount point.
fn path_in(text: &[u8]) -> Option<DirPath> {
    let said = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Path="))?;
    let path: Vec<u8> = percent_decode(said).collect();
    Some(DirPath::of(path.split(|byte| *byte == b'/').filter(|name| !name.is_empty())))
}

/// The file of this name.
pub(super) fn find(state: &State, name: &[u8]) -> Option<Node> {
    info(state, name).map(|_| Node::Info(state.infos.number(name)))
}

/// The files that are listed.
pub(super) fn list(state: &State) -> impl Iterator<Item = (u64, Box<[u8]>)> {
    trash_can::infos(state).map(|name| (state.infos.number(&name), name.into()))
}

/// How long such a file is, and when it was written.
pub(super) fn size(state: &State, ino: u64) -> Option<(u64, SystemTime)> {
    let info = info(state, &state.infos.name(ino)?)?;
    Some((info.text.len() as u64, info.at))
}

impl Tree {
    /// Whether such files are in a directory.
    pub(crate) fn holds_infos(&self, dir: u64) -> bool {
        self.dir(dir).is_ok_and(|path| is_infos(&path))
    }

    /// What such a file says.
    pub(crate) fn info(&self, ino: u64) -> Result<Vec<u8>, FsError> {
        let state = self.state();
        let name = state.infos.name(ino).ok_or(FsError::NotFound)?;
        info(&state, &name).map(|info| info.text).ok_or(FsError::NotFound)
    }

    /// Begins one, or empties it.
    pub(crate) fn begin_info(&self, name: &[u8]) -> u64 {
        let state = self.state();
        state.infos.write(name, Vec::new());
        state.infos.number(name)
    }

    /// Writes into one.
    pub(crate) fn write_info(&self, ino: u64, offset: u64, data: &[u8]) -> Result<(), FsError> {
        let mut text = self.info(ino)?;
        let start = usize::try_from(offset).ok().filter(|start| start + data.len() <= LONGEST);
        let start = start.ok_or_else(|| std::io::Error::from_raw_os_error(libc::EFBIG))?;
        text.resize(text.len().max(start + data.len()), 0);
        text[start..start + data.len()].copy_from_slice(data);
        self.rewrite(ino, text)
    }

    /// Cuts one off, or makes it longer.
    pub(crate) fn truncate_info(&self, ino: u64, size: u64) -> Result<(), FsError> {
        let mut text = self.info(ino)?;
        let size = usize::try_from(size).ok().filter(|size| *size <= LONGEST);
        text.resize(size.ok_or_else(|| std::io::Error::from_raw_os_error(libc::EFBIG))?, 0);
        self.rewrite(ino, text)
    }

    fn rewrite(&self, ino: u64, text: Vec<u8>) -> Result<(), FsError> {
        let state = self.state();
        let name = state.infos.name(ino).ok_or(FsError::NotFound)?;
        state.infos.write(&name, text);
        Ok(())
    }

    /// Removes one. What is in the trash has one all the same.
    pub(crate) fn remove_info(&self, name: &[u8]) -> Result<(), FsError> {
        let state = self.state();
        match state.infos.remove(name) || photo(&state, name).is_some() {
            true => Ok(()),
            false => Err(FsError::NotFound),
        }
    }

    /// Gives one another name.
    pub(crate) fn rename_info(&self, from: &[u8], to: &[u8]) -> Result<(), FsError> {
        match self.state().infos.rename(from, to) {
            true => Ok(()),
            false => Err(FsError::NotFound),
        }
    }
}

/// Whether such files are in a directory.
pub(super) fn is_infos(path: &DirPath) -> bool {
    trash_can::part(path) == Some(Part::Info)
}
