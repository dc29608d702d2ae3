//! Names of files and folders: which are looked at, and which belong together.

use std::sync::Arc;

use library::{Format, Kind};

use super::changes::Moment;

/// Folders that are no part of anybody's collection, besides all whose name begins with a dot.
const NEVER_FOLDERS: &[&[u8]] = &[
    b"@eaDir",
    b"#recycle",
    b"#snapshot",
    b"@Recycle",
    b"@Recently-Snapshot",
    b"$RECYCLE.BIN",
    b"RECYCLER",
    b"System Volume Information",
    b"lost+found",
    b"__MACOSX",
];

/// Whether a folder of this name is passed over with all that is in it.
///
/// `.galleryfs/`, trash cans (`.Trash-1000`) and the caches of other programs are hidden, so the dot covers them.
pub fn is_ignored_folder(name: &[u8]) -> bool {
    name.first() == Some(&b'.') || NEVER_FOLDERS.contains(&name)
}

/// Our own folder in a root, which nobody watches.
pub const OURS: &str = ".galleryfs";

/// What a file's name promises: [`Format::promised_by`].
pub fn promised(name: &[u8]) -> Option<Format> {
    Format::promised_by(name)
}

/// The names of one folder that are looked at, as they were at one moment.
#[derive(Debug, Default)]
pub struct Names {
    media: Vec<Box<[u8]>>,
    sidecars: Vec<Box<[u8]>>,
    moment: Moment,
}

impl Names {
    /// Sorts names, listed after `moment`, into photos and sidecars; what is neither is left out.
    pub fn new(names: impl IntoIterator<Item = Box<[u8]>>, moment: Moment) -> Arc<Self> {
        let mut sorted = Self { moment, ..Self::default() };
        for name in names {
            match promised(&name).map(Format::kind) {
                Some(Kind::Sidecar) => sorted.sidecars.push(name),
                Some(_) => sorted.media.push(name),
                None => {}
            }
        }
        sorted.media.sort_unstable();
        sorted.sidecars.sort_unstable();
        Arc::new(sorted)
    }

    /// When they were listed, or before.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Photos and videos, sorted.
    pub fn media(&self) -> &[Box<[u8]>] {
        &self.media
    }

    /// Sidecars, sorted.
    pub fn sidecars(&self) -> &[Box<[u8]>] {
        &self.sidecars
    }

    /// Whether `name` is among them.
    pub fn contains(&self, name: &[u8]) -> bool {
        let holds = |names: &[Box<[u8]>]| names.binary_search_by(|other| (**other).cmp(name)).is_ok();
        holds(&self.media) || holds(&self.sidecars)
    }
}

/// `folder/name`, or `name` in the root.
pub fn join(folder: &[u8], name: &[u8]) -> Box<[u8]> {
    if folder.is_empty() { name.into() } else { [folder, b"/", name].concat().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_and_hidden_names_promise_nothing() {
        for name in [
            "x.jpg.part",
            "x.jpg~",
            "x.jpg.tmp",
            "x.jpg.crdownload",
            "x.jpg.partial",
            "x.jpg.filepart",
            ".goutputstream-AB12CD",
            ".x.jpg.Xy12ab",
            ".x.jpg",
            "~$x.jpg",
            "x",
            "jpg",
            "x.txt",
            ".jpg",
        ] {
            assert_eq!(promised(name.as_bytes()), None, "{name}");
        }
        assert_eq!(promised(b"X.JPG"), Some(Format::Jpeg));
        assert_eq!(promised(b"\xff\n.nef").map(Format::is_raw), Some(true));
        assert_eq!(promised(b"x.jpg.xmp"), Some(Format::Xmp));
        assert!(
            is_ignored_folder(b"@eaDir") && is_ignored_folder(b".galleryfs") && !is_ignored_folder(b"2024")
        );
    }
}
