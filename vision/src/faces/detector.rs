//! SCRFD, the detector of InsightFace's packs: a picture to boxes, scores and landmarks.
//!
//! What makes it hard: the graph gives, for each stride of 8, 16 and 32 pixels, a tensor of scores, one of box sides
//! and (most models) one of landmarks, in an order and with names that differ between exports. They are told apart by
//! their shapes alone: one number a guess is a score, four are a box, ten are landmarks; the more rows, the finer the
//! stride. How many guesses stand at each point (anchors) follows from the number of rows.

use std::path::{Path, PathBuf};

use ort::session::{Session, SessionOutputs};

use super::align::{Landmarks, TEMPLATE};
use super::suppression::strongest;
use crate::engine::Engine;
use crate::error::{InferenceError, ModelError};
use crate::models::FaceModel;
use crate::pixels::Pixels;
use crate::provider::Provider;
use crate::resample::{self, Kernel};
use crate::session::{self, PictureInput, Port};
use crate::worker::{Model, Worker};

/// The score from which a guess is taken for a face.
pub const MIN_SCORE: f32 = 0.5;

/// The side of the square the detector looks at, where the graph leaves it open.
const SIDE: u32 = 640;

/// Fine to coarse, in pixels of the model's input.
const STRIDES: [usize; 3] = [8, 16, 32];

/// A crowd has fewer faces; thousands of them are a pattern that fools the detector.
const MAX_FACES: usize = 300;

const EXPECTED: &str = "SCRFD face detector";

/// A rectangle in pixels of the upright picture: left, top, right, bottom.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FaceBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
}

impl FaceBox {
    /// Pixels across.
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Pixels down.
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Intersection over union with another, 0 to 1.
    pub fn overlap(&self, other: &Self) -> f32 {
        let across = (self.x2.min(other.x2) - self.x1.max(other.x1)).max(0.0);
        let down = (self.y2.min(other.y2) - self.y1.max(other.y1)).max(0.0);
        let both = across * down;
        let either = self.width() * self.height() + other.width() * other.height() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }
}

/// A face as the detector sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Detection {
    /// Where it is, in pixels of the picture; it may reach over its edges.
    pub region: FaceBox,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth, in pixels of the picture. A detector that gives none has them guessed from
    /// the box.
    pub landmarks: Landmarks,
}

/// A face detector, ready to be asked from any thread.
pub struct Detector {
    worker: Worker<Graph>,
    side: u32,
    provider: Provider,
}

impl Detector {
    /// Opens the detector of `model` and starts its worker.
    pub fn open(engine: &Engine, model: &FaceModel) -> Result<Self, ModelError> {
        let path = model.detection();
        let provider = engine.provider_for(&path)?;
        let session = session::open(engine.environment(), &path, provider)?;
        let input = PictureInput::of(&session, &path, EXPECTED)?;
        let interface = |reason| ModelError::Interface { path: path.clone(), expected: EXPECTED, reason };
        let side = match (input.height, input.width) {
            (None, None) => SIDE,
            (Some(height), Some(width)) if height == width && height % 32 == 0 && height <= 2048 => height,
            (height, width) => return Err(interface(format!("it looks at {width:?}x{height:?} pixels"))),
        };
        check_outputs(&session::ports(&session).1).map_err(interface)?;
        let graph = Graph {
            engine: engine.clone(),
            path: path.clone(),
            provider,
            input: input.name,
            side: side as usize,
        };
        let worker = engine.start("face detection", &path, graph, session)?;
        Ok(Self { worker, side, provider })
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether the model is in memory now.
    pub fn is_loaded(&self) -> bool {
        self.worker.is_loaded()
    }

    /// The faces of a picture with a score of at least `min_score`, best first.
    pub fn detect(&self, picture: Pixels<'_>, min_score: f32) -> Result<Vec<Detection>, InferenceError> {
        let (tensor, scale) = prepare(picture, self.side);
        self.worker.ask(Question { tensor, scale, min_score })
    }
}

/// A picture fitted into the upper left of a black square, and how much it was scaled.
fn prepare(picture: Pixels<'_>, side: u32) -> (Vec<f32>, f32) {
    let scale = f64::from(side) / f64::from(picture.width().max(picture.height()));
    let fitted = |length: u32| ((f64::from(length) * scale).round_ties_even() as u32).clamp(1, side);
    let (width, height) = (fitted(picture.width()), fitted(picture.height()));
    let resized = resample::whole(picture, Kernel::Bilinear, width, height);
    let area = (side * side) as usize;
    let mut planes = vec![-127.5 / 128.0; 3 * area];
    for (row, line) in resized.chunks_exact(width as usize * 3).enumerate() {
        for (column, pixel) in line.chunks_exact(3).enumerate() {
            let at = row * side as usize + column;
            for (channel, value) in pixel.iter().enumerate() {
                planes[channel * area + at] = (f32::from(*value) - 127.5) / 128.0;
            }
        }
    }
    (planes, scale as f32)
}

/// What stands in a tensor, by its last side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holds {
    Scores,
    Boxes,
    Landmarks,
}

impl Holds {
    fn of(last: i64) -> Option<Self> {
        match last {
            1 => Some(Self::Scores),
            4 => Some(Self::Boxes),
            10 => Some(Self::Landmarks),
            _ => None,
        }
    }
}

/// Whether these are a detector's outputs: three of scores, three of boxes, three or none of landmarks.
fn check_outputs(outputs: &[Port]) -> Result<(), String> {
    let count = |wanted| {
        outputs.iter().filter(|port| port.shape.last().copied().and_then(Holds::of) == Some(wanted)).count()
    };
    let counts = (count(Holds::Scores), count(Holds::Boxes), count(Holds::Landmarks));
    if outputs.len() == counts.0 + counts.1 + counts.2 && matches!(counts, (3, 3, 0 | 3)) {
        return Ok(());
    }
    let given: Vec<String> = outputs.iter().take(10).map(Port::describe).collect();
    Err(format!("it gives {}", given.join("; ")))
}

/// The tensors of one stride.
struct Level<'a> {
    stride: usize,
    anchors: usize,
    scores: &'a [f32],
    boxes: &'a [f32],
    landmarks: Option<&'a [f32]>,
}

/// Sorts a run's tensors by stride.
fn levels<'a>(tensors: &[(Holds, &'a [f32])], side: usize) -> Result<Vec<Level<'a>>, String> {
    let of = |wanted: Holds| {
        let mut found: Vec<&'a [f32]> =
            tensors.iter().filter(|(holds, _)| *holds == wanted).map(|(_, values)| *values).collect();
        found.sort_by_key(|values| std::cmp::Reverse(values.len()));
        found
    };
    let (scores, boxes, landmarks) = (of(Holds::Scores), of(Holds::Boxes), of(Holds::Landmarks));
    if scores.len() != 3 || boxes.len() != 3 || !matches!(landmarks.len(), 0 | 3) {
        return Err(format!(
            "{} score, {} box and {} landmark tensors",
            scores.len(),
            boxes.len(),
            landmarks.len()
        ));
    }
    let mut levels = Vec::new();
    for (at, stride) in STRIDES.into_iter().enumerate() {
        let points = (side / stride).pow(2);
        let guesses = scores[at].len();
        let anchors = guesses / points;
        let fits = (1..=4).contains(&anchors)
            && guesses == anchors * points
            && boxes[at].len() == guesses * 4
            && landmarks.get(at).is_none_or(|values| values.len() == guesses * 10);
        if !fits {
            return Err(format!("{guesses} guesses at stride {stride} of {side} pixels"));
        }
        let landmarks = landmarks.get(at).copied();
        levels.push(Level { stride, anchors, scores: scores[at], boxes: boxes[at], landmarks });
    }
    Ok(levels)
}

impl Level<'_> {
    /// The guesses of at least `min_score`, in pixels of the picture: sides and landmarks are distances from the
    /// guess's point, in strides.
    fn detections(&self, side: usize, scale: f32, min_score: f32) -> impl Iterator<Item = Detection> {
        let across = side / self.stride;
        let unit = self.stride as f32 / scale;
        self.scores.iter().enumerate().filter(move |(_, score)| **score >= min_score).map(
            move |(guess, score)| {
                let point = guess / self.anchors;
                let (x, y) = ((point % across) as f32, (point / across) as f32);
                let sides = &self.boxes[guess * 4..guess * 4 + 4];
                let region = FaceBox {
                    x1: (x - sides[0]) * unit,
                    y1: (y - sides[1]) * unit,
                    x2: (x + sides[2]) * unit,
                    y2: (y + sides[3]) * unit,
                };
                let landmarks = self.landmarks.map_or_else(
                    || guessed(&region),
                    |values| {
                        let values = &values[guess * 10..guess * 10 + 10];
                        Landmarks(std::array::from_fn(|at| {
                            [(x + values[at * 2]) * unit, (y + values[at * 2 + 1]) * unit]
                        }))
                    },
                );
                Detection { region, score: *score, landmarks }
            },
        )
    }
}

/// Where eyes, nose and mouth of an upright face usually are in its box: the ArcFace template reaches from about 19 to
/// 92 pixels across and from 12 to 112 down.
fn guessed(region: &FaceBox) -> Landmarks {
    Landmarks(TEMPLATE.0.map(|[x, y]| {
        [region.x1 + (x - 19.0) / 73.0 * region.width(), region.y1 + (y - 12.0) / 100.0 * region.height()]
    }))
}

struct Question {
    tensor: Vec<f32>,
    scale: f32,
    min_score: f32,
}

/// The graph and what its runs need to know.
struct Graph {
    engine: Engine,
    path: PathBuf,
    provider: Provider,
    input: String,
    side: usize,
}

impl Model for Graph {
    type Session = Session;
    type Input = Question;
    type Output = Vec<Detection>;

    fn open(&self) -> Result<Session, ModelError> {
        session::open(self.engine.environment(), Path::new(&self.path), self.provider)
    }

    /// Its outputs carry no batch: one picture a run.
    fn batch(&self) -> usize {
        1
    }

    fn run(
        &self,
        session: &mut Session,
        questions: &[Question],
    ) -> Result<Vec<Vec<Detection>>, InferenceError> {
        questions
            .iter()
            .map(|question| {
                let tensor = session::tensor(&[1, 3, self.side, self.side], question.tensor.clone())?;
                let outputs = session::run(session, vec![(self.input.clone(), tensor)])?;
                self.read(&outputs, question)
            })
            .collect()
    }
}

impl Graph {
    fn read(
        &self,
        outputs: &SessionOutputs<'_>,
        question: &Question,
    ) -> Result<Vec<Detection>, InferenceError> {
        let mut tensors = Vec::new();
        for output in outputs.values() {
            // The values live as long as the outputs, not as this loop's view of them.
            let (shape, values) = output.try_extract_tensor::<f32>().map_err(session::run_error)?;
            if let Some(holds) = shape.last().copied().and_then(Holds::of) {
                tensors.push((holds, values.to_vec()));
            }
        }
        let tensors: Vec<_> = tensors.iter().map(|(holds, values)| (*holds, values.as_slice())).collect();
        let levels = levels(&tensors, self.side).map_err(|reason| InferenceError::Answer { reason })?;
        let found = levels
            .iter()
            .flat_map(|level| level.detections(self.side, question.scale, question.min_score))
            .filter(|detection| {
                let FaceBox { x1, y1, x2, y2 } = detection.region;
                [x1, y1, x2, y2].into_iter().all(f32::is_finite) && x1 < x2 && y1 < y2
            })
            .collect();
        Ok(strongest(found, MAX_FACES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One face at the given point of the given stride, everything else nothing.
    fn tensors(
        side: usize,
        anchors: usize,
        stride: usize,
        point: usize,
        landmarks: bool,
    ) -> Vec<(Holds, Vec<f32>)> {
        let mut tensors = Vec::new();
        for of in STRIDES {
            let guesses = (side / of).pow(2) * anchors;
            let (mut scores, mut boxes, mut marks) =
                (vec![0.0; guesses], vec![0.0; guesses * 4], vec![0.0; guesses * 10]);
            if of == stride {
                let guess = point * anchors;
                scores[guess] = 0.9;
                boxes[guess * 4..guess * 4 + 4].copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
                marks[guess * 10] = -0.5;
            }
            // In the order of some exports, not of others.
            tensors.push((Holds::Boxes, boxes));
            tensors.push((Holds::Scores, scores));
            if landmarks {
                tensors.push((Holds::Landmarks, marks));
            }
        }
        tensors.reverse();
        tensors
    }

    fn read(tensors: &[(Holds, Vec<f32>)], side: usize, scale: f32) -> Result<Vec<Detection>, String> {
        let tensors: Vec<_> = tensors.iter().map(|(holds, values)| (*holds, values.as_slice())).collect();
        Ok(levels(&tensors, side)?.iter().flat_map(|level| level.detections(side, scale, 0.5)).collect())
    }

    #[test]
    fn a_guess_is_measured_from_its_point() {
        for anchors in [1, 2] {
            // Row 3, column 5 of 40.
            let found = read(&tensors(640, anchors, 16, 3 * 40 + 5, true), 640, 2.0).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].region, FaceBox { x1: 32.0, y1: 8.0, x2: 64.0, y2: 56.0 });
            assert_eq!(found[0].landmarks.0[0], [36.0, 24.0]);
            assert_eq!(found[0].landmarks.0[1], [40.0, 24.0]);
        }
    }

    #[test]
    fn a_detector_without_landmarks_has_them_guessed() {
        let found = read(&tensors(320, 2, 32, 0, false), 320, 1.0).unwrap();
        let Landmarks([left_eye, right_eye, _, left_mouth, _]) = found[0].landmarks;
        assert!(left_eye[0] < right_eye[0] && left_eye[1] < left_mouth[1]);
        for [x, y] in found[0].landmarks.0 {
            let FaceBox { x1, y1, x2, y2 } = found[0].region;
            assert!(x1 < x && x < x2 && y1 < y && y < y2, "{x} {y}");
        }
    }

    #[test]
    fn tensors_of_other_sizes_are_refused() {
        assert!(read(&tensors(320, 2, 32, 0, true), 640, 1.0).is_err());
        let mut short = tensors(640, 2, 32, 0, true);
        short.pop();
        assert!(read(&short, 640, 1.0).is_err());
        let mut torn = tensors(640, 2, 32, 0, true);
        torn[0].1.pop();
        assert!(read(&torn, 640, 1.0).is_err());
    }

    #[test]
    fn of_overlapping_boxes_the_best_stays() {
        let at = |x1: f32, score| Detection {
            region: FaceBox { x1, y1: 0.0, x2: x1 + 10.0, y2: 10.0 },
            score,
            landmarks: TEMPLATE,
        };
        let kept = strongest(vec![at(0.0, 0.6), at(1.0, 0.9), at(20.0, 0.7)], 10);
        assert_eq!(kept.iter().map(|face| face.score).collect::<Vec<_>>(), [0.9, 0.7]);
        assert_eq!(strongest(kept, 1).len(), 1);
    }

    #[test]
    fn a_picture_is_fitted_at_the_upper_left() {
        let rgb = [255; 20 * 10 * 3];
        let (planes, scale) = prepare(Pixels::new(&rgb, 20, 10).unwrap(), 64);
        assert!((scale - 3.2).abs() < 1e-6);
        assert_eq!(planes[31 * 64 + 63], 127.5 / 128.0);
        assert_eq!(planes[32 * 64], -127.5 / 128.0);
    }
}
