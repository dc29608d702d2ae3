//! What a commit changed in the tree, so that the kernel and whoever watches can be told.
//!
//! 1. Which names changed is found from both sides of the commit: the names of each changed row in the old state and
//!    in the new one. No directory is listed for it.
//! 2. A directory comes and goes with its first and last asset, so each directory touched is looked for in both
//!    states, and its parents as long as they differ.
//! 3. Some directories change although none of their assets did: `recent/` drops its oldest, a day passes, a tag is
//!    spelled another way. Of those that the kernel holds, the drifting ones are listed twice and compared, and all
//!    are looked for again.
//! 4. A new version of a photo is another inode under the same name: that name changed too.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::civil::Date;
use library::{Album, Change, Cursor, Entity, Facet, Row, RowNumber, Snapshot};

use super::lingering::is_real;
use super::path::DirPath;
use super::state::{Beside, State};
use super::unreadable::UnreadableFiles;
use super::versions::Versions;
use super::view::{Naming, View};
use super::worked_out::{pairs, shows_alike};
use super::{Node, Tree, VIEWS, albums, folders, people, searches, tags, view};

/// A name in a directory.
type Name = Box<[u8]>;

/// What changed in one directory that the kernel holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct DirChanges {
    /// Names that are new.
    pub(crate) appeared: Vec<Changed>,
    /// Names that are gone.
    pub(crate) vanished: Vec<Changed>,
    /// Names that stand for something else.
    pub(crate) altered: Vec<Changed>,
    /// Names that stand for what they stood for, of which something changed: whoever watches wants to know, the kernel needs
    /// not.
    pub(crate) touched: Vec<Changed>,
}

impl DirChanges {
    /// Adds what changed after that.
    pub(crate) fn append(&mut self, later: Self) {
        self.appeared.extend(later.appeared);
        self.vanished.extend(later.vanished);
        self.altered.extend(later.altered);
        self.touched.extend(later.touched);
    }

    /// The names that the kernel may believe in no more.
    pub(crate) fn over(&self) -> impl Iterator<Item = &Changed> {
        self.vanished.iter().chain(&self.appeared).chain(&self.altered)
    }

    /// How many names there are in all.
    pub(crate) fn count(&self) -> usize {
        self.over().count() + self.touched.len()
    }
}

/// A name that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Changed {
    pub(crate) name: Name,
    pub(crate) is_dir: bool,
    /// Its inode number, where it has one that the kernel may know.
    pub(crate) ino: Option<u64>,
}

/// What changed in all that the kernel holds.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By directory: its inode number and path.
    pub(crate) dirs: Vec<(u64, DirPath, DirChanges)>,
    /// Inodes whose attributes changed.
    pub(crate) attrs: Vec<u64>,
    /// The state after them, unless they are of the one there is.
    pub(crate) cursor: Option<Cursor>,
}

/// What the names of changed rows stood for.
type Names = BTreeMap<(DirPath, Name), u64>;

/// Every name of a row in the views that do not drift.
fn names_of(state: &State, number: RowNumber, names: &mut Names) {
    let Some(row) = state.row(number) else { return };
    for view in VIEWS.iter().filter(|view| !view.drifts()) {
        match view.naming() {
            Naming::OnDisk if state.host(number, view.scope()).is_some() => {
                for (dir, name) in folders::stands_as(state, row) {
                    names.insert((dir, name), row.inode.get());
                }
            }
            Naming::ByAsset => {
                let Some((host_number, host)) = state.host(number, view.scope()) else { continue };
                if host_number == number || state.shows_parts() {
                    for dir in view.stands(state, host_number, host) {
                        names.insert((dir, row.name.as_bytes().into()), row.inode.get());
                    }
                }
            }
            _ => {}
        }
    }
}

/// What is in an album and in those that lie in it.
fn within(snapshot: &Snapshot, album: &Album, rows: &mut Vec<RowNumber>) {
    rows.extend(snapshot.facet(Facet::Album(album.row)).into_iter().flatten().map(RowNumber));
    for below in snapshot.albums_in(album.owner, Some(album.id)) {
        within(snapshot, below, rows);
    }
}

/// The changed rows, and those whose names hang on them: what they are parts of, their parts, and who is in them.
fn rows_of(snapshots: [&Snapshot; 2], changes: &[Change]) -> BTreeSet<RowNumber> {
    let mut rows = BTreeSet::new();
    for snapshot in snapshots {
        let mut open: Vec<RowNumber> = Vec::new();
        for change in changes {
            match change.entity {
                Entity::Asset(id) => open.extend(snapshot.by_id(id)),
                Entity::Person(id) => {
                    let shown = snapshot
                        .person_by_id(id)
                        .and_then(|person| snapshot.facet(Facet::Person(person.row)));
                    open.extend(shown.into_iter().flatten().map(RowNumber));
                }
                Entity::Album(id) => {
                    if let Some(album) = snapshot.album_by_id(id) {
                        within(snapshot, album, &mut open);
                    }
                }
                _ => {}
            }
        }
        let mut seen = HashSet::new();
        while let Some(number) = open.pop() {
            if seen.insert(number)
                && let Some(row) = snapshot.row(number)
            {
                open.extend(row.extras.host);
                open.extend(row.extras.parts.iter().copied());
            }
        }
        rows.extend(seen);
    }
    rows
}

/// What the names of a directory stand for, files only.
fn listed(state: &Arc<State>, path: &DirPath) -> BTreeMap<Name, u64> {
    let listing = Tree::listing(Arc::clone(state), path.clone(), 0);
    listing
        .names()
        .filter_map(|(name, node)| {
            let ino = match node {
                Node::Row(row) => state.row(row)?.inode.get(),
                Node::Info(ino) => ino,
                Node::Version(at) => state.beside.versions.numbered(at)?.1,
                Node::Unreadable(at) => state.beside.unreadable.get(at)?.ino,
                _ => return None,
            };
            Some((name.into_owned().into(), ino))
        })
        .collect()
}

/// The directories in a directory.
fn dirs_in(state: &Arc<State>, path: &DirPath) -> BTreeSet<Name> {
    let listing = Tree::listing(Arc::clone(state), path.clone(), 0);
    let dirs = listing.names().filter(|(_, node)| matches!(node, Node::Dir(_)));
    dirs.map(|(name, _)| name.into_owned().into()).collect()
}

/// Whether a directory is listed by the one above.
fn is_listed(state: &State, path: &DirPath) -> bool {
    path.split_view().is_none_or(|(top, at)| view(top).is_some_and(|view| view.is_listed(state, &at)))
}

/// Whether two directories of a view list the same, under whatever names.
fn are_one(state: &State, path: &DirPath, other: &DirPath) -> bool {
    let (Some((top, at)), Some((other_top, other))) = (path.split_view(), other.split_view()) else {
        return false;
    };
    top == other_top && view(top).is_some_and(|view| view.are_one(state, &at, &other))
}

/// Collects what changed, directory by directory.
#[derive(Default)]
struct Collected {
    dirs: BTreeMap<DirPath, DirChanges>,
}

impl Collected {
    fn dir(&mut self, path: &DirPath) -> &mut DirChanges {
        self.dirs.entry(path.clone()).or_default()
    }

    /// Compares what a name stood for with what it stands for.
    fn name(&mut self, dir: &DirPath, name: &Name, old: Option<u64>, new: Option<u64>) {
        let changed = || Changed { name: name.clone(), is_dir: false, ino: old.or(new) };
        match (old, new) {
            (None, Some(_)) => self.dir(dir).appeared.push(changed()),
            (Some(_), None) => self.dir(dir).vanished.push(changed()),
            (Some(old), Some(new)) if old != new => self.dir(dir).altered.push(changed()),
            _ => {}
        }
    }

    /// Says nothing of a directory after all.
    fn forget(&mut self, path: &DirPath, told: impl FnOnce(&mut DirChanges) -> &mut Vec<Changed>) {
        let Some((parent, name)) = path.parent() else { return };
        if let Some(dir) = self.dirs.get_mut(&parent) {
            told(dir).retain(|changed| &*changed.name != name);
        }
    }

    /// Looks for a directory in both states, and for those above it for as long as they differ.
    fn ancestry(&mut self, old: &State, new: &State, path: &DirPath, seen: &mut HashSet<DirPath>) {
        let mut at = path.clone();
        while let Some((parent, name)) = at.parent() {
            if !seen.insert(at.clone()) {
                return;
            }
            let changed = Changed { name: name.into(), is_dir: true, ino: None };
            match (Tree::has(old, &at), Tree::has(new, &at)) {
                (false, true) => self.dir(&parent).appeared.push(changed),
                (true, false) => self.dir(&parent).vanished.push(changed),
                // Found before it was listed.
                (true, true) if !is_listed(old, &at) && is_listed(new, &at) => {
                    self.dir(&parent).appeared.push(changed);
                }
                // Found for a moment more, or for ever, but not listed.
                (true, true)
                    if is_real(old, &at) != is_real(new, &at)
                        || is_listed(old, &at) != is_listed(new, &at) =>
                {
                    self.dir(&parent);
                }
                _ => return,
            }
            at = parent;
        }
    }
}

fn drifting(path: &DirPath) -> bool {
    path.split_view().and_then(|(top, _)| view(top)).is_some_and(View::drifts)
}

/// Whether directories may have changed that drift. Most commits say something of a photo that is nothing to them.
fn drifted(old: &State, new: &State, changes: &[Change]) -> bool {
    let beside = |state: &State| {
        let Beside { unreadable, things, versions } = &state.beside;
        (Arc::as_ptr(unreadable), Arc::as_ptr(things), Arc::as_ptr(versions))
    };
    let is_alike = |(old, new): (&Row, &Row)| {
        let what = |row: &Row| (row.inode, row.day(), row.extras.parts.len());
        what(old) == what(new) && old.name == new.name && shows_alike(old, new)
    };
    let pairs = pairs(&old.snapshot, &new.snapshot, changes);
    old.today != new.today
        || beside(old) != beside(new)
        || !pairs.is_some_and(|mut pairs| pairs.all(is_alike))
}

impl Tree {
    /// Moves the tree to the state after `changes`, and says what that changed of what the kernel holds.
    ///
    /// Called by one thread at a time, which is where all changes of state come from.
    pub(crate) fn advance(&self, snapshot: Arc<Snapshot>, changes: &[Change], today: Date) -> Changes {
        let old = self.state();
        let (before, after) = (old.snapshot.cursor(), snapshot.cursor());
        let anew = before.epoch != after.epoch;
        let reread = anew || changes.iter().any(|change| change.entity == Entity::Unreadable);
        let unreadable = if reread {
            Arc::new(UnreadableFiles::named(&old.beside.unreadable, self.source().unreadable()))
        } else {
            Arc::clone(&old.beside.unreadable)
        };
        let list = self.source().versions();
        let versions = match old.beside.versions.is_of(&list) {
            true => Arc::clone(&old.beside.versions),
            false => Arc::new(Versions::of(&list)),
        };
        let beside = Beside { unreadable, things: self.source().things(), versions };
        let new = Arc::new(old.next(snapshot, changes, today, beside));

        let rows = if anew {
            // Another life of the catalogue numbers its rows anew, so everything is compared by name.
            old.snapshot.rows().chain(new.snapshot.rows()).map(|(number, _)| number).collect()
        } else {
            rows_of([&old.snapshot, &new.snapshot], changes)
        };
        let (mut old_names, mut new_names) = (Names::new(), Names::new());
        let mut attrs = BTreeSet::new();
        for row in rows {
            names_of(&old, row, &mut old_names);
            names_of(&new, row, &mut new_names);
            let inode = |state: &State| state.row(row).map(|row| row.inode.get());
            attrs.extend(inode(&old));
            attrs.extend(inode(&new));
        }

        let mut collected = Collected::default();
        let mut seen = HashSet::new();
        for key in old_names.keys().chain(new_names.keys().filter(|key| !old_names.contains_key(key))) {
            let (dir, name) = key;
            collected.name(dir, name, old_names.get(key).copied(), new_names.get(key).copied());
            collected.ancestry(&old, &new, dir, &mut seen);
        }
        for key in old_names.keys().filter(|key| new_names.get(key) == old_names.get(key)) {
            if collected.dirs.contains_key(&key.0) || !anew {
                let (name, ino) = (key.1.clone(), old_names.get(key).copied());
                collected.dir(&key.0).touched.push(Changed { name, is_dir: false, ino });
            }
        }
        for state in [&old, &new] {
            for (root, _) in state.snapshot.folders().roots() {
                let path = DirPath::of(["folders", &crate::name::safe(&root.name)]);
                collected.ancestry(&old, &new, &path, &mut seen);
            }
        }
        // Directories that may be there, or not, without any photo.
        for path in changes.iter().flat_map(|change| self.made_of(&old, &new, change.entity)) {
            collected.ancestry(&old, &new, &path, &mut seen);
        }
        let drifts = drifted(&old, &new, changes);
        self.swap(&old, &new, collected, seen, (attrs, drifts))
    }

    /// The directories that stand for an entity itself, in either state.
    fn made_of(&self, old: &State, new: &State, entity: Entity) -> Vec<DirPath> {
        let in_state = |state: &State| match entity {
            Entity::Album(id) => state
                .snapshot
                .album_by_id(id)
                .and_then(|album| albums::path(state, album))
                .into_iter()
                .collect(),
            Entity::Person(id) => people::path(state, id).into_iter().collect(),
            Entity::KeptTags => tags::kept(state),
            Entity::SavedSearches => searches::all(state),
            _ => Vec::new(),
        };
        [old, new].into_iter().flat_map(in_state).collect()
    }

    /// Puts the new state in place and keeps of what changed what the kernel holds.
    fn swap(
        &self,
        old: &Arc<State>,
        new: &Arc<State>,
        mut collected: Collected,
        mut seen: HashSet<DirPath>,
        (attrs, drifts): (BTreeSet<u64>, bool),
    ) -> Changes {
        let now = SystemTime::now();
        // Taken before the numbers, as those do who begin a move.
        let moves = self.moves().clone();
        let mut inodes = self.inodes();
        let (mut renamed, mut gone) = (Vec::new(), Vec::new());
        for moved in &moves {
            let stays = Self::has(new, &moved.from);
            let is_one = |state: &State| are_one(state, &moved.from, &moved.to);
            let is_same = Self::has(old, &moved.from)
                && Self::has(new, &moved.to)
                && (!stays || is_one(new) && !is_one(old));
            if is_same && inodes.rename(&moved.from, &moved.to) {
                // The kernel has moved it already, and told whoever watches.
                collected.forget(&moved.from, |dir| &mut dir.vanished);
                collected.forget(&moved.to, |dir| &mut dir.appeared);
                // Where something was there already, the kernel has another listing of what it moved.
                collected.dir(&moved.to);
                renamed.push(moved);
            }
        }
        let held: Vec<(u64, DirPath)> = inodes.all().map(|(ino, path)| (ino, path.clone())).collect();
        for (_, path) in &held {
            if drifts && drifting(path)
                || (path.as_bytes() == b"unreadable"
                    && !Arc::ptr_eq(&old.beside.unreadable, &new.beside.unreadable))
            {
                let (before, after) = (listed(old, path), listed(new, path));
                for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
                    collected.name(path, name, before.get(name).copied(), after.get(name).copied());
                }
                let (before, after) = (dirs_in(old, path), dirs_in(new, path));
                for name in before.symmetric_difference(&after) {
                    collected.ancestry(old, new, &path.join(name), &mut seen);
                }
            }
            if !Self::has(new, path) {
                collected.ancestry(old, new, path, &mut seen);
                gone.push(path.clone());
            }
        }
        for (path, dir) in &mut collected.dirs {
            for vanished in dir.vanished.iter_mut().filter(|vanished| vanished.is_dir) {
                vanished.ino = Some(inodes.known_or_spare(&path.join(&vanished.name)));
            }
        }
        inodes.advance(new.number, gone);
        self.state.store(Arc::clone(new));
        drop(inodes);

        let mut changed = self.changed.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for moved in renamed {
            let is_in = |path: &DirPath| Some((path.clone(), path.moved(&moved.from, &moved.to)?));
            for (from, to) in changed.keys().filter_map(is_in).collect::<Vec<_>>() {
                changed.remove(&from).and_then(|at| changed.insert(to, at));
            }
            let parents = [&moved.from, &moved.to].into_iter().filter_map(|path| path.parent());
            changed.extend(parents.map(|(parent, _)| (parent, now)));
        }
        for (path, dir) in &collected.dirs {
            if !dir.appeared.is_empty() || !dir.vanished.is_empty() {
                changed.insert(path.clone(), now);
            }
            for made in dir.appeared.iter().filter(|made| made.is_dir) {
                changed.insert(path.join(&made.name), now);
            }
        }
        drop(changed);
        let mut dirs: Vec<_> = held
            .into_iter()
            .filter_map(|(ino, path)| collected.dirs.remove(&path).map(|changes| (ino, path, changes)))
            .collect();
        dirs.sort_by(|a, b| a.1.cmp(&b.1));
        Changes { dirs, attrs: attrs.into_iter().collect(), cursor: Some(new.snapshot.cursor()) }
    }
}
