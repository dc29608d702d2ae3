//! The virtual tree: what stands where, computed from a snapshot, without a kernel.
//!
//! What makes it hard, and what answers it:
//! 1. A name is looked up a hundred thousand times an `ls`, and must not cost a listing. Asset names are unique in
//!    the library, so the snapshot finds the row, and the row's own columns say whether it stands in that directory
//!    ([`view::View::stands`]).
//! 2. Requests run at once with commits. All of a request is answered from one [`State`]; a directory number is given
//!    out only while the table of numbers stands at that state too, so what is handed out is never older than the
//!    last thing the kernel was told to forget ([`inodes`]).
//! 3. The kernel caches what it is told for an hour. Every commit is held against the state before it, and what
//!    changed is named to it ([`changes`]).
//! 4. A listing stays what it was while somebody reads it ([`listing::Listing`]).

pub(crate) mod acts;
mod albums;
mod all;
mod archive;
mod attributes;
mod by_date;
mod cameras;
pub(crate) mod changes;
mod days;
mod favourites;
mod fixed;
mod folders;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod groups;
mod inbox;
pub(crate) mod inodes;
mod lingering;
pub(crate) mod listing;
mod membership;
mod on_this_day;
mod path;
mod people;
mod places;
mod probed;
mod rated;
mod recent;
mod saving;
mod search;
mod searches;
mod similar;
mod state;
mod tags;
mod things;
pub(crate) mod told;
mod trash;
mod trash_can;
pub(crate) mod trash_info;
mod types;
mod unreadable;
mod versions;
mod view;
mod worked_out;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use fuser::FileAttr;
use library::{AssetInode, RootId, Row, RowNumber};

use self::acts::MovedDir;
use self::fixed::Fixed;
use self::inodes::Inodes;
pub use self::path::DirPath;
use self::search::Asked;
use self::state::{Beside, State};
use self::told::Told;
use self::view::{Naming, View};
use crate::attr::{Owner, time};
use crate::error::FsError;
use crate::options::Options;
use crate::source::{FileSeen, Source};

/// How long the kernel may believe a name or an attribute. It is told when one changes.
pub(crate) const LONG: Duration = Duration::from_secs(3600);
/// How long it may believe that a hidden name is not there.
pub(crate) const ABSENT: Duration = Duration::from_secs(30);
/// How long it may believe what a search found: nobody tells it when that changes.
pub(crate) const FOUND: Duration = Duration::from_secs(5);

/// Marks the numbers of files that are announced as removed. They are in the inbox' range, where nothing is known of them.
const GONE: u64 = crate::inbox::MARK | crate::inbox::NUMBERS;

/// Directories of which it is known why something was refused there, at most.
const REFUSALS: usize = 1000;

/// The views, in the order in which the root lists them.
static VIEWS: [&dyn View; 22] = [
    &albums::Albums,
    &all::All,
    &archive::Archive,
    &by_date::ByDate,
    &cameras::Cameras,
    &favourites::Favourites,
    &folders::Folders,
    &inbox::Inbox,
    &on_this_day::OnThisDay,
    &people::People,
    &places::Places,
    &rated::Rated,
    &recent::Recent,
    &search::Search,
    &searches::Searches,
    &similar::Similar,
    &tags::Tags,
    &things::Things,
    &trash::Trash,
    &types::Types,
    &unreadable::UnreadableView,
    &versions::VersionsView,
];

/// What a name stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Node {
    /// A directory.
    Dir(DirPath),
    /// An asset or a part.
    Row(RowNumber),
    /// A file of the root.
    Fixed(Fixed),
    /// An unreadable file, by its place in the list.
    Unreadable(usize),
    /// What a photo was, by its place in the list.
    Version(usize),
    /// What a file manager wrote of what it deleted, by its inode number.
    Info(u64),
}

/// The answer to a lookup that found something.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What `stat` says.
    pub attr: FileAttr,
    /// How long the kernel may believe the name and the attributes.
    pub ttl: Duration,
}

/// What an open for reading reads.
#[derive(Debug)]
pub(crate) enum Readable {
    /// An original, from the state in which it was found.
    Row(RowNumber, Arc<State>),
    /// A file of the root.
    Fixed(Fixed),
    /// Another file: one that could not be read as a photo, or what a photo was.
    File(FileSeen),
}

impl Readable {
    /// The root it lies in, for reading it with others of that disk.
    pub(crate) fn root(&self) -> Option<RootId> {
        match self {
            Self::Row(number, state) => state.root_of(*number),
            Self::File(file) => Some(file.root),
            Self::Fixed(_) => None,
        }
    }
}

/// The tree of one account's library.
pub struct Tree {
    source: Arc<dyn Source>,
    owner: Owner,
    born: SystemTime,
    state: ArcSwap<State>,
    inodes: Mutex<Inodes>,
    /// Why something was last refused in a directory, where that is more than its error says.
    refusals: Mutex<HashMap<DirPath, String>>,
    /// Names that photos have for a moment, while they are saved over.
    aside: saving::Aside,
    /// The directories that are being moved.
    moves: Mutex<Vec<MovedDir>>,
    /// How far the kernel has been told what is over.
    pub(crate) told: Told,
    /// When the listing of a directory last changed, where it did since the mount.
    changed: RwLock<HashMap<DirPath, SystemTime>>,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").field("state", &self.state.load().number).finish_non_exhaustive()
    }
}

fn view(name: &[u8]) -> Option<&'static dyn View> {
    let listed = VIEWS.iter().copied().find(|view| view.name().as_bytes() == name);
    listed.or_else(|| trash_can::user(name).map(|_| &trash_can::TrashCan as &dyn View))
}

impl Tree {
    /// The tree of what `source` holds now.
    pub fn new(source: Arc<dyn Source>, owner: Owner, options: &Options) -> Self {
        let unreadable = unreadable::UnreadableFiles::named(&Default::default(), source.unreadable());
        let state = State::new(
            0,
            source.snapshot(),
            source.account(),
            options.parts,
            options.clock.today(),
            Beside {
                unreadable: Arc::new(unreadable),
                things: source.things(),
                versions: Arc::new(versions::Versions::of(&source.versions())),
            },
            owner.uid,
        );
        Self {
            owner,
            born: SystemTime::now(),
            state: ArcSwap::from_pointee(state),
            inodes: Mutex::default(),
            changed: RwLock::default(),
            told: Told::default(),
            moves: Mutex::default(),
            refusals: Mutex::default(),
            aside: saving::Aside::default(),
            source,
        }
    }

    /// Where the tree gets its answers from.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// A panic elsewhere must not make the mount dead: every change to the table is one call that leaves it whole.
    fn inodes(&self) -> MutexGuard<'_, Inodes> {
        self.inodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moves(&self) -> MutexGuard<'_, Vec<MovedDir>> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers why something was refused in a directory.
    pub(crate) fn note_refusal(&self, dir: u64, error: &FsError) {
        if let (true, Ok(path)) = (error.is_explained(), self.dir(dir)) {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            if refusals.len() > REFUSALS {
                refusals.clear();
            }
            refusals.insert(path, error.to_string());
        }
    }

    /// Why something was last refused in a directory.
    fn refusal(&self, dir: u64) -> Option<String> {
        let path = self.dir(dir).ok()?;
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned()
    }

    /// The path of a directory the kernel holds.
    pub(crate) fn dir(&self, ino: u64) -> Result<DirPath, FsError> {
        match self.inodes().path(ino) {
            Some(path) => Ok(path.clone()),
            None if AssetInode::from_raw(ino).is_some() || Fixed::of_inode(ino).is_some() => {
                Err(FsError::NotADirectory)
            }
            // It vanished, and may be there again under another number.
            None => Err(FsError::Stale),
        }
    }

    fn has(state: &State, path: &DirPath) -> bool {
        match path.split_view() {
            None => true,
            Some((name, at)) => {
                view(name).is_some_and(|view| view.has(state, &at)) || state.lingering.has(path)
            }
        }
    }

    /// What `name` is in the directory at `path`, in this state.
    fn child(state: &State, path: &DirPath, name: &[u8]) -> Option<Node> {
        let Some((top, at)) = path.split_view() else {
            return match view(name) {
                Some(_) if trash_can::user(name).is_some_and(|uid| uid != state.uid) => None,
                Some(_) => Some(Node::Dir(path.join(name))),
                None => Fixed::of_name(name).map(Node::Fixed),
            };
        };
        let view = view(top)?;
        let below: Vec<&[u8]> = at.iter().copied().chain([name]).collect();
        let is_real = view.has(state, &at);
        if is_real && view.has(state, &below) || state.lingering.has(&path.join(name)) {
            return Some(Node::Dir(path.join(name)));
        }
        if !is_real {
            return None;
        }
        if trash_info::is_infos(path) {
            return trash_info::find(state, name);
        }
        match view.naming() {
            Naming::Unreadable => state.beside.unreadable.by_name(name).map(Node::Unreadable),
            Naming::Versions => versions::find(state, &at, name),
            Naming::OnDisk => folders::find(state, &at, name).map(Node::Row),
            Naming::Ranked if at.is_empty() => None,
            Naming::Ranked => Self::named(state, view, search::unranked(name)).map(|(row, _)| Node::Row(row)),
            Naming::ByAsset => {
                let (number, (host, row)) = Self::named(state, view, name)?;
                view.lists(state, host, row, &at).then_some(Node::Row(number))
            }
        }
    }

    /// The asset of this name and what it is a part of, if it may show in the view.
    fn named<'a>(
        state: &'a State,
        view: &dyn View,
        name: &[u8],
    ) -> Option<(RowNumber, (RowNumber, &'a Arc<Row>))> {
        let number = state.snapshot.by_name(view::text(name)?)?;
        let host = state.host(number, view.scope())?;
        (host.0 == number || state.shows_parts()).then_some((number, host))
    }

    /// Finds `name` in a directory the kernel holds.
    pub fn lookup(&self, parent: u64, name: &[u8]) -> Result<Entry, FsError> {
        loop {
            let path = self.dir(parent)?;
            let state = self.state();
            let node = Self::child(&state, &path, name).ok_or(FsError::NotFound)?;
            let ttl = Self::ttl(&path);
            let attr = match node {
                Node::Dir(dir) => {
                    if let Some(Asked::Query(query)) = Asked::by(&dir) {
                        self.source.check_query(query)?;
                    }
                    // None: a commit came in between, so what was found may be over.
                    let Some(ino) = self.inodes().look_up(&dir, parent, state.number) else { continue };
                    self.dir_attr(ino, &dir)
                }
                node => self.file_attr(&state, &node).ok_or(FsError::NotFound)?,
            };
            return Ok(Entry { attr, ttl });
        }
    }

    /// Whether there is something of this name in a directory now.
    pub(crate) fn has_name(&self, parent: u64, name: &[u8]) -> bool {
        self.dir(parent).is_ok_and(|path| Self::child(&self.state(), &path, name).is_some())
    }

    /// How long the kernel may believe what it is told of the names in a directory.
    pub(crate) fn ttl(dir: &DirPath) -> Duration {
        match () {
            () if trash_info::is_infos(dir) => Duration::ZERO,
            () if Asked::by(dir).is_some() => FOUND,
            () => LONG,
        }
    }

    /// How long the kernel may believe that a name is not in a directory. `None`: it must ask again. It is told when one comes, but
    /// only when nothing is under way there: whoever puts a photo back and looks for it at once must find it. What file
    /// managers and others look for everywhere begins with a dot, and no photo does.
    pub fn absent_ttl(&self, parent: u64, name: &[u8]) -> Option<Duration> {
        let path = self.dir(parent).ok()?;
        match path.split_view() {
            None => Some(LONG),
            Some(_) if !name.starts_with(b".") => None,
            Some(_) if Asked::by(&path).is_some() || trash_info::is_infos(&path) => None,
            // What is under way in such a directory may have it there in a moment, and the kernel could not be told before.
            Some(_) if acts::is_decided(&self.state(), &path) => None,
            Some((_, at)) if at.is_empty() => Some(FOUND),
            Some(_) => Some(ABSENT),
        }
    }

    /// What `stat` says of anything but a directory.
    fn file_attr(&self, state: &State, node: &Node) -> Option<FileAttr> {
        match node {
            Node::Dir(_) => None,
            Node::Row(number) => self.row_attr(state, *number),
            Node::Fixed(fixed) => {
                Some(self.owner.file(fixed.inode(), fixed.contents().len() as u64, self.born))
            }
            Node::Unreadable(at) => state.beside.unreadable.get(*at).map(|named| {
                self.owner.file(named.ino, named.file.file.size, time(named.file.file.modified))
            }),
            Node::Info(ino) => {
                let (size, written) = trash_info::size(state, *ino)?;
                Some(self.owner.file(*ino, size, written))
            }
            Node::Version(at) => {
                let (version, ino) = state.beside.versions.numbered(*at)?;
                Some(self.owner.file(ino, version.file.size, time(version.file.modified)))
            }
        }
    }

    /// What `stat` says of a directory. A trash is its user's alone.
    fn dir_attr(&self, ino: u64, path: &DirPath) -> FileAttr {
        let attr = self.owner.dir(ino, self.changed_at(path));
        match trash_can::user_of(path) {
            Some(uid) => FileAttr { uid, perm: 0o700, ..attr },
            None => attr,
        }
    }

    fn row_attr(&self, state: &State, number: RowNumber) -> Option<FileAttr> {
        let row = state.row(number)?;
        Some(self.owner.asset(row, links(state, number, row)))
    }

    fn changed_at(&self, dir: &DirPath) -> SystemTime {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        changed.get(dir).copied().unwrap_or(self.born)
    }

    /// What `stat` said of something that is gone, as far as the kernel needs to know. A photo whose name is gone here stands
    /// elsewhere, and the kernel takes a link off whatever it is told was removed: that is another file, which nobody has.
    pub(crate) fn was(&self, ino: u64, is_dir: bool) -> FileAttr {
        if is_dir {
            self.owner.dir(ino, self.born)
        } else {
            self.owner.file(GONE | ino & (GONE - 1), 0, self.born)
        }
    }

    /// What stands for a name that there is not.
    pub(crate) fn nothing(&self) -> FileAttr {
        self.owner.file(0, 0, self.born)
    }

    /// What `stat` says of what the kernel holds.
    pub fn attr(&self, ino: u64) -> Result<FileAttr, FsError> {
        let state = self.state();
        if let Some(asset) = AssetInode::from_raw(ino) {
            let number = state.snapshot.by_inode(asset).ok_or(FsError::Stale)?;
            let _visible = state.host(number, library::Scope::Anywhere).ok_or(FsError::Stale)?;
            return self.row_attr(&state, number).ok_or(FsError::NotFound);
        }
        if let Some(node) = Self::other_node(&state, ino) {
            return self.file_attr(&state, &node).ok_or(FsError::NotFound);
        }
        let path = self.dir(ino)?;
        Ok(self.dir_attr(ino, &path))
    }

    /// The file, not an asset, behind an inode number.
    fn other_node(state: &State, ino: u64) -> Option<Node> {
        let info = || trash_info::is_info(ino).then_some(Node::Info(ino));
        let version = || state.beside.versions.by_inode(ino).map(Node::Version);
        let fixed = || Fixed::of_inode(ino).map(Node::Fixed);
        state
            .beside
            .unreadable
            .by_inode(ino)
            .map(Node::Unreadable)
            .or_else(version)
            .or_else(info)
            .or_else(fixed)
    }

    /// What an open for reading of this inode reads.
    pub(crate) fn readable(&self, ino: u64) -> Result<Readable, FsError> {
        let state = self.state();
        if let Some(asset) = AssetInode::from_raw(ino) {
            let number = state.snapshot.by_inode(asset).ok_or(FsError::Stale)?;
            let _visible = state.host(number, library::Scope::Anywhere).ok_or(FsError::Stale)?;
            return Ok(Readable::Row(number, state));
        }
        match Self::other_node(&state, ino) {
            Some(Node::Fixed(fixed)) => Ok(Readable::Fixed(fixed)),
            Some(Node::Unreadable(at)) => match state.beside.unreadable.get(at) {
                Some(named) => Ok(Readable::File(named.file.file.clone())),
                None => Err(FsError::NotFound),
            },
            Some(Node::Version(at)) => match state.beside.versions.get(at) {
                Some(version) => Ok(Readable::File(version.file.clone())),
                None => Err(FsError::NotFound),
            },
            _ => Err(self.dir(ino).map_or_else(|error| error, |_| FsError::IsADirectory)),
        }
    }

    /// Whether what a directory lists must be searched for.
    pub(crate) fn is_search(&self, ino: u64) -> bool {
        self.dir(ino).is_ok_and(|path| Asked::by(&path).is_some())
    }

    /// Something is on its way into a directory that the kernel holds: its number stands for it from now on, also when the
    /// kernel has forgotten it.
    pub(crate) fn keep(&self, dir: u64) {
        self.inodes().keep(dir);
    }

    /// The kernel drops `count` of its lookups of an inode. Only directories are counted: all else is found again
    /// by its number alone.
    pub fn forget(&self, ino: u64, count: u64) {
        if AssetInode::from_raw(ino).is_none() {
            self.inodes().forget(ino, count);
        }
    }
}

/// How many names a row has in the tree, but for the views that drift (`recent/`, `on-this-day/`, `things/`) and searches: so
/// that `du`, `tar` and `rsync -H` count its bytes once.
fn links(state: &State, number: RowNumber, row: &Row) -> u32 {
    let on_disk = row.copies() as u32;
    let (host_number, host) = match row.extras.host {
        None => (number, row),
        Some(_) if !state.shows_parts() => return on_disk,
        Some(_) => match state.host(number, library::Scope::Anywhere) {
            Some((number, host)) => (number, &**host),
            None => return on_disk,
        },
    };
    let grouped =
        |has: bool, view: &dyn View| if has { view.stands(state, host_number, host).len() as u32 } else { 0 };
    let albums = grouped(!host.extras.albums.is_empty(), &albums::Albums);
    match host.visibility {
        library::Visibility::Trashed => return 1,
        library::Visibility::Archive => return on_disk + albums + 2,
        _ => {}
    }
    on_disk
        + albums
        + 1
        + u32::from(host.taken.is_some())
        + u32::from(host.favourite)
        + u32::from(host.rating.is_some_and(|rating| rating.stars() > 0))
        + types::count(state, host)
        + grouped(host.place.is_some(), &places::Places)
        + grouped(host.camera.is_some(), &cameras::Cameras)
        + grouped(!host.tags.is_empty(), &tags::Tags)
        + grouped(!host.extras.persons.is_empty(), &people::People)
}

#[cfg(test)]
mod tests;
