//! What the pipeline asks of the library, and nothing more.

use library::{FilePath, FileRecord, FileStat, Library, LibraryError, Observation, RootId};

/// Where findings go, and what earlier findings come from. The library; in tests, a small model of it.
pub trait Sink: Send + Sync + 'static {
    /// What was at this path when it was last looked at.
    fn file(&self, path: &FilePath) -> Result<Option<FileRecord>, LibraryError>;

    /// Hands over every file known at or below a folder, in any order; those of offline folders too.
    fn each_under(
        &self,
        root: RootId,
        folder: &[u8],
        take: &mut dyn FnMut(FilePath, FileRecord),
    ) -> Result<(), LibraryError>;

    /// A file known under another path, of any root, that is plainly this one; with that path.
    fn same_file(&self, stat: &FileStat) -> Result<Option<(FilePath, FileRecord)>, LibraryError>;

    /// The folders of a root that were declared offline.
    fn away(&self, root: RootId) -> Result<Vec<Box<[u8]>>, LibraryError>;

    /// Applies what was found, all at once.
    fn observe(&self, observations: Vec<Observation>) -> Result<(), LibraryError>;
}

impl Sink for Library {
    fn file(&self, path: &FilePath) -> Result<Option<FileRecord>, LibraryError> {
        Self::file(self, path)
    }

    fn each_under(
        &self,
        root: RootId,
        folder: &[u8],
        take: &mut dyn FnMut(FilePath, FileRecord),
    ) -> Result<(), LibraryError> {
        self.each_file_under(root, folder, take)
    }

    fn same_file(&self, stat: &FileStat) -> Result<Option<(FilePath, FileRecord)>, LibraryError> {
        Self::same_file(self, stat)
    }

    fn away(&self, root: RootId) -> Result<Vec<Box<[u8]>>, LibraryError> {
        self.away_in(root)
    }

    fn observe(&self, observations: Vec<Observation>) -> Result<(), LibraryError> {
        Self::observe(self, observations)
    }
}
