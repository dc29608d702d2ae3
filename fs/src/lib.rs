//! The virtual tree, and the thin FUSE shell over it.
//!
//! Ground first: [`source`] is what the tree asks of the library; [`tree`] turns a snapshot into directories and is
//! tested without a kernel; the shell answers the kernel from it; [`mount()`] puts it in place. What the tree promises
//! is in `docs/semantics.md`, whose examples are run as tests.

#[cfg(test)]
extern crate self as galleryfs_fs;

mod announce;
mod attr;
pub mod clock;
mod edits;
mod error;
mod files;
mod handles;
mod inbox;
mod mount;
mod mount_table;
mod name;
mod options;
mod pool;
mod shell;
pub mod source;
pub mod tree;
mod watcher;
mod xattr;

pub use attr::Owner;
pub use error::FsError;
pub use mount::{Mount, MountError, mount};
pub use mount_table::{is_galleryfs, mounted_on};
pub use options::{Options, Parts, Passthrough, Xattrs};
pub use source::{
    AlbumDecision, Arrival, Arrived, Details, FileSeen, Original, PersonDecision, QueryError, SearchDecision,
    Source, SourceError, TagDecision, Unreadable, Version,
};

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
