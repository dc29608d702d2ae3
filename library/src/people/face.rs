//! A face in a photo, and where in it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::checksum::Checksum;
use crate::id::{FaceId, PersonId};
use crate::metadata::{FaceRegion, PixelSize};

/// What a side of a picture is divided into: finer than a pixel of most.
const PARTS: f32 = 10_000.0;

/// How much two boxes must overlap to be the same face.
const SAME: f32 = 0.5;

/// How much a box that a person or another program drew must overlap a face. They draw whole heads, or eyes to chin.
const DRAWN: f32 = 0.2;

/// An upright box in an upright picture, in ten-thousandths of its width and height. Never empty.
///
/// The journal and JSON have its left, top, right and bottom sides as fractions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaceBox {
    left: u16,
    top: u16,
    right: u16,
    bottom: u16,
}

impl FaceBox {
    /// The box with these left, top, right and bottom sides, as fractions of the picture; what lies outside of it is
    /// cut off. `None` when nothing is left.
    pub fn from_fractions(sides: [f32; 4]) -> Option<Self> {
        if sides.iter().any(|side| !side.is_finite()) {
            return None;
        }
        let [left, top, right, bottom] = sides.map(|side| (side.clamp(0.0, 1.0) * PARTS).round() as u16);
        (left < right && top < bottom).then_some(Self { left, top, right, bottom })
    }

    /// The box with these left, top, right and bottom sides in pixels of the upright picture.
    pub fn from_pixels(sides: [f32; 4], picture: PixelSize) -> Option<Self> {
        let (width, height) = (picture.width as f32, picture.height as f32);
        Self::from_fractions([sides[0] / width, sides[1] / height, sides[2] / width, sides[3] / height])
    }

    /// Its left, top, right and bottom sides as fractions.
    pub fn fractions(self) -> [f32; 4] {
        self.sides().map(|side| f32::from(side) / PARTS)
    }

    /// Its left, top, right and bottom sides in pixels of the upright picture.
    pub fn to_pixels(self, picture: PixelSize) -> [f32; 4] {
        let (width, height) = (picture.width as f32, picture.height as f32);
        let [left, top, right, bottom] = self.fractions();
        [left * width, top * height, right * width, bottom * height]
    }

    /// The sides as stored.
    pub(crate) fn sides(self) -> [u16; 4] {
        [self.left, self.top, self.right, self.bottom]
    }

    /// The sides as they lie in a file of vectors.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        for (two, side) in bytes.chunks_exact_mut(2).zip(self.sides()) {
            two.copy_from_slice(&side.to_le_bytes());
        }
        bytes
    }

    /// What [`FaceBox::to_bytes`] wrote; `None` when it cannot have.
    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        let side = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self::from_sides([side(0), side(2), side(4), side(6)])
    }

    fn from_sides([left, top, right, bottom]: [u16; 4]) -> Option<Self> {
        let fits = left < right && top < bottom && right.max(bottom) <= PARTS as u16;
        fits.then_some(Self { left, top, right, bottom })
    }

    /// How much of the two together is common to both: 0 none, 1 all (intersection over union).
    pub fn overlap(self, other: Self) -> f32 {
        let across = i64::from(self.right.min(other.right)) - i64::from(self.left.max(other.left));
        let down = i64::from(self.bottom.min(other.bottom)) - i64::from(self.top.max(other.top));
        let common = across.max(0) * down.max(0);
        common as f32 / (self.area() + other.area() - common) as f32
    }

    fn area(self) -> i64 {
        i64::from(self.right - self.left) * i64::from(self.bottom - self.top)
    }

    /// Where somebody drew it.
    pub(crate) fn of_region(region: &FaceRegion) -> Option<Self> {
        let FaceRegion { left, top, width, height, .. } = *region;
        Self::from_fractions([left, top, left + width, top + height])
    }
}

impl fmt::Debug for FaceBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceBox({:?})", self.fractions())
    }
}

impl Serialize for FaceBox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            // As f64 of the decimal digits: the journal says 0.1234, not what an f32 makes of it.
            self.sides().map(|side| f64::from(side) / f64::from(PARTS)).serialize(serializer)
        } else {
            self.sides().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for FaceBox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = if deserializer.is_human_readable() {
            Self::from_fractions(<[f32; 4]>::deserialize(deserializer)?)
        } else {
            Self::from_sides(<[u16; 4]>::deserialize(deserializer)?)
        };
        found.ok_or_else(|| serde::de::Error::custom("an empty box"))
    }
}

/// A place in a photo's bytes where a face is: what a decision and an embedding are tied to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FaceKey {
    /// The photo's bytes.
    pub content: Checksum,
    /// Where in the picture.
    pub at: FaceBox,
}

impl FaceKey {
    /// The id of a face that is first seen here.
    pub(crate) fn id(&self) -> FaceId {
        FaceId::first_seen(&self.content, self.at.sides())
    }
}

/// What a detector found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DetectedFace {
    /// Where.
    pub at: FaceBox,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// The shorter side of the box, in pixels of the picture that the face was cut out of.
    pub side_px: f32,
    /// Variance of the Laplacian (0 1 0, 1 -4 1, 0 1 0) over the aligned 112 by 112 crop in grey levels 0 to 255:
    /// low where it is blurred, or was made larger than it is.
    pub sharpness: f32,
}

/// A face in a photo, as one account knows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Face {
    /// Which.
    pub id: FaceId,
    /// Where in the picture.
    pub at: FaceBox,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// The shorter side of the box in pixels.
    pub side_px: f32,
    /// See [`DetectedFace::sharpness`].
    pub sharpness: f32,
    /// The faces that it looks like, also where they are too few to be somebody. Equal numbers mean one group, in this
    /// life of the catalogue; `None` until it was compared.
    pub group: Option<u32>,
    /// Who it is.
    pub person: Option<PersonId>,
    /// Whether the user decided anything about it.
    pub decided: bool,
}

/// Pairs what was there before with what is there now, best overlap first, each at most once. Gives, for each of
/// `now`, the index into `before`.
pub(crate) fn same_places(before: &[FaceBox], now: &[FaceBox]) -> Vec<Option<usize>> {
    pair(before, now, SAME)
}

/// The same for boxes that were drawn by hand or by another program.
pub(crate) fn drawn_around(drawn: &[FaceBox], faces: &[FaceBox]) -> Vec<Option<usize>> {
    pair(drawn, faces, DRAWN)
}

fn pair(before: &[FaceBox], now: &[FaceBox], at_least: f32) -> Vec<Option<usize>> {
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (old, was) in before.iter().enumerate() {
        for (new, is) in now.iter().enumerate() {
            let overlap = was.overlap(*is);
            if overlap > at_least {
                pairs.push((overlap, old, new));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut found = vec![None; now.len()];
    let mut taken = vec![false; before.len()];
    for (_, old, new) in pairs {
        if found[new].is_none() && !taken[old] {
            found[new] = Some(old);
            taken[old] = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sides: [f32; 4]) -> FaceBox {
        FaceBox::from_fractions(sides).unwrap()
    }

    #[test]
    fn a_box_is_cut_to_the_picture_and_is_never_empty() {
        assert_eq!(at([-0.5, 0.25, 0.5, 2.0]).fractions(), [0.0, 0.25, 0.5, 1.0]);
        for empty in
            [[0.5, 0.0, 0.5, 1.0], [0.6, 0.0, 0.5, 1.0], [1.5, 0.0, 2.0, 1.0], [f32::NAN, 0.0, 1.0, 1.0]]
        {
            assert_eq!(FaceBox::from_fractions(empty), None, "{empty:?}");
        }
        let picture = PixelSize { width: 4000, height: 3000 };
        let pixels = at([0.1, 0.2, 0.3, 0.4]).to_pixels(picture);
        assert_eq!(FaceBox::from_pixels(pixels, picture), Some(at([0.1, 0.2, 0.3, 0.4])));
    }

    #[test]
    fn the_journal_has_plain_fractions_and_the_catalogue_small_numbers() {
        let face = at([0.1234, 0.2, 0.3, 1.0]);
        let text = serde_json::to_string(&face).unwrap();
        assert_eq!(text, "[0.1234,0.2,0.3,1.0]");
        assert_eq!(serde_json::from_str::<FaceBox>(&text).unwrap(), face);
        let bytes = postcard::to_stdvec(&face).unwrap();
        assert_eq!(postcard::from_bytes::<FaceBox>(&bytes).unwrap(), face);
        assert!(serde_json::from_str::<FaceBox>("[0.5,0.5,0.5,0.9]").is_err());
    }

    #[test]
    fn faces_found_again_are_paired_best_first_and_each_once() {
        let before = [at([0.0, 0.0, 0.2, 0.2]), at([0.5, 0.5, 0.7, 0.7])];
        let now = [at([0.51, 0.5, 0.71, 0.7]), at([0.5, 0.5, 0.7, 0.71]), at([0.8, 0.8, 0.9, 0.9])];
        assert_eq!(same_places(&before, &now), [None, Some(1), None]);
        assert!(before[0].overlap(before[1]) == 0.0 && before[0].overlap(before[0]) == 1.0);
    }
}
