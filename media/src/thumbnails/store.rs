//! Where thumbnails lie: files named after the content they show. All of it can be thrown away and made again.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use library::Checksum;

use super::{Size, Thumbnails};

/// The largest file that is read back: a preview has a few hundred kilobytes.
const LARGEST: u64 = 64 << 20;

/// How the file with the thumbhash ends.
const THUMBHASH_SUFFIX: &str = "thumbhash";

/// A folder of thumbnails, `ab/cd/abcd….250.webp`, shared by all threads and by whoever else looks.
///
/// A file is complete or absent: it is written under another name beside its place and renamed. The thumbhash is
/// written last, so where it is, all are.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the folder, and makes it where it is missing.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where a thumbnail of this content lies, or would.
    pub fn path(&self, content: &Checksum, size: Size) -> PathBuf {
        self.place(content, size.suffix())
    }

    /// A thumbnail, if it is there.
    pub fn get(&self, content: &Checksum, size: Size) -> io::Result<Option<Vec<u8>>> {
        read(&self.path(content, size))
    }

    /// The thumbhash, if it is there.
    pub fn thumbhash(&self, content: &Checksum) -> io::Result<Option<Vec<u8>>> {
        read(&self.place(content, THUMBHASH_SUFFIX))
    }

    /// Whether everything of this content is there.
    pub fn has_all(&self, content: &Checksum) -> bool {
        let there = |path: PathBuf| path.metadata().is_ok_and(|found| found.len() > 0);
        there(self.place(content, THUMBHASH_SUFFIX))
            && Size::ALL.iter().all(|size| there(self.path(content, *size)))
    }

    /// Keeps the thumbnails of a content, in place of those that were there.
    pub fn put(&self, content: &Checksum, thumbnails: &Thumbnails) -> io::Result<()> {
        for size in Size::ALL {
            self.write(&self.path(content, size), thumbnails.get(size))?;
        }
        self.write(&self.place(content, THUMBHASH_SUFFIX), &thumbnails.thumbhash)
    }

    /// Forgets a content. What is not there is no error.
    pub fn remove(&self, content: &Checksum) -> io::Result<()> {
        // The mark of completeness goes first, as it came last.
        let names = [THUMBHASH_SUFFIX].into_iter().chain(Size::ALL.map(Size::suffix));
        for path in names.map(|suffix| self.place(content, suffix)) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Two levels of folders keep each of them small: at a million photos some sixty files.
    fn place(&self, content: &Checksum, suffix: &str) -> PathBuf {
        let hex = content.to_string();
        let (first, second) = (hex.get(..2).unwrap_or_default(), hex.get(2..4).unwrap_or_default());
        self.folder.join(first).join(second).join(format!("{hex}.{suffix}"))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    // A power cut leaves files whose names came before their bytes.
    Ok((!bytes.is_empty()).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thumbnails(mark: u8) -> Thumbnails {
        Thumbnails {
            small: vec![mark; 3],
            large: vec![mark; 4],
            preview: vec![mark; 5],
            thumbhash: vec![mark; 2],
        }
    }

    #[test]
    fn kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("thumbnails")).unwrap();
        let content = Checksum::from_bytes([0xAB; 32]);
        let other = Checksum::from_bytes([0xAC; 32]);
        assert_eq!(store.get(&content, Size::Small).unwrap(), None);
        store.put(&content, &thumbnails(1)).unwrap();
        store.put(&content, &thumbnails(2)).unwrap();
        assert_eq!(store.get(&content, Size::Preview).unwrap(), Some(vec![2; 5]));
        assert_eq!(store.thumbhash(&content).unwrap(), Some(vec![2; 2]));
        assert!(store.has_all(&content) && !store.has_all(&other));
        let path = store.path(&content, Size::Large);
        assert!(path.ends_with(format!("ab/ab/{content}.480.webp")), "{}", path.display());
        // Nothing else is left lying there.
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 4);
        store.remove(&content).unwrap();
        store.remove(&content).unwrap();
        assert!(!store.has_all(&content));
        assert_eq!(store.get(&content, Size::Large).unwrap(), None);
    }

    #[test]
    fn a_file_without_bytes_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let content = Checksum::from_bytes([7; 32]);
        store.put(&content, &thumbnails(1)).unwrap();
        File::create(store.path(&content, Size::Small)).unwrap();
        assert!(!store.has_all(&content));
        assert_eq!(store.get(&content, Size::Small).unwrap(), None);
    }
}
