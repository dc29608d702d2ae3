//! What counts as alike, as a good face, and as somebody. The figures and where they come from are in `docs/people.md`.

use super::face::DetectedFace;

/// How people are made of faces.
#[derive(Clone, PartialEq, Debug)]
pub struct PeopleOptions {
    /// The mean cosine down to which two groups are one; `None` takes what suits the model ([`cutoff_of`]).
    pub cutoff: Option<f32>,
    /// A face that is smaller (shorter side in pixels), more blurred or less sure starts nobody.
    pub min_side_px: f32,
    /// See [`DetectedFace::sharpness`].
    pub min_sharpness: f32,
    /// See [`DetectedFace::score`].
    pub min_score: f32,
    /// A face that is smaller than this is nobody's, unless the user says whose: to a model they all look alike.
    pub least_side_px: f32,
    /// How much nearer than the cutoff a face that starts nobody must be to somebody to join.
    pub join_margin: f32,
    /// Good faces that found a person.
    pub found_at: usize,
    /// Libraries of at most so many faces are looked at as a whole after every change, larger ones when a fiftieth of
    /// them is new.
    pub small: usize,
    /// Faces that are compared anew around one that arrived, at most.
    pub around: usize,
}

impl Default for PeopleOptions {
    fn default() -> Self {
        Self {
            cutoff: None,
            min_side_px: 28.0,
            min_sharpness: 15.0,
            min_score: 0.65,
            least_side_px: 20.0,
            join_margin: 0.1,
            found_at: 2,
            small: 5000,
            around: 2000,
        }
    }
}

impl PeopleOptions {
    /// Whether a face may start somebody.
    pub fn is_good(&self, face: &DetectedFace) -> bool {
        self.is_clear(face) && face.score >= self.min_score
    }

    /// Whether a face, if it is one, is large and sharp enough to be known again.
    pub fn is_clear(&self, face: &DetectedFace) -> bool {
        face.side_px >= self.min_side_px && face.sharpness >= self.min_sharpness
    }

    /// The mean cosine down to which two groups of faces of `model` are one.
    pub fn cutoff(&self, model: &str) -> f32 {
        self.cutoff.unwrap_or_else(|| cutoff_of(model))
    }
}

/// The mean cosine down to which two groups of faces are one person, for a model of Immich's names.
///
/// Models differ in how near faces of one person lie and how far those of two. For the stand-in it is the middle of where
/// LFW has a precision over 0.99 and a recall over 0.98. For the wide models of the buffalo and antelope families,
/// which nobody measured with average linkage, it is below the 0.5 that Immich asks of single pairs, since a mean over
/// pairs is lower than its best pair.
pub fn cutoff_of(model: &str) -> f32 {
    match model {
        "standin" | "buffalo_s" => 0.345,
        _ => 0.4,
    }
}
