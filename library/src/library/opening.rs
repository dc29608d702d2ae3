//! Opening a data folder: the lock, recovery, replay, and the columns.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::lock::DataLock;
use super::text_feed::TextFeed;
use super::writing;
use super::{Library, LibraryError, OpenReport, Writer};
use crate::catalogue::keys::{Key, id_of};
use crate::catalogue::records::{
    AccountRecord, AlbumRecord, AssetRecord, CastRecord, DecidedRecord, PersonRecord, RootRecord,
    SavedSearchRecord,
};
use crate::catalogue::transaction::Transaction;
use crate::catalogue::{Catalogue, CatalogueError, Started};
use crate::change::Cursor;
use crate::fact::{Fact, UnknownFact};
use crate::id::{AccountId, AlbumId, AssetId, PersonId, SearchId};
use crate::ingest::{self, Ingest, originals};
use crate::journal::{Draft, Face, Journal, Options, Record, Sequence};
use crate::metadata::TagPath;
use crate::people::cast;
use crate::project::{self, AwayFolders, Ties};
use crate::replay;
use crate::snapshot::Snapshot;

/// Journal records replayed in one commit.
const REPLAY_BATCH: usize = 2000;

/// What to do with what can be made again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Derived {
    /// Use it.
    Keep,
    /// Throw it away and fill it anew.
    Discard,
}

pub(super) fn open(data: &Path, derived: Derived) -> Result<(Arc<Library>, OpenReport), LibraryError> {
    let truth = data.join("truth");
    let derived_dir = data.join("derived");
    make_dir(data)?;
    keep_private(data)?;
    for dir in [&truth, &derived_dir] {
        make_dir(dir)?;
    }
    let lock = DataLock::take(data)?;
    if derived == Derived::Discard {
        discard(&derived_dir)?;
        make_dir(&derived_dir)?;
    }
    mark_as_cache(&derived_dir)?;

    let mut report = OpenReport::default();
    // Both read all they have; neither needs the other until the catalogue's library is compared.
    let (opened, catalogue) = std::thread::scope(|scope| {
        let catalogue = scope.spawn(|| Catalogue::start(&derived_dir.join("catalogue")));
        let journal = Journal::open(&truth.join("journal"), Options::default());
        (journal, catalogue.join())
    });
    let opened = opened?;
    let started = catalogue.unwrap_or_else(|_| Err(CatalogueError::Panicked("no message".into())));
    report.notes.extend(opened.damage.iter().map(ToString::to_string));
    let journal = opened.journal;

    let ready = make_ready(&derived_dir, started, &journal, &mut report.notes)?;
    report.rebuilt = ready.fresh;
    finish(data, journal, ready, lock, report)
}

/// A catalogue that includes all of the journal, and what it says.
pub(super) struct Ready {
    pub(super) catalogue: Catalogue,
    pub(super) account: AccountId,
    pub(super) snapshot: Snapshot,
    pub(super) writer: Writer,
    /// It was empty, so every file must be read again.
    pub(super) fresh: bool,
    /// How far its change feed was before it caught up with the journal.
    found: Cursor,
}

/// Brings a catalogue to where the journal is, or makes it anew; `notes` say which, and why.
pub(super) fn make_ready(
    derived: &Path,
    started: Result<Started, CatalogueError>,
    journal: &Journal,
    notes: &mut Vec<String>,
) -> Result<Ready, LibraryError> {
    let path = derived.join("catalogue");
    let opened = Catalogue::finish(&path, started, journal.library())?;
    notes.extend(opened.note);
    let why = match fill(opened.catalogue, opened.fresh, &path, journal) {
        Ok(ready) => return Ok(ready),
        Err(NotFilled::AnotherPast { applied }) => format!(
            "The catalogue knew {applied} journal records but the journal holds {}: the journal was restored from an \
             older backup",
            journal.head()
        ),
        // A record that does not decode: all of it is made anew rather than trusted in part.
        Err(NotFilled::Failed(LibraryError::Catalogue(error))) if error.is_damage() => error.to_string(),
        Err(NotFilled::Failed(error)) => return Err(error),
    };
    let aside = Catalogue::set_aside(&path)?;
    notes.push(format!("{why}. It was moved to {} and is being rebuilt; nothing is lost.", aside.display()));
    let opened = Catalogue::open(&path, journal.library())?;
    match fill(opened.catalogue, true, &path, journal) {
        Ok(ready) => Ok(ready),
        Err(NotFilled::Failed(error)) => Err(error),
        Err(NotFilled::AnotherPast { .. }) => Err(CatalogueError::Reopening.into()),
    }
}

/// Why a catalogue cannot be used as it is.
enum NotFilled {
    /// It has applied more than the journal holds.
    AnotherPast {
        applied: Sequence,
    },
    Failed(LibraryError),
}

impl<E: Into<LibraryError>> From<E> for NotFilled {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Brings a catalogue to where the journal is; one that cannot be is closed.
fn fill(catalogue: Catalogue, fresh: bool, path: &Path, journal: &Journal) -> Result<Ready, NotFilled> {
    let filled = || {
        let applied = catalogue.get::<Sequence>(&Key::meta("journal"))?.unwrap_or(Sequence::START);
        if applied > journal.head() {
            return Err(NotFilled::AnotherPast { applied });
        }
        let found = catalogue.cursor()?;
        catch_up(&catalogue, journal)?;
        let account = first_account(&catalogue, journal)?;
        let (snapshot, writer) = load(&catalogue)?;
        Ok((found, account, snapshot, writer))
    };
    match filled() {
        Ok((found, account, snapshot, writer)) => {
            Ok(Ready { catalogue, account, snapshot, writer, fresh, found })
        }
        Err(error) => {
            if catalogue.has_failed() {
                Catalogue::close(Arc::new(catalogue), path)?;
            }
            Err(error)
        }
    }
}

fn finish(
    data: &Path,
    journal: Journal,
    ready: Ready,
    lock: DataLock,
    mut report: OpenReport,
) -> Result<(Arc<Library>, OpenReport), LibraryError> {
    let Ready { catalogue, account, mut snapshot, writer, found, .. } = ready;
    let text = TextFeed::open(&data.join("derived"), &mut report.notes)?;
    if text.is_ahead_of(found) {
        // The catalogue lost what the index was told, and is about to give the same numbers to other changes.
        catalogue.renew_epoch()?;
        snapshot.set_cursor(catalogue.cursor()?);
    }
    let library = Arc::new(Library {
        data: data.to_owned(),
        journal,
        catalogue: RwLock::new(Some(Arc::new(catalogue))),
        account,
        snapshot: ArcSwap::from_pointee(snapshot),
        writer: Mutex::new(writer),
        text,
        meaning: RwLock::new(None),
        notes: Mutex::new(report.notes.clone()),
        people: super::people::Gathering::default(),
        trash_guard: Mutex::default(),
        all_told: std::sync::atomic::AtomicBool::new(false),
        _lock: lock,
    });
    library.text.start(&library);
    Ok((library, report))
}

fn make_dir(dir: &Path) -> Result<(), LibraryError> {
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| LibraryError::Folder { path: dir.to_owned(), source })
}

/// What photos say (where, when, who) is nobody else's business, also where the data folder was there before.
fn keep_private(data: &Path) -> Result<(), LibraryError> {
    let failed = |source| LibraryError::Folder { path: data.to_owned(), source };
    let metadata = std::fs::metadata(data).map_err(failed)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(LibraryError::Foreign { path: data.to_owned(), owner: metadata.uid() });
    }
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(data, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Backup programs skip folders with this file: what is in there can be made again.
fn mark_as_cache(dir: &Path) -> Result<(), LibraryError> {
    let path = dir.join("CACHEDIR.TAG");
    if path.exists() {
        return Ok(());
    }
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n\
               # Everything here can be made again from your photos and truth/ by galleryfs.\n";
    std::fs::write(&path, tag).map_err(|source| LibraryError::Folder { path, source })
}

/// What a rebuild leaves: made of bytes alone, whatever the catalogue said, and dear; or what sidecars said before they
/// were written into, which nothing else knows.
const KEPT: [&str; 3] = ["vectors", "thumbnails", "sidecars"];

fn discard(derived: &Path) -> Result<(), LibraryError> {
    let failed = |source| LibraryError::Folder { path: derived.to_owned(), source };
    // Moved away first: whoever still writes there, a text index being closed for one, writes into what goes.
    let doomed = derived.with_extension("discarded");
    for _ in 0..20 {
        match std::fs::remove_dir_all(&doomed) {
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            _ => break,
        }
    }
    let entries = match std::fs::read_dir(derived) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    std::fs::create_dir_all(&doomed).map_err(failed)?;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if !KEPT.iter().any(|kept| name == *kept) {
            std::fs::rename(derived.join(&name), doomed.join(&name)).map_err(failed)?;
        }
    }
    // Vectors are dear and know no row numbers: they stay. Should we be stopped in between, they are made again.
    let vectors = doomed.join("vectors");
    if vectors.exists() {
        make_dir(derived)?;
        std::fs::rename(&vectors, derived.join("vectors")).map_err(failed)?;
    }
    // What cannot be removed now is removed by the next rebuild; it is no part of the library any more.
    let _ = std::fs::remove_dir_all(&doomed);
    Ok(())
}

/// Replays the journal records that the catalogue has not applied.
fn catch_up(catalogue: &Catalogue, journal: &Journal) -> Result<(), LibraryError> {
    replay_known(catalogue, journal, |record| Fact::from_record(&record.kind, &record.content))
}

/// Replays what `read` understands. The first record that it does not is remembered apart from the position: what
/// follows must not be lost meanwhile, every start must see it, and who understands it begins there again.
fn replay_known(
    catalogue: &Catalogue,
    journal: &Journal,
    read: impl Fn(&Record) -> Result<Fact, UnknownFact>,
) -> Result<(), LibraryError> {
    let not_understood = |unknown: UnknownFact| {
        journal.mark_read_only(format!(
            "{unknown}. Start the newer galleryfs that wrote it; until then nothing new is decided, so that nothing \
             it knows is lost"
        ));
    };
    let mut applied = catalogue.get::<Sequence>(&Key::meta("journal"))?.unwrap_or(Sequence::START);
    let mut unknown = catalogue.get::<Sequence>(&Key::meta("unknown"))?;
    if let Some(at) = unknown {
        let before = Sequence(at.0.saturating_sub(1));
        match journal.records(before).next().transpose()?.map(|record| read(&record)) {
            Some(Err(reason)) => not_understood(reason),
            _ => (applied, unknown) = (before, None),
        }
    }
    let nothing = Snapshot::with_capacity(catalogue.cursor()?, 0);
    let mut records = journal.records(applied).peekable();
    while records.peek().is_some() {
        let mut tx = Transaction::new(catalogue, Timestamp::now(), journal.head());
        let mut last = applied;
        for record in records.by_ref().take(REPLAY_BATCH) {
            let record = record?;
            last = record.sequence;
            match read(&record) {
                Ok(fact) => {
                    let forgotten = ingest::forgotten_files(&mut tx, &fact)?;
                    if let Fact::Version { asset, from, .. } = &fact {
                        originals::discredit(&mut tx, *asset, from)?;
                    }
                    replay::apply(&mut tx, &fact, record.time, record.sequence)?;
                    if let Fact::Version { asset, .. } = &fact {
                        // The folder has told this, and the catalogue has lost it: the scan will tell it again.
                        tx.put(Key::waiting(*asset), &());
                    }
                    if !forgotten.is_empty() {
                        Ingest::new(&mut tx, &roots(catalogue)?, &nothing).clear_all(&forgotten)?;
                        if let Fact::Asset { asset, .. } = &fact {
                            // What stood there is this asset by now, should it have been edited since.
                            let now = tx.now;
                            forgotten.iter().for_each(|path| tx.put(Key::vacated(path), &(*asset, now)));
                        }
                    }
                }
                Err(reason) => {
                    unknown.get_or_insert(record.sequence);
                    not_understood(reason);
                }
            }
        }
        // Who is in a photo may have been decided without the catalogue having learnt of it.
        cast::settle(&mut tx, &nothing, false)?;
        match unknown {
            Some(at) => tx.put(Key::meta("unknown"), &at),
            None => tx.remove(Key::meta("unknown")),
        }
        catalogue.apply(tx.prepare(last)?.batch)?;
    }
    Ok(())
}

/// The account that was journalled first; made now, after the user's login name, if there is none.
fn first_account(catalogue: &Catalogue, journal: &Journal) -> Result<AccountId, LibraryError> {
    let mut accounts = Vec::new();
    for entry in catalogue.scan::<AccountRecord>(&Key::accounts()) {
        let (key, record) = entry?;
        if let Some(id) = key.get(1..17).and_then(|bytes| bytes.try_into().ok()) {
            accounts.push((record.order, AccountId::from_bytes(id)));
        }
    }
    if let Some((_, account)) = accounts.into_iter().min() {
        return Ok(account);
    }
    let name =
        std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "owner".to_owned());
    let account = AccountId::random();
    let (kind, content) = Fact::Account { account, name }.to_record();
    journal.append(&[Draft { time: None, actor: None, face: Face::Daemon, kind, content }])?;
    catch_up(catalogue, journal)?;
    Ok(account)
}

/// The roots by id, in no order.
pub(super) fn roots(catalogue: &Catalogue) -> Result<HashMap<crate::id::RootId, RootRecord>, CatalogueError> {
    let mut roots = HashMap::new();
    for entry in catalogue.scan::<RootRecord>(&Key::roots()) {
        let (key, record) = entry?;
        if let Some(id) = key.get(1..17).and_then(|bytes| bytes.try_into().ok()) {
            roots.insert(crate::id::RootId::from_bytes(id), record);
        }
    }
    Ok(roots)
}

/// The subtrees that are away.
pub(super) fn away(catalogue: &Catalogue) -> Result<AwayFolders, CatalogueError> {
    let tx = Transaction::new(catalogue, Timestamp::UNIX_EPOCH, Sequence::START);
    Ok(AwayFolders::new(ingest::away_folders(&tx.scan(&Key::all_away())?)))
}

/// The tags that are listed though no photo may have them.
pub(super) fn kept_tags(catalogue: &Catalogue) -> Result<Vec<(AccountId, TagPath)>, CatalogueError> {
    catalogue.scan(&Key::kept_tags()).map(|entry| entry.map(|(_, tag)| tag)).collect()
}

/// The queries that have names, those that are forgotten too.
pub(super) fn saved_searches(
    catalogue: &Catalogue,
) -> Result<Vec<(SearchId, SavedSearchRecord)>, CatalogueError> {
    let mut searches = Vec::new();
    for entry in catalogue.scan::<SavedSearchRecord>(&Key::saved_searches()) {
        let (key, record) = entry?;
        searches.extend(id_of(&key).map(|id| (SearchId::from_bytes(id), record)));
    }
    Ok(searches)
}

/// Fills a snapshot from the catalogue.
fn load(catalogue: &Catalogue) -> Result<(Snapshot, Writer), CatalogueError> {
    let roots = roots(catalogue)?;
    let away = away(catalogue)?;
    let mut snapshot = Snapshot::with_capacity(catalogue.cursor()?, catalogue.rows_given()?);
    snapshot.folders_mut().set_roots(writing::ordered_roots(&roots));
    for entry in catalogue.scan::<PersonRecord>(&Key::people()) {
        let (key, record) = entry?;
        if let Some(id) = id_of(&key) {
            snapshot.put_person(PersonId::from_bytes(id), &record);
        }
    }
    for entry in catalogue.scan::<AlbumRecord>(&Key::albums()) {
        let (key, record) = entry?;
        if let Some(id) = id_of(&key) {
            snapshot.put_album(AlbumId::from_bytes(id), &record);
        }
    }
    snapshot.set_kept_tags(kept_tags(catalogue)?);
    snapshot.set_saved_searches(saved_searches(catalogue)?);
    let casts: HashMap<AssetId, CastRecord> = by_asset(catalogue, &Key::casts())?;
    let decided: HashMap<AssetId, DecidedRecord> = by_asset(catalogue, &Key::all_decided())?;
    let mut tied = Vec::new();
    let mut failed = None;
    each_asset(catalogue, |entry| {
        let (id, record) = match entry {
            Ok(asset) => asset,
            Err(error) => {
                failed = Some(error);
                return;
            }
        };
        if project::is_tied(&record) {
            tied.push((id, record));
            return;
        }
        let (cast, decided) = (casts.get(&id), decided.get(&id));
        let row = project::row(&mut snapshot, id, &record, &away, Ties::default(), cast, decided);
        snapshot.put(record.row, row);
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let tied: HashMap<AssetId, AssetRecord> = tied.into_iter().collect();
    let shown = |id: &AssetId| {
        tied.get(id).filter(|record| project::is_present(record, &away)).map(|record| record.row)
    };
    for (id, record) in &tied {
        let ties = project::ties(*id, record, shown);
        let (cast, decided) = (casts.get(id), decided.get(id));
        let row = project::row(&mut snapshot, *id, record, &away, ties, cast, decided);
        snapshot.put(record.row, row);
    }
    Ok((snapshot, Writer { roots, away, ..Writer::default() }))
}

/// All records of one kind, by the asset that they are of.
fn by_asset<T: DeserializeOwned>(
    catalogue: &Catalogue,
    all: &Key,
) -> Result<HashMap<AssetId, T>, CatalogueError> {
    let mut found = HashMap::new();
    for entry in catalogue.scan::<T>(all) {
        let (key, record) = entry?;
        found.extend(id_of(&key).map(|id| (AssetId::from_bytes(id), record)));
    }
    Ok(found)
}

/// Hands over every asset. Reading and decoding is the larger half of a start, so it is done on threads of its own, a
/// part of the ids each, while the caller makes rows.
fn each_asset(catalogue: &Catalogue, mut take: impl FnMut(Result<(AssetId, AssetRecord), CatalogueError>)) {
    const PARTS: u16 = 4;
    let (sender, receiver) = crossbeam_channel::bounded(64);
    std::thread::scope(|scope| {
        for part in 0..PARTS {
            let sender = sender.clone();
            scope.spawn(move || {
                let width = 256 / PARTS;
                let mut batch = Vec::with_capacity(256);
                for first in part * width..(part + 1) * width {
                    for entry in catalogue.scan::<AssetRecord>(&Key::assets_from(first as u8)) {
                        batch.push(entry.map(|(key, record)| {
                            let mut id = [0; 16];
                            id.copy_from_slice(&key[1..17]);
                            (AssetId::from_bytes(id), record)
                        }));
                        if batch.len() == 256 && sender.send(std::mem::take(&mut batch)).is_err() {
                            return;
                        }
                    }
                }
                let _ = sender.send(batch);
            });
        }
        drop(sender);
        for batch in receiver {
            batch.into_iter().for_each(&mut take);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digests;
    use crate::visibility::Visibility;

    fn append(data: &Path, drafts: &[(String, serde_json::Value)]) {
        let journal = Journal::open(&data.join("truth/journal"), Options::default()).unwrap().journal;
        let draft = |(kind, content): &(String, serde_json::Value)| Draft {
            time: None,
            actor: None,
            face: Face::Cli,
            kind: kind.clone(),
            content: content.clone(),
        };
        journal.append(&drafts.iter().map(draft).collect::<Vec<_>>()).unwrap();
    }

    fn closed(library: Arc<Library>) {
        let mut library = library;
        while let Err(shared) = Arc::try_unwrap(library) {
            library = shared;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn observed(root: crate::RootId, name: &str) -> crate::Observation {
        crate::Observation::Asset {
            path: crate::FilePath::new(root, name.as_bytes()),
            stat: crate::FileStat { size: 1, mtime_ns: 1, ctime_ns: 1, device: 1, inode: name.len() as u64 },
            digests: Digests::of(name.as_bytes()),
            metadata: Box::default(),
            sidecars: Vec::new(),
        }
    }

    #[test]
    fn a_record_that_does_not_decode_has_the_catalogue_made_anew_whatever_it_is_of() {
        let account = Key::account(AccountId::from_bytes([1; 16]));
        let asset = Key::asset(AssetId::from_bytes([7; 16]));
        for key in [Key::meta("journal"), Key::meta("unknown"), Key::meta("seq"), account, asset] {
            let data = tempfile::tempdir().unwrap();
            let (library, _) = Library::open(data.path()).unwrap();
            let owner = library.account();
            closed(library);
            let digests = Digests::of(b"x");
            let (base, name) = ("a.jpg".to_owned(), "a.jpg".to_owned());
            let asset = AssetId::from_bytes([7; 16]);
            append(data.path(), &[Fact::Asset { asset, owner, digests, base, name, host: None }.to_record()]);
            let started = Catalogue::start(&data.path().join("derived/catalogue")).unwrap();
            let mut batch = sled::Batch::default();
            batch.insert(key.bytes(), &b"\xff"[..]);
            started.catalogue.apply(batch).unwrap();
            started.catalogue.flush().unwrap();
            drop(started);
            let (library, report) = Library::open(data.path()).unwrap();
            assert!(report.rebuilt && report.notes[0].contains("moved to"), "{key:?}: {report:?}");
            assert_eq!(library.account(), owner, "{key:?}");
            assert!(library.snapshot().by_id(asset).is_some(), "{key:?}");
        }
    }

    #[test]
    fn an_album_that_was_renamed_keeps_its_order_when_the_journal_has_only_its_latest_name() {
        let data = tempfile::tempdir().unwrap();
        let (library, _) = Library::open(data.path()).unwrap();
        let owner = library.account();
        closed(library);
        let (album, asset) = (AlbumId::from_bytes([8; 16]), AssetId::from_bytes([7; 16]));
        let facts = [
            Fact::AlbumOrder { album, assets: vec![asset] },
            Fact::AlbumCover { album, asset: Some(asset) },
            Fact::Album { album, owner, parent: None, name: "Trips".into() },
        ];
        append(data.path(), &facts.map(|fact| fact.to_record()));
        let (library, _) = Library::rebuild(data.path()).unwrap();
        let snapshot = library.snapshot();
        let known = snapshot.album_called(owner, None, "trips").unwrap();
        assert_eq!((&*known.order, known.cover), (&[asset][..], Some(asset)));
    }

    #[test]
    fn a_catalogue_found_behind_the_text_index_begins_another_epoch() {
        let data = tempfile::tempdir().unwrap();
        let [kept, lost] = ["kept", "derived/catalogue"].map(|name| data.path().join(name));
        let specs = [super::super::RootSpec { path: "/pictures".into() }];
        let (library, _) = Library::open(data.path()).unwrap();
        let root = library.set_roots(library.account(), &specs).unwrap()[0];
        library.observe(vec![observed(root, "a.jpg")]).unwrap();
        let epoch = library.cursor().epoch;
        closed(library);
        let (library, _) = Library::open(data.path()).unwrap();
        assert_eq!(library.cursor().epoch, epoch, "a start alone changes nothing");
        closed(library);
        std::fs::create_dir(&kept).unwrap();
        for file in std::fs::read_dir(&lost).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), kept.join(file.file_name())).unwrap();
            }
        }
        let (library, _) = Library::open(data.path()).unwrap();
        library.observe(vec![observed(root, "bb.jpg")]).unwrap();
        library.settle().unwrap();
        closed(library);
        std::fs::remove_dir_all(&lost).unwrap();
        std::fs::rename(&kept, &lost).unwrap();
        let (library, report) = Library::open(data.path()).unwrap();
        assert!(report.notes.is_empty(), "{report:?}");
        assert_ne!(library.cursor().epoch, epoch);
        library.settle().unwrap();
        let found = library.search(library.account(), "jpg", crate::query::Mode::Strict, 10).unwrap();
        assert_eq!(found.len(), 1, "of bb.jpg only its name is known until it is found again");
    }

    #[test]
    fn a_record_of_a_newer_version_makes_every_start_read_only_and_is_replayed_by_who_knows_it() {
        let data = tempfile::tempdir().unwrap();
        let (library, _) = Library::open(data.path()).unwrap();
        let owner = library.account();
        closed(library);
        let asset = AssetId::from_bytes([7; 16]);
        let seen = Fact::Asset {
            asset,
            owner,
            digests: Digests::of(b"x"),
            base: "a.jpg".into(),
            name: "a.jpg".into(),
            host: None,
        };
        append(
            data.path(),
            &[
                ("hologram".into(), serde_json::json!({})),
                seen.to_record(),
                Fact::Visibility { asset, visibility: Visibility::Archive }.to_record(),
            ],
        );
        for start in 0..3 {
            let (library, _) = Library::open(data.path()).unwrap();
            assert!(library.notes().iter().any(|note| note.contains("hologram")), "start {start}");
            let row = library.snapshot().by_id(asset).expect("what follows is not lost");
            assert_eq!(library.snapshot().row(row).unwrap().visibility, Visibility::Archive);
            assert!(library.set_visibility(Face::Cli, &[asset], Visibility::Timeline).is_err());
            // What is no decision goes on, and takes no part in how far the journal is known.
            let root = crate::RootId::from_bytes([3; 16]);
            let away = crate::Observation::Offline { root, folder: Box::default(), reason: "away".into() };
            library.observe(vec![away]).unwrap();
            closed(library);
        }
        let journal = Journal::open(&data.path().join("truth/journal"), Options::default()).unwrap().journal;
        let path = data.path().join("derived/catalogue");
        let catalogue = Catalogue::open(&path, journal.library()).unwrap().catalogue;
        let mut seen = Vec::new();
        let newer = std::cell::RefCell::new(&mut seen);
        replay_known(&catalogue, &journal, |record| {
            newer.borrow_mut().push(record.kind.clone());
            match record.kind.as_str() {
                "hologram" => Ok(Fact::Account { account: AccountId::from_bytes([9; 16]), name: "h".into() }),
                _ => Fact::from_record(&record.kind, &record.content),
            }
        })
        .unwrap();
        assert_eq!(seen, ["hologram", "hologram", "asset", "visibility"]);
        assert_eq!(journal.read_only(), None);
        assert!(
            catalogue.get::<AccountRecord>(&Key::account(AccountId::from_bytes([9; 16]))).unwrap().is_some()
        );
        assert_eq!(catalogue.get::<Sequence>(&Key::meta("unknown")).unwrap(), None);
        assert_eq!(catalogue.get::<Sequence>(&Key::meta("journal")).unwrap(), Some(journal.head()));
    }
}
