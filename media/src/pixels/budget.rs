//! How large a picture may be. Asked before anything is allocated for it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::DecodeError;

/// The most pixels a picture may have: those of a 200-megapixel phone (16,384 x 12,288), and some.
pub const MOST_PIXELS: u64 = 210_000_000;

/// The most bytes the decoded samples of one file may take, the decoder's own copies left out. A picture of
/// [`MOST_PIXELS`] in 8-bit RGB fits; of 16-bit RGB half as many do. JPEG, decoded smaller than it is, rarely comes near.
pub const MOST_BYTES: u64 = 700 << 20;

/// The most bytes the samples of one file may take while others are decoded beside it: a picture of 33 megapixels in HEIF.
/// Larger ones take turns, so that a folder full of them takes no more memory than one.
pub(crate) const USUAL_BYTES: u64 = 200 << 20;

/// What may be taken at the moment in this process.
static ROOM: AtomicU64 = AtomicU64::new(MOST_BYTES);

/// Sets how many bytes of samples the next file may take in this process, [`MOST_BYTES`] unless set.
pub(crate) fn set_room(bytes: u64) {
    ROOM.store(bytes.min(MOST_BYTES), Ordering::Relaxed);
}

/// The longest side anything decodes: JPEG and WebP have no longer ones, and panoramas beyond it are stitched in parts.
pub const LONGEST_SIDE: u64 = 100_000;

/// The largest file that is loaded whole. Formats read piece by piece (TIFF, PSD, raw, video) may be larger.
pub(crate) const LARGEST_FILE: u64 = 512 << 20;

/// Refuses sides beyond the budget, and empty pictures. Returns the number of pixels.
pub(crate) fn sides(width: u64, height: u64) -> Result<u64, DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::Damaged("its picture has no pixels".to_owned()));
    }
    let count = width.checked_mul(height).filter(|_| width <= LONGEST_SIDE && height <= LONGEST_SIDE);
    count.filter(|count| *count <= MOST_PIXELS).ok_or(DecodeError::TooLarge { width, height })
}

/// Refuses pictures beyond the budget, also by how many bytes a pixel takes. Returns the number of pixels.
pub(crate) fn pixels(width: u64, height: u64, bytes_per_pixel: u64) -> Result<usize, DecodeError> {
    let count = sides(width, height)?;
    let bytes = count * bytes_per_pixel;
    if bytes > MOST_BYTES {
        return Err(DecodeError::TooHeavy { megabytes: bytes / 1_000_000, limit: MOST_BYTES / 1_000_000 });
    }
    if bytes > ROOM.load(Ordering::Relaxed) {
        return Err(DecodeError::NeedsRoom);
    }
    usize::try_from(count).map_err(|_| DecodeError::TooLarge { width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_and_what_does_not() {
        assert_eq!(pixels(16_384, 12_288, 3), Ok(16_384 * 12_288));
        assert_eq!(pixels(65_500, 65_500, 3), Err(DecodeError::TooLarge { width: 65_500, height: 65_500 }));
        assert_eq!(pixels(u64::MAX, 2, 3), Err(DecodeError::TooLarge { width: u64::MAX, height: 2 }));
        assert!(matches!(pixels(16_384, 12_288, 8), Err(DecodeError::TooHeavy { .. })));
        assert!(matches!(pixels(0, 5, 3), Err(DecodeError::Damaged(_))));
    }
}
