//! Against `golden.json`: what a plain Python pipeline made of the same photos and texts with the same models.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use vision::Embedding;
use vision::clip::{Textual, Visual};
use vision::faces::{FaceBox, Faces, detector};

use crate::samples::Photo;

#[derive(Deserialize)]
struct Golden {
    images: BTreeMap<String, Image>,
    texts: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
struct Image {
    clip: Vec<f32>,
    faces: Vec<Face>,
}

#[derive(Deserialize)]
struct Text {
    clip: Vec<f32>,
}

#[derive(Deserialize)]
struct Face {
    r#box: [f32; 4],
    embedding: Vec<f32>,
}

/// The lowest of many values, and their mean.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) lowest: f32,
    sum: f32,
}

impl Spread {
    fn of(values: &[f32]) -> Self {
        let lowest = values.iter().copied().fold(f32::INFINITY, f32::min);
        Self { count: values.len(), lowest, sum: values.iter().sum() }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>3}: lowest {:.5}, mean {:.5}", self.count, self.lowest, self.sum / self.count as f32)
    }
}

/// How near ours comes to the reference.
pub(crate) struct Report {
    /// Cosines of pictures.
    pub(crate) pictures: Spread,
    /// Cosines of texts.
    pub(crate) texts: Spread,
    /// Overlaps of face boxes with the best of ours.
    pub(crate) boxes: Spread,
    /// Cosines of faces.
    pub(crate) faces: Spread,
}

impl Report {
    /// The thresholds of the issue.
    pub(crate) fn passes(&self) -> bool {
        self.pictures.lowest >= 0.995
            && self.texts.lowest >= 0.995
            && self.boxes.lowest >= 0.9
            && self.faces.lowest >= 0.99
    }
}

/// Compares with `SHARED/models/golden.json`.
pub(crate) fn compare(
    shared: &Path,
    visual: &Visual,
    textual: &Textual,
    faces: &Faces,
) -> Result<Report, String> {
    let path = shared.join("models/golden.json");
    let json = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let golden: Golden =
        serde_json::from_slice(&json).map_err(|error| format!("{}: {error}", path.display()))?;
    let cosine = |ours: &Embedding, reference: Vec<f32>| {
        let reference = Embedding::new(reference).map_err(|error| error.to_string())?;
        ours.cosine(&reference).ok_or_else(|| format!("{} numbers, not {}", ours.width(), reference.width()))
    };
    let (mut pictures, mut boxes, mut people, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, image) in golden.images {
        let photo = Photo::open(&shared.join("photos").join(&name))?;
        let pixels = photo.pixels()?;
        let ours = visual.embed(&[pixels]).map_err(|error| error.to_string())?;
        pictures.push(cosine(&ours[0], image.clip)?);
        let found = faces.find(pixels, detector::MIN_SCORE).map_err(|error| error.to_string())?;
        for face in image.faces {
            let [x1, y1, x2, y2] = face.r#box;
            let reference = FaceBox { x1, y1, x2, y2 };
            let nearest = found
                .iter()
                .max_by(|one, other| {
                    one.region.overlap(&reference).total_cmp(&other.region.overlap(&reference))
                })
                .ok_or_else(|| format!("{name}: no face found"))?;
            boxes.push(nearest.region.overlap(&reference));
            people.push(cosine(&nearest.embedding, face.embedding)?);
        }
    }
    for (text, reference) in golden.texts {
        let ours = textual.embed_verbatim(&text).map_err(|error| error.to_string())?;
        texts.push(cosine(&ours, reference.clip)?);
    }
    Ok(Report {
        pictures: Spread::of(&pictures),
        texts: Spread::of(&texts),
        boxes: Spread::of(&boxes),
        faces: Spread::of(&people),
    })
}
