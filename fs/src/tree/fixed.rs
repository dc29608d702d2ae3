//! The files of the root: the README, and the empty ones that keep desktop indexers out.

use std::sync::LazyLock;

use super::VIEWS;

/// A file of the root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fixed {
    /// Explains the tree.
    Readme,
    /// Keeps Android's and others' media scanners out.
    NoMedia,
    /// Keeps GNOME's indexer out.
    TrackerIgnore,
}

static README: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::from(
        "This is your photo library, seen by galleryfs.\n\n\
         Every photo here is one of your own files, which stay where they are. The same photo may be seen in\n\
         several folders; it takes room on the disk once.\n\n",
    );
    for view in VIEWS {
        text.push_str(&format!("{:<14}{}\n", format!("{}/", view.name()), view.about()));
    }
    text.push_str(
        "\nMove or link a photo (mv, cp -l) into favourites/, rated/N/, tags/.../, albums/.../ or archive/ to say that of it,\n\
         and rm it there to take that back. Everywhere else, rm puts a photo into trash/, and rm there removes its file.\n\
         Copy new photos into inbox/. Save over a photo as over any file: what it was is in versions/.\n\
         `galleryfs undo` takes back what was done last.\n",
    );
    text
});

impl Fixed {
    pub(crate) const ALL: [Self; 3] = [Self::NoMedia, Self::TrackerIgnore, Self::Readme];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Readme => "README.txt",
            Self::NoMedia => ".nomedia",
            Self::TrackerIgnore => ".trackerignore",
        }
    }

    pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|fixed| fixed.name().as_bytes() == name)
    }

    pub(crate) fn inode(self) -> u64 {
        match self {
            Self::Readme => 2,
            Self::NoMedia => 3,
            Self::TrackerIgnore => 4,
        }
    }

    pub(crate) fn of_inode(ino: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|fixed| fixed.inode() == ino)
    }

    pub(crate) fn contents(self) -> &'static [u8] {
        match self {
            Self::Readme => README.as_bytes(),
            Self::NoMedia | Self::TrackerIgnore => b"",
        }
    }
}
