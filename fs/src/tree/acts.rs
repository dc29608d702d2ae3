//! What is meant by making, linking, moving and removing names: the table of docs/semantics.md, as code.
//!
//! 1. Nothing is changed here. An operation becomes an [`Act`]: the decisions it stands for, or the reason why it cannot
//!    be, from one state and without waiting for anything.
//! 2. A photo is called the same everywhere. What is put into a directory under another name is there under its own, and
//!    the kernel must not go on believing in the other ([`Act::stale`]).
//! 3. The source of a move out of a computed directory stays where it is, while the kernel believes it gone
//!    ([`Act::stays`]).
//! 4. Parts follow their photo, so putting one somewhere puts the photo there, and taking one out alone does nothing.

mod directories;
mod photos;

pub(super) use self::photos::{is_decided, takes_scratch};

use std::time::Duration;

use library::{AssetId, Decision, RootId, RowNumber};

use super::path::DirPath;
use super::{Entry, Tree};
use crate::error::FsError;
use crate::source::{AlbumDecision, PersonDecision, SearchDecision, TagDecision};
use crate::tree::changes::{Changed, Changes, DirChanges};

/// A name in a directory that the kernel holds.
#[derive(Clone, PartialEq, Debug)]
struct Place {
    ino: u64,
    dir: DirPath,
    name: Box<[u8]>,
}

/// What an operation says, of whom.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Says {
    OfPhotos(Vec<(AssetId, Vec<Decision>)>),
    OfPerson(PersonDecision),
    OfAlbum(AlbumDecision),
    OfTag(TagDecision),
    OfSearch(SearchDecision),
    /// It goes for good.
    Purge(AssetId),
    /// It is what it was before it was last saved over.
    GoBack(RowNumber),
    Nothing,
}

/// What an operation stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Act {
    /// What it says.
    says: Says,
    /// The inode number of the photo or directory.
    ino: u64,
    /// The directory that is moved, if it is one that is.
    moved: Option<MovedDir>,
    /// A name that the kernel takes for it afterwards, and that is not its name.
    stale: Option<Place>,
    /// A name that the kernel takes for gone afterwards, and that is still there.
    stays: Option<Place>,
}

impl Act {
    /// The inode number of the photo or directory.
    pub(crate) fn ino(&self) -> u64 {
        self.ino
    }

    /// Deciding something of what has this inode number, whatever its names.
    pub(super) fn of(ino: u64, says: Says) -> Self {
        Self { says, ino, moved: None, stale: None, stays: None }
    }
}

/// A directory on its way. Where it is the same one afterwards, under another path, it keeps its inode number, so that
/// whoever stands in it is not lost.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct MovedDir {
    pub(super) from: DirPath,
    pub(super) to: DirPath,
    /// The number that the kernel knows it by.
    ino: Option<u64>,
}

/// How a move treats what is at its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Onto {
    /// It is replaced, as far as it can be.
    Anything,
    /// Nothing may be there.
    Nothing,
}

impl Tree {
    /// Decides what an act stands for and waits until the tree shows it. Blocks on the journal, and on the thread that
    /// follows the library, which waits for nobody.
    pub(crate) fn carry_out(&self, act: &Act) -> Result<(), FsError> {
        let moving = act.moved.as_ref().map(|moved| self.expect_move(moved));
        match &act.says {
            Says::Nothing => return Ok(()),
            Says::OfPhotos(decisions) => self.source().decide(decisions)?,
            Says::OfPerson(decision) => self.source().decide_person(decision)?,
            Says::OfAlbum(decision) => self.source().decide_album(decision)?,
            Says::OfTag(decision) => self.source().decide_tag(decision)?,
            Says::OfSearch(decision) => self.source().decide_search(decision)?,
            Says::Purge(asset) => self.source().purge(*asset)?,
            Says::GoBack(row) => self.source().go_back(*row)?,
        }
        self.told.wait(self.source().snapshot().cursor());
        if let Some(moved) = &act.moved {
            self.has_stayed(moved);
        }
        drop(moving);
        Ok(())
    }

    /// Where a directory that the kernel is about to move has stayed, as one that others are merged into does: found again
    /// there, it must not be fetched from where the kernel has put it.
    fn has_stayed(&self, moved: &MovedDir) {
        let state = self.state();
        let mut inodes = self.inodes();
        if moved.ino.is_none() || inodes.known(&moved.from) != moved.ino || !Self::has(&state, &moved.from) {
            return;
        }
        let within = inodes.all().filter(|(_, path)| path.moved(&moved.from, &moved.from).is_some());
        for path in within.map(|(_, path)| path.clone()).collect::<Vec<_>>() {
            inodes.vanish(path);
        }
    }

    /// Where the files lie that an act exchanges or removes; `None` for one that only decides.
    pub(crate) fn changes_files_of(&self, act: &Act) -> Option<Option<RootId>> {
        let state = self.state();
        match &act.says {
            Says::Purge(asset) => Some(state.snapshot.by_id(*asset).and_then(|row| state.root_of(row))),
            Says::GoBack(row) => Some(state.root_of(*row)),
            _ => None,
        }
    }

    /// Says that a directory is being moved, for as long as the answer lives.
    fn expect_move<'a>(&'a self, moved: &MovedDir) -> impl Drop + use<'a> {
        self.moves().push(moved.clone());
        Moving(self, moved.clone())
    }

    /// The entry of the photo that was put somewhere. The name it was given need not be its own, so it is not for keeping.
    pub(crate) fn entry_of(&self, act: &Act) -> Result<Entry, FsError> {
        Ok(Entry { attr: self.attr(act.ino)?, ttl: Duration::ZERO })
    }

    /// What the kernel believes of names after an act that succeeded, and must be told otherwise.
    pub(crate) fn misbelieved(&self, act: &Act) -> Option<Changes> {
        let state = self.state();
        let changed = |place: &Place| Changed {
            name: place.name.clone(),
            is_dir: act.moved.is_some(),
            ino: Some(act.ino),
        };
        let is_another =
            |moved: &MovedDir| moved.ino.is_none() || self.inodes().known(&moved.to) != moved.ino;
        let is_there = |place: &Place| Self::child(&state, &place.dir, &place.name).is_some();
        let mut dirs = Vec::new();
        if let Some(place) = act.stale.as_ref().filter(|place| !is_there(place)) {
            let vanished = vec![changed(place)];
            dirs.push((place.ino, place.dir.clone(), DirChanges { vanished, ..DirChanges::default() }));
        }
        if let Some(place) = act.stays.as_ref().filter(|place| is_there(place)) {
            let appeared = vec![changed(place)];
            dirs.push((place.ino, place.dir.clone(), DirChanges { appeared, ..DirChanges::default() }));
        }
        if let Some(place) =
            act.stale.as_ref().filter(|place| act.moved.as_ref().is_some_and(is_another) && is_there(place))
        {
            // The kernel has put the directory that was moved there, and it is another by now.
            let altered = vec![changed(place)];
            dirs.push((place.ino, place.dir.clone(), DirChanges { altered, ..DirChanges::default() }));
        }
        (!dirs.is_empty()).then(|| Changes { dirs, ..Changes::default() })
    }
}

/// A directory that is being moved.
struct Moving<'a>(&'a Tree, MovedDir);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        let mut moves = self.0.moves();
        if let Some(at) = moves.iter().position(|moved| *moved == self.1) {
            moves.swap_remove(at);
        }
    }
}
