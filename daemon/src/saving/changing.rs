//! A file whose place another takes: in one step, and only if it still is what it was looked at.
//!
//! What makes it hard, and what answers it:
//! 1. Nobody must find half a file. The new one is written in a folder of ours on the same disk, is on the disk when it is
//!    whole, and then changes places with the other (RENAME_EXCHANGE); where a disk cannot do that, the other gets a second
//!    name first.
//! 2. Another program may be there first. What came out is compared with what was looked at, and put back if it is
//!    something else. A file that is new takes a name that nobody has, or none.
//! 3. We may be killed in between. What lies between two names then is kept the next time: it may be an original.
//!
//! A program that had the file open all the while writes into what came out; who cares looks at that a little later
//! ([`Replaced`]).

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use library::FilePath;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::kept;
use crate::importing::placing::moved;
use crate::pipeline::beneath;

/// The file that is about to change places, or just did.
pub(super) const CHANGING: &str = "changing";

/// Why nothing changed places.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Another program was there first.
    #[error("it was changed by somebody else a moment ago")]
    Changed,
    /// The disk says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for ChangeError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// A new file on its way to its place.
#[derive(Debug)]
pub struct Changing {
    /// The folder of ours.
    room: OwnedFd,
    /// Where what is replaced is kept, under which name once it has one.
    kept: PathBuf,
    second: Option<Vec<u8>>,
    /// The number that it comes after, at least.
    after: u32,
    /// The folder of the place, and the name there.
    folder: OwnedFd,
    name: Box<[u8]>,
    /// What stands there, as it was looked at.
    before: Option<Stat>,
    /// The new file; `None` where none is to take the place.
    copy: Option<File>,
}

impl Changing {
    /// Has a new file filled, with this mode, for a place where this is now. What it replaces is kept in the same room,
    /// which is made if it is not there: a folder of ours three below the root.
    pub fn begin(
        room: &Path,
        (root, path): (&Path, &FilePath),
        before: Option<Stat>,
        mode: Mode,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut changing = Self::at(room, (root, path), before)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut copy = File::from(rustix::fs::openat(&changing.room, CHANGING, flags, mode)?);
        // The mask of this process has no say.
        let filled = fill(&mut copy)
            .and_then(|()| Ok(rustix::fs::fchmod(&copy, mode)?))
            .and_then(|()| copy.sync_all());
        changing.copy = Some(copy);
        if let Err(error) = filled {
            changing.give_up();
            return Err(error);
        }
        Ok(changing)
    }

    /// The same where what is there is only to go.
    pub fn remove(room: &Path, at: (&Path, &FilePath), before: Stat) -> io::Result<Self> {
        Self::at(room, at, Some(before))
    }

    fn at(room: &Path, (root, path): (&Path, &FilePath), before: Option<Stat>) -> io::Result<Self> {
        std::fs::create_dir_all(room)?;
        // It, and those above it that may be new.
        room.ancestors().take(4).try_for_each(|folder| File::open(folder)?.sync_all())?;
        finish(room)?;
        let (above, name) = path.split();
        Ok(Self {
            room: readable(&beneath::open_root(room)?)?,
            kept: room.to_owned(),
            second: None,
            after: 0,
            folder: readable(&beneath::open_folder(beneath::open_root(root)?, above)?)?,
            name: name.into(),
            before,
            copy: None,
        })
    }

    /// Keeps what is replaced in another folder.
    pub fn keep_in(&mut self, folder: PathBuf) {
        self.kept = folder;
    }

    /// Numbers what is replaced after this, wherever that is kept.
    pub fn number_after(&mut self, number: u32) {
        self.after = number;
    }

    /// Has the two files change places, or with an error not.
    pub fn swap(&mut self) -> Result<(), ChangeError> {
        let name = OsStr::from_bytes(&self.name);
        let Some(before) = &self.before else {
            let placed = moved(self.room.as_fd(), CHANGING.as_bytes(), self.folder.as_fd(), &self.name);
            return placed
                .map_err(|error| if error == Errno::EXIST { ChangeError::Changed } else { error.into() });
        };
        let exchange =
            || rustix::fs::renameat_with(&self.room, CHANGING, &self.folder, name, RenameFlags::EXCHANGE);
        let out = || moved(self.folder.as_fd(), &self.name, self.room.as_fd(), CHANGING.as_bytes());
        match &self.copy {
            None => out()?,
            Some(_) => match exchange() {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return self.replace(),
                done => done?,
            },
        }
        // What came out must be what was looked at: another program may have been there first.
        let came = rustix::fs::statat(&self.room, CHANGING, AtFlags::SYMLINK_NOFOLLOW);
        if !came.is_ok_and(|came| beneath::is_same(&came, before)) {
            match &self.copy {
                Some(_) => exchange()?,
                None => moved(self.room.as_fd(), CHANGING.as_bytes(), self.folder.as_fd(), &self.name)?,
            }
            return Err(ChangeError::Changed);
        }
        Ok(())
    }

    /// The same where names cannot be exchanged.
    fn replace(&mut self) -> Result<(), ChangeError> {
        let name = OsStr::from_bytes(&self.name);
        let (folder, second) = self.next_kept()?;
        let to = OsStr::from_bytes(&second);
        rustix::fs::linkat(&self.folder, name, &folder, to, AtFlags::empty())?;
        let linked = rustix::fs::statat(&folder, to, AtFlags::SYMLINK_NOFOLLOW)?;
        if !self.before.is_some_and(|before| beneath::is_same(&linked, &before)) {
            rustix::fs::unlinkat(&folder, to, AtFlags::empty())?;
            return Err(ChangeError::Changed);
        }
        rustix::fs::fsync(&folder)?;
        rustix::fs::renameat(&self.room, CHANGING, &self.folder, name)?;
        self.second = Some(second);
        Ok(())
    }

    /// The folder where what is replaced is kept, and its name there.
    fn next_kept(&self) -> io::Result<(File, Vec<u8>)> {
        let number = kept::next(&self.kept)?.max(self.after + 1);
        Ok((File::open(&self.kept)?, kept::numbered(number, &self.name)))
    }

    /// Gives what was replaced its name, has all of it on the disk for good, and says what was replaced, if anything.
    pub fn settle(mut self) -> io::Result<Option<Replaced>> {
        if self.before.is_some() && self.second.is_none() {
            let (folder, second) = self.next_kept()?;
            rustix::fs::renameat(&self.room, CHANGING, &folder, OsStr::from_bytes(&second))?;
            rustix::fs::fsync(&folder)?;
            self.second = Some(second);
        }
        rustix::fs::fsync(&self.room)?;
        rustix::fs::fsync(&self.folder)?;
        let Self { kept, second, folder, name, before, copy, .. } = self;
        let Some((second, before)) = second.zip(before) else { return Ok(None) };
        let now = copy.map(|copy| rustix::fs::fstat(&copy)).transpose()?;
        Ok(Some(Replaced { kept, second, folder, name, before, now }))
    }

    /// Removes the copy that was not needed: that alone, whatever went wrong before.
    pub fn give_up(&self) {
        let there = rustix::fs::statat(&self.room, CHANGING, AtFlags::SYMLINK_NOFOLLOW);
        let copy = self.copy.as_ref().and_then(|copy| rustix::fs::fstat(copy).ok());
        if there.ok().zip(copy).is_some_and(|(there, copy)| beneath::is_same(&there, &copy)) {
            let _ = rustix::fs::unlinkat(&self.room, CHANGING, AtFlags::empty());
        }
    }
}

/// A folder opened to be synced, which one that is only looked up in cannot be.
fn readable(folder: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, ".", flags, Mode::empty())?)
}

/// Keeps what a killed process may have left between two names: it may be an original.
fn finish(folder: &Path) -> io::Result<()> {
    if folder.join(CHANGING).symlink_metadata().is_ok() {
        // Apart from what one can go back to: it may be half a file.
        let undone = kept::undone(folder)?;
        let kept = undone.join(format!("{:04} interrupted", kept::next(&undone)?));
        std::fs::rename(folder.join(CHANGING), kept)?;
    }
    Ok(())
}

/// What was replaced, and by what.
#[derive(Debug)]
pub struct Replaced {
    /// Where it is kept now.
    kept: PathBuf,
    second: Vec<u8>,
    /// Where it stood.
    folder: OwnedFd,
    name: Box<[u8]>,
    /// As it was then.
    before: Stat,
    /// What stands there now, if anything.
    now: Option<Stat>,
}

/// What became of a file after another took its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Afterwards {
    /// Nothing.
    AsItWas,
    /// A program that had it open went on writing: it has its place again.
    Back,
    /// The same, but the place is another's by now: it is kept.
    Late,
}

impl Replaced {
    /// The folder where it is kept.
    pub fn folder(&self) -> &Path {
        &self.kept
    }

    /// Looks at it once more.
    pub fn look_again(&self) -> io::Result<Afterwards> {
        let kept = File::open(&self.kept)?;
        let (second, name) = (OsStr::from_bytes(&self.second), OsStr::from_bytes(&self.name));
        if beneath::is_same(&rustix::fs::statat(&kept, second, AtFlags::SYMLINK_NOFOLLOW)?, &self.before) {
            return Ok(Afterwards::AsItWas);
        }
        let there = match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Some(there),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(error.into()),
        };
        match (&there, &self.now) {
            (Some(there), Some(ours)) if beneath::is_same(there, ours) => {
                let done =
                    rustix::fs::renameat_with(&kept, second, &self.folder, name, RenameFlags::EXCHANGE);
                match done {
                    Ok(()) => rustix::fs::unlinkat(&kept, second, AtFlags::empty())?,
                    Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                        rustix::fs::renameat(&kept, second, &self.folder, name)?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            (None, None) => moved(kept.as_fd(), &self.second, self.folder.as_fd(), &self.name)?,
            _ => return Ok(Afterwards::Late),
        }
        rustix::fs::fsync(&self.folder)?;
        Ok(Afterwards::Back)
    }

    /// Removes it, which nobody needs.
    pub fn drop_it(&self) -> io::Result<()> {
        let at = self.kept.join(OsStr::from_bytes(&self.second));
        std::fs::remove_file(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::RootId;
    use std::io::Write as _;

    fn place(dir: &Path) -> (PathBuf, FilePath, PathBuf) {
        let root = dir.canonicalize().unwrap();
        let room = root.join(".galleryfs/versions/x");
        (root, FilePath::new(RootId::from_bytes([1; 16]), b"a.jpg".as_slice()), room)
    }

    fn begin(dir: &Path, before: Option<Stat>) -> Changing {
        let (root, path, room) = place(dir);
        let mode = Mode::from_raw_mode(0o640);
        Changing::begin(&room, (&root, &path), before, mode, |copy| copy.write_all(b"new bytes")).unwrap()
    }

    fn stat(path: &Path) -> Stat {
        rustix::fs::lstat(path).unwrap()
    }

    #[test]
    fn giving_up_removes_the_copy_and_never_what_came_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.jpg");
        std::fs::write(&file, "the original").unwrap();
        let at = place(dir.path()).2.join(CHANGING);
        begin(dir.path(), Some(stat(&file))).give_up();
        assert!(!at.exists());
        // As when another program was there first, and what it put there could not be put back.
        let mut changing = begin(dir.path(), Some(stat(&file)));
        changing.swap().unwrap();
        changing.give_up();
        assert_eq!(std::fs::read(&at).unwrap(), b"the original");
        assert_eq!(std::fs::read(&file).unwrap(), b"new bytes");
    }

    #[test]
    fn what_was_left_between_two_names_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("0007 a b.jpg"), "x").unwrap();
        std::fs::write(dir.path().join(CHANGING), "maybe an original").unwrap();
        finish(dir.path()).unwrap();
        let kept = dir.path().join("undone/0001 interrupted");
        assert_eq!(std::fs::read(kept).unwrap(), b"maybe an original");
        finish(dir.path()).unwrap();
    }

    #[test]
    fn what_another_program_put_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.jpg");
        let mut changing = begin(dir.path(), None);
        std::fs::write(&file, "theirs").unwrap();
        assert!(matches!(changing.swap(), Err(ChangeError::Changed)));
        changing.give_up();
        let before = stat(&file);
        let mut changing = begin(dir.path(), Some(before));
        std::fs::write(&file, "changed").unwrap();
        assert!(matches!(changing.swap(), Err(ChangeError::Changed)));
        changing.give_up();
        let (root, path, room) = place(dir.path());
        let mut removing = Changing::remove(&room, (&root, &path), before).unwrap();
        assert!(matches!(removing.swap(), Err(ChangeError::Changed)));
        assert_eq!(std::fs::read(&file).unwrap(), b"changed");
        assert_eq!(std::fs::read_dir(&room).unwrap().count(), 0);
    }

    #[test]
    fn who_goes_on_writing_has_their_file_in_its_place_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.jpg");
        std::fs::write(&file, "the original").unwrap();
        let mut open = File::options().append(true).open(&file).unwrap();
        let mut changing = begin(dir.path(), Some(stat(&file)));
        changing.swap().unwrap();
        let replaced = changing.settle().unwrap().unwrap();
        assert_eq!(replaced.look_again().unwrap(), Afterwards::AsItWas);
        open.write_all(b", and more").unwrap();
        assert_eq!(replaced.look_again().unwrap(), Afterwards::Back);
        assert_eq!(std::fs::read(&file).unwrap(), b"the original, and more");
        // Gone, and written to all the same.
        let (root, path, room) = place(dir.path());
        let mut removing = Changing::remove(&room, (&root, &path), stat(&file)).unwrap();
        removing.swap().unwrap();
        let replaced = removing.settle().unwrap().unwrap();
        assert!(!file.exists());
        open.write_all(b"!").unwrap();
        assert_eq!(replaced.look_again().unwrap(), Afterwards::Back);
        assert_eq!(std::fs::read(&file).unwrap(), b"the original, and more!");
        assert_eq!(std::fs::read_dir(&room).unwrap().count(), 0);
    }
}
