//! The embeddings of faces, as whoever sorts people asks for them.

use std::sync::Arc;

use library::Embedding;
use library::people::{FaceEmbeddings, FaceKey};
use library::vectors::{VectorFile, VectorKey};

/// One model's.
pub(super) struct FaceVectors {
    pub(super) model: String,
    pub(super) file: Arc<VectorFile>,
}

impl FaceEmbeddings for FaceVectors {
    fn get(&self, model: &str, face: &FaceKey) -> Option<Embedding> {
        if model != self.model {
            return None;
        }
        match self.file.get(&VectorKey::face(face.content, face.at)) {
            Ok(embedding) => embedding,
            Err(error) => {
                tracing::warn!("the embedding of a face: {error}");
                None
            }
        }
    }
}
