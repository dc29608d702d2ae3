//! Bytes in, picture out: one decode of a file that thumbnails, faces and embedding all start from.
//!
//! What makes it hard:
//!
//! 1. Every format has its own library, its own notion of which way is up and of what its numbers mean. Afterwards there
//!    is one kind of [`Picture`]: upright, sRGB, 8 bits.
//! 2. A few bytes can claim a billion pixels. Sizes are held against a budget ([`MOST_PIXELS`], [`MOST_BYTES`]) before
//!    anything is allocated for them.
//! 3. Most of the time goes into pixels nobody looks at. JPEG is decoded at a half, a quarter or an eighth where that
//!    is still enough.
//! 4. Decoders fail on what strangers send, in C and in Rust. [`crate::decoder`] runs all of this in children; here a
//!    panic of a library is an error like others.

mod avif;
pub(crate) mod budget;
mod colour;
mod error;
mod heif;
mod jp2;
mod jpeg;
mod jxl;
mod picture;
pub(crate) mod preview;
pub(crate) mod psd;
mod raw;
mod still;

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use library::metadata::{Orientation, PixelSize};
use library::{Format, Kind};

use crate::block::{Block as _, Input, Source};
use crate::formats::{self, Shape};
use crate::sniff;
use crate::video::{self, VideoFacts};

pub use budget::{LONGEST_SIDE, MOST_BYTES, MOST_PIXELS};
pub use error::DecodeError;
pub use picture::Picture;

#[cfg(feature = "fuzzing")]
pub(crate) use heif::without_empty_associations as mend_heif;
pub(crate) use jpeg::words_of;
#[cfg(feature = "fuzzing")]
pub(crate) use raw::developed as developed_raw;

/// How much of the beginning is looked at to tell the format.
const HEAD: u64 = 4096;

/// A file, decoded.
#[derive(Debug)]
pub struct Decoded {
    /// What is seen.
    pub picture: Picture,
    /// How large the whole picture is, upright, in pixels. [`Decoded::picture`] may be smaller: decoded to what was
    /// asked for, or a preview.
    pub full: PixelSize,
    /// What ffprobe says, of a video.
    pub video: Option<VideoFacts>,
    /// The size that [`Decoded::picture`] is a smaller edition of: [`Decoded::full`], or that of a raw file's preview.
    pub(crate) whole: PixelSize,
}

impl Decoded {
    /// The picture with its shorter side at most so many pixels long, in the exact shape of the whole: at an eighth of
    /// its size, decoders round by a tenth.
    pub fn shrunk_to(&self, short_side: u32) -> Picture {
        let (width, height) = picture::size_at(self.whole, short_side);
        if width > self.picture.width() || height > self.picture.height() {
            return self.picture.shrunk_to(short_side);
        }
        self.picture.resized(width, height)
    }
}

/// A picture as the file stores it, before it is turned and its colours are converted.
pub(crate) struct Stored {
    picture: Picture,
    full: PixelSize,
    whole: PixelSize,
    profile: Option<Vec<u8>>,
    /// Its decoder has already turned it.
    upright: bool,
}

impl Stored {
    fn new(width: u64, height: u64, rgb: Vec<u8>) -> Result<Self, DecodeError> {
        let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let picture = sides.and_then(|(width, height)| Picture::new(width, height, rgb));
        let picture =
            picture.ok_or_else(|| DecodeError::Damaged("its pixels are not all there".to_owned()))?;
        let full = PixelSize { width: picture.width(), height: picture.height() };
        Ok(Self { picture, full, whole: full, profile: None, upright: false })
    }

    fn with_full(mut self, width: u64, height: u64) -> Self {
        self.full = PixelSize { width: width as u32, height: height as u32 };
        self.whole = self.full;
        self
    }

    fn with_profile(mut self, profile: Option<Vec<u8>>) -> Self {
        self.profile = profile;
        self
    }

    fn upright(mut self) -> Self {
        self.upright = true;
        self
    }

    fn finish(self, orientation: Orientation) -> Decoded {
        let orientation = if self.upright { Orientation::UPRIGHT } else { orientation };
        let upright = |size: PixelSize| if orientation.swaps_sides() { size.turned() } else { size };
        let (full, whole) = (upright(self.full), upright(self.whole));
        let mut picture = self.picture;
        if let Some(profile) = &self.profile {
            colour::to_srgb(picture.rgb_mut(), profile);
        }
        Decoded { picture: picture.turned(orientation), full, video: None, whole }
    }
}

/// Decodes a file in this process. Strangers' files belong into a child: see [`crate::decoder`].
///
/// `file_name` only tells raw formats apart. `orientation` is what the catalogue knows, sidecars included; `None` asks
/// the file, and formats that turn themselves (HEIF, AVIF, JPEG XL, videos) never listen to it. The short side has at
/// least `least_short_side` pixels where the picture has so many; `None` decodes all of it.
pub fn decode(
    file: &File,
    file_name: &str,
    orientation: Option<Orientation>,
    least_short_side: Option<u32>,
) -> Result<Decoded, DecodeError> {
    let mut source = file;
    let head = {
        let mut input = Input::new(&mut source)?;
        let head = input.up_to(0, HEAD);
        if let Some(error) = input.failure() {
            return Err(error.into());
        }
        head
    };
    let format = sniff(&head, file_name).ok_or(DecodeError::UnknownFormat)?;
    if format.kind() == Kind::Video {
        return video::poster(file, format, least_short_side);
    }
    // Libraries promise not to panic, and some day one does: then it is this file's fault alone.
    let stored = || match format.is_raw() {
        true => raw(file, format, least_short_side),
        false => decode_still(&mut { file }, format, least_short_side),
    };
    let stored = catch_unwind(AssertUnwindSafe(stored))
        .unwrap_or_else(|reason| Err(DecodeError::Damaged(words_of(reason.as_ref()))))?;
    let shape = match orientation {
        Some(orientation) if !format.is_raw() => Shape { size: None, orientation },
        _ => formats::shape(format, &mut Input::new(&mut source)?),
    };
    // What is embedded in a raw file is smaller than what it is a preview of.
    let size = shape.size.filter(|_| format.is_raw());
    let stored = Stored { full: size.unwrap_or(stored.full), ..stored };
    Ok(stored.finish(orientation.unwrap_or(shape.orientation)))
}

fn decode_still(source: &mut dyn Source, format: Format, least: Option<u32>) -> Result<Stored, DecodeError> {
    match format {
        Format::Jpeg => jpeg::decode(&whole(source)?, least),
        Format::Png | Format::Webp | Format::Gif | Format::Tiff | Format::Bmp => {
            still::decode(source, format)
        }
        Format::Heic => heif::decode(&whole(source)?, least),
        Format::Avif => avif::decode(&whole(source)?),
        Format::Jxl => jxl::decode(&whole(source)?),
        Format::Jp2 => jp2::decode(&whole(source)?, least),
        Format::Psd => psd::decode(&mut Input::new(source)?.with_budget(2 * budget::MOST_BYTES)),
        Format::Svg => {
            Err(DecodeError::Unsupported("galleryfs draws no SVG: it is a document, not a photo".to_owned()))
        }
        other => Err(DecodeError::Unsupported(format!("galleryfs has no decoder for {}", other.word()))),
    }
}

/// The picture embedded in a raw file, or where there is none but a small one, what LibRaw makes of the file. Some have only
/// a small one, uncompressed, in the first directory.
fn raw(file: &File, format: Format, least: Option<u32>) -> Result<Stored, DecodeError> {
    let mut source = file;
    let mut input = Input::new(&mut source)?;
    let enough = least.map_or(raw::SMALL, |least| least.min(raw::SMALL));
    let embedded = preview::find(format, &mut input, least);
    if let Some(found) = embedded.filter(|found| found.short_side() >= enough) {
        return found.decode(&mut input, least);
    }
    let whole = formats::shape(format, &mut input).size;
    let developed = raw::develop(file, whole, least);
    let mut small = || match embedded {
        Some(found) => found.decode(&mut input, least),
        None => still::decode(&mut { file }, Format::Tiff),
    };
    match developed {
        Err(DecodeError::NeedsRoom) => Err(DecodeError::NeedsRoom),
        Err(error) => small().map_err(|_| error),
        developed => developed,
    }
}

/// All of the file, where that is not too much.
fn whole(source: &mut dyn Source) -> Result<Vec<u8>, DecodeError> {
    let len = source.seek(std::io::SeekFrom::End(0))?;
    if len > budget::LARGEST_FILE {
        return Err(DecodeError::TooHeavy {
            megabytes: len / 1_000_000,
            limit: budget::LARGEST_FILE / 1_000_000,
        });
    }
    source.rewind()?;
    let mut bytes = Vec::with_capacity(len as usize);
    source.take(budget::LARGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}
