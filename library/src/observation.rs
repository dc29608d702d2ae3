//! What the watcher tells the library: files seen, unreadable, gone; folders away and back.

use serde::{Deserialize, Serialize};

use crate::checksum::Digests;
use crate::format::Format;
use crate::id::RootId;
use crate::metadata::Metadata;

/// A file below a root, by the bytes of its path: components joined by `/`, none empty, no `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FilePath {
    /// The root.
    pub root: RootId,
    /// The path below it, as on disk: not necessarily UTF-8.
    #[serde(with = "bytes")]
    pub relative: Box<[u8]>,
}

/// Paths as byte strings, which postcard stores as they are.
mod bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[u8]>, D::Error> {
        Vec::<u8>::deserialize(deserializer).map(Vec::into_boxed_slice)
    }
}

impl FilePath {
    /// The path `relative` below `root`.
    pub fn new(root: RootId, relative: impl Into<Box<[u8]>>) -> Self {
        Self { root, relative: relative.into() }
    }

    /// The folder it lies in (empty for the root) and its name there.
    pub fn split(&self) -> (&[u8], &[u8]) {
        match self.relative.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&self.relative[..at], &self.relative[at + 1..]),
            None => (&[], &self.relative),
        }
    }

    /// Its name in its folder.
    pub fn name(&self) -> &[u8] {
        self.split().1
    }

    /// Whether it is `folder` (of the same root) or lies below it. The empty folder is the root.
    pub fn is_under(&self, folder: &[u8]) -> bool {
        folder.is_empty()
            || self.relative.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl std::fmt::Debug for FilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.root, String::from_utf8_lossy(&self.relative))
    }
}

/// What `stat` says of a file: equal means that it need not be read again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileStat {
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time, nanoseconds since 1970: catches a file replaced with its times restored.
    pub ctime_ns: i64,
    /// Device.
    pub device: u64,
    /// Inode number on that device.
    pub inode: u64,
}

impl FileStat {
    /// Whether this is plainly the same file under another name: a rename changes only the change time.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.mtime_ns)
            == (other.device, other.inode, other.size, other.mtime_ns)
    }
}

/// What a path held when it was last looked at.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its stat then.
    pub stat: FileStat,
    /// What it was.
    pub content: FileContent,
}

/// What a file turned out to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FileContent {
    /// A photo or video of the library.
    Asset {
        /// Which.
        asset: crate::id::AssetId,
        /// Its bytes.
        digests: Digests,
        /// The sidecars that were read with it, by name in the same folder, with their size and modification time:
        /// when one of them changes, appears or goes, the photo must be read again.
        sidecars: Vec<SidecarSeen>,
    },
    /// It describes photos of the same folder.
    Sidecar {
        /// Its bytes.
        digests: Digests,
        /// Names of the photos in the same folder that it describes, best first; may be none yet.
        hosts: Vec<Box<[u8]>>,
    },
    /// It should be a photo or video, but cannot be read.
    Unreadable {
        /// Why, in words that help.
        reason: String,
    },
}

/// A sidecar as it was when its photo was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SidecarSeen {
    /// Name in the same folder.
    pub name: Box<[u8]>,
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// One thing the watcher found out. A batch of these is applied together: what appears before what goes, so that a
/// moved file is never missing in between.
#[derive(Clone, PartialEq, Debug)]
pub enum Observation {
    /// A photo or video was read.
    Asset {
        /// Where.
        path: FilePath,
        /// Its stat, taken before and found unchanged after reading.
        stat: FileStat,
        /// Its hashes.
        digests: Digests,
        /// What it says, with its sidecars merged in.
        metadata: Box<Metadata>,
        /// The sidecars merged in.
        sidecars: Vec<SidecarSeen>,
    },
    /// A file whose bytes are known from another path ([`Library::same_file`](crate::Library::same_file)) now stands
    /// here: renamed, moved, hard-linked. Nothing was read.
    Moved {
        /// Where it stands now.
        path: FilePath,
        /// Its stat there.
        stat: FileStat,
        /// What is known of it, as `same_file` gave it.
        record: FileRecord,
    },
    /// The same bytes and metadata as before, but another stat (touched, or copied back): nothing else changes.
    Touched {
        /// Where.
        path: FilePath,
        /// Its stat now.
        stat: FileStat,
    },
    /// A sidecar was read.
    Sidecar {
        /// Where.
        path: FilePath,
        /// Its stat.
        stat: FileStat,
        /// Its hashes.
        digests: Digests,
        /// XMP or Takeout.
        format: Format,
        /// Names of the photos in the same folder that it describes, best first.
        hosts: Vec<Box<[u8]>>,
    },
    /// A file that should be a photo or video cannot be read.
    Unreadable {
        /// Where.
        path: FilePath,
        /// Its stat.
        stat: FileStat,
        /// Why, in words that help.
        reason: String,
    },
    /// Nothing is there any more.
    Gone {
        /// Where.
        path: FilePath,
    },
    /// A subtree is away (a disk pulled out, a folder vanished at a stroke): hide it, forget nothing.
    Offline {
        /// The root.
        root: RootId,
        /// The folder below it; empty for all of it.
        folder: Box<[u8]>,
        /// Why we think so, in words.
        reason: String,
    },
    /// A subtree that was away is back.
    Online {
        /// The root.
        root: RootId,
        /// The folder that was declared offline.
        folder: Box<[u8]>,
    },
    /// The user said that what is away under here is gone for good. What is there stays.
    Forgotten {
        /// The root.
        root: RootId,
        /// The folder below it; empty for all of it.
        folder: Box<[u8]>,
    },
    /// Every root was scanned to its end since the library was opened: what was not told is not there.
    Scanned,
}
