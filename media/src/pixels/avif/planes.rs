//! From the planes of a frame to RGB, by the equations of ITU-T H.273.

use re_rav1d::dav1d::{Picture as Frame, PixelLayout, PlanarImageComponent as Component};

use super::{Coding, DecodeError};

/// What the bitstream says of its own colours.
pub(super) fn coding_of(frame: &Frame) -> Coding {
    let number = |value: usize| u8::try_from(value).unwrap_or(2);
    Coding {
        primaries: number(frame.color_primaries() as usize),
        transfer: number(frame.transfer_characteristic() as usize),
        matrix: number(frame.matrix_coefficients() as usize),
        full_range: frame.color_range() == re_rav1d::dav1d::pixel::YUVRange::Full,
    }
}

/// A plane, read row by row.
struct Plane {
    bytes: re_rav1d::dav1d::Plane,
    stride: usize,
    wide: bool,
}

impl Plane {
    fn of(frame: &Frame, component: Component) -> Self {
        let stride = frame.stride(component) as usize;
        Self { bytes: frame.plane(component), stride, wide: frame.bit_depth() > 8 }
    }

    /// The samples of a row, `width` of them, in place of those in `row`.
    fn row(&self, y: usize, width: usize, row: &mut Vec<f32>) {
        let bytes: &[u8] = self.bytes.as_ref();
        let bytes = bytes.get(y * self.stride..).unwrap_or_default();
        row.clear();
        if self.wide {
            row.extend(
                bytes.as_chunks::<2>().0.iter().take(width).map(|pair| f32::from(u16::from_ne_bytes(*pair))),
            );
        } else {
            row.extend(bytes.iter().take(width).map(|byte| f32::from(*byte)));
        }
        row.resize(width, 0.0);
    }
}

/// The weights of red and blue in brightness.
fn weights(matrix: u8) -> Option<(f32, f32)> {
    Some(match matrix {
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        // Unspecified is read as BT.601, as libavif does.
        2 | 5 | 6 => (0.299, 0.114),
        7 => (0.212, 0.087),
        9 | 10 => (0.2627, 0.0593),
        _ => return None,
    })
}

/// All pixels of a frame.
pub(super) fn to_rgb(frame: &Frame, coding: Coding) -> Result<Vec<u8>, DecodeError> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let scale = Scale::of(frame.bit_depth(), coding.full_range);
    let (shift_x, shift_y) = match frame.pixel_layout() {
        PixelLayout::I400 => {
            let grey = luma_plane(frame, &scale);
            return Ok(grey.into_iter().flat_map(|value| [value; 3]).collect());
        }
        PixelLayout::I420 => (1, 1),
        PixelLayout::I422 => (1, 0),
        PixelLayout::I444 => (0, 0),
    };
    let weights = weights(coding.matrix);
    if weights.is_none() && !matches!(coding.matrix, 0 | 8) {
        return Err(DecodeError::Unsupported(format!("AVIF with colour matrix {}", coding.matrix)));
    }
    let planes = [Component::Y, Component::U, Component::V].map(|component| Plane::of(frame, component));
    let [luma, blue, red] = &planes;
    let (mut light, mut u, mut v) = (Vec::new(), Vec::new(), Vec::new());
    let chroma_width = (width + shift_x) >> shift_x;
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        luma.row(y, width, &mut light);
        blue.row(y >> shift_y, chroma_width, &mut u);
        red.row(y >> shift_y, chroma_width, &mut v);
        let chroma = u.iter().zip(&v).flat_map(|pair| std::iter::repeat_n(pair, 1 << shift_x));
        match (coding.matrix, weights) {
            // Green, blue and red themselves.
            (0, _) => rgb.extend(light.iter().zip(chroma).flat_map(|(green, (blue, red))| {
                [red, green, blue].map(|sample| to_byte(scale.luma(*sample)))
            })),
            (_, Some((kr, kb))) => rgb.extend(light.iter().zip(chroma).flat_map(|(light, (u, v))| {
                let (light, u, v) = (scale.luma(*light), scale.chroma(*u), scale.chroma(*v));
                let red = light + 2.0 * (1.0 - kr) * v;
                let blue = light + 2.0 * (1.0 - kb) * u;
                [red, (light - kr * red - kb * blue) / (1.0 - kr - kb), blue].map(to_byte)
            })),
            // YCgCo.
            (_, None) => rgb.extend(light.iter().zip(chroma).flat_map(|(light, (u, v))| {
                let (light, u, v) = (scale.luma(*light), scale.chroma(*u), scale.chroma(*v));
                [light - u + v, light + u, light - u - v].map(to_byte)
            })),
        }
    }
    Ok(rgb)
}

/// The first plane alone, at full range: how opaque each pixel is.
pub(super) fn luma(frame: &Frame) -> Vec<u8> {
    luma_plane(frame, &Scale::of(frame.bit_depth(), coding_of(frame).full_range))
}

fn luma_plane(frame: &Frame, scale: &Scale) -> Vec<u8> {
    let plane = Plane::of(frame, Component::Y);
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut row = Vec::new();
    let mut samples = Vec::with_capacity(width * height);
    for y in 0..height {
        plane.row(y, width, &mut row);
        samples.extend(row.iter().map(|sample| to_byte(scale.luma(*sample))));
    }
    samples
}

/// From samples to fractions of white.
struct Scale {
    black: f32,
    luma: f32,
    middle: f32,
    chroma: f32,
}

impl Scale {
    fn of(bits: usize, full_range: bool) -> Self {
        let unit = f32::from(1u16 << bits.clamp(8, 12).saturating_sub(8));
        let most = 256.0 * unit - 1.0;
        if full_range {
            Self { black: 0.0, luma: 1.0 / most, middle: 128.0 * unit, chroma: 1.0 / most }
        } else {
            Self {
                black: 16.0 * unit,
                luma: 1.0 / (219.0 * unit),
                middle: 128.0 * unit,
                chroma: 1.0 / (224.0 * unit),
            }
        }
    }

    fn luma(&self, sample: f32) -> f32 {
        (sample - self.black) * self.luma
    }

    fn chroma(&self, sample: f32) -> f32 {
        (sample - self.middle) * self.chroma
    }
}

fn to_byte(fraction: f32) -> u8 {
    (fraction * 255.0 + 0.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_grey_and_white_of_every_depth_and_range() {
        for bits in [8, 10, 12] {
            let unit = f32::from(1u16 << (bits - 8));
            let full = Scale::of(bits, true);
            assert_eq!((to_byte(full.luma(0.0)), to_byte(full.luma(256.0 * unit - 1.0))), (0, 255));
            let limited = Scale::of(bits, false);
            assert_eq!((to_byte(limited.luma(16.0 * unit)), to_byte(limited.luma(235.0 * unit))), (0, 255));
            assert_eq!(limited.chroma(128.0 * unit), 0.0);
        }
    }
}
