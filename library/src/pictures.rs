//! What pictures look like: their embeddings on the disk, a rough copy in memory, and which rows they are of.
//!
//! What makes it hard, and what answers it:
//! 1. A million embeddings are a gigabyte, and a query must see all of them in some milliseconds. One bit a number is in
//!    memory ([`codes`]); the best by that are read from the disk and compared exactly.
//! 2. Embeddings outlive row numbers. They are keyed by content; rows are tied to them from the catalogue, at open and
//!    with every change ([`feed`]), whichever of the two comes first.
//! 3. Filters select rows, and the scan goes by slots. Rows become marks on slots once a query ([`rows`]).
//! 4. Whether something looks like a query can only be said against what does not ([`sample`]).

mod codes;
mod duplicates;
mod feed;
mod rows;
mod sample;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use roaring::RoaringBitmap;

use self::codes::Codes;
use self::rows::Rows;
use self::sample::{Mean, Sample};
pub(crate) use self::scan::Breadth;
use crate::checksum::Checksum;
use crate::embedding::Embedding;
use crate::id::RowNumber;
use crate::library::Library;
use crate::vectors::{ModelName, Opened, Slot, VectorError, VectorFile, VectorKey, VectorKind};

/// Vectors that the first centre is taken from: it need not be exact, only near.
const CENTRE_OF: u32 = 512;

/// The embeddings of pictures that one model made, and the rows they are of.
#[derive(Debug)]
pub struct Pictures {
    dir: PathBuf,
    file: VectorFile,
    opened: Opened,
    scanned: RwLock<Scanned>,
    rows: RwLock<Rows>,
    library: Weak<Library>,
}

/// What is in memory of the file.
#[derive(Debug)]
struct Scanned {
    codes: Codes,
    sample: Sample,
    /// Vectors there were when the centre was taken.
    centred_at: usize,
    /// Vectors there are.
    count: usize,
}

impl Pictures {
    /// Opens the file in `dir` and reads all of it; no row is tied to it yet. For measuring and tests: a library's are
    /// opened by [`Library::open_pictures`], which ties its rows and keeps them so.
    pub fn open(
        dir: &Path,
        model: &ModelName,
        width: usize,
        library: Weak<Library>,
    ) -> Result<Self, VectorError> {
        let file = VectorFile::unread(dir, VectorKind::Picture, model, width)?;
        let mut centre = Mean::new(width);
        file.some(CENTRE_OF, |values| centre.add(values))?;
        let mut scanned = Scanned::around(centre.get());
        let (file, opened) = file.read(|slot, key, values| scanned.put(slot, &key.content, values))?;
        scanned.centred_at = scanned.count;
        Ok(Self {
            dir: dir.to_owned(),
            file,
            opened,
            scanned: RwLock::new(scanned),
            rows: RwLock::default(),
            library,
        })
    }

    /// What opening the file found.
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// The folder that the file is in.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Which model made them.
    pub fn model(&self) -> &ModelName {
        self.file.model()
    }

    /// How many numbers each has.
    pub fn width(&self) -> usize {
        self.file.width()
    }

    /// How many pictures are embedded.
    pub fn len(&self) -> usize {
        self.scanned().count
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this content is embedded, and can be read.
    pub fn contains(&self, content: &Checksum) -> bool {
        self.file.contains(&VectorKey::picture(*content))
    }

    /// The embedding of this content.
    pub fn get(&self, content: &Checksum) -> Result<Option<Embedding>, VectorError> {
        self.file.get(&VectorKey::picture(*content))
    }

    /// The embedding of a row.
    pub fn of_row(&self, row: RowNumber) -> Result<Option<Embedding>, VectorError> {
        let Some(slot) = self.rows().slot(row) else { return Ok(None) };
        Ok(self.file.read(slot)?.map(|(_, embedding)| embedding))
    }

    /// The embedding in a slot.
    pub(crate) fn embedding_in(&self, slot: Slot) -> Result<Option<Embedding>, VectorError> {
        Ok(self.file.read(slot)?.map(|(_, embedding)| embedding))
    }

    /// Keeps the embedding of a content, in place of the one there was. Its photos are found by it from now on, and those
    /// that come later, too.
    pub fn put(&self, content: &Checksum, embedding: &Embedding) -> Result<(), VectorError> {
        let key = VectorKey::picture(*content);
        let slot = self.file.put(&key, embedding)?;
        {
            let mut scanned = self.scanned_mut();
            scanned.put(slot, content, embedding.as_slice());
            if scanned.count > 64 && scanned.count >= scanned.centred_at * 2 {
                // It is kept either way, and the old centre is only a little worse.
                if let Err(error) = scanned.centre_anew(&self.file) {
                    tracing::warn!(%error, "the embeddings could not be read again");
                }
            }
        }
        let rows = match self.library.upgrade() {
            Some(library) => library.rows_of(content).unwrap_or_else(|error| {
                // The feed ties it when the catalogue can be read again.
                tracing::warn!(%error, "a picture was embedded, and its photo could not be looked up");
                Vec::new()
            }),
            None => Vec::new(),
        };
        self.tie_to(slot, &key, &rows);
        Ok(())
    }

    /// Forgets the embedding of a content, and says whether there was one.
    pub fn remove(&self, content: &Checksum) -> Result<bool, VectorError> {
        let Some(slot) = self.file.remove(&VectorKey::picture(*content))? else { return Ok(false) };
        self.rows_mut().free(slot);
        self.scanned_mut().clear(slot);
        Ok(true)
    }

    /// Waits until all of it is on the disk.
    pub fn sync(&self) -> Result<(), VectorError> {
        self.file.sync()
    }

    /// The pictures of `allowed` that look like that of `row`, itself aside: best first, with their cosines, ending where
    /// likeness does. Empty when the row has no embedding.
    pub fn similar(
        &self,
        row: RowNumber,
        allowed: &RoaringBitmap,
        limit: usize,
    ) -> Result<Vec<(RowNumber, f32)>, VectorError> {
        let Some(embedding) = self.of_row(row)? else { return Ok(Vec::new()) };
        let breadth =
            Breadth { at_least: limit.saturating_add(1).min(2000), at_most: limit.saturating_add(1) };
        let near = self.near(embedding.as_slice(), allowed, breadth, |_, _| ())?;
        let candidates = near.candidates;
        let lowest = near.background.last_likely(candidates, near.found.iter().map(|near| near.cosine), 0.05);
        let mut seen = HashSet::new();
        let rows = self.rows();
        let similar = near.found.iter().take_while(|near| lowest.is_some_and(|lowest| near.cosine >= lowest));
        let similar = similar.flat_map(|near| rows.rows(near.slot).map(|row| (row, near.cosine)));
        let similar = similar.filter(|(other, _)| *other != row && allowed.contains(other.0));
        Ok(similar.filter(|(row, _)| seen.insert(*row)).take(limit).collect())
    }

    /// Ties rows to the embeddings of what they are, or to none.
    pub fn tie(&self, contents: impl IntoIterator<Item = (RowNumber, Checksum)>) {
        // Looked up while the rows are locked: whoever embeds one of them at the same time ties it before or after.
        let mut map = self.rows_mut();
        for (row, content) in contents {
            map.bind(row, self.file.slot(&VectorKey::picture(content)));
        }
    }

    /// Ties rows to a slot, if it still has this key.
    fn tie_to(&self, slot: Slot, key: &VectorKey, rows: &[RowNumber]) {
        let mut map = self.rows_mut();
        if self.file.slot(key) == Some(slot) {
            for row in rows {
                map.bind(*row, Some(slot));
            }
        }
    }

    fn scanned(&self) -> RwLockReadGuard<'_, Scanned> {
        self.scanned.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn scanned_mut(&self) -> RwLockWriteGuard<'_, Scanned> {
        self.scanned.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows_mut(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scanned {
    fn around(centre: Vec<f32>) -> Self {
        Self { codes: Codes::new(centre), sample: Sample::default(), centred_at: 0, count: 0 }
    }

    /// Takes the centre of what there is now, and all codes with it.
    fn centre_anew(&mut self, file: &VectorFile) -> Result<(), VectorError> {
        let mut codes = Codes::new(self.sample.mean(file.width()));
        file.for_each(|slot, _, values| codes.set(slot, values))?;
        self.codes = codes;
        self.centred_at = self.count;
        Ok(())
    }

    fn put(&mut self, slot: Slot, content: &Checksum, values: &[f32]) {
        if !self.codes.has(slot) {
            self.count += 1;
        }
        self.codes.set(slot, values);
        self.sample.put(slot, content, values);
    }

    fn clear(&mut self, slot: Slot) {
        if self.codes.has(slot) {
            self.count -= 1;
        }
        self.codes.clear(slot);
        self.sample.remove(slot);
    }
}

impl Library {
    /// Opens the embeddings of pictures that a model made, in this library's data folder, and follows every change of
    /// the library from then on. One at a time for each model.
    pub fn open_pictures(
        self: &Arc<Self>,
        model: &ModelName,
        width: usize,
    ) -> Result<Arc<Pictures>, PicturesError> {
        let pictures = Arc::new(Pictures::open(&self.vectors_dir(), model, width, Arc::downgrade(self))?);
        feed::follow(self, &pictures)?;
        Ok(pictures)
    }

    /// Opens the embeddings of faces that a model made.
    pub fn open_faces(&self, model: &ModelName, width: usize) -> Result<(VectorFile, Opened), VectorError> {
        VectorFile::open(&self.vectors_dir(), VectorKind::Face, model, width)
    }

    /// How wide the embeddings of faces are that a model made; `None` when it has made none.
    pub fn width_of_faces(&self, model: &ModelName) -> Option<usize> {
        VectorFile::width_of(&self.vectors_dir(), VectorKind::Face, model)
    }

    fn vectors_dir(&self) -> PathBuf {
        self.data().join("derived/vectors")
    }
}

/// Why the pictures of a library could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PicturesError {
    /// Their file.
    #[error(transparent)]
    Vectors(#[from] VectorError),
    /// The library that they are of.
    #[error(transparent)]
    Library(#[from] crate::library::LibraryError),
}
