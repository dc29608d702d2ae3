//! Where the numbers behind a face come from.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::face::FaceKey;
use crate::embedding::Embedding;

/// Gives the embedding of a face. Kept elsewhere: the library only compares them.
pub trait FaceEmbeddings: Send + Sync {
    /// What `model` made of a face; `None` when that is not known, or not any more.
    fn get(&self, model: &str, face: &FaceKey) -> Option<Embedding>;
}

/// Embeddings in memory, for tests and experiments.
#[derive(Debug, Default)]
pub struct MemoryEmbeddings(RwLock<HashMap<(String, FaceKey), Embedding>>);

impl MemoryEmbeddings {
    /// Takes one in.
    pub fn insert(&self, model: &str, face: FaceKey, embedding: Embedding) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert((model.to_owned(), face), embedding);
    }
}

impl FaceEmbeddings for MemoryEmbeddings {
    fn get(&self, model: &str, face: &FaceKey) -> Option<Embedding> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&(model.to_owned(), *face)).cloned()
    }
}
