//! What is meant by linking, moving and removing names: the table of docs/semantics.md, as code.
//!
//! 1. Nothing is changed here. An operation becomes an [`Act`]: the decisions it stands for, or the reason why it cannot
//!    be, from one state and without waiting for anything.
//! 2. A photo is called the same everywhere. What is put into a directory under another name is there under its own, and
//!    the kernel must not go on believing in the other ([`Act::stale`]).
//! 3. The source of a move out of a computed directory stays where it is, while the kernel believes it gone
//!    ([`Act::stays`]).
//! 4. Parts follow their photo, so putting one somewhere puts the photo there, and taking one out alone does nothing.

use std::time::Duration;

use library::{AssetId, AssetInode, Decision, Person, RowNumber, Scope};

use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::{Entry, Node, Tree, people, view};
use crate::error::FsError;
use crate::source::PersonDecision;
use crate::tree::changes::{Changed, Changes, DirChanges};

/// How long an answer waits for the tree to show what was decided.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// A name in a directory that the kernel holds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Place {
    ino: u64,
    dir: DirPath,
    name: Box<[u8]>,
}

/// What an operation says, of whom.
#[derive(Clone, PartialEq, Debug)]
enum Says {
    OfPhoto(AssetId, Vec<Decision>),
    OfPerson(PersonDecision),
    Nothing,
}

/// What an operation stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Act {
    /// What it says.
    says: Says,
    /// The inode number of the photo or directory.
    ino: u64,
    /// A name that the kernel takes for the photo afterwards, and that is not its name.
    stale: Option<Place>,
    /// A name that the kernel takes for gone afterwards, and that is still there.
    stays: Option<Place>,
}

impl Act {
    /// Deciding something of a photo, whatever its names.
    pub(super) fn of(asset: AssetId, ino: u64, decisions: Vec<Decision>) -> Self {
        Self { says: Says::OfPhoto(asset, decisions), ino, stale: None, stays: None }
    }
}

/// How a move treats what is at its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Onto {
    /// It is replaced, as far as it can be.
    Anything,
    /// Nothing may be there.
    Nothing,
}

fn membership(state: &State, dir: &DirPath) -> Option<Membership> {
    let (top, at) = dir.split_view()?;
    view(top)?.membership(state, &at)
}

impl Tree {
    /// `ln PHOTO DIR/NAME`: puts a photo into a directory.
    pub(crate) fn link(&self, ino: u64, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        let row = asset(&state, ino)?;
        let joins = membership(&state, &dir).ok_or(FsError::Computed)?.joins;
        self.free_for(&state, &dir, name, row)?;
        let stale = Place { ino: parent, dir, name: name.into() };
        put(&state, row, joins, stale, None)
    }

    /// `rm DIR/NAME`: takes a photo out of a directory.
    pub(crate) fn unlink(&self, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        let row = match Self::child(&state, &dir, name).ok_or(FsError::NotFound)? {
            Node::Row(row) => row,
            Node::Dir(_) => return Err(FsError::IsADirectory),
            Node::Fixed(_) | Node::Unreadable(_) => return Err(FsError::ReadOnly),
        };
        let leaves = membership(&state, &dir).ok_or(FsError::ReadOnly)?.leaves;
        let shown = state.row(row).ok_or(FsError::NotFound)?;
        // The kernel takes the name of a part for gone; it goes with its photo only.
        let is_part = shown.extras.host.is_some();
        let stays = is_part.then(|| Place { ino: parent, dir, name: name.into() });
        let says = if is_part { Says::Nothing } else { Says::OfPhoto(shown.id, leaves) };
        Ok(Act { says, ino: shown.inode.get(), stale: None, stays })
    }

    /// `mv DIR/NAME OTHER/NAME`.
    pub(crate) fn rename(
        &self,
        (parent, name): (u64, &[u8]),
        (new_parent, new_name): (u64, &[u8]),
        onto: Onto,
    ) -> Result<Act, FsError> {
        let (state, dir, new_dir) = (self.state(), self.dir(parent)?, self.dir(new_parent)?);
        let row = match Self::child(&state, &dir, name).ok_or(FsError::NotFound)? {
            Node::Row(row) => row,
            Node::Dir(moved) => {
                let there = Place { ino: new_parent, dir: new_dir, name: new_name.into() };
                return rename_person(&state, parent, &moved, there, onto);
            }
            Node::Fixed(_) | Node::Unreadable(_) => return Err(FsError::ReadOnly),
        };
        let from = membership(&state, &dir);
        let Some(into) = membership(&state, &new_dir) else {
            // What is decided may be taken back by rm, but where a photo is computed to be, nobody decides.
            return Err(FsError::Computed);
        };
        let there = Self::child(&state, &new_dir, new_name);
        if there.is_some() && onto == Onto::Nothing {
            return Err(FsError::Exists);
        }
        self.free_for(&state, &new_dir, new_name, row)?;
        let here = Place { ino: parent, dir: dir.clone(), name: name.into() };
        let stale = Place { ino: new_parent, dir: new_dir.clone(), name: new_name.into() };
        if dir == new_dir {
            // Another name where it is: it keeps its own.
            let act = put(&state, row, Vec::new(), stale, Some(here))?;
            return Ok(Act { says: Says::Nothing, ..act });
        }
        let is_part = state.row(row).is_some_and(|row| row.extras.host.is_some());
        match from {
            Some(from) if !is_part => {
                let decisions = from.leaves.into_iter().chain(into.joins).collect();
                put(&state, row, decisions, stale, None)
            }
            _ => put(&state, row, into.joins, stale, Some(here)),
        }
    }

    /// `rmdir people/NAME`: takes somebody's name away.
    pub(crate) fn rmdir(&self, parent: u64, name: &[u8]) -> Result<Act, FsError> {
        let (state, dir) = (self.state(), self.dir(parent)?);
        match Self::child(&state, &dir, name).ok_or(FsError::NotFound)? {
            Node::Dir(path) => {
                let person = person_of(&state, &path).filter(|person| person.name.is_some());
                let person = person.ok_or(FsError::ReadOnly)?.id;
                let says = Says::OfPerson(PersonDecision::Unname(person));
                Ok(Act { says, ino: parent, stale: None, stays: None })
            }
            _ => Err(FsError::NotADirectory),
        }
    }

    /// A name may be given to a photo where nothing is called so, or it itself.
    fn free_for(&self, state: &State, dir: &DirPath, name: &[u8], row: RowNumber) -> Result<(), FsError> {
        match Self::child(state, dir, name) {
            None => Ok(()),
            Some(Node::Row(there)) if there == row => Ok(()),
            Some(Node::Dir(_)) => Err(FsError::IsADirectory),
            Some(_) => Err(FsError::Exists),
        }
    }

    /// Whether there is anything about it that one can change: a photo, or a directory that photos are put into.
    pub(crate) fn may_change(&self, ino: u64) -> bool {
        let state = self.state();
        match self.dir(ino) {
            Ok(dir) => membership(&state, &dir).is_some(),
            Err(_) => asset(&state, ino).is_ok(),
        }
    }

    /// Decides what an act stands for and waits until the tree shows it. Blocks on the journal, and on the thread that
    /// follows the library, which waits for nobody.
    pub(crate) fn carry_out(&self, act: &Act) -> Result<(), FsError> {
        match &act.says {
            Says::Nothing => return Ok(()),
            Says::OfPhoto(asset, decisions) => self.source().decide(&[(*asset, decisions.clone())])?,
            Says::OfPerson(decision) => self.source().decide_person(decision)?,
        }
        let decided = self.source().snapshot().cursor();
        let shows = |state: &State| {
            let now = state.snapshot.cursor();
            now.epoch != decided.epoch || now.seq >= decided.seq
        };
        self.wait_for(shows, SHOWN_WITHIN);
        Ok(())
    }

    /// The entry of the photo that was put somewhere. The name it was given need not be its own, so it is not for keeping.
    pub(crate) fn entry_of(&self, act: &Act) -> Result<Entry, FsError> {
        Ok(Entry { attr: self.attr(act.ino)?, ttl: Duration::ZERO })
    }

    /// What the kernel believes of names after an act that succeeded, and must be told otherwise.
    pub(crate) fn misbelieved(&self, act: &Act) -> Option<Changes> {
        let state = self.state();
        let is_dir = matches!(act.says, Says::OfPerson(_));
        let changed = |place: &Place| Changed { name: place.name.clone(), is_dir, ino: Some(act.ino) };
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
        if let Some(place) = act.stale.as_ref().filter(|place| is_dir && is_there(place)) {
            // The kernel has put the directory that was moved there, and it is another by now.
            let altered = vec![changed(place)];
            dirs.push((place.ino, place.dir.clone(), DirChanges { altered, ..DirChanges::default() }));
        }
        (!dirs.is_empty()).then(|| Changes { dirs, attrs: Vec::new() })
    }
}

/// Whose directory this is.
fn person_of<'a>(state: &'a State, dir: &DirPath) -> Option<&'a Person> {
    let (top, at) = dir.split_view()?;
    if top == b"people" { people::person_at(state, &at) } else { None }
}

/// `mv people/... people/...`: names somebody, takes their name away, or makes two one.
fn rename_person(state: &State, ino: u64, moved: &DirPath, there: Place, onto: Onto) -> Result<Act, FsError> {
    let person = person_of(state, moved).ok_or(FsError::ReadOnly)?;
    let target = there.dir.join(&there.name);
    let into = person_of(state, &there.dir)
        .or_else(|| person_of(state, &target).filter(|_| onto == Onto::Anything))
        .filter(|into| into.id != person.id);
    let decision = match (into, there.dir.split_view()) {
        (Some(into), _) => PersonDecision::Merge(person.id, into.id),
        (None, Some((b"people", at))) if people::is_unnamed(&at) => PersonDecision::Unname(person.id),
        (None, Some((b"people", at))) if at.is_empty() => {
            if person_of(state, &target).is_some_and(|other| other.id != person.id) {
                return Err(FsError::Exists);
            }
            let name = std::str::from_utf8(&there.name);
            let name = name.map_err(|_| FsError::BadValue("the name is not UTF-8 text".into()))?;
            PersonDecision::Name(person.id, name.to_owned())
        }
        _ => return Err(FsError::Computed),
    };
    Ok(Act { says: Says::OfPerson(decision), ino, stale: Some(there), stays: None })
}

/// The act of deciding this of a photo, or of what a part is of.
fn put(
    state: &State,
    row: RowNumber,
    decisions: Vec<Decision>,
    stale: Place,
    stays: Option<Place>,
) -> Result<Act, FsError> {
    let (_, host) = state.host(row, Scope::Everything).ok_or(FsError::NotFound)?;
    let shown = state.row(row).ok_or(FsError::NotFound)?;
    Ok(Act { says: Says::OfPhoto(host.id, decisions), ino: shown.inode.get(), stale: Some(stale), stays })
}

/// The row of a photo that may be seen.
fn asset(state: &State, ino: u64) -> Result<RowNumber, FsError> {
    let asset = AssetInode::from_raw(ino).ok_or(FsError::ReadOnly)?;
    let row = state.snapshot.by_inode(asset).ok_or(FsError::NotFound)?;
    state.host(row, Scope::Everything).map(|_| row).ok_or(FsError::NotFound)
}
