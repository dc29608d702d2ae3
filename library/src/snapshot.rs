//! The whole library as it stood at one moment, in memory, for readers that never wait.
//!
//! What makes it hard, and what answers it:
//! 1. A reader (an `ls` of 100,000, a search) must see one state from beginning to end, while files arrive. A snapshot
//!    is immutable; the writer builds the next one and swaps a pointer.
//! 2. A million rows must not be copied for one changed row. Everything is shared in pieces ([`chunks`], [`index`],
//!    the bitmaps one by one), and a change copies only the pieces it touches.
//! 3. Sets, names and folders must never disagree with the rows. Only [`Snapshot::put`] changes them, and it takes the
//!    row's old traces out by computing them from the old row itself.

mod albums;
mod chunks;
mod extras;
mod facets;
mod file_names;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixture;
mod folders;
mod index;
mod interner;
mod paths;
mod people;
mod row;
mod row_time;
mod searches;

use std::collections::BTreeSet;
use std::ops::RangeBounds;
use std::sync::Arc;

use roaring::RoaringBitmap;

pub use self::albums::Album;
use self::albums::Albums;
use self::chunks::Chunks;
pub use self::extras::{Extra, Extras};
pub use self::facets::Facet;
use self::facets::Facets;
use self::file_names::FileNames;
pub use self::folders::{Dir, DirId, Folders, Root};
use self::index::{Index, KeyHash};
use self::interner::Interner;
pub use self::interner::{AlbumRow, CameraId, LensId, PersonNameId, PersonRow, PlaceId, TagId};
pub use self::paths::{Paths, RowPath};
use self::people::People;
pub use self::people::Person;
pub use self::row::{CameraName, Row};
pub use self::row_time::RowTime;
pub use self::searches::SavedSearch;
use self::searches::SavedSearches;
use crate::catalogue::records::{AlbumRecord, PersonRecord, SavedSearchRecord};
use crate::change::Cursor;
use crate::id::{AccountId, AlbumId, AssetId, AssetInode, PersonId, RowNumber, SearchId};
use crate::metadata::{Place, TagPath};
use crate::visibility::Scope;

/// One immutable state of the library.
#[derive(Clone, Debug)]
pub struct Snapshot {
    cursor: Cursor,
    rows: Chunks<Row>,
    by_id: Index,
    by_inode: Index,
    by_name: Index,
    by_path: Index,
    facets: Facets,
    file_names: FileNames,
    folders: Folders,
    places: Arc<Interner<Place>>,
    cameras: Arc<Interner<CameraName>>,
    lenses: Arc<Interner<String>>,
    tags: Arc<Interner<TagPath>>,
    person_names: Arc<Interner<String>>,
    people: Arc<People>,
    albums: Arc<Albums>,
    kept_tags: Arc<BTreeSet<(AccountId, TagPath)>>,
    searches: Arc<SavedSearches>,
}

impl Snapshot {
    /// An empty library at `cursor`, with room for so many rows.
    pub(crate) fn with_capacity(cursor: Cursor, rows: usize) -> Self {
        Self {
            cursor,
            rows: Chunks::default(),
            by_id: Index::with_capacity(rows),
            by_inode: Index::with_capacity(rows),
            by_name: Index::with_capacity(rows),
            by_path: Index::with_capacity(rows),
            facets: Facets::default(),
            file_names: FileNames::default(),
            folders: Folders::default(),
            places: Arc::default(),
            cameras: Arc::default(),
            lenses: Arc::default(),
            tags: Arc::default(),
            person_names: Arc::default(),
            people: Arc::default(),
            albums: Arc::default(),
            kept_tags: Arc::default(),
            searches: Arc::default(),
        }
    }

    /// How far in the change feed this state is.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// A row by number; `None` for a number not in use.
    pub fn row(&self, row: RowNumber) -> Option<&Arc<Row>> {
        self.rows.get(row)
    }

    /// All rows, missing assets and parts included.
    pub fn rows(&self) -> impl Iterator<Item = (RowNumber, &Arc<Row>)> {
        self.rows.iter()
    }

    /// The row of an asset.
    pub fn by_id(&self, id: AssetId) -> Option<RowNumber> {
        self.by_id.get(KeyHash::of(id), |row| self.is(row, |row| row.id == id))
    }

    /// The row whose current version has this inode number.
    pub fn by_inode(&self, inode: AssetInode) -> Option<RowNumber> {
        self.by_inode.get(KeyHash::of(inode), |row| self.is(row, |row| row.inode == inode))
    }

    /// The row with this library-wide name, missing ones included. Exact, not folded.
    pub fn by_name(&self, name: &str) -> Option<RowNumber> {
        self.by_name.get(KeyHash::of(name), |row| self.is(row, |row| &*row.name == name))
    }

    /// The row whose bytes lie in this folder under this name.
    pub fn by_path(&self, dir: DirId, file_name: &[u8]) -> Option<RowNumber> {
        let path = RowPath { dir, file_name };
        self.by_path.get(KeyHash::of(path), |row| self.is(row, |row| row.paths().any(|at| at == path)))
    }

    fn is(&self, number: RowNumber, like: impl Fn(&Row) -> bool) -> bool {
        self.rows.get(number).is_some_and(|row| like(row))
    }

    /// The user's own layout.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The rows that share `facet`. Whatever their owner and visibility: intersect with [`Snapshot::shown`].
    pub fn facet(&self, facet: Facet) -> Option<&RoaringBitmap> {
        self.facets.get(facet)
    }

    /// The sets in a range of facets, `Facet::Day(a)..=Facet::Day(b)` for one. None is empty.
    pub fn facets(
        &self,
        range: impl RangeBounds<Facet>,
    ) -> impl DoubleEndedIterator<Item = (Facet, &RoaringBitmap)> {
        self.facets.range(range)
    }

    /// The rows with a file name that holds `wanted` (folded), or begins with it: among them missing ones and any
    /// owner's.
    pub fn rows_named(&self, wanted: &str, at_beginning: bool) -> RoaringBitmap {
        self.file_names.holding(wanted, at_beginning)
    }

    /// The listed assets that `account` sees in `scope`: the one predicate of visibility.
    pub fn shown(&self, account: AccountId, scope: Scope) -> RoaringBitmap {
        let mut shown = RoaringBitmap::new();
        for visibility in scope.shows() {
            if let Some(set) = self.facet(Facet::Shown(account, *visibility)) {
                shown |= set;
            }
        }
        shown
    }

    /// The place behind a number.
    pub fn place(&self, id: PlaceId) -> Option<&Arc<Place>> {
        self.places.get(id.index())
    }

    /// Every place ever met in this run.
    pub fn places(&self) -> impl Iterator<Item = (PlaceId, &Arc<Place>)> {
        self.places.iter().map(|(id, place)| (PlaceId::at(id), place))
    }

    /// The camera behind a number.
    pub fn camera(&self, id: CameraId) -> Option<&Arc<CameraName>> {
        self.cameras.get(id.index())
    }

    /// Every camera ever met in this run.
    pub fn cameras(&self) -> impl Iterator<Item = (CameraId, &Arc<CameraName>)> {
        self.cameras.iter().map(|(id, camera)| (CameraId::at(id), camera))
    }

    /// The lens behind a number.
    pub fn lens(&self, id: LensId) -> Option<&Arc<String>> {
        self.lenses.get(id.index())
    }

    /// Every lens ever met in this run.
    pub fn lenses(&self) -> impl Iterator<Item = (LensId, &Arc<String>)> {
        self.lenses.iter().map(|(id, lens)| (LensId::at(id), lens))
    }

    /// The tag behind a number.
    pub fn tag(&self, id: TagId) -> Option<&Arc<TagPath>> {
        self.tags.get(id.index())
    }

    /// Every tag ever met in this run.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, &Arc<TagPath>)> {
        self.tags.iter().map(|(id, tag)| (TagId::at(id), tag))
    }

    /// The name behind a number.
    pub fn person_name(&self, id: PersonNameId) -> Option<&Arc<String>> {
        self.person_names.get(id.index())
    }

    /// Every person named in a file, ever met in this run.
    pub fn person_names(&self) -> impl Iterator<Item = (PersonNameId, &Arc<String>)> {
        self.person_names.iter().map(|(id, name)| (PersonNameId::at(id), name))
    }

    /// The people of an account: the named ones by name, then the others by number. Without those who became somebody
    /// else, and the unnamed ones who are in no photo now.
    pub fn people(&self, account: AccountId) -> impl Iterator<Item = &Arc<Person>> {
        let people = self.people.of(account).into_iter();
        people.filter(|person| person.name.is_some() || self.facet(Facet::Person(person.row)).is_some())
    }

    /// The person of a row.
    pub fn person(&self, row: PersonRow) -> Option<&Arc<Person>> {
        self.people.get(row)
    }

    /// The person with this id, or whom they became.
    pub fn person_by_id(&self, id: PersonId) -> Option<&Arc<Person>> {
        self.people.by_id(id)
    }

    /// The person with this number, or whom they became.
    pub fn person_numbered(&self, account: AccountId, number: u32) -> Option<&Arc<Person>> {
        self.people.by_number(account, number)
    }

    /// The person who is called so; case and composition do not count.
    pub fn person_named(&self, account: AccountId, name: &str) -> Option<&Arc<Person>> {
        self.people.by_name(account, name)
    }

    /// Everybody, of any account, who is nobody else now.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Arc<Person>> {
        self.people.everybody()
    }

    /// The row that a person had, whoever they became since.
    pub(crate) fn former_row(&self, id: PersonId) -> Option<PersonRow> {
        self.people.former_row(id)
    }

    /// The album of a row, unless it is gone.
    pub fn album(&self, row: AlbumRow) -> Option<&Arc<Album>> {
        self.albums.get(row)
    }

    /// The album with this id, unless it is gone.
    pub fn album_by_id(&self, id: AlbumId) -> Option<&Arc<Album>> {
        self.albums.by_id(id)
    }

    /// An album and those it lies in, innermost first. `None` where one of them is gone.
    pub fn albums_above<'a>(&'a self, album: &'a Album) -> Option<Vec<&'a Album>> {
        self.albums.above(album)
    }

    /// The albums that lie directly in one, or in none, by name.
    pub fn albums_in(
        &self,
        account: AccountId,
        parent: Option<AlbumId>,
    ) -> impl Iterator<Item = &Arc<Album>> {
        self.albums.within(account, parent)
    }

    /// The album that is called so where it lies; case and composition do not count.
    pub fn album_called(
        &self,
        account: AccountId,
        parent: Option<AlbumId>,
        name: &str,
    ) -> Option<&Arc<Album>> {
        self.albums.called(account, parent, name)
    }

    /// The tags of an account that are listed though no photo may have them.
    pub fn kept_tags(&self, account: AccountId) -> impl Iterator<Item = &TagPath> {
        self.kept_tags.iter().filter(move |(owner, _)| *owner == account).map(|(_, tag)| tag)
    }

    /// The queries of an account that have names, by name.
    pub fn saved_searches(&self, account: AccountId) -> impl Iterator<Item = &SavedSearch> {
        self.searches.of(account)
    }

    /// The query of an account that is called so; case and composition do not count.
    pub fn saved_search(&self, account: AccountId, name: &str) -> Option<&SavedSearch> {
        self.searches.called(account, name)
    }

    /// Every album of any account, those that are gone too.
    pub(crate) fn every_album(&self) -> impl Iterator<Item = &Arc<Album>> {
        self.albums.every()
    }

    pub(crate) fn put_album(&mut self, id: AlbumId, record: &AlbumRecord) {
        Arc::make_mut(&mut self.albums).put(id, record);
    }

    pub(crate) fn album_rows(&self, ids: &[AlbumId]) -> Vec<AlbumRow> {
        self.albums.rows_of(ids)
    }

    pub(crate) fn set_kept_tags(&mut self, tags: impl IntoIterator<Item = (AccountId, TagPath)>) {
        self.kept_tags = Arc::new(tags.into_iter().collect());
    }

    pub(crate) fn set_saved_searches(
        &mut self,
        searches: impl IntoIterator<Item = (SearchId, SavedSearchRecord)>,
    ) {
        self.searches = Arc::new(SavedSearches::new(searches));
    }

    pub(crate) fn put_person(&mut self, id: PersonId, record: &PersonRecord) {
        Arc::make_mut(&mut self.people).put(id, record);
    }

    /// The rows of people, each once, whoever they became.
    pub(crate) fn person_rows(&self, ids: impl Iterator<Item = PersonId>) -> Vec<PersonRow> {
        let mut rows: Vec<PersonRow> = ids.filter_map(|id| self.people.row_of(id)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    pub(crate) fn set_cursor(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    pub(crate) fn folders_mut(&mut self) -> &mut Folders {
        &mut self.folders
    }

    pub(crate) fn intern_place(&mut self, place: &Place) -> PlaceId {
        PlaceId::at(Interner::intern(&mut self.places, place))
    }

    pub(crate) fn intern_camera(&mut self, camera: &CameraName) -> CameraId {
        CameraId::at(Interner::intern(&mut self.cameras, camera))
    }

    pub(crate) fn intern_lens(&mut self, lens: &String) -> LensId {
        LensId::at(Interner::intern(&mut self.lenses, lens))
    }

    pub(crate) fn intern_tag(&mut self, tag: &TagPath) -> TagId {
        TagId::at(Interner::intern(&mut self.tags, tag))
    }

    pub(crate) fn intern_person_name(&mut self, name: &String) -> PersonNameId {
        PersonNameId::at(Interner::intern(&mut self.person_names, name))
    }

    /// Puts a row in place of what was there. The only way anything in here changes.
    pub(crate) fn put(&mut self, number: RowNumber, row: Row) {
        let row = Arc::new(row);
        let old = self.rows.get(number).cloned();
        if let Some(old) = &old {
            if old.inode != row.inode {
                self.by_inode.remove(KeyHash::of(old.inode), number);
            }
            if old.name != row.name {
                self.by_name.remove(KeyHash::of(&*old.name), number);
            }
            for path in old.paths().filter(|path| !row.paths().any(|kept| kept == *path)) {
                self.by_path.remove(KeyHash::of(path), number);
            }
        }
        // Another row that has the same key now gives it up to this one.
        let rows = &self.rows;
        let other = |number| rows.get(number);
        self.by_id.insert(KeyHash::of(row.id), number, |at| other(at).is_some_and(|at| at.id == row.id));
        self.by_inode
            .insert(KeyHash::of(row.inode), number, |at| other(at).is_some_and(|at| at.inode == row.inode));
        self.by_name
            .insert(KeyHash::of(&*row.name), number, |at| other(at).is_some_and(|at| at.name == row.name));
        for path in row.paths() {
            let stands_there = |at| other(at).is_some_and(|at| at.paths().any(|its| its == path));
            self.by_path.insert(KeyHash::of(path), number, stands_there);
            self.folders.add_row(path.dir, number);
        }
        if let Some(old) = &old {
            for path in old.paths() {
                if !row.paths().any(|kept| kept.dir == path.dir) {
                    self.folders.remove_row(path.dir, number);
                }
            }
        }
        self.file_names.set(number, &row);
        let before = old.as_ref().map(|old| old.facets()).unwrap_or_default();
        self.facets.update(number, &before, &row.facets());
        self.rows.set(number, Some(row));
    }
}
