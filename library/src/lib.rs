//! The photo library itself: assets, names, queries, and how they are kept.
//!
//! Knows nothing of kernels, HTTP, buses or models: every operation a person can do is an operation here, and the
//! faces (the mount, the web, the bus) translate.

mod catalogue;
pub mod change;
pub mod checksum;
pub mod fact;
pub mod format;
pub mod id;
mod ingest;
pub mod journal;
pub mod library;
pub mod metadata;
pub mod names;
pub mod observation;
pub mod parts;
mod project;
pub mod query;
mod replay;
pub mod search;
pub mod snapshot;
pub mod text;
mod version;
pub mod visibility;

pub use catalogue::CatalogueError;
pub use change::{Change, ChangeSeq, Cursor, Entity};
pub use checksum::{Checksum, DigestHasher, Digests, Sha1};
pub use format::{Format, Kind};
pub use id::{AccountId, AssetId, AssetInode, Epoch, LibraryId, RootId, RowNumber, StackId};
pub use library::{Away, Commit, Details, Library, LibraryError, LogEntry, OpenReport, RootSpec, Unreadable};
pub use metadata::Metadata;
pub use observation::{FileContent, FilePath, FileRecord, FileStat, Observation, SidecarSeen};
pub use snapshot::{Facet, Row, Snapshot};
pub use visibility::{Scope, Visibility};
