//! The image tower: pictures to embeddings.

use std::path::{Path, PathBuf};

use library::Embedding;
use ort::session::Session;
use ort::value::TensorElementType;

use super::configuration::{Preprocessing, configuration};
use crate::engine::Engine;
use crate::error::{InferenceError, ModelError};
use crate::models::ClipModel;
use crate::pixels::Pixels;
use crate::provider::Provider;
use crate::resample::{self, Kernel};
use crate::session::{self, PictureInput};
use crate::worker::{Model, Worker};

/// An image tower, ready to be asked from any thread.
pub struct Visual {
    worker: Worker<Tower>,
    preprocessing: Preprocessing,
    width: usize,
    provider: Provider,
}

impl Visual {
    /// Opens the image tower of `model` and starts its worker.
    pub fn open(engine: &Engine, model: &ClipModel) -> Result<Self, ModelError> {
        let preprocessing = Preprocessing::read(&model.preprocessing())?;
        let path = model.visual();
        let provider = engine.provider_for(&path)?;
        let session = session::open(engine.environment(), &path, provider)?;
        let input = PictureInput::of(&session, &path, EXPECTED)?;
        for side in [input.height, input.width].into_iter().flatten() {
            if side != preprocessing.side {
                return Err(configuration(
                    &model.preprocessing(),
                    format!("size {} does not fit the graph, which takes {side}", preprocessing.side),
                ));
            }
        }
        let width = embedding_width(&session, &path, EXPECTED)?;
        let tower = Tower {
            engine: engine.clone(),
            path: path.clone(),
            provider,
            input: input.name,
            side: preprocessing.side as usize,
            batch: if input.batch.is_some() { 1 } else { Engine::batch(provider) },
            width,
        };
        let worker = engine.start("clip image", &path, tower, session)?;
        Ok(Self { worker, preprocessing, width, provider })
    }

    /// How wide the embeddings are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether the model is in memory now: it is put away after a while without pictures.
    pub fn is_loaded(&self) -> bool {
        self.worker.is_loaded()
    }

    /// The embedding of one picture. Many callers at once share batches.
    pub fn embed_one(&self, picture: Pixels<'_>) -> Result<Embedding, InferenceError> {
        self.worker.ask(prepare(picture, &self.preprocessing))
    }

    /// An embedding for each picture, in order. Waits while the queue is full. Many callers at once share batches.
    pub fn embed(&self, pictures: &[Pixels<'_>]) -> Result<Vec<Embedding>, InferenceError> {
        // Prepared on the caller's thread, one by one as the queue takes them.
        self.worker.ask_all(pictures.iter().map(|picture| prepare(*picture, &self.preprocessing)))
    }
}

const EXPECTED: &str = "image tower of a CLIP model";

/// How wide the first output is: the graph says so, or a configuration must.
pub(crate) fn embedding_width(
    session: &Session,
    path: &Path,
    expected: &'static str,
) -> Result<usize, ModelError> {
    let (_, outputs) = session::ports(session);
    let interface = |reason| ModelError::Interface { path: path.to_owned(), expected, reason };
    let output = outputs.first().ok_or_else(|| interface("it has no output".to_owned()))?;
    match (output.element, output.shape.as_slice()) {
        // A row an input. Some exports write a batch of one there and mean any.
        (TensorElementType::Float32, [-1 | 1, width @ 8..=8192]) => Ok(*width as usize),
        _ => Err(interface(format!("it gives {}, not embeddings: f32 [?, width]", output.describe()))),
    }
}

/// A tensor of three planes, as Immich and open_clip make it: the short side brought to `side`, the middle square cut
/// out, scaled to 0..1, mean and deviation taken.
fn prepare(picture: Pixels<'_>, how: &Preprocessing) -> Vec<f32> {
    let side = how.side as usize;
    let (width, height) = short_side(picture.width(), picture.height(), how.side);
    let (left, top) = (middle(width, how.side), middle(height, how.side));
    let square = resample::part(picture, Kernel::Bicubic, width, height, left..left + side, top..top + side);
    let scale: [f32; 3] = std::array::from_fn(|channel| 1.0 / (255.0 * how.std[channel]));
    let shift: [f32; 3] = std::array::from_fn(|channel| how.mean[channel] / how.std[channel]);
    let mut planes = vec![0.0; 3 * side * side];
    let (red, rest) = planes.split_at_mut(side * side);
    let (green, blue) = rest.split_at_mut(side * side);
    for (at, pixel) in square.chunks_exact(3).enumerate() {
        red[at] = f32::from(pixel[0]) * scale[0] - shift[0];
        green[at] = f32::from(pixel[1]) * scale[1] - shift[1];
        blue[at] = f32::from(pixel[2]) * scale[2] - shift[2];
    }
    planes
}

/// The size at which the short side is `side`; the long side is cut to whole pixels, not rounded.
fn short_side(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long =
        |short: u32, long: u32| ((f64::from(long) / f64::from(short) * f64::from(side)) as u32).max(side);
    if width < height { (side, long(width, height)) } else { (long(height, width), side) }
}

/// Where the middle `side` of `length` begins. Of an odd rest the larger half stays at the end.
fn middle(length: u32, side: u32) -> usize {
    (length.saturating_sub(side) / 2) as usize
}

/// The graph and what its runs need to know.
struct Tower {
    engine: Engine,
    path: PathBuf,
    provider: Provider,
    input: String,
    side: usize,
    batch: usize,
    width: usize,
}

impl Model for Tower {
    type Session = Session;
    type Input = Vec<f32>;
    type Output = Embedding;

    fn open(&self) -> Result<Session, ModelError> {
        session::open(self.engine.environment(), &self.path, self.provider)
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn run(&self, session: &mut Session, inputs: &[Vec<f32>]) -> Result<Vec<Embedding>, InferenceError> {
        let tensor = session::tensor(&[inputs.len(), 3, self.side, self.side], inputs.concat())?;
        let outputs = session::run(session, vec![(self.input.clone(), tensor)])?;
        embeddings(session::rows(&outputs, inputs.len())?, self.width)
    }
}

/// Rows of a model's answer as embeddings of the width it declared.
pub(crate) fn embeddings(rows: Vec<Vec<f32>>, width: usize) -> Result<Vec<Embedding>, InferenceError> {
    rows.into_iter()
        .map(|row| {
            if row.len() != width {
                let reason = format!("{} numbers instead of {width}", row.len());
                return Err(InferenceError::Answer { reason });
            }
            Embedding::new(row).map_err(|error| InferenceError::Answer { reason: error.to_string() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_side_is_cut_not_rounded() {
        assert_eq!(short_side(500, 333, 224), (336, 224));
        assert_eq!(short_side(333, 500, 224), (224, 336));
        assert_eq!(short_side(640, 427, 224), (335, 224));
        assert_eq!(short_side(224, 224, 224), (224, 224));
        assert_eq!(short_side(1, 200, 224), (224, 44800));
    }

    #[test]
    fn of_an_odd_rest_the_larger_half_is_at_the_end() {
        assert_eq!(middle(224, 224), 0);
        assert_eq!(middle(299, 224), 37);
        assert_eq!(middle(302, 224), 39);
    }

    #[test]
    fn planes_are_normalised_by_channel() {
        let how = Preprocessing { side: 16, mean: [0.0, 0.5, 1.0], std: [1.0, 0.5, 0.25] };
        let rgb = [255, 0, 51].repeat(20 * 16);
        let planes = prepare(Pixels::new(&rgb, 20, 16).unwrap(), &how);
        assert_eq!(planes.len(), 3 * 256);
        for (channel, expected) in [1.0, -1.0, -3.2].into_iter().enumerate() {
            let plane = &planes[channel * 256..(channel + 1) * 256];
            assert!(plane.iter().all(|value| (value - expected).abs() < 1e-5), "{channel}: {}", plane[0]);
        }
    }
}
