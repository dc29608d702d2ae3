//! `unreadable/`: files that should be photos or videos and could not be read, under their names on disk.
//!
//! Two of one name: the later one gets ` (2)`. A name, once given, is kept for as long as the file is in the list
//! and the mount stands, so that a path never comes to mean another file.

use std::collections::HashMap;

use library::RootId;

use super::inodes::{self, UNREADABLE_MARK};
use super::state::State;
use super::view::{At, Contents, Naming, View};
use crate::source::{FileSeen, Unreadable};

/// The list of unreadable files, named and numbered.
#[derive(Debug, Default)]
pub(crate) struct UnreadableFiles {
    files: Vec<Named>,
    by_name: HashMap<Box<[u8]>, usize>,
    by_inode: HashMap<u64, usize>,
}

/// An unreadable file, its name in `unreadable/` and its inode number.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: Box<[u8]>,
    pub(crate) ino: u64,
    pub(crate) file: Unreadable,
}

fn number(file: &FileSeen, salt: u32) -> u64 {
    let what = [file.root.as_bytes().as_slice(), &salt.to_be_bytes(), &file.path].concat();
    inodes::number_of(&what, UNREADABLE_MARK)
}

/// Where a file lies.
fn at(file: &Unreadable) -> (RootId, &[u8]) {
    (file.file.root, &file.file.path)
}

/// `IMG (2).jpg` for the second `IMG.jpg`.
fn numbered(name: &[u8], ordinal: usize) -> Box<[u8]> {
    if ordinal < 2 {
        return name.into();
    }
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0).unwrap_or(name.len());
    [&name[..dot], format!(" ({ordinal})").as_bytes(), &name[dot..]].concat().into()
}

impl UnreadableFiles {
    /// Names the files of a new list; those of `before` keep their names.
    pub(crate) fn named(before: &Self, mut list: Vec<Unreadable>) -> Self {
        list.sort();
        list.dedup_by(|a, b| at(a) == at(b));
        let kept: HashMap<_, _> = before.files.iter().map(|named| (at(&named.file), named)).collect();
        let mut files = Self::default();
        let (old, new): (Vec<_>, Vec<_>) = list.into_iter().partition(|file| kept.contains_key(&at(file)));
        for file in old {
            if let Some(named) = kept.get(&at(&file)) {
                files.push(named.name.clone(), named.ino, file);
            }
        }
        for file in new {
            let mut name = numbered(file.file.file_name(), 1);
            let mut ordinal = 2;
            while files.by_name.contains_key(&name) {
                name = numbered(file.file.file_name(), ordinal);
                ordinal += 1;
            }
            let mut salt = 0;
            while files.by_inode.contains_key(&number(&file.file, salt)) {
                salt += 1;
            }
            let ino = number(&file.file, salt);
            files.push(name, ino, file);
        }
        files
    }

    fn push(&mut self, name: Box<[u8]>, ino: u64, file: Unreadable) {
        let at = self.files.len();
        self.by_name.insert(name.clone(), at);
        self.by_inode.insert(ino, at);
        self.files.push(Named { name, ino, file });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Named> {
        self.files.iter()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Named> {
        self.files.get(at)
    }

    pub(crate) fn by_name(&self, name: &[u8]) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn by_inode(&self, ino: u64) -> Option<usize> {
        self.by_inode.get(&ino).copied()
    }
}

/// `unreadable/`.
#[derive(Debug)]
pub(crate) struct UnreadableView;

impl View for UnreadableView {
    fn name(&self) -> &'static str {
        "unreadable"
    }

    fn about(&self) -> &'static str {
        "files that could not be read; user.galleryfs.last_error of each says why"
    }

    fn naming(&self) -> Naming {
        Naming::Unreadable
    }

    fn has(&self, _state: &State, at: At<'_>) -> bool {
        at.is_empty()
    }

    fn contents(&self, _state: &State, _at: At<'_>) -> Contents {
        Contents::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Unreadable {
        let (root, modified) = (RootId::from_bytes([2; 16]), jiff::Timestamp::UNIX_EPOCH);
        let file = FileSeen { root, path: path.as_bytes().into(), size: 1, modified };
        Unreadable { file, reason: "no".into() }
    }

    #[test]
    fn a_name_stays_with_its_file() {
        let first =
            UnreadableFiles::named(&UnreadableFiles::default(), vec![file("b/x.jpg"), file("c/x.jpg")]);
        assert_eq!(first.by_name(b"x.jpg"), Some(0));
        assert_eq!(first.by_name(b"x (2).jpg"), Some(1));
        let second = UnreadableFiles::named(&first, vec![file("a/x.jpg"), file("c/x.jpg")]);
        let at = |name: &[u8]| second.get(second.by_name(name).unwrap()).unwrap().file.file.path.clone();
        assert_eq!(&*at(b"x (2).jpg"), b"c/x.jpg", "kept");
        assert_eq!(&*at(b"x.jpg"), b"a/x.jpg");
    }
}
