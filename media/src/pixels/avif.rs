//! AVIF: the container by our own reader of HEIF, AV1 by `rav1d`, and from there to RGB.

mod planes;

use std::io::Cursor;

use re_rav1d::dav1d::{Decoder, Picture as Frame, Settings};

use super::colour::{over_white, profile_of_cicp};
use super::{DecodeError, Stored, budget};
use crate::block::{BlockExt as _, Input};
use crate::formats::Pictures;

/// Bytes held a pixel: planes of up to 16 bits, and RGB beside them.
const BYTES_PER_PIXEL: u64 = 6;

/// The most tiles of a grid.
const MOST_TILES: usize = 1024;

/// How numbers become colours, as the container says it or, where that is silent, the bitstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Coding {
    primaries: u8,
    transfer: u8,
    matrix: u8,
    full_range: bool,
}

/// Decodes the primary picture. It is cropped, but not turned.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let mut input = Input::new(&mut cursor)?;
    let missing = || DecodeError::Damaged("its picture is missing".to_owned());
    let mut pictures = Pictures::open(&mut input)
        .ok_or_else(|| DecodeError::Unsupported("an AVIF sequence without a still picture".to_owned()))?;
    let id = pictures.primary().ok_or_else(missing)?;
    let properties = pictures.properties(&mut input, id);
    let colours = properties.iter().filter(|(kind, _)| kind == b"colr").map(|(_, body)| body.as_slice());
    let coding = colours.clone().find_map(container_coding);
    let profile = colours.clone().find_map(|body| match body {
        [b'p', b'r', b'o', b'f', profile @ ..] | [b'r', b'I', b'C', b'C', profile @ ..] => {
            Some(profile.to_vec())
        }
        _ => None,
    });
    let mut canvas = match &pictures.kind(id).ok_or_else(missing)? {
        b"av01" => one(&pictures.bytes(&mut input, id).ok_or_else(missing)?, coding)?,
        b"grid" => grid(&mut pictures, &mut input, id, coding)?,
        kind => return Err(DecodeError::Unsupported(format!("AVIF coded as {}", kind.escape_ascii()))),
    };
    opacity(&mut pictures, &mut input, id, &mut canvas);
    if let Some((_, aperture)) = properties.iter().find(|(kind, _)| kind == b"clap") {
        canvas.crop(aperture);
    }
    let coding = canvas.coding;
    let profile = profile.or_else(|| profile_of_cicp(coding.primaries, coding.transfer));
    Ok(Stored::new(canvas.width as u64, canvas.height as u64, canvas.rgb)?.with_profile(profile))
}

fn container_coding(body: &[u8]) -> Option<Coding> {
    match body {
        [b'n', b'c', b'l', b'x', _, primaries, _, transfer, _, matrix, range, ..] => Some(Coding {
            primaries: *primaries,
            transfer: *transfer,
            matrix: *matrix,
            full_range: range & 0x80 != 0,
        }),
        _ => None,
    }
}

/// RGB being put together.
struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    coding: Coding,
}

impl Canvas {
    /// Keeps the part that a clean aperture names: sizes and the distance between centres, as fractions.
    fn crop(&mut self, aperture: &[u8]) -> Option<()> {
        let number = |n: usize| Some(i32::from_be_bytes(aperture.get(n * 4..n * 4 + 4)?.try_into().ok()?));
        let ratio = |n| Some(f64::from(number(n)?) / f64::from(number(n + 1).filter(|below| *below != 0)?));
        let (wide, high, across, down) = (ratio(0)?, ratio(2)?, ratio(4)?, ratio(6)?);
        let start = |whole: usize, part: f64, offset: f64| ((whole as f64 - part) / 2.0 + offset).round();
        let (left, top) = (start(self.width, wide, across), start(self.height, high, down));
        let inside = wide >= 1.0
            && high >= 1.0
            && left >= 0.0
            && top >= 0.0
            && left + wide <= self.width as f64 + 0.5
            && top + high <= self.height as f64 + 0.5;
        inside.then_some(())?;
        let (left, top) = (left as usize, top as usize);
        let (wide, high) = ((wide as usize).min(self.width - left), (high as usize).min(self.height - top));
        let mut rgb = Vec::with_capacity(wide * high * 3);
        for y in top..top + high {
            let at = (y * self.width + left) * 3;
            rgb.extend_from_slice(self.rgb.get(at..at + wide * 3)?);
        }
        (self.width, self.height, self.rgb) = (wide, high, rgb);
        Some(())
    }

    fn place(&mut self, tile: &Self, left: usize, top: usize) {
        let wide = tile.width.min(self.width.saturating_sub(left));
        for y in 0..tile.height.min(self.height.saturating_sub(top)) {
            let (to, from) = (((top + y) * self.width + left) * 3, y * tile.width * 3);
            if let (Some(to), Some(from)) =
                (self.rgb.get_mut(to..to + wide * 3), tile.rgb.get(from..from + wide * 3))
            {
                to.copy_from_slice(from);
            }
        }
    }
}

fn one(coded: &[u8], coding: Option<Coding>) -> Result<Canvas, DecodeError> {
    let frame = av1(coded)?;
    let coding = coding.unwrap_or_else(|| planes::coding_of(&frame));
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    budget::pixels(width as u64, height as u64, BYTES_PER_PIXEL)?;
    let rgb = planes::to_rgb(&frame, coding)?;
    Ok(Canvas { width, height, rgb, coding })
}

/// Tiles side by side, row after row; the last of each may stand out and are cut.
fn grid(
    pictures: &mut Pictures,
    input: &mut Input<'_>,
    id: u32,
    coding: Option<Coding>,
) -> Result<Canvas, DecodeError> {
    let damaged = || DecodeError::Damaged("its grid of tiles does not add up".to_owned());
    let layout = pictures.bytes(input, id).ok_or_else(damaged)?;
    let mut layout = layout.as_slice();
    let [_version, flags, rows, columns] = layout.array::<4>(0).ok_or_else(damaged)?;
    let (width, height) = if flags & 1 == 0 {
        (layout.be16(4).map(u32::from), layout.be16(6).map(u32::from))
    } else {
        (layout.be32(4), layout.be32(8))
    };
    let (width, height) = width.zip(height).ok_or_else(damaged)?;
    let (rows, columns) = (usize::from(rows) + 1, usize::from(columns) + 1);
    let tiles = pictures.references(input, b"dimg", id);
    if tiles.len() != rows * columns || tiles.len() > MOST_TILES {
        return Err(damaged());
    }
    let count = budget::pixels(u64::from(width), u64::from(height), BYTES_PER_PIXEL)?;
    let mut canvas: Option<Canvas> = None;
    let (width, height) = (width as usize, height as usize);
    for (n, tile) in tiles.into_iter().enumerate() {
        let tile = one(&pictures.bytes(input, tile).ok_or_else(damaged)?, coding)?;
        let whole = canvas.get_or_insert_with(|| Canvas {
            width,
            height,
            rgb: vec![0; count * 3],
            coding: tile.coding,
        });
        whole.place(&tile, n % columns * tile.width, n / columns * tile.height);
    }
    canvas.ok_or_else(damaged)
}

/// Lays what is transparent over white. Anything odd about the opacity leaves the picture as it is.
fn opacity(pictures: &mut Pictures, input: &mut Input<'_>, id: u32, canvas: &mut Canvas) -> Option<()> {
    let is_alpha = |body: &[u8]| {
        body.get(4..).is_some_and(|name| name.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"))
    };
    let auxiliary = pictures.referring(input, b"auxl", id).into_iter().find(|auxiliary| {
        let properties = pictures.properties(input, *auxiliary);
        properties.iter().any(|(kind, body)| kind == b"auxC" && is_alpha(body))
    })?;
    (pictures.kind(auxiliary)? == *b"av01").then_some(())?;
    let frame = av1(&pictures.bytes(input, auxiliary)?).ok()?;
    let size = (frame.width() as usize, frame.height() as usize);
    (size == (canvas.width, canvas.height)).then_some(())?;
    let alpha = planes::luma(&frame);
    for (pixel, alpha) in canvas.rgb.as_chunks_mut::<3>().0.iter_mut().zip(alpha) {
        *pixel = pixel.map(|value| over_white(value, alpha));
    }
    Some(())
}

/// The first frame of a bitstream.
fn av1(coded: &[u8]) -> Result<Frame, DecodeError> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    // Refused by the decoder before it allocates.
    settings.set_frame_size_limit(u32::try_from(budget::MOST_PIXELS).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(DecodeError::damaged)?;
    let mut sent = decoder.send_data(coded.to_vec(), None, None, None);
    loop {
        match decoder.get_picture() {
            Ok(frame) => return Ok(frame),
            Err(error) if error.is_again() => {}
            Err(error) => return Err(DecodeError::damaged(error)),
        }
        match sent {
            Ok(()) => return Err(DecodeError::Damaged("its bitstream holds no picture".to_owned())),
            Err(error) if error.is_again() => sent = decoder.send_pending_data(),
            Err(error) => return Err(DecodeError::damaged(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas(width: usize, height: usize) -> Canvas {
        let coding = Coding { primaries: 1, transfer: 13, matrix: 6, full_range: true };
        let rgb = (0..width * height).flat_map(|n| [n as u8; 3]).collect();
        Canvas { width, height, rgb, coding }
    }

    fn aperture(numbers: [i32; 8]) -> Vec<u8> {
        numbers.into_iter().flat_map(i32::to_be_bytes).collect()
    }

    #[test]
    fn a_clean_aperture_keeps_its_part() {
        let mut whole = canvas(4, 4);
        // Two by two pixels, one to the right of the middle and one up.
        whole.crop(&aperture([2, 1, 2, 1, 1, 1, -1, 1]));
        assert_eq!((whole.width, whole.height), (2, 2));
        let values: Vec<u8> = whole.rgb.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(values, [2, 3, 6, 7]);
        for lie in [[9, 1, 2, 1, 0, 1, 0, 1], [2, 0, 2, 1, 0, 1, 0, 1], [2, 1, 2, 1, 5, 1, 0, 1]] {
            let mut whole = canvas(4, 4);
            whole.crop(&aperture(lie));
            assert_eq!((whole.width, whole.height), (4, 4));
        }
    }

    #[test]
    fn tiles_that_stand_out_are_cut() {
        let mut whole = canvas(3, 3);
        whole.place(&canvas(2, 2), 2, 2);
        assert_eq!(whole.rgb[8 * 3], 0);
        whole.place(&canvas(2, 2), 9, 9);
    }
}
