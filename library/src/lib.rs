//! The photo library itself: assets, names, queries, and how they are kept.
//!
//! Knows nothing of kernels, HTTP, buses or models: every operation a person can do is an operation here, and the
//! faces (the mount, the web, the bus) translate.

mod catalogue;
pub mod change;
pub mod checksum;
mod dot;
pub mod embedding;
pub mod fact;
pub mod format;
pub mod id;
mod ingest;
pub mod journal;
pub mod library;
pub mod meaning;
pub mod metadata;
pub mod names;
pub mod observation;
pub mod parts;
pub mod people;
pub mod pictures;
mod project;
pub mod query;
mod replay;
pub mod search;
pub mod snapshot;
pub mod text;
pub mod things;
pub mod vectors;
mod version;
pub mod visibility;

pub use catalogue::CatalogueError;
pub use change::{Change, ChangeSeq, Cursor, Entity};
pub use checksum::{Checksum, DigestHasher, Digests, Sha1};
pub use embedding::{Embedding, EmbeddingError};
pub use format::{Format, Kind};
pub use id::{
    AccountId, AlbumId, AssetId, AssetInode, Epoch, FaceId, LibraryId, PersonId, RootId, RowNumber, SearchId,
    StackId,
};
pub use library::{
    AlbumError, Away, Commit, Decision, Decisions, Details, Effort, Emptied, Holding, Library, LibraryError,
    LogEntry, Named, OpenReport, PeopleUpdate, RootSpec, SaveError, SavedSearchError, TRASH_LIMIT,
    TrashError, Unreadable, Unseen,
};
pub use metadata::Metadata;
pub use observation::{FileContent, FilePath, FileRecord, FileStat, Observation, SidecarSeen};
pub use people::{Face, FaceBox, FaceKey};
pub use snapshot::{Album, AlbumRow, Facet, Person, PersonRow, Row, SavedSearch, Snapshot};
pub use visibility::{Scope, Visibility};
