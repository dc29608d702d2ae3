//! JPEG XL, by `jxl-oxide`: the first frame, turned by the decoder.

use jxl_oxide::{AllocTracker, EnumColourEncoding, JxlImage, JxlThreadPool, RenderingIntent};

use super::colour::cmyk_to_srgb;
use super::{DecodeError, Stored, budget};

/// Bytes held a pixel: planes of floats, and RGB beside them.
const BYTES_PER_PIXEL: u64 = 6;

/// The most the decoder may allocate.
const MOST_ALLOCATED: usize = 1200 << 20;

/// Decodes the first frame.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored, DecodeError> {
    let mut image = JxlImage::builder()
        .pool(JxlThreadPool::none())
        .alloc_tracker(AllocTracker::with_limit(MOST_ALLOCATED))
        .read(bytes)
        .map_err(DecodeError::damaged)?;
    budget::pixels(u64::from(image.width()), u64::from(image.height()), BYTES_PER_PIXEL)?;
    // A file that names its colours can be had in sRGB; one with a profile says what it is.
    if image.original_icc().is_none() {
        let srgb = if image.pixel_format().is_grayscale() {
            EnumColourEncoding::gray_srgb(RenderingIntent::Relative)
        } else {
            EnumColourEncoding::srgb(RenderingIntent::Relative)
        };
        image.request_color_encoding(srgb);
    }
    let frame = image.render_frame(0).map_err(DecodeError::damaged)?;
    let profile = image.original_icc().is_some().then(|| image.rendered_icc());
    let mut stream = frame.stream();
    let (width, height, channels) = (stream.width(), stream.height(), stream.channels() as usize);
    let count = budget::pixels(u64::from(width), u64::from(height), channels as u64)?;
    let mut samples = vec![0u8; count * channels];
    stream.write_to_buffer(&mut samples);
    let format = image.pixel_format();
    let (rgb, profile) = match channels {
        4 if format.has_black() => (cmyk_to_srgb(&inverted(samples), profile.as_deref()), None),
        1 => (samples.iter().flat_map(|grey| [*grey; 3]).collect(), profile),
        2 => {
            let pairs = samples.as_chunks::<2>().0.iter();
            (pairs.flat_map(|[grey, alpha]| [super::colour::over_white(*grey, *alpha); 3]).collect(), profile)
        }
        3 => (samples, profile),
        4 => (super::still::over_white_all(&samples), profile),
        other => return Err(DecodeError::Unsupported(format!("JPEG XL with {other} channels"))),
    };
    Ok(Stored::new(u64::from(width), u64::from(height), rgb)?.with_profile(profile).upright())
}

/// JPEG XL writes how much light is left, not how much ink there is.
fn inverted(mut samples: Vec<u8>) -> Vec<u8> {
    samples.iter_mut().for_each(|sample| *sample = 255 - *sample);
    samples
}
