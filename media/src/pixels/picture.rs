//! A decoded picture, and what is done to all pixels of one: turning and shrinking.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use library::metadata::{Orientation, PixelSize};

/// The longest side of anything shrunk: what a WebP file can hold.
const LONGEST_SHRUNK: u32 = 16_383;

/// A picture as seen: upright, in sRGB, three bytes a pixel (red, green, blue), row after row without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Picture({} x {})", self.width, self.height)
    }
}

impl Picture {
    /// A picture of these bytes; `None` when they are not `width * height * 3`, or a side is zero.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let bytes = (u64::from(width) * u64::from(height)).saturating_mul(3);
        (bytes > 0 && bytes == rgb.len() as u64).then_some(Self { width, height, rgb })
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The shorter side, in pixels.
    pub fn short_side(&self) -> u32 {
        self.width.min(self.height)
    }

    /// Red, green, blue, row after row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The bytes, to be converted in place.
    pub(crate) fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The bytes alone.
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The size at which the shorter side has so many pixels. Never larger than the picture is; of very long pictures
    /// the longer side decides, as WebP has no more than 16,383 pixels.
    pub fn size_at(&self, short_side: u32) -> (u32, u32) {
        size_at(PixelSize { width: self.width, height: self.height }, short_side)
    }

    /// The picture with its shorter side at most so many pixels long; see [`Picture::size_at`].
    pub fn shrunk_to(&self, short_side: u32) -> Self {
        let (width, height) = self.size_at(short_side);
        self.resized(width, height)
    }

    /// The picture at exactly this size, by Lanczos' filter on the stored values, as browsers and libvips do it.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) || width == 0 || height == 0 {
            return self.clone();
        }
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        let mut rgb = vec![0; width as usize * height as usize * 3];
        let resized = TypedImageRef::<'_, U8x3>::from_buffer(self.width, self.height, &self.rgb)
            .ok()
            .zip(TypedImage::<'_, U8x3>::from_buffer(width, height, &mut rgb).ok())
            .and_then(|(from, mut to)| Resizer::new().resize_typed(&from, &mut to, &options).ok());
        // Both buffers have the sizes named beside them, and three bytes have no alignment: none of this fails.
        debug_assert!(resized.is_some());
        Self { width, height, rgb }
    }

    /// The stored picture turned upright.
    pub(crate) fn turned(self, orientation: Orientation) -> Self {
        if orientation == Orientation::UPRIGHT {
            return self;
        }
        let (width, height) = (self.width as usize, self.height as usize);
        let (out_width, out_height) =
            if orientation.swaps_sides() { (height, width) } else { (width, height) };
        let mut rgb = Vec::with_capacity(self.rgb.len());
        // Blocks of columns that fit the cache would be faster still; this is a tenth of the decoding.
        for y in 0..out_height {
            for x in 0..out_width {
                let (from_x, from_y) = match orientation.get() {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    8 => (width - 1 - y, x),
                    _ => (x, y),
                };
                let at = (from_y * width + from_x) * 3;
                rgb.extend_from_slice(self.rgb.get(at..at + 3).unwrap_or(&[0; 3]));
            }
        }
        Self { width: out_width as u32, height: out_height as u32, rgb }
    }
}

/// See [`Picture::size_at`].
pub(super) fn size_at(PixelSize { width, height }: PixelSize, short_side: u32) -> (u32, u32) {
    let of_short = f64::from(short_side.max(1)) / f64::from(width.min(height).max(1));
    let of_long = f64::from(LONGEST_SHRUNK) / f64::from(width.max(height).max(1));
    let scale = of_short.min(of_long);
    if scale >= 1.0 {
        return (width, height);
    }
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).clamp(1, side);
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two by three pixels, numbered in reading order.
    fn numbered() -> Picture {
        Picture::new(2, 3, (0..6).flat_map(|n| [n, n, n]).collect()).unwrap()
    }

    fn turned(orientation: u32) -> (u32, u32, Vec<u8>) {
        let picture = numbered().turned(Orientation::from_exif(orientation).unwrap());
        (picture.width, picture.height, picture.rgb.chunks(3).map(|pixel| pixel[0]).collect())
    }

    #[test]
    fn every_orientation_is_turned_as_exif_says() {
        assert_eq!(turned(1), (2, 3, vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(turned(2), (2, 3, vec![1, 0, 3, 2, 5, 4]));
        assert_eq!(turned(3), (2, 3, vec![5, 4, 3, 2, 1, 0]));
        assert_eq!(turned(4), (2, 3, vec![4, 5, 2, 3, 0, 1]));
        assert_eq!(turned(5), (3, 2, vec![0, 2, 4, 1, 3, 5]));
        assert_eq!(turned(6), (3, 2, vec![4, 2, 0, 5, 3, 1]));
        assert_eq!(turned(7), (3, 2, vec![5, 3, 1, 4, 2, 0]));
        assert_eq!(turned(8), (3, 2, vec![1, 3, 5, 0, 2, 4]));
    }

    #[test]
    fn shrinking_keeps_the_shape_and_never_enlarges() {
        let picture = Picture::new(400, 300, vec![90; 400 * 300 * 3]).unwrap();
        let small = picture.shrunk_to(100);
        assert_eq!((small.width, small.height), (133, 100));
        assert!(small.rgb.iter().all(|value| *value == 90));
        assert_eq!(picture.shrunk_to(1000), picture);
        let thin = Picture::new(40_000, 2, vec![7; 240_000]).unwrap().shrunk_to(2);
        assert_eq!((thin.width, thin.height), (16_383, 1));
    }

    #[test]
    fn bytes_must_fit_the_size() {
        assert!(Picture::new(2, 2, vec![0; 11]).is_none());
        assert!(Picture::new(0, 2, vec![]).is_none());
        assert!(Picture::new(2, 2, vec![0; 12]).is_some());
    }
}
