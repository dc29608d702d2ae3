//! The library as the mount sees it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};
use galleryfs_fs::{Commit, Details, QueryError, Source, SourceError, Unreadable};
use library::query::Mode;
use library::{AccountId, AssetId, FilePath, Library, LibraryError, RowNumber, Snapshot};

use crate::pipeline::beneath;

/// The library of one account, for [`galleryfs_fs::mount()`].
pub struct LibrarySource {
    library: Arc<Library>,
    account: AccountId,
}

impl LibrarySource {
    /// The library as its first account sees it.
    pub fn new(library: Arc<Library>) -> Self {
        let account = library.account();
        Self { library, account }
    }
}

/// Opens a file beneath its root, following no link out of it, whatever was put in its place meanwhile.
fn open(root: &Path, relative: &[u8]) -> Result<File, SourceError> {
    let folder = beneath::open_root(root)?;
    let (file, _) = beneath::open_file(&folder, relative)?.ok_or(SourceError::Gone)?;
    Ok(file)
}

impl Source for LibrarySource {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.library.snapshot()
    }

    fn account(&self) -> AccountId {
        self.account
    }

    fn subscribe(&self) -> Receiver<Commit> {
        let (sender, receiver) = unbounded();
        let commits = self.library.subscribe();
        let forward = move || {
            for commit in commits {
                if sender.send(Commit { snapshot: commit.snapshot, changes: commit.changes }).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("commits".into()).spawn(forward) {
            tracing::error!("the mount will not follow changes: {error}");
        }
        receiver
    }

    fn open_original(&self, row: RowNumber, snapshot: &Snapshot) -> Result<File, SourceError> {
        let mut outcome = Err(SourceError::Gone);
        // The same bytes may stand in several places; one that can be opened is enough.
        for (root, relative) in self.library.originals(snapshot, row) {
            outcome = open(&root, &relative);
            if outcome.is_ok() {
                break;
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
        files.into_iter().map(|file| self.described(file)).collect()
    }

    fn open_unreadable(&self, file: &Unreadable) -> Result<File, SourceError> {
        let snapshot = self.library.snapshot();
        let (root, _) = snapshot.folders().root(file.root).ok_or(SourceError::Gone)?;
        open(&root.path, &file.path)
    }
}

impl LibrarySource {
    /// With size and time as they were when the file was last looked at.
    fn described(&self, unreadable: library::Unreadable) -> Unreadable {
        let path: FilePath = unreadable.file;
        let stat = self.library.file(&path).ok().flatten().map(|record| record.stat);
        let modified = stat.and_then(|stat| jiff::Timestamp::from_nanosecond(stat.mtime_ns.into()).ok());
        Unreadable {
            root: path.root,
            path: path.relative,
            reason: unreadable.reason,
            size: stat.map_or(0, |stat| stat.size),
            modified: modified.unwrap_or_default(),
        }
    }
}
