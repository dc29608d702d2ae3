//! The library as the mount sees it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use galleryfs_fs::{
    AlbumDecision, Arrival, Arrived, Details, FileSeen, Original, PersonDecision, QueryError, SearchDecision,
    Source, SourceError, TagDecision, Unreadable, Version,
};
use library::journal::Face;
use library::people::PeopleError;
use library::query::Mode;
use library::things::Things;
use library::{
    AccountId, AlbumError, AssetId, AssetInode, Commit, Decision, Emptied, FileContent, FilePath, FileStat,
    Library, LibraryError, Row, RowNumber, SavedSearchError, Scope, Snapshot,
};

use crate::importing::Importer;
use crate::pipeline::beneath;
use crate::purging::{self, PurgeError};
use crate::saving;
use crate::seeing::Sights;

/// The library of one account, for [`galleryfs_fs::mount()`].
pub struct LibrarySource {
    library: Arc<Library>,
    account: AccountId,
    sights: Arc<Sights>,
    importer: Option<Importer>,
    /// Where nothing can be saved.
    no_versions: Arc<Vec<Version>>,
}

/// How long a photo that was taken in may take to be known.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// How many photos that look alike are listed at most.
const MOST_SIMILAR: usize = 500;

impl LibrarySource {
    /// The library as its first account sees it.
    pub fn new(library: Arc<Library>, sights: Arc<Sights>) -> Self {
        let account = library.account();
        Self { library, account, sights, importer: None, no_versions: Arc::default() }
    }

    /// The same, which takes files in.
    pub fn with_importer(self, importer: Option<Importer>) -> Self {
        Self { importer, ..self }
    }
}

/// Opens a file beneath its root, following no link out of it. Something else may have been put in its place
/// meanwhile, so `is_known` is asked about what was opened.
fn open(
    root: &Path,
    relative: &[u8],
    is_known: impl FnOnce(&FileStat) -> bool,
) -> Result<Original, SourceError> {
    let folder = beneath::open_root(root)?;
    let (file, stat) = beneath::open_file(&folder, relative)?.ok_or(SourceError::Gone)?;
    let known = is_known(&beneath::file_stat(&stat));
    Ok(if known { Original::AsKnown(file) } else { Original::Changed(file) })
}

/// Whether a file is as it was when it was last looked at. Not by its change time, which a new link alone moves.
fn is_as_before(stat: &FileStat, size: u64, modified: jiff::Timestamp) -> bool {
    stat.size == size && i128::from(stat.mtime_ns) == modified.as_nanosecond()
}

/// Why the library would not, as the mount says it.
fn refusal(error: LibraryError) -> SourceError {
    match error {
        LibraryError::NoAsset(_)
        | LibraryError::Album(AlbumError::NoAlbum(_))
        | LibraryError::SavedSearch(SavedSearchError::NoSearch(_)) => SourceError::Gone,
        LibraryError::SavedSearch(error @ SavedSearchError::NameTaken(_)) => {
            SourceError::Taken(error.to_string())
        }
        LibraryError::SavedSearch(error) => SourceError::Refused(error.to_string()),
        LibraryError::Query(error) => SourceError::Refused(error.to_string()),
        LibraryError::People(error @ PeopleError::NameTaken { .. }) => SourceError::Taken(error.to_string()),
        LibraryError::People(error) => SourceError::Refused(error.to_string()),
        LibraryError::Album(error @ AlbumError::NameTaken(_)) => SourceError::Taken(error.to_string()),
        LibraryError::Album(error @ AlbumError::NotEmpty(_)) => SourceError::NotEmpty(error.to_string()),
        LibraryError::Album(error) => SourceError::Refused(error.to_string()),
        LibraryError::Trash(error) => SourceError::Guarded(error.to_string()),
        error => io::Error::other(error).into(),
    }
}

impl Source for LibrarySource {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.library.snapshot()
    }

    fn account(&self) -> AccountId {
        self.account
    }

    fn subscribe(&self) -> Receiver<Commit> {
        self.library.subscribe()
    }

    fn sights(&self) -> Receiver<()> {
        let (told, receiver) = unbounded();
        if let Some(importer) = &self.importer {
            importer.service().kept().tell(told.clone());
        }
        self.sights.tell(told);
        receiver
    }

    fn open_original(&self, row: RowNumber, snapshot: &Snapshot) -> Result<Original, SourceError> {
        let known = snapshot.row(row).ok_or(SourceError::Gone)?;
        let mut outcome = Err(SourceError::Gone);
        // The same bytes may stand in several places; one that is as known is enough.
        for (root, path) in self.library.originals(snapshot, row) {
            let opened = open(&root, &path.relative, |stat| self.is_known(stat, known, &path));
            match opened {
                Ok(Original::AsKnown(_)) => return opened,
                // What can be opened at all is better than a reason why not.
                _ if outcome.is_err() => outcome = opened,
                _ => {}
            }
        }
        outcome
    }

    fn check_query(&self, text: &str) -> Result<(), QueryError> {
        self.library.parse(text, Mode::Strict).map(drop).map_err(|error| QueryError(error.to_string()))
    }

    fn search(&self, text: &str) -> Result<Vec<RowNumber>, SourceError> {
        match self.library.search(self.account, text, Mode::Strict, usize::MAX) {
            Ok(hits) => Ok(hits.into_iter().map(|hit| hit.row).collect()),
            Err(LibraryError::Query(error)) => Err(QueryError(error.to_string()).into()),
            Err(error) => Err(io::Error::other(error).into()),
        }
    }

    fn similar(&self, row: RowNumber) -> Result<Vec<RowNumber>, SourceError> {
        let Some(pictures) = self.sights.pictures() else { return Ok(Vec::new()) };
        let snapshot = self.library.snapshot();
        let allowed = snapshot.shown(self.account, Scope::Timeline);
        match pictures.similar(row, &allowed, MOST_SIMILAR) {
            Ok(found) => Ok(found.into_iter().map(|(row, _)| row).collect()),
            Err(error) => Err(io::Error::other(error).into()),
        }
    }

    fn things(&self) -> Arc<Things> {
        self.sights.things()
    }

    fn sync(&self) -> Result<(), SourceError> {
        self.library.sync().map_err(|error| io::Error::other(error).into())
    }

    fn decide(&self, decisions: &[(AssetId, Vec<Decision>)]) -> Result<(), SourceError> {
        self.library.decide(Face::Mount, decisions).map_err(refusal)
    }

    fn decide_person(&self, decision: &PersonDecision) -> Result<(), SourceError> {
        let done = match decision {
            PersonDecision::New(name) => self.library.new_person(Face::Mount, self.account, name).map(drop),
            PersonDecision::Name(person, name) => {
                self.library.name_person(Face::Mount, *person, name).map(drop)
            }
            PersonDecision::Unname(person) => self.library.unname_person(Face::Mount, *person),
            PersonDecision::Merge(from, into) => self.library.merge_people(Face::Mount, *from, *into),
        };
        done.map_err(refusal)
    }

    fn decide_album(&self, decision: &AlbumDecision) -> Result<(), SourceError> {
        let (library, face) = (&self.library, Face::Mount);
        let done = match decision {
            AlbumDecision::Make { parent, name } => library.make_album(face, *parent, name).map(drop),
            AlbumDecision::Place { album, parent, name, replaced } => {
                library.place_album(face, *album, *parent, name, *replaced)
            }
            AlbumDecision::Order(album, assets) => library.order_album(face, *album, assets),
            AlbumDecision::Cover(album, asset) => library.cover_album(face, *album, *asset),
            AlbumDecision::RemoveEmpty(album) => library.remove_album(face, *album, Emptied::ByHand),
            AlbumDecision::Remove(album) => library.remove_album(face, *album, Emptied::WithAll),
        };
        done.map_err(refusal)
    }

    fn decide_tag(&self, decision: &TagDecision) -> Result<(), SourceError> {
        let done = match decision {
            TagDecision::Keep(tag, kept) => self.library.keep_tag(Face::Mount, tag, *kept),
            TagDecision::Rename { from, to } => self.library.rename_tag(Face::Mount, from, to),
        };
        done.map_err(refusal)
    }

    fn decide_search(&self, decision: &SearchDecision) -> Result<(), SourceError> {
        let (library, face) = (&self.library, Face::Mount);
        let done = match decision {
            SearchDecision::Save { name, query } => library.save_search(face, name, query).map(drop),
            SearchDecision::Name(search, name) => library.rename_search(face, *search, name),
            SearchDecision::Ask(search, query) => library.set_search_query(face, *search, query),
            SearchDecision::Forget(search) => library.forget_search(face, *search),
        };
        done.map_err(refusal)
    }

    fn purge(&self, asset: AssetId) -> Result<(), SourceError> {
        let purged = purging::purge(&self.library, Face::Mount, asset);
        if let (Ok(()), Some(importer)) = (&purged, &self.importer) {
            importer.service().kept().forget(asset);
        }
        purged.map_err(|error| match error {
            PurgeError::Library(error) => refusal(error),
            PurgeError::Io { error, .. } => error.into(),
            error => SourceError::Guarded(error.to_string()),
        })
    }

    fn inbox(&self) -> Option<PathBuf> {
        self.importer.as_ref().map(Importer::inbox)
    }

    fn import(&self, arrival: &Arrival<'_>) -> Result<Arrived, SourceError> {
        match &self.importer {
            Some(importer) => importer.import(arrival),
            None => Err(io::Error::from_raw_os_error(libc::EROFS).into()),
        }
    }

    fn decide_arrived(&self, asset: AssetId, decisions: &[Decision]) -> Result<(), SourceError> {
        let deadline = Instant::now() + KNOWN_WITHIN;
        loop {
            match self.library.decide_ahead(Face::Mount, asset, decisions) {
                // What cannot be decided of a photo that is not there yet waits until it is.
                Err(LibraryError::NoAsset(_)) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                done => return done.map_err(refusal),
            }
        }
    }

    fn save(&self, row: RowNumber, new: &File) -> Result<(), SourceError> {
        match &self.importer {
            Some(importer) => saving::save(importer.service(), Face::Mount, row, new),
            None => Err(io::Error::from_raw_os_error(libc::EROFS).into()),
        }
    }

    fn amended(&self, file: &File) -> Result<(), SourceError> {
        self.importer.as_ref().map_or(Ok(()), |importer| importer.amended(file))
    }

    fn details(&self, asset: AssetId) -> Option<Details> {
        match self.library.details(asset) {
            Ok(details) => details.map(|details| Details {
                sha1: Some(details.sha1),
                description: details.metadata.description,
                warnings: details.metadata.warnings,
            }),
            Err(error) => {
                tracing::warn!("asset {asset}: {error}");
                None
            }
        }
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let files = self.library.unreadable().unwrap_or_else(|error| {
            tracing::warn!("the unreadable files: {error}");
            Vec::new()
        });
        let snapshot = self.library.snapshot();
        let is_own = |file: &library::Unreadable| {
            snapshot.folders().root(file.file.root).is_some_and(|(root, _)| root.owner == self.account)
        };
        files.into_iter().filter(is_own).map(|file| self.described(file)).collect()
    }

    fn versions(&self) -> Arc<Vec<Version>> {
        match &self.importer {
            Some(importer) => importer.service().kept().versions(),
            None => Arc::clone(&self.no_versions),
        }
    }

    fn go_back(&self, row: RowNumber) -> Result<(), SourceError> {
        match &self.importer {
            Some(importer) => saving::go_back(importer.service(), Face::Mount, row),
            None => Err(io::Error::from_raw_os_error(libc::EROFS).into()),
        }
    }

    fn open_file(&self, file: &FileSeen) -> Result<Original, SourceError> {
        let snapshot = self.library.snapshot();
        let (root, _) = snapshot.folders().root(file.root).ok_or(SourceError::Gone)?;
        open(&root.path, &file.path, |stat| is_as_before(stat, file.size, file.modified))
    }
}

impl LibrarySource {
    /// Whether what was opened at `path` is the version of the photo that `row` is.
    fn is_known(&self, stat: &FileStat, row: &Row, path: &FilePath) -> bool {
        if is_as_before(stat, row.size, row.modified.into()) {
            return true;
        }
        // The row has the time of one of its files; the others may be copies with times of their own.
        let record = self.library.file(path).ok().flatten();
        record.is_some_and(|record| match &record.content {
            FileContent::Asset { asset, digests, .. } => {
                (stat.size, stat.mtime_ns) == (record.stat.size, record.stat.mtime_ns)
                    // The catalogue may be ahead of the row. (A number that is salted is never taken for known.)
                    && AssetInode::of(*asset, &digests.checksum, 0) == row.inode
            }
            _ => false,
        })
    }

    /// With size and time as they were when the file was last looked at.
    fn described(&self, unreadable: library::Unreadable) -> Unreadable {
        let path: FilePath = unreadable.file;
        let stat = self.library.file(&path).ok().flatten().map(|record| record.stat);
        let modified = stat.and_then(|stat| jiff::Timestamp::from_nanosecond(stat.mtime_ns.into()).ok());
        let (root, size) = (path.root, stat.map_or(0, |stat| stat.size));
        let file = FileSeen { root, path: path.relative, size, modified: modified.unwrap_or_default() };
        Unreadable { file, reason: unreadable.reason }
    }
}
