//! Saving over a photo: which photo is meant, and the names that savers use on the way.
//!
//! Editors save by a dance: the photo gets another name (`a.jpg~`, `a.jpg_original`), a new file gets the photo's, and
//! the other name is removed. Nothing of that is decided here: the photo goes by the other name for as long as a dance may
//! take, in memory alone, and being killed in mid-dance changes nothing.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use library::{Format, RowNumber, Scope};

use super::acts::takes_scratch;
use super::changes::{Changed, Changes, DirChanges};
use super::{Entry, Node, Tree};
use crate::error::FsError;
use crate::inbox::is_temporary;

/// How long a name that a photo was given on the way leads to it.
const DANCE: Duration = Duration::from_secs(60);

/// The names that photos were given on the way.
#[derive(Debug, Default)]
pub(super) struct Aside {
    names: Mutex<Names>,
    /// How many there are: mostly none, and nobody need wait to know that.
    count: AtomicUsize,
}

/// By directory and name.
type Names = HashMap<(u64, Box<[u8]>), OnTheWay>;

/// A photo that has another name for a moment.
#[derive(Debug)]
struct OnTheWay {
    row: RowNumber,
    /// Its own name there, while it does not go by it: savers look whether it is gone.
    hidden: Option<Box<[u8]>>,
    since: Instant,
}

impl Aside {
    fn with<T>(&self, act: impl FnOnce(&mut Names) -> T) -> T {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, way| way.since.elapsed() < DANCE);
        let done = act(&mut names);
        self.count.store(names.len(), Ordering::Relaxed);
        done
    }

    fn put(&self, dir: u64, name: &[u8], aside: &[u8], row: RowNumber) {
        let way = OnTheWay { row, hidden: Some(name.into()), since: Instant::now() };
        self.with(|names| names.insert((dir, aside.into()), way));
    }

    fn get(&self, dir: u64, aside: &[u8]) -> Option<RowNumber> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.with(|names| names.get(&(dir, aside.into())).map(|way| way.row))
    }

    fn take(&self, dir: u64, aside: &[u8]) -> bool {
        self.count.load(Ordering::Relaxed) > 0
            && self.with(|names| names.remove(&(dir, aside.into()))).is_some()
    }

    fn hides(&self, dir: u64, name: &[u8]) -> bool {
        let is = |((at, _), way): (&(u64, Box<[u8]>), &OnTheWay)| {
            *at == dir && way.hidden.as_deref() == Some(name)
        };
        self.count.load(Ordering::Relaxed) > 0 && self.with(|names| names.iter().any(is))
    }

    /// Whether a name was hidden, which it is no more.
    fn show(&self, dir: u64, name: &[u8]) -> bool {
        let mut shown = false;
        if self.count.load(Ordering::Relaxed) > 0 {
            self.with(|names| {
                for ((at, _), way) in names.iter_mut() {
                    if *at == dir && way.hidden.as_deref() == Some(name) {
                        (way.hidden, shown) = (None, true);
                    }
                }
            });
        }
        shown
    }
}

/// The beginnings of a name that could be a photo's: of `a.jpg_original`, `a.jpg`.
fn photos_in(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    (1..name.len()).map(|end| &name[..end]).filter(|beginning| Format::promised_by(beginning).is_some())
}

impl Tree {
    /// Whether files that are none of the library's may stand in a directory for a while.
    pub(crate) fn takes_scratch(&self, dir: u64) -> bool {
        self.dir(dir).is_ok_and(|path| takes_scratch(&self.state(), &path))
    }

    /// Whether a new file of this name may be begun in a directory: where photos are computed to be, only what becomes
    /// one of them.
    pub(crate) fn may_begin(&self, dir: u64, name: &[u8]) -> bool {
        self.takes_scratch(dir) && (self.joins(dir).is_some() || self.is_savers(dir, name))
    }

    /// Whether a name is one that savers give to a file on its way to a photo's name: hidden or temporary, without an
    /// extension, or a photo's with something behind it.
    pub(crate) fn is_savers(&self, dir: u64, name: &[u8]) -> bool {
        !name.contains(&b'.') || self.is_temporary_of(dir, name)
    }

    fn is_temporary_of(&self, dir: u64, name: &[u8]) -> bool {
        let is_photos = || photos_in(name).any(|photo| self.photo_named(dir, photo).is_some());
        is_temporary(name) || Format::promised_by(name).is_none() && is_photos()
    }

    /// The photo of this name in a directory, if it is one that can be saved over.
    pub(crate) fn photo_named(&self, dir: u64, name: &[u8]) -> Option<RowNumber> {
        let (state, path) = (self.state(), self.dir(dir).ok()?);
        let Node::Row(row) = Self::child(&state, &path, name)? else { return None };
        takes_scratch(&state, &path).then_some(row).filter(|row| self.may_save(*row))
    }

    /// Whether a row is a photo of its own, and not in the trash.
    pub(crate) fn may_save(&self, row: RowNumber) -> bool {
        let state = self.state();
        state.host(row, Scope::Everything).is_some_and(|(host, _)| host == row)
    }

    /// Has the bytes of a file take the place of a photo's, and waits until the tree shows it. Blocks.
    pub(crate) fn save(&self, row: RowNumber, new: &File) -> Result<(), FsError> {
        let _waiting = self.told.busy([]);
        self.source().save(row, new)?;
        self.told.wait(self.source().snapshot().cursor());
        Ok(())
    }

    /// What the kernel must be told of a name that stands for another file than it believes.
    pub(crate) fn renamed_over(&self, dir: u64, name: &[u8], believed: u64) -> Option<Changes> {
        let altered = vec![Changed { name: name.into(), is_dir: false, ino: Some(believed) }];
        let path = self.dir(dir).ok()?;
        let changes = DirChanges { altered, ..DirChanges::default() };
        Some(Changes { dirs: vec![(dir, path, changes)], ..Changes::default() })
    }

    /// A photo is given another name in its directory for a moment. Its inode number; `None` where that is no saver's name, or
    /// another has it.
    pub(crate) fn set_aside(&self, dir: u64, name: &[u8], aside: &[u8]) -> Option<u64> {
        let row = self.photo_named(dir, name)?;
        let may = self.is_temporary_of(dir, aside) && !self.has_name(dir, aside);
        let photo = self.state().row(row).map(|row| row.inode.get()).filter(|_| may)?;
        self.aside.put(dir, name, aside, row);
        Some(photo)
    }

    /// The photo that has this name for a moment, as it is by now.
    pub(crate) fn lookup_aside(&self, dir: u64, name: &[u8]) -> Option<Entry> {
        let row = self.aside.get(dir, name)?;
        let attr = self.attr(self.state().row(row)?.inode.get()).ok()?;
        Some(Entry { attr, ttl: Duration::ZERO })
    }

    /// Whether a photo does not go by its own name in a directory for a moment.
    pub(crate) fn is_hidden(&self, dir: u64, name: &[u8]) -> bool {
        self.aside.hides(dir, name)
    }

    /// The photo that a new file of this name is a version of, since it does not go by its own name for a moment: it does
    /// again.
    pub(crate) fn begun_anew(&self, dir: u64, name: &[u8]) -> Option<u64> {
        if !self.aside.show(dir, name) {
            return None;
        }
        let row = self.photo_named(dir, name)?;
        Some(self.state().row(row)?.inode.get())
    }

    /// A name that a photo had for a moment is removed, or given back. False where it is none.
    pub(crate) fn end_aside(&self, dir: u64, name: &[u8]) -> bool {
        self.aside.take(dir, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_photo_in_a_savers_name() {
        let photos = |name: &'static str| photos_in(name.as_bytes()).collect::<Vec<_>>();
        assert_eq!(photos("a.jpg_original"), [b"a.jpg"]);
        assert_eq!(photos("a b.HEIC.bak"), [b"a b.HEIC"]);
        assert!(photos("a.jpg").is_empty() && photos("notes.txt").is_empty() && photos(".a.jpg~").is_empty());
    }

    #[test]
    fn a_name_on_the_way_is_given_back_once() {
        let aside = Aside::default();
        aside.put(7, b"a.jpg", b"a.jpg~", RowNumber(9));
        assert_eq!((aside.get(7, b"a.jpg~"), aside.get(8, b"a.jpg~")), (Some(RowNumber(9)), None));
        assert!(aside.hides(7, b"a.jpg") && !aside.hides(8, b"a.jpg") && !aside.hides(7, b"a.jpg~"));
        assert!(aside.show(7, b"a.jpg") && !aside.show(7, b"a.jpg") && !aside.hides(7, b"a.jpg"));
        assert!(aside.take(7, b"a.jpg~") && !aside.take(7, b"a.jpg~"));
        assert_eq!(aside.count.load(Ordering::Relaxed), 0);
    }
}
