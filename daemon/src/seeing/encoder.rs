//! Words to meaning, for searches.

use std::sync::Arc;

use library::Embedding;
use library::meaning::{EncodeError, Encoder};
use library::vectors::ModelName;
use vision::clip::Textual;

use super::courtesy::Courtesy;

/// The text side of a model.
pub(super) struct TextEncoder {
    pub(super) textual: Arc<Textual>,
    pub(super) model: ModelName,
    pub(super) courtesy: Arc<Courtesy>,
}

impl Encoder for TextEncoder {
    fn model(&self) -> &ModelName {
        &self.model
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        let _waits = self.courtesy.wait();
        self.textual.embed_verbatim(text).map_err(EncodeError::new)
    }
}
