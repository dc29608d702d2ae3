//! What the library answers from the catalogue: files, details, what is wrong, what was decided.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Library, LibraryError, opening};
use crate::catalogue::keys::{self, Key};
use crate::catalogue::records::{AssetRecord, AwayRecord, DecidedRecord};
use crate::change::Cursor;
use crate::checksum::{Checksum, Sha1};
use crate::id::{AccountId, AssetId, RootId, RowNumber, StackId};
use crate::ingest::below;
use crate::metadata::Metadata;
use crate::observation::{FileContent, FilePath, FileRecord, FileStat};
use crate::query::{Mode, Query};
use crate::search::Hit;
use crate::snapshot::{DirId, Snapshot};
use crate::visibility::Visibility;

/// All that is known of an asset.
#[derive(Clone, PartialEq, Debug)]
pub struct Details {
    /// Which.
    pub id: AssetId,
    /// Its row.
    pub row: RowNumber,
    /// Its name in the mount.
    pub name: String,
    /// Where its originals stand now.
    pub paths: Vec<PathBuf>,
    /// BLAKE3 of the current version.
    pub checksum: Checksum,
    /// SHA-1 of the current version.
    pub sha1: Sha1,
    /// Bytes.
    pub size: u64,
    /// Where it shows.
    pub visibility: Visibility,
    /// The stack it is in.
    pub stack: Option<StackId>,
    /// Whether an original stands somewhere now.
    pub present: bool,
    /// Since when none does.
    pub missing_since: Option<Timestamp>,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// What the file says, and what was decided instead.
    pub metadata: Metadata,
}

/// A file that should be a photo or video, and cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// Which.
    pub file: FilePath,
    /// Where that is.
    pub path: PathBuf,
    /// Why, in words that help.
    pub reason: String,
}

/// A subtree that is away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Away {
    /// The root.
    pub root: RootId,
    /// The folder below it; empty for all of it.
    pub folder: Box<[u8]>,
    /// Where that is.
    pub path: PathBuf,
    /// Why we think so.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// A journal record, for `log`.
#[derive(Clone, PartialEq, Debug)]
pub struct LogEntry {
    /// Its place in the journal.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: Option<AccountId>,
    /// Through what: `folder`, `cli`, `mount` ...
    pub face: String,
    /// What kind of record.
    pub kind: String,
    /// What it says.
    pub content: serde_json::Value,
}

impl Library {
    /// What stood at this path when it was last looked at.
    pub fn file(&self, path: &FilePath) -> Result<Option<FileRecord>, LibraryError> {
        Ok(self.catalogue()?.get(&Key::file(path))?)
    }

    /// Everything known directly in a folder, by path.
    pub fn files_in(&self, root: RootId, folder: &[u8]) -> Result<Vec<(FilePath, FileRecord)>, LibraryError> {
        let mut files = self.files_under(root, folder)?;
        let start = below(folder).len();
        files.retain(|(path, _)| !path.relative[start..].contains(&b'/'));
        Ok(files)
    }

    /// Everything known in a folder and the folders in it, by path.
    pub fn files_under(
        &self,
        root: RootId,
        folder: &[u8],
    ) -> Result<Vec<(FilePath, FileRecord)>, LibraryError> {
        let mut files = Vec::new();
        self.each_file_under(root, folder, |path, record| files.push((path, record)))?;
        Ok(files)
    }

    /// Hands over everything known in a folder and the folders in it, by path, without holding it all.
    pub fn each_file_under(
        &self,
        root: RootId,
        folder: &[u8],
        mut take: impl FnMut(FilePath, FileRecord),
    ) -> Result<(), LibraryError> {
        for entry in self.catalogue()?.scan(&Key::files(root, &below(folder))) {
            let (key, record) = entry?;
            if let Some(path) = keys::path_of(&key) {
                take(path, record);
            }
        }
        Ok(())
    }

    /// A file known under some path that is plainly this one, renamed or linked, with that path: it need not be read.
    pub fn same_file(&self, stat: &FileStat) -> Result<Option<(FilePath, FileRecord)>, LibraryError> {
        let catalogue = self.catalogue()?;
        let Some(path) = catalogue.get::<FilePath>(&Key::same_file(stat))? else { return Ok(None) };
        let record = catalogue.get::<FileRecord>(&Key::file(&path))?;
        let record = record.filter(|record| {
            record.stat.is_same_file(stat) && !matches!(record.content, FileContent::Unreadable { .. })
        });
        Ok(record.map(|record| (path, record)))
    }

    /// The files that cannot be read, by path. Those of folders that are away are hidden like everything there.
    pub fn unreadable(&self) -> Result<Vec<Unreadable>, LibraryError> {
        let snapshot = self.snapshot();
        let catalogue = self.catalogue()?;
        let away = opening::away(&catalogue)?;
        let mut found = Vec::new();
        for entry in catalogue.scan::<String>(&Key::all_unreadable()) {
            let (key, reason) = entry?;
            let Some(file) = keys::path_of(&key).filter(|file| !away.holds(file)) else { continue };
            if let Some(path) = absolute(&snapshot, &file) {
                found.push(Unreadable { file, path, reason });
            }
        }
        Ok(found)
    }

    /// The folders of one root that are away, also where the root is retired and nobody is told.
    pub fn away_in(&self, root: RootId) -> Result<Vec<Box<[u8]>>, LibraryError> {
        let mut found = Vec::new();
        for entry in self.catalogue()?.scan::<AwayRecord>(&Key::away(root, b"")) {
            let (key, _) = entry?;
            found.extend(keys::path_of(&key).map(|at| at.relative));
        }
        Ok(found)
    }

    /// The subtrees that are away.
    pub fn away(&self) -> Result<Vec<Away>, LibraryError> {
        let snapshot = self.snapshot();
        let mut found = Vec::new();
        for entry in self.catalogue()?.scan::<AwayRecord>(&Key::all_away()) {
            let (key, record) = entry?;
            let Some(at) = keys::path_of(&key) else { continue };
            if let Some(path) = absolute(&snapshot, &at) {
                let AwayRecord { reason, since } = record;
                found.push(Away { root: at.root, folder: at.relative, path, reason, since });
            }
        }
        Ok(found)
    }

    /// All that is known of an asset.
    pub fn details(&self, id: AssetId) -> Result<Option<Details>, LibraryError> {
        let catalogue = self.catalogue()?;
        let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(id))? else { return Ok(None) };
        let snapshot = self.snapshot();
        let Some(row) = snapshot.row(record.row) else { return Ok(None) };
        let paths = row.paths().filter_map(|path| absolute_in(&snapshot, path.dir, path.file_name)).collect();
        let format = record.format();
        let decided = catalogue.get::<DecidedRecord>(&Key::decided(id))?.unwrap_or_default();
        let mut metadata = decided.over(record.metadata.unwrap_or_default());
        metadata.format = Some(format);
        Ok(Some(Details {
            id,
            row: record.row,
            name: record.name,
            paths,
            checksum: record.digests.checksum,
            sha1: record.digests.sha1,
            size: record.digests.size,
            visibility: row.visibility,
            stack: row.extras.stack,
            present: row.present,
            missing_since: record.missing_since,
            favourite: decided.favourite,
            metadata,
        }))
    }

    /// Where the originals of a row stand, best first: the root's path, and the file below it.
    pub fn originals(&self, snapshot: &Snapshot, row: RowNumber) -> Vec<(PathBuf, FilePath)> {
        let Some(row) = snapshot.row(row) else { return Vec::new() };
        row.paths()
            .filter_map(|path| {
                let dir = snapshot.folders().dir(path.dir)?;
                let (root, _) = snapshot.folders().root(dir.root)?;
                let mut relative = below(&snapshot.folders().relative_path(path.dir));
                relative.extend_from_slice(path.file_name);
                Some((root.path.clone(), FilePath::new(root.id, relative)))
            })
            .collect()
    }

    /// The asset whose bytes stand at an absolute path.
    pub fn find_path(&self, path: &Path) -> Option<RowNumber> {
        let snapshot = self.snapshot();
        roots_over(&snapshot, path).into_iter().find_map(|file| {
            let (folder, name) = file.split();
            snapshot.by_path(snapshot.folders().find(file.root, folder)?, name)
        })
    }

    /// The root an absolute path lies in, and the path below it; `None` outside every root.
    pub fn find_root(&self, path: &Path) -> Option<FilePath> {
        roots_over(&self.snapshot(), path).into_iter().next()
    }

    /// Runs a query: best first, at most `limit`. The words' meaning joins in when there are models.
    pub fn search(
        &self,
        account: AccountId,
        query: &str,
        mode: Mode,
        limit: usize,
    ) -> Result<Vec<Hit>, LibraryError> {
        let query = self.parse(query, mode)?;
        let meaning = self.meaning.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Ok(self.text.search(&self.snapshot(), account, meaning.as_deref(), &query, limit)?)
    }

    /// Reads a query without running it.
    pub fn parse(&self, query: &str, mode: Mode) -> Result<Query, LibraryError> {
        let today = jiff::Zoned::now().date();
        Ok(Query::parse(query, mode, today)?)
    }

    /// Waits until text search knows every commit made before the call.
    pub fn settle(&self) -> Result<(), LibraryError> {
        self.text.settle(self.snapshot().cursor());
        Ok(())
    }

    /// How many changes text search has not taken in yet.
    pub fn pending_text(&self) -> u64 {
        self.text.pending(self.snapshot().cursor())
    }

    /// How far the change feed is.
    pub fn cursor(&self) -> Cursor {
        self.snapshot().cursor()
    }

    /// The newest `limit` journal records, newest last.
    pub fn log(&self, limit: usize) -> Result<Vec<LogEntry>, LibraryError> {
        let mut entries = Vec::new();
        for record in self.journal.newest().take(limit) {
            let record = record?;
            entries.push(LogEntry {
                sequence: record.sequence.get(),
                time: record.time,
                actor: record.actor,
                face: record.face.to_string(),
                kind: record.kind,
                content: record.content,
            });
        }
        entries.reverse();
        Ok(entries)
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
}

/// A path below each of the roots it lies in, innermost first: of roots in each other only one is watched at a time.
fn roots_over(snapshot: &Snapshot, path: &Path) -> Vec<FilePath> {
    let mut found: Vec<FilePath> = snapshot
        .folders()
        .roots()
        .filter_map(|(root, _)| {
            let below = path.strip_prefix(&root.path).ok()?;
            Some(FilePath::new(root.id, below.as_os_str().as_bytes()))
        })
        .collect();
    found.sort_by_key(|file| file.relative.len());
    found
}

fn absolute(snapshot: &Snapshot, file: &FilePath) -> Option<PathBuf> {
    let (root, _) = snapshot.folders().root(file.root)?;
    if file.relative.is_empty() {
        return Some(root.path.clone());
    }
    Some(root.path.join(OsStr::from_bytes(&file.relative)))
}

fn absolute_in(snapshot: &Snapshot, dir: DirId, name: &[u8]) -> Option<PathBuf> {
    let root = snapshot.folders().dir(dir)?.root;
    let mut relative = below(&snapshot.folders().relative_path(dir));
    relative.extend_from_slice(name);
    absolute(snapshot, &FilePath::new(root, relative))
}
