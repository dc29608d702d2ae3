//! Words to meaning, for searches.

use std::sync::Arc;

use anyhow::Result;
use library::Embedding;
use library::meaning::{EncodeError, Encoder};
use library::vectors::ModelName;
use vision::InferenceError;
use vision::clip::Textual;
use vision::remote::Servers;

use super::{Sources, either};
use crate::seeing::courtesy::Courtesy;

/// The text side of a model.
pub(in crate::seeing) struct Words {
    model: ModelName,
    servers: Option<Arc<Servers>>,
    here: Option<Textual>,
    width: usize,
    courtesy: Arc<Courtesy>,
}

impl Words {
    /// Opens the text side of `model`: the one that lies here where there is one, for servers may go.
    pub(super) fn open(sources: &Sources<'_>, model: &ModelName) -> Result<Self> {
        let servers = sources.servers.cloned();
        let here = sources.here(model, |engine, files| Ok(Textual::open(engine, files)?))?;
        let width = match &here {
            Some(here) => here.width(),
            // Nothing but an answer tells how wide a server's answers are.
            None => {
                either(servers.as_deref(), |servers| servers.text(model.as_str(), "a photo"), None::<Never>)?
                    .width()
            }
        };
        Ok(Self { model: model.clone(), servers, here, width, courtesy: Arc::clone(&sources.courtesy) })
    }

    /// How wide the embeddings are.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

/// Nothing that could be done here.
type Never = fn() -> Result<Embedding, InferenceError>;

impl Encoder for Words {
    fn model(&self) -> &ModelName {
        &self.model
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        let _waits = self.courtesy.wait();
        let embedding = either(
            self.servers.as_deref(),
            |servers| servers.text_soon(self.model.as_str(), text),
            self.here.as_ref().map(|here| || here.embed_verbatim(text)),
        )
        .map_err(EncodeError::new)?;
        if embedding.width() == self.width {
            Ok(embedding)
        } else {
            let reason = format!("{} numbers where {} were", embedding.width(), self.width);
            Err(EncodeError::new(InferenceError::Answer { reason }))
        }
    }
}
