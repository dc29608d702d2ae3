//! A decoded picture, as everything here takes it.

use thiserror::Error;

/// Upright pixels in sRGB: rows from the top, three bytes each, without padding.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    rgb: &'a [u8],
    width: u32,
    height: u32,
}

/// Why bytes are no picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PixelsError {
    /// A picture without an area.
    #[error("a picture of {width}x{height} has no pixels")]
    Empty {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// More or fewer bytes than columns and rows ask for.
    #[error("a picture of {width}x{height} has {bytes} bytes of RGB")]
    Length {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// What there is.
        bytes: usize,
    },
    /// A side longer than any model's input can be made of.
    #[error("a picture of {width}x{height} is too long for its width, or too wide for its height")]
    Extreme {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl<'a> Pixels<'a> {
    /// The longest side over the shortest: a longer strip would take gigabytes to bring to a model's size, and shows
    /// nothing a model could know.
    pub const MAX_ASPECT: u32 = 200;

    /// `rgb` as a picture of `width` columns and `height` rows.
    pub fn new(rgb: &'a [u8], width: u32, height: u32) -> Result<Self, PixelsError> {
        if width == 0 || height == 0 {
            return Err(PixelsError::Empty { width, height });
        }
        if (width as usize).checked_mul(height as usize).and_then(|area| area.checked_mul(3))
            != Some(rgb.len())
        {
            return Err(PixelsError::Length { width, height, bytes: rgb.len() });
        }
        if width.max(height) / width.min(height) > Self::MAX_ASPECT {
            return Err(PixelsError::Extreme { width, height });
        }
        Ok(Self { rgb, width, height })
    }

    /// Rows of R, G, B.
    pub fn rgb(&self) -> &'a [u8] {
        self.rgb
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_fit_the_size() {
        assert!(Pixels::new(&[0; 12], 2, 2).is_ok());
        assert_eq!(
            Pixels::new(&[0; 11], 2, 2).err(),
            Some(PixelsError::Length { width: 2, height: 2, bytes: 11 })
        );
        assert_eq!(Pixels::new(&[], 0, 2).err(), Some(PixelsError::Empty { width: 0, height: 2 }));
        assert!(matches!(Pixels::new(&[], u32::MAX, u32::MAX), Err(PixelsError::Length { .. })));
        assert!(matches!(Pixels::new(&[0; 603], 201, 1), Err(PixelsError::Extreme { .. })));
    }
}
