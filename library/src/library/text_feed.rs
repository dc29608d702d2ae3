//! The text index as a consumer of the change feed: a thread that turns changed assets into documents.
//!
//! 1. It may be behind, or a crash may have taken back what it was told: its commits carry the cursor they reach, the
//!    catalogue is flushed before each, and a cursor that the feed cannot go on from means reading all anew. So
//!    does a commit of another epoch: the catalogue was opened again, or filled anew with other row numbers.
//! 2. A commit takes tens of milliseconds, so photos are gathered; but somebody who waits ([`TextFeed::settle`]) is not
//!    kept waiting.
//! 3. The writer holds a thread and tens of megabytes: it is let go when nothing has come for a while.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::{Commit, Library, LibraryError, locked};
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AssetRecord, DecidedRecord};
use crate::change::{Cursor, Entity};
use crate::id::{AccountId, AssetId, Epoch, RowNumber};
use crate::query::Query;
use crate::search::{Hit, Meaning, SearchError};
use crate::snapshot::{Facet, Row, Snapshot};
use crate::text::{TextChange, TextDocument, TextIndex, TextWriter};

/// Documents gathered before they are committed.
const BATCH: usize = 2000;

/// How long a change may wait for company.
const GATHER: Duration = Duration::from_millis(500);

/// How long the writer is kept without work.
const KEEP_WRITER: Duration = Duration::from_secs(20);

/// The text index and the thread that feeds it.
pub(super) struct TextFeed {
    index: TextIndex,
    progress: Arc<Progress>,
    hurry: (Sender<()>, Receiver<()>),
}

#[derive(Debug, Default)]
struct Progress {
    /// How far the index is; `None` until the first look at it.
    reached: Mutex<Option<Cursor>>,
    moved: Condvar,
}

impl std::fmt::Debug for TextFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextFeed").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl TextFeed {
    /// Opens the index below `derived`; a damaged one is put aside and said so in `notes`.
    pub(super) fn open(derived: &Path, notes: &mut Vec<String>) -> Result<Self, LibraryError> {
        let index = TextIndex::open(&derived.join("text")).map_err(SearchError::from)?;
        notes.extend(index.put_aside().map(|reason| {
            format!("The text index was damaged ({reason}) and is being rebuilt; nothing is lost.")
        }));
        Ok(Self { index, progress: Arc::default(), hurry: crossbeam_channel::bounded(1) })
    }

    /// Whether it was told more of this life of the catalogue than the catalogue itself knows.
    pub(super) fn is_ahead_of(&self, catalogue: Cursor) -> bool {
        self.index.cursor().is_some_and(|at| at.epoch == catalogue.epoch && at.seq > catalogue.seq)
    }

    /// Starts the thread. It ends when the library does.
    pub(super) fn start(&self, library: &Arc<Library>) {
        let feeder = Feeder {
            library: Arc::downgrade(library),
            commits: library.subscribe(),
            hurry: self.hurry.1.clone(),
            progress: Arc::clone(&self.progress),
            writer: None,
            waiting: BTreeSet::new(),
            epoch: None,
            anew: false,
        };
        let spawned = std::thread::Builder::new().name("text index".into()).spawn(move || feeder.run());
        if let Err(error) = spawned {
            tracing::error!(%error, "the text index cannot be fed: search finds nothing new");
        }
    }

    /// Waits until the index has reached `target`.
    pub(super) fn settle(&self, target: Cursor) {
        let mut reached = locked(&self.progress.reached);
        while !is_past(*reached, target) {
            let _ = self.hurry.0.try_send(());
            let waited = self.progress.moved.wait_timeout(reached, Duration::from_millis(200));
            reached = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Changes between the index and `head`.
    pub(super) fn pending(&self, head: Cursor) -> u64 {
        match *locked(&self.progress.reached) {
            Some(at) if at.epoch == head.epoch => head.seq.0.saturating_sub(at.seq.0),
            _ => head.seq.0,
        }
    }

    pub(super) fn search(
        &self,
        snapshot: &Snapshot,
        account: AccountId,
        meaning: Option<&dyn Meaning>,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<Hit>, SearchError> {
        let reader = self.index.reader();
        Ok(crate::search::search(snapshot, account, &reader, meaning, query, limit)?.hits)
    }
}

fn is_past(reached: Option<Cursor>, target: Cursor) -> bool {
    reached.is_some_and(|at| at.epoch == target.epoch && at.seq >= target.seq)
}

struct Feeder {
    library: Weak<Library>,
    commits: Receiver<Commit>,
    hurry: Receiver<()>,
    progress: Arc<Progress>,
    writer: Option<TextWriter>,
    /// Changed assets whose documents are not written yet.
    waiting: BTreeSet<AssetId>,
    /// The life of the catalogue that the last commit came from.
    epoch: Option<Epoch>,
    /// Nothing in the index counts any more.
    anew: bool,
}

impl Feeder {
    fn run(mut self) {
        let mut newest: Option<Arc<Snapshot>> = None;
        if let Err(error) = self.catch_up() {
            tracing::error!(%error, "the text index could not catch up; it is filled anew in a moment");
            self.anew = true;
            self.writer = None;
            // There may be no other change for long.
            newest = self.library.upgrade().map(|library| library.snapshot());
        }
        let mut since = Instant::now();
        loop {
            let patience = if self.waiting.is_empty() && newest.is_none() {
                KEEP_WRITER
            } else {
                GATHER.saturating_sub(since.elapsed())
            };
            let (mut due, mut idle) = (false, false);
            crossbeam_channel::select! {
                recv(self.commits) -> commit => match commit {
                    Ok(commit) => {
                        if newest.is_none() {
                            since = Instant::now();
                        }
                        self.take(&commit);
                        newest = Some(commit.snapshot);
                    }
                    Err(_) => return,
                },
                recv(self.hurry) -> _ => {
                    while let Ok(commit) = self.commits.try_recv() {
                        self.take(&commit);
                        newest = Some(commit.snapshot);
                    }
                    due = true;
                }
                default(patience) => {
                    due = newest.is_some();
                    idle = newest.is_none();
                }
            }
            if idle {
                self.writer = None;
            }
            if due || self.waiting.len() >= BATCH || since.elapsed() >= GATHER {
                let Some(snapshot) = newest.take() else { continue };
                if let Err(error) = self.write(&snapshot) {
                    tracing::error!(%error, "the text index could not be written; it is tried again");
                    self.writer = None;
                    newest = Some(snapshot);
                    // It may be the catalogue that failed, and there may be no other change that would mend it.
                    if let Some(Err(error)) = self.library.upgrade().map(|library| library.mend()) {
                        tracing::debug!(%error, "not yet");
                    }
                    std::thread::sleep(GATHER);
                }
                since = Instant::now();
            }
        }
    }

    fn take(&mut self, commit: &Commit) {
        let epoch = Some(commit.snapshot.cursor().epoch);
        if self.epoch.is_some() && self.epoch != epoch {
            self.anew = true;
        }
        self.epoch = epoch;
        for change in &*commit.changes {
            self.changed(&commit.snapshot, change.entity);
        }
    }

    /// The documents that speak of what changed must be written anew.
    fn changed(&mut self, snapshot: &Snapshot, entity: Entity) {
        match entity {
            Entity::Asset(id) => {
                self.waiting.insert(id);
            }
            Entity::Person(id) => {
                let row = snapshot.person_by_id(id).map(|person| person.row);
                let photos = row.and_then(|row| snapshot.facet(Facet::Person(row)));
                let photos = photos.into_iter().flatten();
                self.waiting.extend(photos.filter_map(|row| Some(snapshot.row(RowNumber(row))?.id)));
            }
            Entity::Face(_)
            | Entity::Stack(_)
            | Entity::Roots
            | Entity::Unreadable
            | Entity::Album(_)
            | Entity::KeptTags
            | Entity::SavedSearches => {}
        }
    }

    /// Brings the index to where the library is now, from wherever it was left.
    fn catch_up(&mut self) -> Result<(), LibraryError> {
        let Some(library) = self.library.upgrade() else { return Ok(()) };
        let snapshot = library.snapshot();
        let head = snapshot.cursor();
        self.epoch = Some(head.epoch);
        let at = match library.text.index.cursor() {
            Some(at) if library.catalogue()?.can_follow(at)? => Some(at),
            _ => None,
        };
        match at {
            Some(at) if at.seq == head.seq => {
                self.reached(head);
                return Ok(());
            }
            Some(at) => {
                for change in library.catalogue()?.changes_after(at.seq) {
                    self.changed(&snapshot, change?.entity);
                }
            }
            None => self.anew = true,
        }
        drop(library);
        self.write(&snapshot)
    }

    fn writer(&mut self) -> Result<&mut TextWriter, LibraryError> {
        if self.writer.is_none() {
            let library = self.library.upgrade().ok_or(LibraryError::Closed)?;
            self.writer = Some(library.text.index.writer().map_err(SearchError::from)?);
        }
        self.writer.as_mut().ok_or(LibraryError::Closed)
    }

    /// Writes what waits, as it stands in `snapshot`, and commits.
    fn write(&mut self, snapshot: &Snapshot) -> Result<(), LibraryError> {
        let library = self.library.upgrade().ok_or(LibraryError::Closed)?;
        let catalogue = library.catalogue()?;
        if self.anew {
            self.writer()?.clear().map_err(SearchError::from)?;
            self.waiting.extend(snapshot.rows().map(|(_, row)| row.id));
        }
        let waiting: Vec<AssetId> = self.waiting.iter().copied().collect();
        for ids in waiting.chunks(500) {
            let mut changes = Vec::with_capacity(ids.len());
            for id in ids {
                let Some(number) = snapshot.by_id(*id) else { continue };
                let Some(row) = snapshot.row(number) else { continue };
                changes.push(if row.is_listed() {
                    let description = description(&catalogue, row)?;
                    TextChange::Put(Box::new(document(snapshot, number, row, description)))
                } else {
                    TextChange::Delete(number)
                });
            }
            self.writer()?.apply(&changes).map_err(SearchError::from)?;
        }
        catalogue.flush()?;
        let cursor = snapshot.cursor();
        self.writer()?.commit(cursor).map_err(SearchError::from)?;
        self.waiting.clear();
        self.anew = false;
        self.reached(cursor);
        Ok(())
    }

    fn reached(&self, cursor: Cursor) {
        *locked(&self.progress.reached) = Some(cursor);
        self.progress.moved.notify_all();
    }
}

fn description(catalogue: &crate::catalogue::Catalogue, row: &Row) -> Result<Option<String>, CatalogueError> {
    if !row.described {
        return Ok(None);
    }
    let record = catalogue.get::<AssetRecord>(&Key::asset(row.id))?;
    let decided = catalogue.get::<DecidedRecord>(&Key::decided(row.id))?.unwrap_or_default();
    Ok(decided.over(record.and_then(|record| record.metadata).unwrap_or_default()).description)
}

fn document(snapshot: &Snapshot, number: RowNumber, row: &Row, description: Option<String>) -> TextDocument {
    let mut names = vec![row.name.to_string()];
    let mut folders = Vec::new();
    for path in row.paths() {
        let name = String::from_utf8_lossy(path.file_name).into_owned();
        if !names.contains(&name) {
            names.push(name);
        }
        if let Some((root, _)) =
            snapshot.folders().dir(path.dir).and_then(|dir| snapshot.folders().root(dir.root))
        {
            folders.push(root.name.clone());
        }
        let relative = snapshot.folders().relative_path(path.dir);
        folders.extend(
            relative
                .split(|byte| *byte == b'/')
                .filter(|name| !name.is_empty())
                .map(|name| String::from_utf8_lossy(name).into_owned()),
        );
    }
    TextDocument {
        names,
        description,
        tags: row.tags.iter().filter_map(|tag| Some(snapshot.tag(*tag)?.joined())).collect(),
        place: row
            .place
            .and_then(|place| snapshot.place(place))
            .map(|place| vec![place.city.clone(), place.region.clone(), place.country.clone()])
            .unwrap_or_default(),
        camera: row
            .camera
            .and_then(|camera| snapshot.camera(camera))
            .map(|camera| format!("{} {}", camera.make, camera.model)),
        lens: row.lens.and_then(|lens| snapshot.lens(lens)).map(std::string::ToString::to_string),
        people: people(snapshot, row),
        folders,
        taken: row.day(),
        ..TextDocument::new(number)
    }
}

/// The names of the people in a photo: those that the file has, and those they have here.
fn people(snapshot: &Snapshot, row: &Row) -> Vec<String> {
    let of_files = row.extras.people.iter().filter_map(|name| Some(snapshot.person_name(*name)?.to_string()));
    let mut names: Vec<String> = of_files.collect();
    for person in row.extras.persons.iter().filter_map(|person| snapshot.person(*person)) {
        if let Some(name) = person.name.as_deref().filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    names
}
