//! Faces: found, straightened, described.
//!
//! What makes it hard:
//! 1. A detector's answer is thousands of guesses in nine tensors whose order and number differ between models
//!    ([`detector`]).
//! 2. Recognition compares faces only when eyes and mouth stand where they stood in training ([`align`]).
//! 3. A face of ten pixels, or one that is a blur, looks like everybody: how much a face is worth is told beside it
//!    ([`quality`]), and whoever groups people decides.

pub mod align;
pub mod detector;
pub mod quality;
pub mod recogniser;
mod suppression;

use library::Embedding;

pub use align::Landmarks;
pub use detector::{Detection, Detector, FaceBox};
pub use quality::Quality;
pub use recogniser::Recogniser;

use crate::engine::Engine;
use crate::error::{InferenceError, ModelError};
use crate::models::FaceModel;
use crate::pixels::Pixels;
use crate::provider::Provider;

/// A face that was found, with everything that is known of it.
#[derive(Clone, Debug)]
pub struct Face {
    /// Where it is, in pixels of the picture.
    pub region: FaceBox,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth, in pixels of the picture.
    pub landmarks: Landmarks,
    /// What it is worth for telling people apart.
    pub quality: Quality,
    /// Who it looks like.
    pub embedding: Embedding,
}

/// A detector and a recogniser, ready to be asked from any thread.
pub struct Faces {
    detector: Detector,
    recogniser: Recogniser,
}

impl Faces {
    /// Opens both models and starts their workers.
    pub fn open(engine: &Engine, model: &FaceModel) -> Result<Self, ModelError> {
        Ok(Self { detector: Detector::open(engine, model)?, recogniser: Recogniser::open(engine, model)? })
    }

    /// How wide the embeddings are.
    pub fn width(&self) -> usize {
        self.recogniser.width()
    }

    /// What finding runs on, and what telling apart runs on.
    pub fn providers(&self) -> (Provider, Provider) {
        (self.detector.provider(), self.recogniser.provider())
    }

    /// Whether one of the models is in memory now.
    pub fn is_loaded(&self) -> bool {
        self.detector.is_loaded() || self.recogniser.is_loaded()
    }

    /// The detector alone.
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// The recogniser alone.
    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// The faces of a picture with a score of at least `min_score` ([`detector::MIN_SCORE`] is a good one), best first.
    pub fn find(&self, picture: Pixels<'_>, min_score: f32) -> Result<Vec<Face>, InferenceError> {
        let detections = self.detector.detect(picture, min_score)?;
        let aligned: Vec<_> =
            detections.iter().map(|detection| align::aligned(picture, &detection.landmarks)).collect();
        let qualities: Vec<_> = detections
            .iter()
            .zip(&aligned)
            .map(|(detection, aligned)| Quality::of(detection, aligned))
            .collect();
        let embeddings = self.recogniser.embed_aligned(aligned)?;
        Ok(detections
            .into_iter()
            .zip(qualities)
            .zip(embeddings)
            .map(|((detection, quality), embedding)| Face {
                region: detection.region,
                score: detection.score,
                landmarks: detection.landmarks,
                quality,
                embedding,
            })
            .collect())
    }
}
