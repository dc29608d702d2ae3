//! What is made of every picture once and shown ever after: two thumbnails, a preview, and a blur of 25 bytes.

mod store;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Compress};
use serde::{Deserialize, Serialize};
use webp::{PixelLayout, WebPConfig};

use crate::pixels::{DecodeError, Picture, words_of};

pub use store::Store;

/// The short side of the preview, in pixels: what is shown full screen, and what models are given (Immich's too).
pub const PREVIEW_SHORT_SIDE: u32 = 1440;

/// Quality of the thumbnails and the preview, of 100: Immich's.
const QUALITY: u8 = 80;

/// What a thumbhash is made of has at most so many pixels a side.
const THUMBHASH_SIDE: u32 = 100;

/// How much work libwebp puts into a thumbnail, 0 to 6. More than this costs twice the time for a few percent of bytes.
const WEBP_METHOD: i32 = 2;

/// One of the sizes that are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Size {
    /// WebP, short side 250 pixels: grids.
    Small,
    /// WebP, short side 480 pixels: grids on dense screens.
    Large,
    /// JPEG, short side 1440 pixels: one picture on the whole screen.
    Preview,
}

impl Size {
    /// All sizes, smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Large, Self::Preview];

    /// Pixels of the shorter side. Smaller pictures keep their size.
    pub fn short_side(self) -> u32 {
        match self {
            Self::Small => 250,
            Self::Large => 480,
            Self::Preview => PREVIEW_SHORT_SIDE,
        }
    }

    /// The media type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Small | Self::Large => "image/webp",
            Self::Preview => "image/jpeg",
        }
    }

    /// How file names of this size end.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Small => "250.webp",
            Self::Large => "480.webp",
            Self::Preview => "1440.jpg",
        }
    }
}

/// The encoded files of one picture. None carries EXIF, XMP or a profile: the pixels are upright and sRGB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thumbnails {
    /// [`Size::Small`].
    pub small: Vec<u8>,
    /// [`Size::Large`].
    pub large: Vec<u8>,
    /// [`Size::Preview`].
    pub preview: Vec<u8>,
    /// Evan Wallace's thumbhash: about 25 bytes that are a blurred picture until the real one is there.
    pub thumbhash: Vec<u8>,
}

impl Thumbnails {
    /// The encoded file of a size.
    pub fn get(&self, size: Size) -> &[u8] {
        match size {
            Size::Small => &self.small,
            Size::Large => &self.large,
            Size::Preview => &self.preview,
        }
    }
}

/// Makes all of them. Each is shrunk from the next larger one, never enlarged.
pub fn make(picture: &Picture) -> Result<Thumbnails, DecodeError> {
    let preview = picture.shrunk_to(Size::Preview.short_side());
    let large = preview.shrunk_to(Size::Large.short_side());
    let small = large.shrunk_to(Size::Small.short_side());
    Ok(Thumbnails {
        small: encode_webp(&small)?,
        large: encode_webp(&large)?,
        preview: encode_jpeg(&preview)?,
        thumbhash: thumbhash(&small),
    })
}

fn encode_webp(picture: &Picture) -> Result<Vec<u8>, DecodeError> {
    let failed = |_| DecodeError::Unsupported("the thumbnail could not be encoded".to_owned());
    let mut config = WebPConfig::new().map_err(|()| failed(()))?;
    config.quality = f32::from(QUALITY);
    config.method = WEBP_METHOD;
    let encoder = webp::Encoder::new(picture.rgb(), PixelLayout::Rgb, picture.width(), picture.height());
    encoder.encode_advanced(&config).map(|bytes| bytes.to_vec()).map_err(|_| failed(()))
}

/// A baseline JPEG of [`QUALITY`], colours at half the resolution, as cameras write them.
fn encode_jpeg(picture: &Picture) -> Result<Vec<u8>, DecodeError> {
    let encode = || {
        let mut jpeg = Compress::new(ColorSpace::JCS_RGB);
        // The library's own defaults search for the smallest file, at ten times the time.
        jpeg.set_fastest_defaults();
        jpeg.set_size(picture.width() as usize, picture.height() as usize);
        jpeg.set_quality(f32::from(QUALITY));
        jpeg.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
        jpeg.set_optimize_coding(true);
        let mut started = jpeg.start_compress(Vec::with_capacity(512 << 10))?;
        started.write_scanlines(picture.rgb())?;
        started.finish()
    };
    // The library reports what is wrong by unwinding.
    match catch_unwind(AssertUnwindSafe(encode)) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(DecodeError::Unsupported(format!("the preview could not be encoded: {error}"))),
        Err(reason) => Err(DecodeError::Unsupported(words_of(reason.as_ref()))),
    }
}

fn thumbhash(picture: &Picture) -> Vec<u8> {
    let long = picture.width().max(picture.height());
    let scaled = |side: u32| (side * THUMBHASH_SIDE.min(long) / long).max(1);
    let tiny = picture.resized(scaled(picture.width()), scaled(picture.height()));
    let rgba: Vec<u8> = tiny
        .rgb()
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|[red, green, blue]| [*red, *green, *blue, 255])
        .collect();
    thumbhash::rgba_to_thumb_hash(tiny.width() as usize, tiny.height() as usize, &rgba)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture in which every corner has a colour of its own.
    fn corners(width: u32, height: u32) -> Picture {
        let colour = |x, y| match (x * 2 < width, y * 2 < height) {
            (true, true) => [220, 30, 30],
            (false, true) => [30, 220, 30],
            (true, false) => [30, 30, 220],
            (false, false) => [220, 220, 220],
        };
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect();
        Picture::new(width, height, rgb).unwrap()
    }

    fn decoded(bytes: &[u8]) -> Picture {
        let file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut &file, bytes).unwrap();
        crate::pixels::decode(&file, "", None, None).unwrap().picture
    }

    #[test]
    fn sizes_formats_and_colours() {
        let thumbnails = make(&corners(4000, 2000)).unwrap();
        for (size, width) in [(Size::Small, 500), (Size::Large, 960), (Size::Preview, 2880)] {
            let bytes = thumbnails.get(size);
            let picture = decoded(bytes);
            assert_eq!((picture.width(), picture.height()), (width, size.short_side()));
            let pixel = |x: u32, y: u32| {
                let at = (y * width + x) as usize * 3;
                <[u8; 3]>::try_from(&picture.rgb()[at..at + 3]).unwrap()
            };
            let near = |pixel: [u8; 3], wanted: [u8; 3]| {
                pixel.iter().zip(wanted).all(|(is, wanted)| is.abs_diff(wanted) < 12)
            };
            assert!(near(pixel(20, 20), [220, 30, 30]), "{:?}", pixel(20, 20));
            assert!(near(pixel(width - 20, 20), [30, 220, 30]));
            assert!(near(pixel(20, size.short_side() - 20), [30, 30, 220]));
            for mark in [&b"Exif"[..], b"ICC", b"http:"] {
                assert!(!bytes.windows(mark.len()).any(|window| window == mark));
            }
        }
        assert!(thumbnails.small.starts_with(b"RIFF") && thumbnails.preview.starts_with(b"\xFF\xD8"));
        let (_, _, blur) = thumbhash::thumb_hash_to_rgba(&thumbnails.thumbhash).unwrap();
        assert!(blur[0] > blur[2] && thumbnails.thumbhash.len() < 40);
    }

    #[test]
    fn small_pictures_stay_as_small_as_they_are() {
        for (width, height) in [(1, 1), (7, 3), (300, 260), (20_000, 3)] {
            let thumbnails = make(&corners(width, height)).unwrap();
            for size in Size::ALL {
                let picture = decoded(thumbnails.get(size));
                assert!(picture.width() <= width && picture.height() <= height, "{width} x {height}");
            }
        }
    }
}
