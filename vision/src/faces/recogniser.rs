//! ArcFace: a straightened face to an embedding of whatever width the model has.

use std::path::PathBuf;

use library::Embedding;
use ort::session::Session;

use super::align::{AlignedFace, Landmarks, SIDE, aligned};
use crate::clip::visual::{embedding_width, embeddings};
use crate::engine::Engine;
use crate::error::{InferenceError, ModelError};
use crate::models::FaceModel;
use crate::pixels::Pixels;
use crate::provider::Provider;
use crate::session::{self, PictureInput};
use crate::worker::{Model, Worker};

const EXPECTED: &str = "face recogniser";

/// A face recogniser, ready to be asked from any thread.
pub struct Recogniser {
    worker: Worker<Graph>,
    width: usize,
    provider: Provider,
}

impl Recogniser {
    /// Opens the recogniser of `model` and starts its worker.
    pub fn open(engine: &Engine, model: &FaceModel) -> Result<Self, ModelError> {
        let path = model.recognition();
        let provider = engine.provider_for(&path)?;
        let session = session::open(engine.environment(), &path, provider)?;
        let input = PictureInput::of(&session, &path, EXPECTED)?;
        for side in [input.height, input.width].into_iter().flatten() {
            if side as usize != SIDE {
                let reason = format!("it looks at {side} pixels, not {SIDE}");
                return Err(ModelError::Interface { path, expected: EXPECTED, reason });
            }
        }
        let width = embedding_width(&session, &path, EXPECTED)?;
        let batch = if input.batch.is_some() { 1 } else { Engine::batch(provider) };
        let graph =
            Graph { engine: engine.clone(), path: path.clone(), provider, input: input.name, batch, width };
        let worker = engine.start("face recognition", &path, graph, session)?;
        Ok(Self { worker, width, provider })
    }

    /// How wide the embeddings are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether the model is in memory now.
    pub fn is_loaded(&self) -> bool {
        self.worker.is_loaded()
    }

    /// Who the faces with these landmarks look like, in order.
    pub fn embed(&self, picture: Pixels<'_>, faces: &[Landmarks]) -> Result<Vec<Embedding>, InferenceError> {
        self.embed_aligned(faces.iter().map(|face| aligned(picture, face)))
    }

    /// The same for faces that are straightened already.
    pub fn embed_aligned(
        &self,
        faces: impl IntoIterator<Item = AlignedFace>,
    ) -> Result<Vec<Embedding>, InferenceError> {
        self.worker.ask_all(faces)
    }
}

/// The graph and what its runs need to know.
struct Graph {
    engine: Engine,
    path: PathBuf,
    provider: Provider,
    input: String,
    batch: usize,
    width: usize,
}

impl Model for Graph {
    type Session = Session;
    type Input = AlignedFace;
    type Output = Embedding;

    fn open(&self) -> Result<Session, ModelError> {
        session::open(self.engine.environment(), &self.path, self.provider)
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn run(&self, session: &mut Session, faces: &[AlignedFace]) -> Result<Vec<Embedding>, InferenceError> {
        let mut planes = Vec::with_capacity(faces.len() * 3 * SIDE * SIDE);
        for face in faces {
            for channel in 0..3 {
                planes.extend(
                    face.rgb()
                        .iter()
                        .skip(channel)
                        .step_by(3)
                        .map(|value| (f32::from(*value) - 127.5) / 127.5),
                );
            }
        }
        let tensor = session::tensor(&[faces.len(), 3, SIDE, SIDE], planes)?;
        let outputs = session::run(session, vec![(self.input.clone(), tensor)])?;
        embeddings(session::rows(&outputs, faces.len())?, self.width)
    }
}
