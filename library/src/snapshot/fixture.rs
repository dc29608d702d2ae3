//! Snapshots made by hand, for tests of what reads them: the tree, the filters.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::{CameraName, Extra, Paths, Root, Row, RowPath, RowTime, Snapshot};
use crate::catalogue::records::{AlbumRecord, PersonRecord, SavedSearchRecord};
use crate::change::{ChangeSeq, Cursor};
use crate::checksum::Checksum;
use crate::format::{Format, Kind};
use crate::id::{AccountId, AlbumId, AssetId, AssetInode, Epoch, PersonId, RootId, RowNumber, SearchId};
use crate::metadata::{Place, Rating, TagPath, Taken};
use crate::visibility::Visibility;

/// A library in the making: one account, one root called `Pictures` at `/pictures`.
#[derive(Debug)]
pub struct Fixture {
    snapshot: Snapshot,
    account: AccountId,
    root: RootId,
    next: u32,
}

/// A photo for the fixture. The path decides the format, and the name unless `name` does.
#[derive(Clone, Debug, Default)]
pub struct Photo<'a> {
    /// Below the root: `2024/IMG_1.jpg`.
    pub path: &'a str,
    /// The library-wide name, where it is not the file's: `IMG_1 (2).jpg`.
    pub name: Option<&'a str>,
    /// Bytes; also makes the content, so give different photos different sizes or paths.
    pub size: u64,
    /// Local capture time: `2024-05-01T10:20:30`.
    pub taken: Option<&'a str>,
    /// City, region, country.
    pub place: Option<(&'a str, &'a str, &'a str)>,
    /// Make and model.
    pub camera: Option<(&'a str, &'a str)>,
    /// Tags with `/` between levels.
    pub tags: &'a [&'a str],
    /// People named in the file.
    pub people: &'a [&'a str],
    /// Stars.
    pub rating: Option<i64>,
    /// Where it shows.
    pub visibility: Visibility,
    /// What it is a part of.
    pub host: Option<RowNumber>,
}

impl Default for Fixture {
    fn default() -> Self {
        Self::at("/pictures")
    }
}

impl Fixture {
    /// A library in the making whose one root lies at `path`, for tests that open originals.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let (account, root) = (AccountId::from_bytes([1; 16]), RootId::from_bytes([2; 16]));
        let mut snapshot = Snapshot::with_capacity(
            Cursor { epoch: Epoch::from_bytes([3; 16]), seq: ChangeSeq::default() },
            0,
        );
        snapshot.folders.set_roots([Root {
            id: root,
            owner: account,
            name: "Pictures".into(),
            path: path.into(),
            watched: true,
        }]);
        Self { snapshot, account, root, next: 0 }
    }

    /// The one root.
    pub fn root(&self) -> RootId {
        self.root
    }

    /// The state so far, one commit later than the last.
    pub fn commit(&mut self) -> Arc<Snapshot> {
        let Cursor { epoch, seq } = self.snapshot.cursor();
        self.snapshot.set_cursor(Cursor { epoch, seq: ChangeSeq(seq.0 + 1) });
        self.snapshot()
    }

    /// Puts the one copy of a photo at another path, as `mv` does.
    pub fn move_to(&mut self, number: RowNumber, path: &str) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(dir) = self.snapshot.folders.make(self.root, folder.as_bytes()) {
            self.change(number, |row| {
                row.standing = Paths::of(&row.name, &[RowPath { dir, file_name: file.as_bytes() }]);
            });
        }
    }

    /// Gives a photo another library-wide name; on disk it keeps the ones it has.
    pub fn rename(&mut self, number: RowNumber, name: &str) {
        self.change(number, |row| {
            row.standing = Paths::of(name, &row.paths().collect::<Vec<_>>());
            row.name = name.into();
        });
    }

    /// Somebody, in these photos: named, or met so often that they show.
    pub fn person(&mut self, name: Option<&str>, photos: &[RowNumber]) -> PersonId {
        // Given once, whoever they become.
        let is_free = |number: &u32| self.snapshot.person_numbered(self.account, *number).is_none();
        let number = (1..).find(is_free).unwrap_or_default();
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let person = PersonId::from_bytes(bytes);
        let record = PersonRecord {
            owner: self.account,
            number,
            name: name.map(str::to_owned),
            hidden: false,
            into: None,
            anchors: Vec::new(),
            faces: 3,
            cover: None,
        };
        self.snapshot.put_person(person, &record);
        let rows = self.snapshot.person_rows(std::iter::once(person));
        for photo in photos {
            self.change(*photo, |row| row.extras.persons.extend(&rows));
        }
        person
    }

    /// Gives somebody another name, or none.
    pub fn name_person(&mut self, person: PersonId, name: Option<&str>) {
        self.put_person(person, name, None);
    }

    /// Says whether somebody is in a photo.
    pub fn has_person(&mut self, number: RowNumber, person: PersonId, has: bool) {
        let rows = self.snapshot.person_rows(std::iter::once(person));
        self.change(number, |row| {
            let mut persons: Vec<_> = row.extras.persons.to_vec();
            persons.retain(|known| !rows.contains(known));
            persons.extend(rows.iter().filter(|_| has));
            row.extras.persons = persons;
        });
    }

    /// Makes somebody of somebody else, in all their photos. The name of the first stays where the other has none.
    pub fn merge_people(&mut self, from: PersonId, into: PersonId) {
        let old = self.snapshot.person_rows(std::iter::once(from));
        let name = |person| self.snapshot.person_by_id(person).and_then(|person| person.name.clone());
        let (name, kept) = (name(from), name(into));
        self.put_person(from, name.as_deref(), Some(into));
        if kept.is_none() {
            self.put_person(into, name.as_deref(), None);
        }
        let new = self.snapshot.person_rows(std::iter::once(into));
        let photos: Vec<RowNumber> = self
            .snapshot
            .rows()
            .filter(|(_, row)| row.extras.persons.iter().any(|person| old.contains(person)))
            .map(|(number, _)| number)
            .collect();
        for photo in photos {
            self.change(photo, |row| {
                let mut persons: Vec<_> = row.extras.persons.to_vec();
                persons.retain(|person| !old.contains(person) && !new.contains(person));
                persons.extend(&new);
                row.extras.persons = persons;
            });
        }
    }

    fn put_person(&mut self, person: PersonId, name: Option<&str>, into: Option<PersonId>) {
        let Some(known) = self.snapshot.person_by_id(person) else { return };
        let record = PersonRecord {
            owner: known.owner,
            number: known.number,
            name: name.map(str::to_owned),
            hidden: known.hidden,
            into,
            anchors: Vec::new(),
            faces: known.faces,
            cover: None,
        };
        self.snapshot.put_person(person, &record);
    }

    /// An album, as it is from now on. Gone ones can come back.
    pub fn album(&mut self, album: AlbumId, parent: Option<AlbumId>, name: &str, gone: bool) {
        let record = AlbumRecord { parent, name: name.to_owned(), gone, ..self.album_record(album) };
        self.snapshot.put_album(album, &record);
    }

    /// Has these photos come first in an album.
    pub fn order_album(&mut self, album: AlbumId, order: &[AssetId]) {
        let record = AlbumRecord { order: order.to_vec(), ..self.album_record(album) };
        self.snapshot.put_album(album, &record);
    }

    /// Has a photo stand for an album.
    pub fn cover_album(&mut self, album: AlbumId, cover: Option<AssetId>) {
        let record = AlbumRecord { cover, ..self.album_record(album) };
        self.snapshot.put_album(album, &record);
    }

    fn album_record(&self, album: AlbumId) -> AlbumRecord {
        let known = self.snapshot.album_by_id(album);
        AlbumRecord {
            owner: self.account,
            parent: known.and_then(|album| album.parent),
            name: known.map(|album| album.name.to_string()).unwrap_or_default(),
            gone: false,
            order: known.map(|album| album.order.to_vec()).unwrap_or_default(),
            cover: known.and_then(|album| album.cover),
        }
    }

    /// Puts a photo into an album, or takes it out.
    pub fn in_album(&mut self, number: RowNumber, album: AlbumId, has: bool) {
        let rows = self.snapshot.album_rows(&[album]);
        self.change(number, |row| {
            let mut albums: Vec<_> = row.extras.albums.to_vec();
            albums.retain(|known| !rows.contains(known));
            albums.extend(rows.iter().filter(|_| has));
            albums.sort_unstable();
            row.extras.albums = albums;
        });
    }

    /// Lists a tag though no photo may have it, or does so no more.
    pub fn keep_tag(&mut self, tag: &TagPath, kept: bool) {
        let owner = self.account;
        let mut tags: Vec<_> = self.snapshot.kept_tags(owner).cloned().collect();
        tags.retain(|known| known.folded() != tag.folded());
        tags.extend(kept.then(|| tag.clone()));
        self.snapshot.set_kept_tags(tags.into_iter().map(|tag| (owner, tag)));
    }

    /// Gives a query a name, in place of the one that it had; `None` forgets it.
    pub fn save_search(&mut self, search: SearchId, named: Option<(&str, &str)>) {
        let owner = self.account;
        let record = |name: &str, query: &str| SavedSearchRecord {
            owner,
            name: name.to_owned(),
            query: query.to_owned(),
            gone: false,
        };
        let known = self.snapshot.saved_searches(owner).filter(|known| known.id != search);
        let mut searches: Vec<_> = known.map(|known| (known.id, record(&known.name, &known.query))).collect();
        searches.extend(named.map(|(name, query)| (search, record(name, query))));
        self.snapshot.set_saved_searches(searches);
    }

    /// Gives a photo other tags.
    pub fn retag(&mut self, number: RowNumber, tags: &[&str]) {
        let tags: Vec<_> = tags.iter().filter_map(|tag| TagPath::new(tag.split('/'))).collect();
        let tags = tags.iter().map(|tag| self.snapshot.intern_tag(tag)).collect();
        self.change(number, |row| row.tags = tags);
    }

    /// The one account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The state so far. Later changes do not reach it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(self.snapshot.clone())
    }

    /// Adds a photo, video or (with a host) part.
    pub fn add(&mut self, photo: &Photo<'_>) -> RowNumber {
        let number = RowNumber(self.next);
        self.next += 1;
        let (folder, file) = photo.path.rsplit_once('/').unwrap_or(("", photo.path));
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        let format = Format::from_extension(extension).unwrap_or(Format::Jpeg);
        let content = Checksum::of(format!("{} {}", photo.path, photo.size).as_bytes());
        let id = AssetId::of_content(self.account, &content);
        let dir = self.snapshot.folders.make(self.root, folder.as_bytes()).unwrap_or(super::DirId(0));
        let name = photo.name.unwrap_or(file);
        let row = Row {
            id,
            inode: AssetInode::of(id, &content, 0),
            owner: self.account,
            name: name.into(),
            kind: format.kind(),
            format,
            visibility: photo.visibility,
            present: true,
            size: photo.size,
            modified: RowTime::default(),
            decided: RowTime::default(),
            added: (Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(i64::from(number.0))).into(),
            taken: photo.taken.and_then(|text| text.parse().ok()).map(|local| Taken { local, zone: None }),
            pixels: None,
            position: None,
            place: photo.place.map(|(city, region, country)| {
                self.snapshot.intern_place(&Place {
                    city: city.into(),
                    region: region.into(),
                    country: country.into(),
                })
            }),
            camera: photo.camera.map(|(make, model)| {
                self.snapshot.intern_camera(&CameraName { make: make.into(), model: model.into() })
            }),
            lens: None,
            iso: None,
            f_number: None,
            focal_mm: None,
            rating: photo.rating.and_then(Rating::new),
            tags: photo
                .tags
                .iter()
                .filter_map(|tag| TagPath::new(tag.split('/')))
                .map(|tag| self.snapshot.intern_tag(&tag))
                .collect(),
            described: false,
            favourite: false,
            motion: false,
            warned: false,
            extras: Extra {
                people: photo
                    .people
                    .iter()
                    .map(|name| self.snapshot.intern_person_name(&(*name).to_owned()))
                    .collect(),
                host: photo.host,
                ..Extra::default()
            }
            .into(),
            standing: Paths::of(name, &[RowPath { dir, file_name: file.as_bytes() }]),
        };
        debug_assert!(row.kind != Kind::Sidecar || row.extras.host.is_some(), "a sidecar has a host");
        self.snapshot.put(number, row);
        if let Some(host) = photo.host {
            self.change(host, |row| row.extras.parts.push(number));
        }
        number
    }

    /// Changes a row in place.
    pub fn change(&mut self, number: RowNumber, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.snapshot.row(number) {
            let mut row = Row::clone(row);
            change(&mut row);
            self.snapshot.put(number, row);
        }
    }

    /// Makes an asset missing, as when its file is deleted.
    pub fn remove(&mut self, number: RowNumber) {
        self.change(number, |row| {
            row.present = false;
            row.standing = Paths::default();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Facet;
    use crate::visibility::Scope;

    #[test]
    fn what_is_put_is_found_and_what_is_removed_is_not() {
        let mut fixture = Fixture::default();
        let row = fixture.add(&Photo {
            path: "2024/IMG_1.jpg",
            taken: Some("2024-05-01T10:00:00"),
            tags: &["a/b"],
            ..Photo::default()
        });
        let before = fixture.snapshot();
        fixture.remove(row);
        let after = fixture.snapshot();

        let day = Facet::Day("2024-05-01".parse().unwrap());
        let dir = before.folders().find(fixture.root, b"2024").unwrap();
        assert_eq!(before.by_name("IMG_1.jpg"), Some(row));
        assert_eq!(before.by_path(dir, b"IMG_1.jpg"), Some(row));
        assert!(before.facet(day).unwrap().contains(row.0));
        assert_eq!(before.shown(fixture.account(), Scope::Timeline).len(), 1);

        assert_eq!(after.by_name("IMG_1.jpg"), Some(row), "the name stays taken");
        assert_eq!(after.by_path(dir, b"IMG_1.jpg"), None);
        assert!(after.facet(day).is_none());
        assert!(after.shown(fixture.account(), Scope::Everything).is_empty());
        assert_eq!(after.folders().find(fixture.root, b"2024"), None, "an empty folder goes");
    }
}
