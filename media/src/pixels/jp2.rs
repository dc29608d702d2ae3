//! JPEG 2000, by `hayro-jpeg2000`.

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

use super::colour::{cmyk_to_srgb, over_white};
use super::{DecodeError, Stored, budget, still};

/// Bytes held a pixel: wavelets in 32 bits a channel, and bytes beside them.
const BYTES_PER_PIXEL: u64 = 6;

/// Decodes to a size whose short side is at least `least` pixels, where the picture has so many.
pub(super) fn decode(bytes: &[u8], least: Option<u32>) -> Result<Stored, DecodeError> {
    let whole = Image::new(bytes, &DecodeSettings::default()).map_err(DecodeError::damaged)?;
    let (full_width, full_height) = (whole.width(), whole.height());
    budget::pixels(u64::from(full_width), u64::from(full_height), BYTES_PER_PIXEL)?;
    // Wavelets are halves of halves: the larger ones can be left out.
    let short = full_width.min(full_height);
    let target = least.filter(|least| *least < short).map(|least| {
        let side = |side: u32| (u64::from(side) * u64::from(least)).div_ceil(u64::from(short)) as u32;
        (side(full_width), side(full_height))
    });
    let settings = DecodeSettings { target_resolution: target, ..DecodeSettings::default() };
    let image = Image::new(bytes, &settings).map_err(DecodeError::damaged)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(DecodeError::damaged)?;
    let samples = decoded.data_u8();
    let (width, height) = (u64::from(image.width()), u64::from(image.height()));
    let colours = usize::from(image.color_space().num_channels());
    let profile = match image.color_space() {
        ColorSpace::Icc { profile, .. } => Some(profile.clone()),
        _ => None,
    };
    let (rgb, profile) = match (colours, image.has_alpha()) {
        (1, false) => (samples.iter().flat_map(|grey| [*grey; 3]).collect(), profile),
        (1, true) => {
            let pairs = samples.as_chunks::<2>().0.iter();
            (pairs.flat_map(|[grey, alpha]| [over_white(*grey, *alpha); 3]).collect(), profile)
        }
        (3, false) => (samples, profile),
        (3, true) => (still::over_white_all(&samples), profile),
        (4, false) => (cmyk_to_srgb(&samples, profile.as_deref()), None),
        (channels, _) => return Err(DecodeError::Unsupported(format!("JPEG 2000 with {channels} channels"))),
    };
    let stored = Stored::new(width, height, rgb)?.with_profile(profile);
    Ok(stored.with_full(u64::from(full_width), u64::from(full_height)))
}
