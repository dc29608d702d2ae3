//! JPEG, decoded no larger than needed: most of the work of a large picture is left out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Decompress, Marker};

use super::colour::cmyk_to_srgb;
use super::{DecodeError, Stored, budget};

/// Eighths of the size that libjpeg-turbo has fast code for.
const SCALES: [u8; 4] = [1, 2, 4, 8];

/// Decodes to a size whose short side is at least `least` pixels, where the picture has so many.
pub(super) fn decode(bytes: &[u8], least: Option<u32>) -> Result<Stored, DecodeError> {
    // The library reports damage by unwinding.
    catch_unwind(AssertUnwindSafe(|| decode_or_unwind(bytes, least)))
        .unwrap_or_else(|reason| Err(DecodeError::Damaged(words_of(reason.as_ref()))))
}

fn decode_or_unwind(bytes: &[u8], least: Option<u32>) -> Result<Stored, DecodeError> {
    let mut jpeg = Decompress::builder()
        .with_markers(&[Marker::APP(2), Marker::APP(14)])
        .from_mem(bytes)
        .map_err(DecodeError::damaged)?;
    let (width, height) = (jpeg.width() as u64, jpeg.height() as u64);
    budget::sides(width, height)?;
    let profile = embedded_profile(&jpeg);
    let adobe =
        jpeg.markers().any(|marker| marker.marker == Marker::APP(14) && marker.data.starts_with(b"Adobe"));
    let short = width.min(height);
    let least = least.map_or(short, u64::from);
    let scale = SCALES.into_iter().find(|scale| short * u64::from(*scale) / 8 >= least).unwrap_or(8);
    if scale < 8 {
        jpeg.scale(scale);
    }
    let inks = matches!(jpeg.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK);
    let mut started = if inks { jpeg.to_colorspace(ColorSpace::JCS_CMYK) } else { jpeg.rgb() }
        .map_err(DecodeError::damaged)?;
    let (out_width, out_height) = (started.width() as u64, started.height() as u64);
    let channels = if inks { 4 } else { 3 };
    let count = budget::pixels(out_width, out_height, channels)?;
    let mut samples = vec![0; count * channels as usize];
    started.read_scanlines_into(&mut samples).map_err(DecodeError::damaged)?;
    let rgb = if inks {
        if adobe {
            // Adobe writes how much light is left, not how much ink there is.
            samples.iter_mut().for_each(|sample| *sample = 255 - *sample);
        }
        cmyk_to_srgb(&samples, profile.as_deref())
    } else {
        samples
    };
    Stored::new(out_width, out_height, rgb)
        .map(|stored| stored.with_full(width, height).with_profile(profile.filter(|_| !inks)))
}

/// The profile of APP2 segments, which hold at most 64 KB each and are numbered.
fn embedded_profile<R>(jpeg: &Decompress<R>) -> Option<Vec<u8>> {
    let mut pieces: Vec<(u8, &[u8])> = jpeg
        .markers()
        .filter(|marker| marker.marker == Marker::APP(2))
        .filter_map(|marker| match marker.data.strip_prefix(b"ICC_PROFILE\0")? {
            [number, _count, piece @ ..] => Some((*number, piece)),
            _ => None,
        })
        .collect();
    pieces.sort_by_key(|(number, _)| *number);
    let whole: Vec<u8> = pieces.into_iter().flat_map(|(_, piece)| piece).copied().collect();
    (!whole.is_empty()).then_some(whole)
}

/// What a library said when it gave up.
pub(crate) fn words_of(reason: &(dyn Any + Send)) -> String {
    let words = reason.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| reason.downcast_ref::<&str>().copied()).unwrap_or("its decoder gave up");
    words.strip_prefix("libjpeg fatal error: ").unwrap_or(words).to_owned()
}
