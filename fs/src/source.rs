//! What the tree asks of the library. The daemon answers for the real one, tests for one made by hand.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use library::metadata::TagPath;
use library::things::Things;
use library::{
    AccountId, AlbumId, AssetId, Commit, Decision, PersonId, RootId, RowNumber, SearchId, Sha1, Snapshot,
};

/// The library as one account sees it.
///
/// Called from many threads at once. Only the methods that say so may touch a disk: the others answer from memory,
/// since they are asked on the threads that answer the kernel.
pub trait Source: Send + Sync + 'static {
    /// The state of the library now.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Whose library is mounted.
    fn account(&self) -> AccountId;

    /// Every commit from now on. Asked once a mount, before the first [`Source::snapshot`]; drained at once.
    fn subscribe(&self) -> crossbeam_channel::Receiver<Commit>;

    /// Told whenever [`Source::things`] or [`Source::versions`] is another without a commit. Asked once a mount.
    fn sights(&self) -> crossbeam_channel::Receiver<()>;

    /// Opens an original for reading, beneath its root, following no link: one that is as known, where there is one.
    /// May block.
    fn open_original(&self, row: RowNumber, snapshot: &Snapshot) -> Result<Original, SourceError>;

    /// Whether `text` is a query at all, and if not, which word is wrong. Must not run it.
    fn check_query(&self, text: &str) -> Result<(), QueryError>;

    /// The rows `text` finds, best first. May block.
    fn search(&self, text: &str) -> Result<Vec<RowNumber>, SourceError>;

    /// The rows that look like this one, most alike first. May block.
    fn similar(&self, row: RowNumber) -> Result<Vec<RowNumber>, SourceError>;

    /// What a model sees in the pictures, as far as it has looked. Told of by [`Source::sights`].
    fn things(&self) -> Arc<Things>;

    /// Waits until everything decided so far is safe from a power cut. May block.
    fn sync(&self) -> Result<(), SourceError>;

    /// Decides all of this, or with an error nothing of it; once it returns, [`Source::snapshot`] shows it and a commit
    /// tells of it. May block.
    fn decide(&self, decisions: &[(AssetId, Vec<Decision>)]) -> Result<(), SourceError>;

    /// Decides this of somebody, and shows it, as [`Source::decide`] does. May block.
    fn decide_person(&self, decision: &PersonDecision) -> Result<(), SourceError>;

    /// Decides this of an album, as [`Source::decide`] does. May block.
    fn decide_album(&self, decision: &AlbumDecision) -> Result<(), SourceError>;

    /// Decides this of a tag, as [`Source::decide`] does. May block.
    fn decide_tag(&self, decision: &TagDecision) -> Result<(), SourceError>;

    /// Decides this of a query that has a name, as [`Source::decide`] does. May block.
    fn decide_search(&self, decision: &SearchDecision) -> Result<(), SourceError>;

    /// Removes a photo that is in the trash for good, with its files and parts: all of it, or with an error nothing. May
    /// block.
    fn purge(&self, asset: AssetId) -> Result<(), SourceError>;

    /// The directory of files on their way into the library, on the disk of the upload folder. `None`: nothing can be
    /// uploaded.
    fn inbox(&self) -> Option<PathBuf>;

    /// Takes a file of the inbox into the library: moves it to where it belongs, on the disk for good. One of which the
    /// library has the same bytes is left alone. May block.
    fn import(&self, arrival: &Arrival<'_>) -> Result<Arrived, SourceError>;

    /// Decides this of a photo that was taken in, as [`Source::decide`] does: the library may not know it yet. May block.
    fn decide_arrived(&self, asset: AssetId, decisions: &[Decision]) -> Result<(), SourceError>;

    /// Has these bytes take the place of a photo's, which stays the same photo; those before are kept. All of it, or with an
    /// error nothing; shown as [`Source::decide`] does. May block.
    fn save(&self, row: RowNumber, new: &File) -> Result<(), SourceError>;

    /// The writer of a file that was taken in wrote on, and has closed it again. May block.
    fn amended(&self, file: &File) -> Result<(), SourceError>;

    /// What the catalogue knows of an asset beyond its row. May block.
    fn details(&self, asset: AssetId) -> Option<Details>;

    /// The files that could not be read. May block.
    fn unreadable(&self) -> Vec<Unreadable>;

    /// What is kept of photos that were saved over. Told anew with a commit, or by [`Source::sights`].
    fn versions(&self) -> Arc<Vec<Version>>;

    /// Has a photo be what it was before it was last saved over. What it was until now is kept, but is no version of it any
    /// more. All of it, or with an error nothing; shown as [`Source::decide`] does. May block.
    fn go_back(&self, row: RowNumber) -> Result<(), SourceError>;

    /// Opens a file that is no original for reading as [`Source::open_original`] does. May block.
    fn open_file(&self, file: &FileSeen) -> Result<Original, SourceError>;
}

/// A file in the inbox that is complete, and on the disk.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Its directory, which can only be looked up in.
    pub dir: &'a OwnedFd,
    /// Its name there.
    pub name: &'a [u8],
    /// Itself.
    pub file: &'a File,
}

/// What became of a file in the inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrived {
    /// The library has it, and it stands in the inbox no more. With the photo that it is, or will be in a moment; none for a
    /// sidecar.
    TakenIn(Option<AssetId>),
    /// The library has the same bytes: it is this photo, and is not kept twice.
    Known(AssetId),
    /// It stays, for this reason.
    Left(String),
}

/// Something decided of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PersonDecision {
    /// There is somebody called so, in no photo yet.
    New(String),
    /// They are called so.
    Name(PersonId, String),
    /// They have no name.
    Unname(PersonId),
    /// The first is the second.
    Merge(PersonId, PersonId),
}

/// Something decided of an album.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlbumDecision {
    /// There is one.
    Make {
        /// The album it lies in.
        parent: Option<AlbumId>,
        /// Its name.
        name: String,
    },
    /// It is called so and lies there.
    Place {
        /// Which.
        album: AlbumId,
        /// The album it lies in.
        parent: Option<AlbumId>,
        /// Its name.
        name: String,
        /// The one that it replaces, if that is empty.
        replaced: Option<AlbumId>,
    },
    /// These photos come first in it, in this order.
    Order(AlbumId, Vec<AssetId>),
    /// This photo stands for it, or none in particular.
    Cover(AlbumId, Option<AssetId>),
    /// It is no more, if it is empty.
    RemoveEmpty(AlbumId),
    /// It is no more, whatever is in it.
    Remove(AlbumId),
}

/// Something decided of a tag as such.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TagDecision {
    /// It is listed though no photo has it, or no more.
    Keep(TagPath, bool),
    /// It is called so, with all below it.
    Rename {
        /// What it was called.
        from: TagPath,
        /// What it is called.
        to: TagPath,
    },
}

/// Something decided of a query that has a name, or is to have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchDecision {
    /// It has this name from now on.
    Save {
        /// The name.
        name: String,
        /// What it asks.
        query: String,
    },
    /// It has another name.
    Name(SearchId, String),
    /// The name stands for another query.
    Ask(SearchId, String),
    /// It is forgotten.
    Forget(SearchId),
}

/// A file of the user's, opened for reading.
#[derive(Debug)]
pub enum Original {
    /// The bytes the library knows: what is read of them may be kept for as long as their inode number stands.
    AsKnown(File),
    /// Other bytes stand there, which the library has yet to look at. They may be read, but nothing of them may be
    /// kept: the inode number is not theirs.
    Changed(File),
}

/// What the catalogue knows of an asset beyond its row.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Details {
    /// SHA-1 of the original, by which phones know it.
    pub sha1: Option<Sha1>,
    /// The caption.
    pub description: Option<String>,
    /// What is wrong with the file, in words for people.
    pub warnings: Vec<String>,
}

/// A file in a root, as it was last looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileSeen {
    /// The root it lies in.
    pub root: RootId,
    /// Where it lies below the root, as on disk.
    pub path: Box<[u8]>,
    /// Its size.
    pub size: u64,
    /// Its modification time.
    pub modified: jiff::Timestamp,
}

/// A file in a root that should be a photo or video and could not be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Unreadable {
    /// The file.
    pub file: FileSeen,
    /// Why it could not be read, in words for people.
    pub reason: String,
}

/// What a photo was before it was saved over.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// The photo.
    pub asset: AssetId,
    /// Its place among the photo's versions, from 1.
    pub number: u32,
    /// The file that is kept of it, under its number and its name.
    pub file: FileSeen,
}

impl FileSeen {
    /// Its name as on disk.
    pub fn file_name(&self) -> &[u8] {
        self.path.rsplit(|byte| *byte == b'/').next().unwrap_or(&self.path)
    }
}

/// Why a query is none: words for people, naming what is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);

/// Why the library could not hand something out.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The asset has no original that stands somewhere now.
    #[error("no original is there now")]
    Gone,
    /// The query is none.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A name that another has.
    #[error("{0}")]
    Taken(String),
    /// Something that is to be removed is not empty.
    #[error("{0}")]
    NotEmpty(String),
    /// More would be removed than a slip may cost.
    #[error("{0}")]
    Guarded(String),
    /// What cannot be, and why.
    #[error("{0}")]
    Refused(String),
    /// The disk, or the index, says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}
