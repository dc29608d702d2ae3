//! What turns texts into embeddings. The library knows no models; the daemon fills this in.

use std::sync::Arc;

use thiserror::Error;

use crate::embedding::Embedding;
use crate::vectors::ModelName;

/// The half of a model that reads texts.
pub trait Encoder: Send + Sync {
    /// Which model: only its own pictures can be compared with its texts.
    fn model(&self) -> &ModelName;

    /// Where a text points. Prepared as the model wants it (case, punctuation, length) by the encoder. Called from
    /// several threads, and may take as long as the model does.
    fn encode(&self, text: &str) -> Result<Embedding, EncodeError>;
}

/// Why a text has no embedding: no model now, or one that fails.
#[derive(Clone, Debug, Error)]
#[error("{0}")]
pub struct EncodeError(Arc<dyn std::error::Error + Send + Sync>);

impl EncodeError {
    /// From the encoder's own error, or a sentence.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}
