//! The embeddings of faces, as whoever sorts people asks for them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context as _, Result, anyhow};
use library::people::{FaceBox, FaceEmbeddings, FaceKey};
use library::vectors::{ModelName, VectorFile, VectorKey};
use library::{Checksum, Embedding, Library};

/// Those of one model.
pub(in crate::seeing) struct FaceVectors {
    model: ModelName,
    library: Weak<Library>,
    /// `None` until the first face tells how wide the embeddings of a server's model are.
    file: Mutex<Option<Arc<VectorFile>>>,
}

impl FaceVectors {
    /// Opens the file; without `width` only if there is one already.
    pub(super) fn open(library: &Arc<Library>, model: &ModelName, width: Option<usize>) -> Result<Self> {
        let vectors = Self { model: model.clone(), library: Arc::downgrade(library), file: Mutex::default() };
        if let Some(width) = width.or_else(|| library.width_of_faces(model)) {
            vectors.file(width)?;
        }
        Ok(vectors)
    }

    /// Whose.
    pub(super) fn model(&self) -> &ModelName {
        &self.model
    }

    /// Whether a face has its embedding.
    pub(in crate::seeing) fn has(&self, content: &Checksum, at: FaceBox) -> bool {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().is_some_and(|file| file.contains(&VectorKey::face(*content, at)))
    }

    /// Keeps an embedding.
    pub(super) fn put(&self, key: &VectorKey, embedding: &Embedding) -> Result<()> {
        self.file(embedding.width())?.put(key, embedding)?;
        Ok(())
    }

    fn file(&self, width: usize) -> Result<Arc<VectorFile>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let library = self.library.upgrade().ok_or_else(|| anyhow!("the library is being closed"))?;
        let (opened, _) = library.open_faces(&self.model, width).context("the embeddings of faces")?;
        Ok(Arc::clone(file.insert(Arc::new(opened))))
    }
}

impl FaceEmbeddings for FaceVectors {
    fn get(&self, model: &str, face: &FaceKey) -> Option<Embedding> {
        if model != self.model.as_str() {
            return None;
        }
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        match file.get(&VectorKey::face(face.content, face.at)) {
            Ok(embedding) => embedding,
            Err(error) => {
                tracing::warn!("the embedding of a face: {error}");
                None
            }
        }
    }
}
