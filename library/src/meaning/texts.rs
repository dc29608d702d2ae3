//! Embeddings of texts, remembered: the last ones in memory, the lasting ones on the disk.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::encoder::{EncodeError, Encoder};
use crate::embedding::Embedding;
use crate::vectors::{VectorFile, VectorKey};

/// Texts in memory: half a megabyte of 512 numbers each. A search box asks for a new one at every keystroke, and a mount
/// for the same one again.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// An encoder that does not do the same work twice.
pub(super) struct Texts {
    encoder: Arc<dyn Encoder>,
    recent: Mutex<LruCache<Box<str>, Arc<Embedding>>>,
    lasting: VectorFile,
}

impl Texts {
    pub(super) fn new(encoder: Arc<dyn Encoder>, lasting: VectorFile) -> Self {
        Self { encoder, recent: Mutex::new(LruCache::new(REMEMBERED)), lasting }
    }

    /// The embedding of what somebody asked. Spaces around and between words make no difference.
    pub(super) fn embedding(&self, text: &str) -> Result<Arc<Embedding>, EncodeError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = recent().get(text.as_str()) {
            return Ok(Arc::clone(known));
        }
        // Not locked meanwhile: another search must not wait for this text. One that wants the same does it twice.
        let embedding = Arc::new(self.encode(&text)?);
        recent().put(text.into(), Arc::clone(&embedding));
        Ok(embedding)
    }

    /// The embedding of a text that every start asks for. Kept on the disk, and not in memory.
    pub(super) fn lasting(&self, text: &str) -> Result<Embedding, EncodeError> {
        let key = VectorKey::text(text);
        if let Ok(Some(known)) = self.lasting.get(&key) {
            return Ok(known);
        }
        let embedding = self.encode(text)?;
        if let Err(error) = self.lasting.put(&key, &embedding) {
            tracing::debug!(%error, "a text's embedding is not kept");
        }
        Ok(embedding)
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        let embedding = self.encoder.encode(text)?;
        if embedding.width() != self.lasting.width() {
            let (given, width) = (embedding.width(), self.lasting.width());
            return Err(EncodeError::new(format!("texts are {given} numbers wide, pictures {width}")));
        }
        Ok(embedding)
    }
}
