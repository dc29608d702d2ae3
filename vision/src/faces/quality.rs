//! What a face is worth for telling people apart.

use super::align::{self, AlignedFace, Landmarks, SIDE, TEMPLATE};
use super::detector::{Detection, FaceBox};
use crate::pixels::Pixels;

/// How large, sharp and certain a face is. Numbers, not a verdict: whoever groups people draws the lines.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// The shorter side of its box, in pixels of the picture.
    pub size: f32,
    /// The variance of the Laplacian of the straightened face's brightness (Pech-Pacheco et al. 2000): under about 30
    /// a face is a blur. A small face is blown up when it is straightened, so it counts as blurred too.
    pub sharpness: f32,
    /// How far it looks at the camera: 1 from the front, 0 in profile, by where the nose stands between the eyes.
    pub frontal: f32,
}

impl Quality {
    /// Measures a face.
    pub fn of(detection: &Detection, aligned: &AlignedFace) -> Self {
        let size = detection.region.width().min(detection.region.height());
        Self { size, sharpness: sharpness(aligned), frontal: frontal(detection) }
    }

    /// Measures a face of which only the box is known: it is taken for upright and looked at from the front.
    pub fn of_region(picture: Pixels<'_>, region: &FaceBox) -> Self {
        let (width, height) = (region.width(), region.height());
        let landmarks = TEMPLATE.0.map(|[x, y]| {
            let place = |at: f32, [first, last]: [f32; 2]| (at - first) / (last - first);
            [region.x1 + place(x, ACROSS) * width, region.y1 + place(y, DOWN) * height]
        });
        let aligned = align::aligned(picture, &Landmarks(landmarks));
        Self { size: width.min(height), sharpness: sharpness(&aligned), frontal: 1.0 }
    }
}

/// Where the edges of a detector's box lie around a straightened face, in its pixels: the medians of sixteen upright
/// faces, which differ by ten pixels across and five down.
const ACROSS: [f32; 2] = [17.0, 99.0];
const DOWN: [f32; 2] = [9.0, 119.0];

/// Only the middle counts: hair and background are as sharp as they like.
fn sharpness(face: &AlignedFace) -> f32 {
    let grey: Vec<f32> = face
        .rgb()
        .chunks_exact(3)
        .map(|pixel| 0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2]))
        .collect();
    let border = SIDE / 5;
    let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0.0f64);
    for row in border..SIDE - border {
        for column in border..SIDE - border {
            let at = row * SIDE + column;
            let bend =
                f64::from(grey[at - 1] + grey[at + 1] + grey[at - SIDE] + grey[at + SIDE] - 4.0 * grey[at]);
            sum += bend;
            squares += bend * bend;
            count += 1.0;
        }
    }
    (squares / count - (sum / count).powi(2)).max(0.0) as f32
}

/// The nose's place along the line between the eyes, as distance from its middle.
fn frontal(detection: &Detection) -> f32 {
    let [left, right, nose, ..] = detection.landmarks.0;
    let (across, down) = (right[0] - left[0], right[1] - left[1]);
    let square = across * across + down * down;
    let place = ((nose[0] - left[0]) * across + (nose[1] - left[1]) * down) / square;
    let frontal = 1.0 - (place - 0.5).abs() * 2.0;
    if frontal.is_finite() { frontal.clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::align::aligned;
    use super::*;

    fn quality(rgb: &[u8], landmarks: Landmarks) -> Quality {
        let picture = Pixels::new(rgb, SIDE as u32, SIDE as u32).unwrap();
        let region = FaceBox { x1: 10.0, y1: 0.0, x2: 60.0, y2: 90.0 };
        Quality::of(&Detection { region, score: 0.9, landmarks }, &aligned(picture, &TEMPLATE))
    }

    #[test]
    fn a_blur_is_less_sharp_than_what_it_is_a_blur_of() {
        let at = |x: usize, y: usize| if (x / 6 + y / 6).is_multiple_of(2) { 40u32 } else { 200 };
        let mut sharp = Vec::new();
        let mut blurred = Vec::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                sharp.extend([at(x, y) as u8; 3]);
                let around: u32 =
                    (0..25).map(|near| at((x + near % 5).min(111), (y + near / 5).min(111))).sum();
                blurred.extend([(around / 25) as u8; 3]);
            }
        }
        let (sharp, blurred) = (quality(&sharp, TEMPLATE), quality(&blurred, TEMPLATE));
        assert!(sharp.sharpness > 5.0 * blurred.sharpness && blurred.sharpness > 0.0);
        assert_eq!(sharp.size, 50.0);
        assert_eq!(quality(&[128; SIDE * SIDE * 3], TEMPLATE).sharpness, 0.0);
    }

    #[test]
    fn a_face_of_which_only_the_box_is_known_is_as_sharp() {
        let checks = |x: usize, y: usize| if (x / 6 + y / 6).is_multiple_of(2) { 40 } else { 200 };
        let side = 2 * SIDE;
        let rgb: Vec<u8> = (0..side * side).flat_map(|at| [checks(at % side, at / side); 3]).collect();
        let picture = Pixels::new(&rgb, side as u32, side as u32).unwrap();
        // The template in the middle of the picture, in its own size.
        let corner = SIDE as f32 / 2.0;
        let landmarks = Landmarks(TEMPLATE.0.map(|[x, y]| [x + corner, y + corner]));
        let region = FaceBox {
            x1: corner + ACROSS[0],
            x2: corner + ACROSS[1],
            y1: corner + DOWN[0],
            y2: corner + DOWN[1],
        };
        let known = Quality::of(&Detection { region, score: 0.9, landmarks }, &aligned(picture, &landmarks));
        let guessed = Quality::of_region(picture, &region);
        assert!((known.sharpness / guessed.sharpness - 1.0).abs() < 0.01, "{known:?} {guessed:?}");
        assert_eq!(known.size, guessed.size);
    }

    #[test]
    fn a_nose_under_one_eye_is_a_profile() {
        let flat = [128; SIDE * SIDE * 3];
        assert!(quality(&flat, TEMPLATE).frontal > 0.95);
        let mut profile = TEMPLATE;
        profile.0[2][0] = profile.0[0][0];
        assert!(quality(&flat, profile).frontal < 0.05);
        assert_eq!(quality(&flat, Landmarks([[3.0, 3.0]; 5])).frontal, 0.0);
    }
}
