//! Inference on another machine, by Immich's own protocol (`POST /predict`).
//!
//! What makes it hard: servers come and go, hang, and answer nonsense. Each is asked how it is before it is used, put
//! aside for a while when it fails, and its answers are checked like a model's; what no server does is done here.

mod pool;
mod protocol;

pub use pool::{RemoteOptions, Server, ServerState, Servers};
pub use protocol::{AnswerError, clip_answer, faces_answer};

use library::Embedding;

use crate::error::InferenceError;
use crate::faces::FaceBox;

/// A face as a server describes it. Servers tell no landmarks.
#[derive(Clone, Debug)]
pub struct RemoteFace {
    /// Where it is, in pixels of the picture that was sent.
    pub region: FaceBox,
    /// How sure the detector is.
    pub score: f32,
    /// Who it looks like.
    pub embedding: Embedding,
}

/// What to do when no server answers.
pub fn or_here<T>(
    remote: Result<T, InferenceError>,
    here: Option<impl FnOnce() -> Result<T, InferenceError>>,
) -> Result<T, InferenceError> {
    match (remote, here) {
        (Err(InferenceError::Remote { reason }), Some(here)) => {
            tracing::debug!(%reason, "no server answered: done here");
            here()
        }
        (answer, _) => answer,
    }
}
