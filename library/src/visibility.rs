//! Who may see an asset where. One predicate; no face filters by itself.

use serde::{Deserialize, Serialize};

/// How far an asset shows itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everywhere.
    #[default]
    Timeline,
    /// Only in `all/`, `archive/` and albums.
    Archive,
    /// Only beside what it is a part of: a live photo's video, a sidecar.
    Hidden,
    /// Never in the mount, on the bus, in shares, or in a search without the PIN.
    Locked,
    /// Only in the trash. How far it shows when it is taken out again stays decided.
    Trashed,
}

impl Visibility {
    /// The word in JSON and the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Archive => "archive",
            Self::Hidden => "hidden",
            Self::Locked => "locked",
            Self::Trashed => "trashed",
        }
    }
}

/// A place where assets are listed, as far as visibility is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Most views, and search.
    Timeline,
    /// `archive/`.
    Archive,
    /// `all/`, albums and `folders/`.
    Everything,
    /// `trash/`.
    Trash,
    /// All that is in the mount somewhere.
    Anywhere,
}

impl Scope {
    /// The visibilities that show in this scope.
    pub fn shows(self) -> &'static [Visibility] {
        match self {
            Self::Timeline => &[Visibility::Timeline],
            Self::Archive => &[Visibility::Archive],
            Self::Everything => &[Visibility::Timeline, Visibility::Archive],
            Self::Trash => &[Visibility::Trashed],
            Self::Anywhere => &[Visibility::Timeline, Visibility::Archive, Visibility::Trashed],
        }
    }
}
