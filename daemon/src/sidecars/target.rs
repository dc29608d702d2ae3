//! Which of the files beside a photo is its sidecar: by name, and by nobody else's.
//!
//! `NAME.EXT.xmp` where it is there, else `NAME.xmp` where it describes this photo alone, else a new `NAME.EXT.xmp`.

use std::io;
use std::os::fd::OwnedFd;

use library::Format;
use rustix::fs::{FileType, Stat};

use super::is_fresh;
use crate::pipeline::beneath;
use crate::pipeline::changes::Moment;
use crate::pipeline::describe::{key, photos_of, sidecars_of};
use crate::pipeline::names::{Names, promised};

const EXTENSION: &[u8] = b".xmp";

/// There is no name for a sidecar of this photo alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("its sidecar would be another photo's as well: their names differ only in the case of the extension")]
pub(super) struct Shared;

/// The names in the folder that was listed last: where many photos are gone through, they lie in one folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    stat: Option<Stat>,
    names: Vec<Box<[u8]>>,
}

impl Listing {
    /// Of the names of the files in a folder those that may belong to a photo.
    pub(super) fn around(&mut self, folder: &OwnedFd, photo: &[u8]) -> io::Result<Vec<Box<[u8]>>> {
        let now = rustix::fs::fstat(folder)?;
        if is_fresh(&now) || !self.stat.is_some_and(|before| beneath::is_same(&before, &now)) {
            self.stat = None;
            self.names = listed(folder)?;
            self.stat = Some(now);
        }
        let key = key(photo);
        Ok(self.names.iter().filter(|name| name.starts_with(key)).cloned().collect())
    }
}

fn listed(folder: &OwnedFd) -> io::Result<Vec<Box<[u8]>>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        if matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown) {
            names.push(entry.file_name().to_bytes().into());
        }
    }
    Ok(names)
}

/// The XMP sidecars among these names that describe a photo.
pub(super) fn of_photo(photo: &[u8], names: &[Box<[u8]>]) -> Vec<Box<[u8]>> {
    let names = Names::new(names.iter().cloned(), Moment::default());
    let mut found = sidecars_of(photo, &names);
    found.retain(|name| promised(name) == Some(Format::Xmp));
    found
}

/// The name of the sidecar of a photo in a folder of these names.
pub(super) fn choose(photo: &[u8], names: &[Box<[u8]>]) -> Result<Box<[u8]>, Shared> {
    let is_its_own = |sidecar: &[u8]| {
        let with = names
            .iter()
            .cloned()
            .chain((!names.iter().any(|name| **name == *sidecar)).then(|| sidecar.into()));
        let with = Names::new(with, Moment::default());
        matches!(photos_of(sidecar, &with).as_slice(), [only] if **only == *photo)
    };
    let there = of_photo(photo, names);
    let is_full = |name: &[u8]| name.len() == photo.len() + EXTENSION.len();
    let is_exact = |name: &[u8]| is_full(name) && name.starts_with(photo);
    let full = there.iter().find(|name| is_exact(name)).or_else(|| there.iter().find(|name| is_full(name)));
    let new: Box<[u8]> = [photo, EXTENSION].concat().into();
    match full {
        Some(full) if is_its_own(full) => Ok(full.clone()),
        Some(_) => Err(Shared),
        None => match there.into_iter().find(|name| is_its_own(name)) {
            Some(stem) => Ok(stem),
            None if is_its_own(&new) => Ok(new),
            None => Err(Shared),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(photo: &[u8], names: &[&[u8]]) -> Result<String, Shared> {
        let names: Vec<Box<[u8]>> = names.iter().copied().map(Into::into).collect();
        choose(photo, &names).map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    #[test]
    fn only_names_around_the_photo_are_looked_at_and_those_that_came_since() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str| std::fs::write(dir.path().join(name), "x").unwrap();
        ["a.jpg", "a.xmp", "b.jpg"].into_iter().for_each(put);
        std::os::unix::fs::symlink("b.jpg", dir.path().join("a.jpg.xmp")).unwrap();
        let folder = OwnedFd::from(std::fs::File::open(dir.path()).unwrap());
        let mut listing = Listing::default();
        let mut around = |photo: &[u8]| {
            let mut names = listing.around(&folder, photo).unwrap();
            names.sort();
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            (around(b"a.jpg"), around(b"b.jpg")),
            (vec!["a.jpg".into(), "a.xmp".into()], vec!["b.jpg".into()])
        );
        put("b.xmp");
        assert_eq!(around(b"b.jpg"), ["b.jpg", "b.xmp"]);
    }

    #[test]
    fn the_sidecar_is_the_photo_s_alone() {
        let ok = |name: &str| Ok(name.to_owned());
        assert_eq!(chosen(b"a.jpg", &[b"a.jpg", b"b.xmp", b"a.jpg.json"]), ok("a.jpg.xmp"));
        assert_eq!(chosen(b"a.jpg", &[b"a.jpg", b"a.xmp", b"a.JPG.XMP"]), ok("a.JPG.XMP"));
        assert_eq!(chosen(b"a.jpg", &[b"a.jpg", b"a.jpg.xmp", b"a.JPG.XMP"]), ok("a.jpg.xmp"));
        assert_eq!(chosen(b"a.jpg", &[b"a.jpg", b"a.XMP"]), ok("a.XMP"));
        assert_eq!(chosen(b"a.CR2", &[b"a.jpg", b"a.CR2", b"a.xmp"]), ok("a.CR2.xmp"));
        assert_eq!(chosen(b"a.mov", &[b"a.mov"]), ok("a.mov.xmp"));
        assert_eq!(chosen(b"a.jpg", &[b"a.jpg", b"a.JPG"]), Err(Shared));
        assert_eq!(chosen(b"a.jpg", &[b"a.jpg", b"a.JPG", b"a.jpg.xmp"]), Err(Shared));
        assert_eq!(chosen(b"\xff.jpg", &[b"\xff.jpg", b"\xfe.xmp"]), ok("\u{fffd}.jpg.xmp"));
    }
}
