//! `galleryfs models check`: whether a model that lies there really works.

use super::{ClipModel, FaceModel, Installed, Task};
use crate::clip::{Textual, Visual};
use crate::engine::Engine;
use crate::error::{InferenceError, ModelError};
use crate::faces::Faces;
use crate::pixels::Pixels;

/// What a model that works was found to be.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Checked {
    /// How wide its embeddings are.
    pub width: usize,
    /// What it runs on.
    pub provider: crate::provider::Provider,
}

/// Why it does not work.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file is missing, damaged, or of another kind.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It loads but does not run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// Image tower and text tower are not of one model.
    #[error("its image tower gives {visual} numbers and its text tower {textual}: they are not of one model")]
    Mismatch {
        /// How wide the embeddings of pictures are.
        visual: usize,
        /// How wide those of texts are.
        textual: usize,
    },
}

/// Opens the model and runs it once on a picture and a text of ours.
pub fn check(engine: &Engine, model: &Installed) -> Result<Checked, CheckError> {
    let rgb: Vec<u8> = (0..160u32 * 120 * 3).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let picture = Pixels::new(&rgb, 160, 120).ok();
    match model.task {
        Task::Clip => {
            let files = ClipModel::at(&model.path);
            let (visual, textual) = (Visual::open(engine, &files)?, Textual::open(engine, &files)?);
            if visual.width() != textual.width() {
                return Err(CheckError::Mismatch { visual: visual.width(), textual: textual.width() });
            }
            visual.embed(picture.as_slice())?;
            textual.embed("a dog in the park")?;
            Ok(Checked { width: visual.width(), provider: visual.provider() })
        }
        Task::FacialRecognition => {
            let faces = Faces::open(engine, &FaceModel::at(&model.path))?;
            if let Some(picture) = picture {
                faces.find(picture, crate::faces::detector::MIN_SCORE)?;
                faces.recogniser().embed(picture, &[crate::faces::align::TEMPLATE])?;
            }
            Ok(Checked { width: faces.width(), provider: faces.providers().1 })
        }
    }
}
