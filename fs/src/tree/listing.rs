//! What a directory listed at one moment, to be read in pieces.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use fuser::FileAttr;
use library::{RowNumber, Scope};
use roaring::RoaringBitmap;

use super::fixed::Fixed;
use super::path::DirPath;
use super::search::{self, Asked};
use super::state::State;
use super::view::Naming;
use super::{Node, Tree, VIEWS, folders, searches, trash_info, versions, view};
use crate::error::FsError;

/// One name of a listing, but for `.` and `..`.
#[derive(Debug)]
enum Item {
    /// A directory.
    Dir(Box<[u8]>),
    /// An asset under its own name: nearly all of them.
    Row(RowNumber),
    /// An asset under another name.
    Named(RowNumber, Box<[u8]>),
    /// A file of the root.
    Fixed(Fixed),
    /// An unreadable file.
    Unreadable(usize),
    /// What a photo was.
    Version(usize),
    /// What a file manager wrote of what it deleted.
    Info(u64, Box<[u8]>),
}

/// A directory as it was at one moment. What it names stays the same for as long as it is read.
#[derive(Debug)]
pub struct Listing {
    state: Arc<State>,
    path: DirPath,
    ino: u64,
    items: Vec<Item>,
}

/// A line of a listing, for whoever writes it to the kernel.
#[derive(Debug)]
pub struct Line<'a> {
    /// Where to go on after this line.
    pub next: u64,
    /// The name.
    pub name: &'a OsStr,
    /// What `stat` says of it.
    pub attr: FileAttr,
    /// How long the kernel may believe it.
    pub ttl: Duration,
}

impl Listing {
    /// How many names it has, but for `.` and `..`.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn new(state: Arc<State>, path: DirPath, ino: u64) -> Self {
        Self { state, path, ino, items: Vec::new() }
    }

    /// Adds rows in order, each with its parts behind it.
    fn push_rows(&mut self, rows: impl IntoIterator<Item = RowNumber>) {
        let shows_parts = self.state.shows_parts();
        let mut parts = Vec::new();
        for number in rows {
            self.items.push(Item::Row(number));
            let hosts = shows_parts && self.state.row(number).is_some_and(|row| !row.extras.parts.is_empty());
            if hosts {
                self.state.parts_of(number, &mut parts);
                self.items.extend(parts.drain(..).map(Item::Row));
            }
        }
    }

    /// Takes out the assets whose name a directory here has too: the directory is what the name means.
    fn without_shadowed(&mut self) {
        let shadowed: RoaringBitmap = self
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Dir(name) => self.state.snapshot.by_name(view::text(name)?).map(|row| row.0),
                _ => None,
            })
            .collect();
        if !shadowed.is_empty() {
            self.items.retain(|item| !matches!(item, Item::Row(row) if shadowed.contains(row.0)));
        }
    }

    fn name<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Borrowed(match item {
            Item::Dir(name) | Item::Named(_, name) | Item::Info(_, name) => name,
            Item::Row(row) => self.state.row(*row)?.name.as_bytes(),
            Item::Fixed(fixed) => fixed.name().as_bytes(),
            Item::Version(at) => self.state.beside.versions.get(*at)?.file.file_name(),
            Item::Unreadable(at) => &self.state.beside.unreadable.get(*at)?.name,
        }))
    }

    fn node(&self, item: &Item) -> Node {
        match item {
            Item::Dir(name) => Node::Dir(self.path.join(name)),
            Item::Row(row) | Item::Named(row, _) => Node::Row(*row),
            Item::Fixed(fixed) => Node::Fixed(*fixed),
            Item::Unreadable(at) => Node::Unreadable(*at),
            Item::Version(at) => Node::Version(*at),
            Item::Info(ino, _) => Node::Info(*ino),
        }
    }

    /// The names with what they stand for.
    pub(crate) fn names(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, Node)> {
        self.items.iter().filter_map(|item| Some((self.name(item)?, self.node(item))))
    }
}

impl Tree {
    /// What a directory lists now. Searches are run by [`Tree::search`].
    pub fn list(&self, ino: u64) -> Result<Listing, FsError> {
        let path = self.dir(ino)?;
        let state = self.state();
        if !Self::has(&state, &path) {
            return Err(FsError::NotFound);
        }
        Ok(Self::listing(state, path, ino))
    }

    pub(crate) fn listing(state: Arc<State>, path: DirPath, ino: u64) -> Listing {
        let mut listing = Listing::new(state, path, ino);
        let (state, path) = (Arc::clone(&listing.state), listing.path.clone());
        let Some((top, at)) = path.split_view() else {
            listing.items.extend(VIEWS.iter().map(|view| Item::Dir(view.name().as_bytes().into())));
            listing.items.extend(Fixed::ALL.map(Item::Fixed));
            return listing;
        };
        let Some(view) = view(top).filter(|view| view.has(&state, &at)) else { return listing };
        if trash_info::is_infos(&path) {
            listing.items.extend(trash_info::list(&state).map(|(ino, name)| Item::Info(ino, name)));
            return listing;
        }
        let contents = view.contents(&state, &at);
        listing.items.extend(contents.dirs.into_iter().map(Item::Dir));
        match view.naming() {
            Naming::ByAsset => {
                let mixed = !listing.items.is_empty() && !contents.rows.is_empty();
                listing.push_rows(contents.rows);
                if mixed {
                    listing.without_shadowed();
                }
            }
            Naming::OnDisk => {
                let files = folders::files(&state, &at);
                listing.items.extend(files.into_iter().map(|(row, name)| Item::Named(row, name)));
            }
            Naming::Unreadable => {
                listing.items.extend((0..state.beside.unreadable.iter().count()).map(Item::Unreadable));
            }
            Naming::Versions => {
                if let Some((row, older, name)) = versions::of_dir(&state, &at) {
                    listing.items.extend(older.map(Item::Version));
                    listing.items.push(Item::Named(row, name));
                }
            }
            Naming::Ranked => {}
        }
        listing
    }

    /// Runs the query of a search directory and lists what it found. May block.
    pub fn search(&self, ino: u64) -> Result<Listing, FsError> {
        let path = self.dir(ino)?;
        let found = match Asked::by(&path).ok_or(FsError::NotFound)? {
            Asked::Query(query) => self.source().search(query)?,
            Asked::Saved(name) => {
                let query = searches::named(&self.state(), name).map(|search| Arc::clone(&search.query));
                self.source().search(&query.ok_or(FsError::NotFound)?)?
            }
            Asked::Like(name) => {
                let number = self.state().snapshot.by_name(name).ok_or(FsError::NotFound)?;
                self.source().similar(number)?
            }
        };
        let state = self.state();
        // The query has said how much of the archive it wants.
        let shown = state.shown(Scope::Everything);
        let mut seen = RoaringBitmap::new();
        let found: Vec<_> =
            found.into_iter().filter(|row| shown.contains(row.0) && seen.insert(row.0)).collect();
        let width = search::width(found.len());
        let mut listing = Listing::new(Arc::clone(&state), path, ino);
        for (at, number) in found.into_iter().enumerate() {
            let mut rows = vec![number];
            if state.shows_parts() {
                state.parts_of(number, &mut rows);
            }
            for row in rows {
                if let Some(found) = state.row(row) {
                    listing.items.push(Item::Named(row, search::ranked(at + 1, width, &found.name)));
                }
            }
        }
        Ok(listing)
    }

    /// Hands the lines of a listing from `offset` on to `write`, until it says that it is full. What `write` takes
    /// of directories is counted as looked up when `counted`.
    pub fn read(
        &self,
        listing: &Listing,
        offset: u64,
        counted: bool,
        mut write: impl FnMut(Line<'_>) -> bool,
    ) -> Result<(), FsError> {
        for (at, name) in [".", ".."].into_iter().enumerate().skip(usize::try_from(offset).unwrap_or(2)) {
            let ino = match at {
                0 => listing.ino,
                _ => self.inodes().parent(listing.ino).unwrap_or(super::inodes::ROOT),
            };
            let attr = self.dir_attr(ino, &listing.path);
            let next = at as u64 + 1;
            if write(Line { next, name: OsStr::new(name), attr, ttl: super::LONG }) {
                return Ok(());
            }
        }
        let ttl = Self::ttl(&listing.path);
        let first = usize::try_from(offset.saturating_sub(2)).unwrap_or(usize::MAX);
        for (at, item) in listing.items.iter().enumerate().skip(first) {
            let Some(name) = listing.name(item) else { continue };
            let node = listing.node(item);
            let (attr, held) = match &node {
                Node::Dir(path) => match self.hold(path, listing.ino) {
                    // It vanished since the listing was made.
                    None => continue,
                    Some(ino) => (self.dir_attr(ino, path), Some(ino)),
                },
                node => match self.file_attr(&listing.state, node) {
                    None => continue,
                    Some(attr) => (attr, None),
                },
            };
            let full = write(Line { next: at as u64 + 3, name: OsStr::from_bytes(&name), attr, ttl });
            if let Some(ino) = held
                && (full || !counted)
            {
                self.forget(ino, 1);
            }
            if full {
                break;
            }
        }
        Ok(())
    }

    /// The number of a directory of a listing, counted as one lookup; `None` when it is not there now.
    fn hold(&self, path: &DirPath, parent: u64) -> Option<u64> {
        loop {
            let state = self.state();
            if !Self::has(&state, path) {
                return None;
            }
            if let Some(ino) = self.inodes().look_up(path, parent, state.number) {
                return Some(ino);
            }
        }
    }
}
