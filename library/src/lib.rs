//! The photo library itself: assets, names, queries, and how they are kept.
//!
//! Knows nothing of kernels, HTTP, buses or models: every operation a person can do is an operation here, and the
//! faces (the mount, the web, the bus) translate.

pub mod change;
pub mod checksum;
pub mod format;
pub mod id;
pub mod metadata;
pub mod query;
pub mod search;
pub mod snapshot;
pub mod text;
pub mod visibility;

pub use change::{Change, ChangeSeq, Cursor, Entity};
pub use checksum::{Checksum, DigestHasher, Digests, Sha1};
pub use format::{Format, Kind};
pub use id::{AccountId, AssetId, AssetInode, Epoch, LibraryId, RootId, RowNumber};
pub use metadata::Metadata;
pub use query::Query;
pub use search::{Hit, Meaning, SearchResult, search};
pub use snapshot::{Facet, Row, Snapshot};
pub use visibility::{Scope, Visibility};
