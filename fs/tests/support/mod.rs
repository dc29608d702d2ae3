//! A library made by hand, with real files, that tells its subscribers what changes.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

pub mod lives;
pub mod mounted;
pub mod reference;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender};
use galleryfs_fs::clock::Clock;
use galleryfs_fs::{
    AlbumDecision, Arrival, Arrived, Details, FileSeen, Original, PersonDecision, QueryError, SearchDecision,
    Source, SourceError, TagDecision, Unreadable, Version,
};
use jiff::civil::Date;
use library::metadata::{TagPath, Taken};
use library::snapshot::fixture::{Fixture, Photo};
use library::things::Things;
use library::{
    AccountId, AlbumId, AssetId, Change, ChangeSeq, Checksum, Commit, Decision, Entity, Facet, PersonId,
    RowNumber, Scope, SearchId, Snapshot, Visibility,
};

/// The library. The files lie in `root`.
pub struct TestLibrary {
    fixture: Mutex<Fixture>,
    current: Mutex<Arc<Snapshot>>,
    subscribers: Mutex<Vec<Sender<Commit>>>,
    onlookers: Mutex<Vec<Sender<()>>>,
    unreadable: Mutex<Vec<Unreadable>>,
    kept: Mutex<Arc<Vec<Version>>>,
    things: Mutex<Arc<Things>>,
    versions: AtomicU64,
    /// Those of which it was said when they were taken.
    dated: Mutex<HashSet<AssetId>>,
    /// Where what is in the trash showed before.
    before_trash: Mutex<HashMap<AssetId, Visibility>>,
    /// When each file was last written here: one with another time is somebody else's doing.
    known: Mutex<HashMap<PathBuf, SystemTime>>,
    /// How often it was asked to be safe from a power cut.
    pub syncs: AtomicU64,
    /// How often bytes were looked at to take them in.
    pub imports: AtomicU64,
    /// Whether it cannot be.
    pub disk_failed: AtomicBool,
    pub root: PathBuf,
}

impl TestLibrary {
    pub fn new(root: &Path) -> Arc<Self> {
        let fixture = Fixture::at(root);
        Arc::new(Self {
            current: Mutex::new(fixture.snapshot()),
            fixture: Mutex::new(fixture),
            subscribers: Mutex::default(),
            onlookers: Mutex::default(),
            unreadable: Mutex::default(),
            kept: Mutex::default(),
            things: Mutex::default(),
            versions: AtomicU64::new(0),
            known: Mutex::default(),
            dated: Mutex::default(),
            before_trash: Mutex::default(),
            syncs: AtomicU64::new(0),
            imports: AtomicU64::new(0),
            disk_failed: AtomicBool::new(false),
            root: root.to_owned(),
        })
    }

    /// Changes the library and commits; `edit` says which rows it touched.
    pub fn edit(&self, edit: impl FnOnce(&mut Fixture) -> Vec<RowNumber>) -> Commit {
        let mut fixture = self.fixture.lock().unwrap();
        let rows = edit(&mut fixture);
        let snapshot = fixture.commit();
        let changes: Vec<Change> = rows
            .into_iter()
            .filter_map(|row| snapshot.row(row))
            .map(|row| Change {
                seq: snapshot.cursor().seq,
                entity: Entity::Asset(row.id),
                gone: !row.present,
            })
            .collect();
        self.publish(Commit { snapshot, changes: changes.into() })
    }

    fn publish(&self, commit: Commit) -> Commit {
        *self.current.lock().unwrap() = Arc::clone(&commit.snapshot);
        self.subscribers.lock().unwrap().retain(|to| to.send(commit.clone()).is_ok());
        commit
    }

    /// Writes a file of these bytes and adds it.
    pub fn add(&self, photo: &Photo<'_>, bytes: &[u8]) -> RowNumber {
        let path = self.root.join(photo.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        self.note(&path);
        let mut added = RowNumber(0);
        self.edit(|fixture| {
            added = fixture.add(&Photo { size: bytes.len() as u64, ..photo.clone() });
            [Some(added), photo.host].into_iter().flatten().collect()
        });
        added
    }

    /// Adds a plain photo taken on 1 May 2024.
    pub fn add_plain(&self, path: &str, bytes: &[u8]) -> RowNumber {
        self.add(&Photo { path, taken: Some("2024-05-01T10:20:30"), ..Photo::default() }, bytes)
    }

    pub fn remove(&self, row: RowNumber) -> Commit {
        self.edit(|fixture| {
            fixture.remove(row);
            vec![row]
        })
    }

    /// Other bytes at the same path: a new version.
    pub fn rewrite(&self, row: RowNumber, path: &str, bytes: &[u8]) -> Commit {
        // As programs save: a new file in place of the old.
        let temporary = self.root.join(".saving");
        std::fs::write(&temporary, bytes).unwrap();
        std::fs::rename(temporary, self.root.join(path)).unwrap();
        self.note(&self.root.join(path));
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        self.edit(|fixture| {
            fixture.change(row, |row| {
                row.size = bytes.len() as u64;
                row.inode = library::AssetInode::of(row.id, &Checksum::of(&version.to_be_bytes()), 7);
            });
            vec![row]
        })
    }

    pub fn set_unreadable(&self, files: Vec<Unreadable>) -> Commit {
        *self.unreadable.lock().unwrap() = files;
        let snapshot = self.fixture.lock().unwrap().commit();
        let change = Change { seq: ChangeSeq(0), entity: Entity::Unreadable, gone: false };
        self.publish(Commit { snapshot, changes: Arc::new([change]) })
    }

    /// Somebody, in these photos.
    pub fn person(&self, name: Option<&str>, rows: &[RowNumber]) -> PersonId {
        let mut fixture = self.fixture.lock().unwrap();
        let person = fixture.person(name, rows);
        let snapshot = fixture.commit();
        let change = Change { seq: ChangeSeq(0), entity: Entity::Person(person), gone: false };
        self.publish(Commit { snapshot, changes: Arc::new([change]) });
        person
    }

    /// What a model sees from now on.
    pub fn set_things(&self, things: Things) {
        *self.things.lock().unwrap() = Arc::new(things);
        self.onlookers.lock().unwrap().retain(|to| to.send(()).is_ok());
    }

    fn tell(&self, snapshot: Arc<Snapshot>, entities: impl IntoIterator<Item = Entity>) {
        let seq = snapshot.cursor().seq;
        let changes = entities.into_iter().map(|entity| Change { seq, entity, gone: false }).collect();
        self.publish(Commit { changes, snapshot });
    }

    fn note(&self, path: &Path) {
        let modified = path.metadata().unwrap().modified().unwrap();
        self.known.lock().unwrap().insert(path.to_owned(), modified);
    }

    fn open(&self, path: &Path) -> Result<Original, SourceError> {
        let file = File::open(path)?;
        let modified = file.metadata()?.modified()?;
        let known = self.known.lock().unwrap().get(path).is_none_or(|known| *known == modified);
        Ok(if known { Original::AsKnown(file) } else { Original::Changed(file) })
    }

    fn path_of(&self, row: RowNumber, snapshot: &Snapshot) -> Option<PathBuf> {
        let row = snapshot.row(row)?;
        let path = row.paths().next()?;
        let folder = snapshot.folders().relative_path(path.dir);
        Some(
            self.root
                .join(std::ffi::OsStr::from_bytes(&folder))
                .join(std::ffi::OsStr::from_bytes(path.file_name)),
        )
    }
}

impl TestLibrary {
    fn decide_one(&self, asset: AssetId, decision: &Decision) {
        let snapshot = self.snapshot();
        let number = snapshot.by_id(asset).unwrap();
        let row = snapshot.row(number).unwrap();
        let mut tags: Vec<TagPath> =
            row.tags.iter().map(|tag| TagPath::clone(snapshot.tag(*tag).unwrap())).collect();
        self.edit(|fixture| {
            match decision {
                Decision::Favourite(favourite) => fixture.change(number, |row| row.favourite = *favourite),
                Decision::Rating(stars) => fixture.change(number, |row| row.rating = *stars),
                Decision::Visibility(wanted) => fixture.change(number, |row| row.visibility = *wanted),
                Decision::Taken(taken) if row.taken == *taken => {}
                Decision::Taken(taken) => {
                    self.dated.lock().unwrap().insert(asset);
                    fixture.change(number, |row| row.taken = *taken);
                }
                Decision::Description(text) => fixture.change(number, |row| row.described = text.is_some()),
                Decision::Tag(tag) => tags.push(tag.clone()),
                Decision::Untag(tag) => tags.retain(|known| known != tag),
                Decision::Tags(wanted) => tags = wanted.clone().unwrap_or_default(),
                Decision::JoinAlbum(album) => fixture.in_album(number, *album, true),
                Decision::LeaveAlbum(album) => fixture.in_album(number, *album, false),
                Decision::Trash(true) if row.visibility != Visibility::Trashed => {
                    self.before_trash.lock().unwrap().insert(asset, row.visibility);
                    fixture.change(number, |row| row.visibility = Visibility::Trashed);
                }
                Decision::Trash(true) => {}
                Decision::Trash(false) if row.visibility != Visibility::Trashed => {}
                Decision::Trash(false) => {
                    let before = self.before_trash.lock().unwrap().remove(&asset);
                    fixture.change(number, |row| row.visibility = before.unwrap_or(Visibility::Timeline));
                }
                Decision::IsIn(person) => fixture.has_person(number, *person, true),
                Decision::NotIn(person) => fixture.has_person(number, *person, false),
            }
            let joined: Vec<String> = tags.iter().map(TagPath::joined).collect();
            fixture.retag(number, &joined.iter().map(String::as_str).collect::<Vec<_>>());
            vec![number]
        });
    }
}

impl TestLibrary {
    /// Keeps what a photo is, before it is saved over.
    fn keep(&self, row: RowNumber, path: &Path) -> Result<(), SourceError> {
        let asset = self.snapshot().row(row).unwrap().id;
        let mut kept = Vec::clone(&self.versions());
        let number = kept.iter().filter(|version| version.asset == asset).count() as u32 + 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let relative = format!("kept/{asset}/{number:04} {name}");
        std::fs::create_dir_all(self.root.join(&relative).parent().unwrap())?;
        std::fs::copy(path, self.root.join(&relative))?;
        let metadata = self.root.join(&relative).metadata()?;
        let file = FileSeen {
            root: self.fixture.lock().unwrap().root(),
            path: relative.into_bytes().into(),
            size: metadata.len(),
            modified: jiff::Timestamp::try_from(metadata.modified()?).unwrap(),
        };
        kept.push(Version { asset, number, file });
        *self.kept.lock().unwrap() = Arc::new(kept);
        Ok(())
    }

    /// Has a photo have these bytes.
    fn replace(&self, row: RowNumber, bytes: &[u8]) -> Result<(), SourceError> {
        let path = self.path_of(row, &self.snapshot()).ok_or(SourceError::Gone)?;
        // A file of its own: whoever reads the one before goes on reading that.
        std::fs::remove_file(&path)?;
        std::fs::write(&path, bytes)?;
        self.note(&path);
        let modified = path.metadata()?.modified()?;
        let is_dated = |asset: &AssetId| self.dated.lock().unwrap().contains(asset);
        self.edit(|fixture| {
            fixture.change(row, |row| {
                if let Some(taken) = taken(bytes).filter(|_| !is_dated(&row.id)) {
                    row.taken = taken;
                }
                row.inode = library::AssetInode::of(row.id, &library::Checksum::of(bytes), 0);
                row.size = bytes.len() as u64;
                row.modified = jiff::Timestamp::try_from(modified).unwrap().into();
            });
            vec![row]
        });
        Ok(())
    }
}

/// When a photo of these bytes was taken, where they say so: "taken 2024-05-01", "undated".
fn taken(bytes: &[u8]) -> Option<Option<Taken>> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("undated") {
        return Some(None);
    }
    let (_, day) = text.split_once("taken ")?;
    let local = format!("{}T10:20:30", day.get(..10)?).parse().ok()?;
    Some(Some(Taken { local, zone: None }))
}

impl TestLibrary {
    /// The photo that has these bytes.
    fn of_bytes(&self, bytes: &[u8]) -> Option<(RowNumber, AssetId)> {
        let snapshot = self.snapshot();
        let is_it = |row: RowNumber| {
            self.path_of(row, &snapshot)
                .is_some_and(|path| std::fs::read(path).is_ok_and(|known| known == bytes))
        };
        snapshot.rows().find(|(row, _)| is_it(*row)).map(|(number, row)| (number, row.id))
    }

    /// Whether somebody is to be in a photo with nobody in it: its bytes say so.
    fn is_nobody(&self, asset: AssetId, decisions: &[Decision]) -> bool {
        let snapshot = self.snapshot();
        let row = snapshot.by_id(asset).unwrap();
        let is_in = |person: &PersonId| {
            let person = snapshot.person_by_id(*person).unwrap().row;
            snapshot.row(row).unwrap().extras.persons.contains(&person)
        };
        let is_news = |decision: &Decision| match decision {
            Decision::IsIn(person) => !is_in(person),
            _ => false,
        };
        let bytes = || std::fs::read(self.path_of(row, &snapshot)?).ok();
        decisions.iter().any(is_news)
            && bytes().is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("nobody"))
    }
}

impl Source for TestLibrary {
    fn decide_person(&self, decision: &PersonDecision) -> Result<(), SourceError> {
        let mut fixture = self.fixture.lock().unwrap();
        let people: Vec<PersonId> = match decision {
            PersonDecision::New(name) => {
                if fixture.snapshot().person_named(fixture.account(), name).is_some() {
                    return Err(SourceError::Taken(format!("{name} is another")));
                }
                vec![fixture.person(Some(name), &[])]
            }
            PersonDecision::Name(person, name) => {
                let snapshot = fixture.snapshot();
                let has_name = snapshot.person_by_id(*person).is_some_and(|person| person.name.is_some());
                let other = snapshot.person_named(fixture.account(), name).map(|other| other.id);
                match other.filter(|other| other != person) {
                    Some(_) if has_name => return Err(SourceError::Taken(format!("{name} is another"))),
                    Some(other) => {
                        fixture.merge_people(*person, other);
                        vec![*person, other]
                    }
                    None => {
                        fixture.name_person(*person, Some(name));
                        vec![*person]
                    }
                }
            }
            PersonDecision::Unname(person) => {
                fixture.name_person(*person, None);
                vec![*person]
            }
            PersonDecision::Merge(from, into) => {
                fixture.merge_people(*from, *into);
                vec![*from, *into]
            }
        };
        let snapshot = fixture.commit();
        self.tell(snapshot, people.into_iter().map(Entity::Person));
        Ok(())
    }

    fn decide_album(&self, decision: &AlbumDecision) -> Result<(), SourceError> {
        let mut fixture = self.fixture.lock().unwrap();
        let before = fixture.snapshot();
        let mut changed = Vec::new();
        let mut go = |fixture: &mut Fixture, album: AlbumId, with_all: bool| {
            let known = before.album_by_id(album).ok_or(SourceError::Gone)?;
            let shown = before.shown(fixture.account(), Scope::Everything);
            let is_empty = before.albums_in(fixture.account(), Some(album)).next().is_none()
                && before.facet(Facet::Album(known.row)).is_none_or(|set| set.is_disjoint(&shown));
            if !is_empty && !with_all {
                return Err(SourceError::NotEmpty("it is not empty".into()));
            }
            fixture.album(album, known.parent, &known.name, true);
            changed.push(album);
            Ok(())
        };
        match decision {
            AlbumDecision::Order(album, assets) => {
                fixture.order_album(*album, assets);
                changed.push(*album);
            }
            AlbumDecision::Cover(album, asset) => {
                fixture.cover_album(*album, *asset);
                changed.push(*album);
            }
            AlbumDecision::RemoveEmpty(album) => go(&mut fixture, *album, false)?,
            AlbumDecision::Remove(album) => go(&mut fixture, *album, true)?,
            AlbumDecision::Make { parent, name } => {
                let album = AlbumId::random();
                fixture.album(album, *parent, name, false);
                changed.push(album);
            }
            AlbumDecision::Place { album, parent, name, replaced } => {
                if let Some(replaced) = replaced {
                    go(&mut fixture, *replaced, false)?;
                }
                fixture.album(*album, *parent, name, false);
                changed.push(*album);
            }
        }
        let snapshot = fixture.commit();
        self.tell(snapshot, changed.into_iter().map(Entity::Album));
        Ok(())
    }

    fn decide_tag(&self, decision: &TagDecision) -> Result<(), SourceError> {
        let mut fixture = self.fixture.lock().unwrap();
        match decision {
            TagDecision::Keep(tag, kept) => {
                fixture.keep_tag(tag, *kept);
                let snapshot = fixture.commit();
                self.tell(snapshot, [Entity::KeptTags]);
            }
            TagDecision::Rename { from, to } => {
                let snapshot = fixture.snapshot();
                let renamed = |tag: &TagPath| {
                    let below = tag.parts().iter().skip(from.parts().len());
                    let is_below = tag.parts().starts_with(from.parts());
                    is_below.then(|| TagPath::new(to.parts().iter().chain(below)).unwrap())
                };
                for kept in snapshot.kept_tags(fixture.account()) {
                    if let Some(new) = renamed(kept) {
                        fixture.keep_tag(kept, false);
                        fixture.keep_tag(&new, true);
                    }
                }
                let commit = fixture.commit();
                drop(fixture);
                self.tell(commit, [Entity::KeptTags]);
                for (_, row) in snapshot.rows() {
                    let tags = row.tags.iter().map(|tag| snapshot.tag(*tag).unwrap());
                    for (tag, new) in tags.filter_map(|tag| Some((tag, renamed(tag)?))) {
                        self.decide_one(row.id, &Decision::Untag(TagPath::clone(tag)));
                        self.decide_one(row.id, &Decision::Tag(new));
                    }
                }
            }
        }
        Ok(())
    }

    fn decide_search(&self, decision: &SearchDecision) -> Result<(), SourceError> {
        let mut fixture = self.fixture.lock().unwrap();
        let (snapshot, account) = (fixture.snapshot(), fixture.account());
        let known = |search: SearchId| {
            let mut searches = snapshot.saved_searches(account);
            searches.find(|known| known.id == search).unwrap().clone()
        };
        match decision {
            SearchDecision::Save { name, query } => {
                if let Err(error) = self.check_query(query) {
                    return Err(SourceError::Refused(error.0));
                }
                fixture.save_search(SearchId::random(), Some((name, query)));
            }
            SearchDecision::Name(search, name) => {
                fixture.save_search(*search, Some((name, &known(*search).query)));
            }
            SearchDecision::Ask(search, query) => {
                fixture.save_search(*search, Some((&known(*search).name, query)));
            }
            SearchDecision::Forget(search) => fixture.save_search(*search, None),
        }
        let snapshot = fixture.commit();
        self.tell(snapshot, [Entity::SavedSearches]);
        Ok(())
    }

    fn decide(&self, decisions: &[(AssetId, Vec<Decision>)]) -> Result<(), SourceError> {
        if self.disk_failed.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(libc::EIO).into());
        }
        if let Some((asset, _)) =
            decisions.iter().find(|(asset, decisions)| self.is_nobody(*asset, decisions))
        {
            return Err(SourceError::Refused(format!("there is no face in {asset}")));
        }
        for (asset, decisions) in decisions {
            decisions.iter().for_each(|decision| self.decide_one(*asset, decision));
        }
        Ok(())
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.lock().unwrap())
    }

    fn account(&self) -> AccountId {
        self.fixture.lock().unwrap().account()
    }

    fn subscribe(&self) -> Receiver<Commit> {
        let (send, receive) = crossbeam_channel::unbounded();
        self.subscribers.lock().unwrap().push(send);
        receive
    }

    fn sights(&self) -> Receiver<()> {
        let (send, receive) = crossbeam_channel::unbounded();
        self.onlookers.lock().unwrap().push(send);
        receive
    }

    fn open_original(&self, row: RowNumber, snapshot: &Snapshot) -> Result<Original, SourceError> {
        self.open(&self.path_of(row, snapshot).ok_or(SourceError::Gone)?)
    }

    fn check_query(&self, text: &str) -> Result<(), QueryError> {
        assert_ne!(text, "panic", "on purpose");
        match text.split(' ').find(|word| word.starts_with("bad:")) {
            Some(word) => Err(QueryError(format!("there is no operator in {word:?}"))),
            None => Ok(()),
        }
    }

    /// Photos whose names have one of the words, in order of name; with `is:archived` those of the archive, without it
    /// the others.
    fn search(&self, text: &str) -> Result<Vec<RowNumber>, SourceError> {
        let snapshot = self.snapshot();
        let (asks, words): (Vec<&str>, Vec<&str>) = text.split(' ').partition(|word| *word == "is:archived");
        let unwanted = if asks.is_empty() { Visibility::Archive } else { Visibility::Timeline };
        let words: Vec<String> = words.into_iter().map(str::to_lowercase).collect();
        let mut found: Vec<_> = snapshot
            .rows()
            .filter(|(_, row)| row.visibility != unwanted)
            .filter(|(_, row)| {
                words.is_empty() || words.iter().any(|word| row.name.to_lowercase().contains(word))
            })
            .map(|(number, row)| (row.name.clone(), number))
            .collect();
        found.sort();
        Ok(found.into_iter().map(|(_, number)| number).collect())
    }

    /// The other photos in the order they came.
    fn similar(&self, row: RowNumber) -> Result<Vec<RowNumber>, SourceError> {
        Ok(self.snapshot().rows().map(|(number, _)| number).filter(|number| *number != row).collect())
    }

    fn things(&self) -> Arc<Things> {
        Arc::clone(&self.things.lock().unwrap())
    }

    fn sync(&self) -> Result<(), SourceError> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        if self.disk_failed.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull).into());
        }
        Ok(())
    }

    fn purge(&self, asset: AssetId) -> Result<(), SourceError> {
        let snapshot = self.snapshot();
        let row = snapshot.by_id(asset).ok_or(SourceError::Gone)?;
        std::fs::remove_file(self.path_of(row, &snapshot).ok_or(SourceError::Gone)?)?;
        self.remove(row);
        Ok(())
    }

    /// Beside the photos.
    fn inbox(&self) -> Option<PathBuf> {
        let inbox = self.root.parent()?.join("inbox");
        std::fs::create_dir_all(&inbox).ok()?;
        Some(inbox)
    }

    /// To `in/NAME`; what begins with "no" is no photo, and what stands among the photos is known.
    fn import(&self, arrival: &Arrival<'_>) -> Result<Arrived, SourceError> {
        self.imports.fetch_add(1, Ordering::Relaxed);
        let dir = PathBuf::from(format!("/proc/self/fd/{}", arrival.dir.as_raw_fd()));
        let name = std::ffi::OsStr::from_bytes(arrival.name);
        let bytes = std::fs::read(dir.join(name))?;
        if bytes.starts_with(b"no") {
            return Ok(Arrived::Left("it is no photo".into()));
        }
        if let Some((_, known)) = self.of_bytes(&bytes) {
            self.decide(&[(known, vec![Decision::Trash(false)])])?;
            return Ok(Arrived::Known(known));
        }
        let relative = format!("in/{}", name.display());
        std::fs::create_dir_all(self.root.join("in"))?;
        std::fs::rename(dir.join(name), self.root.join(&relative))?;
        self.note(&self.root.join(&relative));
        let size = bytes.len() as u64;
        let mut added = RowNumber(0);
        let commit = self.edit(|fixture| {
            added = fixture.add(&Photo {
                path: &relative,
                size,
                taken: Some("2024-05-01T10:20:30"),
                ..Photo::default()
            });
            if let Some(taken) = taken(&bytes) {
                fixture.change(added, |row| row.taken = taken);
            }
            vec![added]
        });
        Ok(Arrived::TakenIn(commit.snapshot.row(added).map(|row| row.id)))
    }

    fn decide_arrived(&self, asset: AssetId, decisions: &[Decision]) -> Result<(), SourceError> {
        self.decide(&[(asset, decisions.to_vec())])
    }

    fn save(&self, row: RowNumber, new: &File) -> Result<(), SourceError> {
        let snapshot = self.snapshot();
        let path = self.path_of(row, &snapshot).ok_or(SourceError::Gone)?;
        let mut bytes = Vec::new();
        std::io::Seek::rewind(&mut &*new)?;
        std::io::Read::read_to_end(&mut &*new, &mut bytes)?;
        if bytes.starts_with(b"no") {
            return Err(SourceError::Refused("it is no photo".into()));
        }
        match self.of_bytes(&bytes) {
            Some((same, _)) if same == row => return Ok(()),
            Some(_) => return Err(SourceError::Refused("it is another photo".into())),
            None => {}
        }
        std::fs::copy(&path, path.with_extension("before"))?;
        self.keep(row, &path)?;
        self.replace(row, &bytes)
    }

    fn amended(&self, _file: &File) -> Result<(), SourceError> {
        Ok(())
    }

    fn details(&self, asset: AssetId) -> Option<Details> {
        let snapshot = self.snapshot();
        let number = snapshot.by_id(asset)?;
        let described = snapshot.row(number)?.described;
        let bytes = std::fs::read(self.path_of(number, &snapshot)?).ok()?;
        Some(Details {
            sha1: Some(library::checksum::Digests::of(&bytes).sha1),
            description: described.then(|| "A caption".into()),
            warnings: Vec::new(),
        })
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        self.unreadable.lock().unwrap().clone()
    }

    fn versions(&self) -> Arc<Vec<Version>> {
        Arc::clone(&self.kept.lock().unwrap())
    }

    fn go_back(&self, row: RowNumber) -> Result<(), SourceError> {
        let asset = self.snapshot().row(row).unwrap().id;
        let mut kept = Vec::clone(&self.versions());
        let last = kept.iter().filter(|version| version.asset == asset).max_by_key(|version| version.number);
        let last = last.ok_or(SourceError::Gone)?.clone();
        kept.retain(|version| *version != last);
        let path = self.root.join(std::ffi::OsStr::from_bytes(&last.file.path));
        let bytes = std::fs::read(&path)?;
        std::fs::remove_file(path)?;
        *self.kept.lock().unwrap() = Arc::new(kept);
        self.replace(row, &bytes)
    }

    fn open_file(&self, file: &FileSeen) -> Result<Original, SourceError> {
        self.open(&self.root.join(std::ffi::OsStr::from_bytes(&file.path)))
    }
}

/// A clock that is turned by hand.
pub struct HandClock(pub Mutex<Date>);

impl HandClock {
    pub fn at(date: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(date.parse().unwrap())))
    }

    pub fn turn(&self, date: &str) {
        *self.0.lock().unwrap() = date.parse().unwrap();
    }
}

impl Clock for HandClock {
    fn today(&self) -> Date {
        *self.0.lock().unwrap()
    }
}
