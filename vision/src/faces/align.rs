//! A face turned, scaled and moved so that its eyes and mouth stand where the recogniser expects them.

use crate::pixels::Pixels;

/// The side of an aligned face, in pixels.
pub const SIDE: usize = 112;

/// Left eye, right eye, nose, left and right corner of the mouth, as seen by the viewer: x and y in pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Landmarks(pub [[f32; 2]; 5]);

/// Where ArcFace's training data had them in a square of [`SIDE`] (Deng et al. 2019, the InsightFace template).
pub const TEMPLATE: Landmarks = Landmarks([
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
]);

/// A face as the recogniser takes it: [`SIDE`] rows of [`SIDE`] pixels, R, G, B.
#[derive(Clone)]
pub struct AlignedFace(Box<[u8]>);

impl AlignedFace {
    /// Rows of R, G, B.
    pub fn rgb(&self) -> &[u8] {
        &self.0
    }
}

/// Rotation, scale and translation in the plane: `x' = a x - b y + c`, `y' = b x + a y + d`.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Similarity {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
}

impl Similarity {
    /// The one that brings `from` nearest to `to` (least squares): Umeyama's, which in the plane and without mirroring
    /// has this closed form. `None` when all points of `from` are one.
    fn between(from: &Landmarks, to: &Landmarks) -> Option<Self> {
        let mean = |points: &Landmarks| {
            let sum = points
                .0
                .iter()
                .fold([0.0f64; 2], |sum, [x, y]| [sum[0] + f64::from(*x), sum[1] + f64::from(*y)]);
            sum.map(|total| total / points.0.len() as f64)
        };
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for ([x, y], [to_x, to_y]) in from.0.iter().zip(&to.0) {
            let (x, y) = (f64::from(*x) - from_mean[0], f64::from(*y) - from_mean[1]);
            let (to_x, to_y) = (f64::from(*to_x) - to_mean[0], f64::from(*to_y) - to_mean[1]);
            along += x * to_x + y * to_y;
            across += x * to_y - y * to_x;
            spread += x * x + y * y;
        }
        let (a, b) = (along / spread, across / spread);
        (a.is_finite() && b.is_finite() && a.hypot(b) > 1e-9).then(|| Self {
            a,
            b,
            c: to_mean[0] - (a * from_mean[0] - b * from_mean[1]),
            d: to_mean[1] - (b * from_mean[0] + a * from_mean[1]),
        })
    }

    fn inverse(self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, c: -(a * self.c - b * self.d), d: -(b * self.c + a * self.d) }
    }

    fn apply(self, x: f64, y: f64) -> (f64, f64) {
        (self.a * x - self.b * y + self.c, self.b * x + self.a * y + self.d)
    }
}

/// The face with these landmarks, straightened: bilinear between the centres of pixels, black beyond the picture's
/// edges, as Pillow's affine transform makes it. Landmarks that are all one point give a black face.
pub fn aligned(picture: Pixels<'_>, landmarks: &Landmarks) -> AlignedFace {
    let mut rgb = vec![0; SIDE * SIDE * 3].into_boxed_slice();
    let Some(back) = Similarity::between(landmarks, &TEMPLATE).map(Similarity::inverse) else {
        return AlignedFace(rgb);
    };
    for (row, line) in rgb.chunks_exact_mut(SIDE * 3).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let (x, y) = back.apply(column as f64 + 0.5, row as f64 + 0.5);
            if let Some(colour) = bilinear(picture, x, y) {
                pixel.copy_from_slice(&colour);
            }
        }
    }
    AlignedFace(rgb)
}

/// The colour at a point of the picture, whose pixels have their centres at halves; `None` outside.
fn bilinear(picture: Pixels<'_>, x: f64, y: f64) -> Option<[u8; 3]> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    if !(0.0..width).contains(&x) || !(0.0..height).contains(&y) {
        return None;
    }
    let (x, y) = (x - 0.5, y - 0.5);
    let (right_share, lower_share) = (x - x.floor(), y - y.floor());
    let at = |column: f64, row: f64| {
        let (column, row) = (column.clamp(0.0, width - 1.0) as usize, row.clamp(0.0, height - 1.0) as usize);
        let at = (row * picture.width() as usize + column) * 3;
        &picture.rgb()[at..at + 3]
    };
    let upper = (at(x.floor(), y.floor()), at(x.floor() + 1.0, y.floor()));
    let lower = (at(x.floor(), y.floor() + 1.0), at(x.floor() + 1.0, y.floor() + 1.0));
    let between =
        |one: u8, other: u8, share: f64| f64::from(one) + (f64::from(other) - f64::from(one)) * share;
    Some(std::array::from_fn(|channel| {
        let above = between(upper.0[channel], upper.1[channel], right_share);
        let below = between(lower.0[channel], lower.1[channel], right_share);
        (above + (below - above) * lower_share) as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: (f64, f64), other: (f64, f64)) -> bool {
        (one.0 - other.0).abs() < 1e-3 && (one.1 - other.1).abs() < 1e-3
    }

    #[test]
    fn a_turned_and_scaled_face_is_turned_back() {
        let turn = Similarity { a: 1.7, b: -0.9, c: 300.0, d: 40.0 };
        let face = Landmarks(TEMPLATE.0.map(|[x, y]| {
            let (x, y) = turn.apply(f64::from(x), f64::from(y));
            [x as f32, y as f32]
        }));
        let back = Similarity::between(&face, &TEMPLATE).unwrap();
        for (from, to) in face.0.iter().zip(&TEMPLATE.0) {
            let there = back.apply(f64::from(from[0]), f64::from(from[1]));
            assert!(close(there, (f64::from(to[0]), f64::from(to[1]))), "{there:?} {to:?}");
        }
        assert!(close(back.inverse().apply(10.0, 20.0), turn.apply(10.0, 20.0)));
    }

    #[test]
    fn a_face_in_place_is_copied() {
        let rgb: Vec<u8> = (0..SIDE * SIDE * 3).map(|at| (at % 255) as u8).collect();
        let picture = Pixels::new(&rgb, SIDE as u32, SIDE as u32).unwrap();
        let face = aligned(picture, &TEMPLATE);
        // Cut to whole levels, so what is a hair below comes out one less.
        assert!(face.rgb().iter().zip(&rgb).all(|(ours, given)| given.abs_diff(*ours) <= 1));
    }

    #[test]
    fn landmarks_that_are_no_face_give_black() {
        let rgb = [200; 30 * 30 * 3];
        let picture = Pixels::new(&rgb, 30, 30).unwrap();
        for points in [[[5.0, 5.0]; 5], [[f32::NAN; 2]; 5], [[f32::MAX; 2]; 5]] {
            assert!(aligned(picture, &Landmarks(points)).rgb().iter().all(|value| *value == 0));
        }
        let away = Landmarks(TEMPLATE.0.map(|[x, y]| [x + 1e6, y]));
        assert!(aligned(picture, &away).rgb().iter().all(|value| *value == 0));
    }
}
