//! Photoshop's files: the composite that is stored behind all layers, for those who know nothing of layers.

use super::colour::cmyk_to_srgb;
use super::{DecodeError, Stored, budget, jpeg};
use crate::block::{Block, BlockExt as _, Input};
use crate::iptc;

/// Channels used of a picture: four inks.
const MOST_CHANNELS: usize = 4;

/// What the header says.
struct Header {
    /// PSB, for large documents, has wider counts.
    large: bool,
    width: usize,
    height: usize,
    channels: usize,
    bytes_per_sample: usize,
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Grey,
    Indexed,
    Rgb,
    Cmyk,
}

impl Mode {
    fn channels(self) -> usize {
        match self {
            Self::Grey | Self::Indexed => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Decodes the composite; of a file saved without one, the thumbnail.
pub(crate) fn decode(input: &mut Input<'_>) -> Result<Stored, DecodeError> {
    let damaged = || DecodeError::Damaged("the file ends too early".to_owned());
    let header = header(input)?;
    let colours_at = 26;
    let resources_at = skip(input, colours_at).ok_or_else(damaged)?;
    let layers_at = skip(input, resources_at).ok_or_else(damaged)?;
    let resources_len = layers_at - resources_at - 4;
    let resources = iptc::resources(&mut crate::block::Part::new(input, resources_at + 4, resources_len));
    let place = |(at, len): (u64, u64)| (resources_at + 4 + at, len);
    let profile = resources.profile.map(place).and_then(|(at, len)| input.bytes(at, len));
    let thumbnail = resources.thumbnail.map(place);
    if resources.no_composite
        && let Some((at, len)) = thumbnail
    {
        // 28 bytes say how large it is, then comes a JPEG.
        let bytes = input.bytes(at + 28, len.saturating_sub(28)).ok_or_else(damaged)?;
        let stored = jpeg::decode(&bytes, None)?;
        return Ok(stored.with_full(header.width as u64, header.height as u64));
    }
    let data_at = if header.large {
        input.be64(layers_at).and_then(|len| layers_at.checked_add(8)?.checked_add(len))
    } else {
        skip(input, layers_at)
    };
    let data_at = data_at.ok_or_else(damaged)?;
    let planes = planes(input, &header, data_at)?;
    let palette = match header.mode {
        Mode::Indexed => Some(input.bytes(colours_at + 4, 768).ok_or_else(damaged)?),
        _ => None,
    };
    let rgb = interleave(&planes, &header, palette.as_deref(), profile.as_deref());
    let profile = profile.filter(|_| header.mode != Mode::Cmyk);
    Ok(Stored::new(header.width as u64, header.height as u64, rgb)?.with_profile(profile))
}

fn header(input: &mut Input<'_>) -> Result<Header, DecodeError> {
    let damaged = || DecodeError::Damaged("its header is cut off".to_owned());
    let large = input.be16(4).ok_or_else(damaged)? == 2;
    let channels = usize::from(input.be16(12).ok_or_else(damaged)?);
    let (height, width) = input.be32(14).zip(input.be32(18)).ok_or_else(damaged)?;
    let (depth, mode) = input.be16(22).zip(input.be16(24)).ok_or_else(damaged)?;
    let unsupported = |what: &str| DecodeError::Unsupported(format!("a Photoshop file {what}"));
    let bytes_per_sample = match depth {
        8 => 1,
        16 => 2,
        _ => return Err(unsupported(&format!("of {depth} bits"))),
    };
    let mode = match mode {
        // Duotone's composite is grey.
        1 | 8 => Mode::Grey,
        2 => Mode::Indexed,
        3 => Mode::Rgb,
        4 => Mode::Cmyk,
        9 => return Err(unsupported("in Lab colours")),
        _ => return Err(unsupported("of a rare colour mode")),
    };
    if channels < mode.channels() {
        return Err(DecodeError::Damaged("it has fewer channels than colours".to_owned()));
    }
    // The planes, one byte a sample, and RGB beside them.
    budget::pixels(u64::from(width), u64::from(height), mode.channels() as u64 + 3)?;
    Ok(Header { large, width: width as usize, height: height as usize, channels, bytes_per_sample, mode })
}

/// The position behind a section that begins with its length.
fn skip(input: &mut Input<'_>, at: u64) -> Option<u64> {
    let end = at.checked_add(4)?.checked_add(u64::from(input.be32(at)?))?;
    (end <= input.len()).then_some(end)
}

/// The channels that are colours, one after the other, one byte a sample.
fn planes(input: &mut Input<'_>, header: &Header, at: u64) -> Result<Vec<Vec<u8>>, DecodeError> {
    let damaged = || DecodeError::Damaged("its composite is cut off".to_owned());
    let row = header.width * header.bytes_per_sample;
    let wanted = header.mode.channels().min(MOST_CHANNELS);
    let packed = match input.be16(at).ok_or_else(damaged)? {
        0 => false,
        1 => true,
        other => {
            return Err(DecodeError::Unsupported(format!("a Photoshop composite of compression {other}")));
        }
    };
    let count_width = if header.large { 4 } else { 2 };
    let counts_at = at + 2;
    let rows = header.channels as u64 * header.height as u64;
    let mut data_at = if packed { counts_at + rows * count_width } else { counts_at };
    let mut planes = Vec::with_capacity(wanted);
    for channel in 0..wanted {
        // Not before its bytes are known to be there: a header of 26 bytes claims what it likes.
        let there = input.len().saturating_sub(data_at);
        let least = if packed { header.height as u64 * 2 } else { (row * header.height) as u64 };
        if there < least.min(header.height as u64) {
            return Err(damaged());
        }
        let mut plane = Vec::with_capacity(header.width * header.height);
        let mut line = Vec::with_capacity(row);
        for y in 0..header.height {
            line.clear();
            if packed {
                let index = (channel * header.height + y) as u64;
                let count_at = counts_at + index * count_width;
                let count =
                    if header.large { input.be32(count_at) } else { input.be16(count_at).map(u32::from) };
                let count = u64::from(count.ok_or_else(damaged)?);
                unpack(&input.bytes(data_at, count).ok_or_else(damaged)?, row, &mut line);
                data_at += count;
            } else {
                line = input.bytes(data_at, row as u64).ok_or_else(damaged)?;
                data_at += row as u64;
            }
            line.resize(row, 0);
            // Of 16 bits the upper 8.
            plane.extend(line.iter().step_by(header.bytes_per_sample));
        }
        planes.push(plane);
    }
    Ok(planes)
}

/// PackBits: a count, then so many bytes as they are, or one so many times.
fn unpack(mut packed: &[u8], most: usize, line: &mut Vec<u8>) {
    while let [count, rest @ ..] = packed
        && line.len() < most
    {
        packed = rest;
        match *count as i8 {
            -128 => {}
            count @ 0.. => {
                let (bytes, rest) = packed.split_at((count as usize + 1).min(packed.len()));
                line.extend_from_slice(bytes);
                packed = rest;
            }
            count => {
                let Some((byte, rest)) = packed.split_first() else { return };
                line.resize(line.len() + 1 + usize::from(count.unsigned_abs()), *byte);
                packed = rest;
            }
        }
    }
    line.truncate(most);
}

fn interleave(
    planes: &[Vec<u8>],
    header: &Header,
    palette: Option<&[u8]>,
    profile: Option<&[u8]>,
) -> Vec<u8> {
    match (header.mode, planes) {
        (Mode::Rgb, [red, green, blue, ..]) => {
            red.iter().zip(green).zip(blue).flat_map(|((red, green), blue)| [*red, *green, *blue]).collect()
        }
        (Mode::Cmyk, [cyan, magenta, yellow, black, ..]) => {
            let inks = cyan.iter().zip(magenta).zip(yellow).zip(black);
            // Stored as how much light is left.
            let cmyk: Vec<u8> =
                inks.flat_map(|(((c, m), y), k)| [255 - c, 255 - m, 255 - y, 255 - k]).collect();
            cmyk_to_srgb(&cmyk, profile)
        }
        (Mode::Indexed, [indices, ..]) => {
            let colour = |index: &u8, n: usize| {
                palette
                    .and_then(|palette| palette.get(n * 256 + usize::from(*index)))
                    .copied()
                    .unwrap_or_default()
            };
            indices.iter().flat_map(|index| [colour(index, 0), colour(index, 1), colour(index, 2)]).collect()
        }
        (_, [grey, ..]) => grey.iter().flat_map(|value| [*value; 3]).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn file(mode: u16, depth: u16, channels: u16, compression: u16, palette: &[u8], data: &[u8]) -> Vec<u8> {
        let mut file = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
        file.extend(channels.to_be_bytes());
        file.extend([0, 0, 0, 2, 0, 0, 0, 3]);
        file.extend(depth.to_be_bytes());
        file.extend(mode.to_be_bytes());
        file.extend((palette.len() as u32).to_be_bytes());
        file.extend(palette);
        // No resources, no layers.
        file.extend([0; 8]);
        file.extend(compression.to_be_bytes());
        file.extend(data);
        file
    }

    fn decoded(file: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut cursor = Cursor::new(file);
        decode(&mut Input::new(&mut cursor).unwrap()).map(|stored| stored.picture.into_rgb())
    }

    #[test]
    fn plain_packed_deep_and_indexed() {
        let red = [255, 0, 0, 1, 2, 3];
        let plain = file(3, 8, 3, 0, &[], &[red, [0; 6], [9; 6]].concat());
        let wanted: Vec<u8> = red.iter().flat_map(|red| [*red, 0, 9]).collect();
        assert_eq!(decoded(&plain).unwrap(), wanted);
        // Each line: three bytes as they are, or one three times.
        let counts = [4u16, 4, 2, 2, 2, 2].map(u16::to_be_bytes).concat();
        let lines = [&[2, 255, 0, 0, 2, 1, 2, 3][..], &[254, 0, 254, 0, 254, 9, 254, 9]].concat();
        let packed = file(3, 8, 3, 1, &[], &[counts, lines].concat());
        assert_eq!(decoded(&packed).unwrap(), wanted);
        let deep = file(1, 16, 1, 0, &[], &[7, 255, 8, 0, 9, 0, 1, 0, 2, 0, 3, 0]);
        assert_eq!(decoded(&deep).unwrap(), [7, 7, 7, 8, 8, 8, 9, 9, 9, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
        let palette: Vec<u8> = (0..768).map(|n| (n / 256 * 10 + n % 256) as u8).collect();
        let indexed = file(2, 8, 1, 0, &palette, &[0, 1, 2, 3, 4, 5]);
        assert_eq!(decoded(&indexed).unwrap()[3..6], [1, 11, 21]);
        let inks = file(4, 8, 4, 0, &[], &[[255; 6], [255; 6], [0; 6], [255; 6]].concat());
        assert_eq!(decoded(&inks).unwrap()[..3], [255, 255, 0]);
    }

    #[test]
    fn what_lies_is_refused() {
        let whole = file(3, 8, 3, 1, &[], &[0xFF; 40]);
        for len in 0..whole.len() {
            let _ = decoded(&whole[..len]);
        }
        let mut giant = file(3, 8, 3, 0, &[], &[]);
        giant[14..22].copy_from_slice(&[0, 0, 0x10, 0, 0, 0, 0x10, 0]);
        assert!(matches!(decoded(&giant), Err(DecodeError::Damaged(_))));
        giant[14..22].copy_from_slice(&[0xFF; 8]);
        assert!(matches!(decoded(&giant), Err(DecodeError::TooLarge { .. })));
    }
}
