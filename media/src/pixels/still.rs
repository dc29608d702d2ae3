//! PNG, WebP, GIF, TIFF and BMP, by the `image` crate. Of an animation the first frame counts.

use std::io::{BufRead, BufReader, Seek};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageError, Limits};
use library::Format;

use super::colour::{cmyk_to_srgb, over_white};
use super::{DecodeError, Stored, budget};
use crate::block::Source;

/// Decodes the file, or its first frame.
pub(super) fn decode(source: &mut dyn Source, format: Format) -> Result<Stored, DecodeError> {
    source.rewind()?;
    let reader = BufReader::with_capacity(64 << 10, source);
    match format {
        Format::Png => finish(PngDecoder::with_limits(reader, limits()).map_err(explain)?),
        Format::Webp => finish(WebPDecoder::new(reader).map_err(explain)?),
        Format::Gif => finish(GifDecoder::new(reader).map_err(explain)?),
        Format::Bmp => finish(BmpDecoder::new(reader).map_err(explain)?),
        _ => tiff(reader),
    }
}

fn tiff(reader: impl BufRead + Seek) -> Result<Stored, DecodeError> {
    let mut decoder = TiffDecoder::new(reader).map_err(explain)?;
    if decoder.original_color_type() != ExtendedColorType::Cmyk8 {
        return finish(decoder);
    }
    let profile = decoder.icc_profile().ok().flatten();
    let (width, height) = decoder.dimensions();
    let (width, height) = (u64::from(width), u64::from(height));
    let count = budget::pixels(width, height, 4)?;
    decoder.set_limits(limits()).map_err(explain)?;
    if decoder.total_bytes() == count as u64 * 4 {
        let mut samples = vec![0; count * 4];
        decoder.read_image(&mut samples).map_err(explain)?;
        return Stored::new(width, height, cmyk_to_srgb(&samples, profile.as_deref()));
    }
    // The library turned the inks into RGB by itself.
    finish(decoder)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(budget::MOST_BYTES);
    limits
}

fn finish(mut decoder: impl ImageDecoder) -> Result<Stored, DecodeError> {
    let (width, height) = decoder.dimensions();
    let (width, height) = (u64::from(width), u64::from(height));
    let bytes = u64::from(decoder.color_type().bytes_per_pixel());
    budget::pixels(width, height, bytes)?;
    decoder.set_limits(limits()).map_err(explain)?;
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    Ok(Stored::new(width, height, flatten(image))?.with_profile(profile))
}

/// Eight bits a channel, and what is transparent over white.
fn flatten(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    over_white_all(&image.into_rgba8().into_raw())
}

/// RGBA to RGB.
pub(super) fn over_white_all(rgba: &[u8]) -> Vec<u8> {
    let pixels = rgba.as_chunks::<4>().0.iter();
    pixels
        .flat_map(|[red, green, blue, alpha]| [red, green, blue].map(|value| over_white(*value, *alpha)))
        .collect()
}

/// The library's words, told apart into what is damaged and what nobody here can decode.
fn explain(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(why) => DecodeError::Unsupported(why.to_string()),
        ImageError::Limits(_) => DecodeError::TooHeavy {
            megabytes: budget::MOST_BYTES / 1_000_000 + 1,
            limit: budget::MOST_BYTES / 1_000_000,
        },
        ImageError::IoError(error)
            if error.kind() != std::io::ErrorKind::UnexpectedEof && error.raw_os_error().is_some() =>
        {
            DecodeError::from(error)
        }
        error => DecodeError::damaged(error),
    }
}
