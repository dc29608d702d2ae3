//! JPEG XL: a bare codestream, or boxes around it. Metadata boxes may be compressed.

use std::io::Read as _;

use super::boxes::{Box, boxes};
use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::picture::PictureHash;
use library::metadata::Orientation;

/// The most all compressed boxes of a file together may unfold to: a few bytes can claim it all.
const LARGEST_UNFOLDED: u64 = 16 << 20;

/// Reads the header of the codestream and the boxes beside it.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let len = input.len();
    let mut hash = PictureHash::default();
    if input.array::<2>(0) == Some([0xFF, 0x0A]) {
        header(&input.up_to(0, 64), found);
        hash.add(input, 0, len);
        found.picture = hash.finish();
        return;
    }
    let mut first_bytes = Vec::new();
    let mut unfoldable = LARGEST_UNFOLDED;
    for part in boxes(input, 0, u64::MAX) {
        match &part.kind {
            b"jxlc" => {
                first_bytes = input.up_to(part.body, 64);
                hash.add(input, part.body, part.end);
            }
            b"jxlp" => {
                // Each piece is numbered; the first starts the codestream.
                if first_bytes.is_empty() {
                    first_bytes = input.up_to(part.body + 4, 64);
                }
                hash.add(input, part.body, part.end);
            }
            b"Exif" | b"xml " => metadata(input, part, found),
            b"brob" => unfold(input, part, &mut unfoldable, found),
            _ => {}
        }
    }
    header(&first_bytes, found);
    found.picture = hash.finish();
}

fn metadata(input: &mut Input<'_>, part: Box, found: &mut Found) {
    if let Some(bytes) = input.bytes(part.body, part.size()) {
        take(&part.kind, &bytes, found);
    }
}

fn take(kind: &[u8; 4], mut bytes: &[u8], found: &mut Found) {
    match kind {
        b"Exif" => {
            let skip = bytes.be32(0).map_or(0, |skip| skip as usize);
            found.take_exif(bytes.get(4usize.saturating_add(skip)..).unwrap_or_default());
        }
        b"xml " => found.take_xmp(bytes),
        _ => {}
    }
}

fn unfold(input: &mut Input<'_>, part: Box, left: &mut u64, found: &mut Found) {
    let Some(kind) = input.array::<4>(part.body) else { return };
    if !matches!(&kind, b"Exif" | b"xml ") {
        return;
    }
    let Some(bytes) = input.bytes(part.body + 4, part.size().saturating_sub(4)) else { return };
    let mut plain = Vec::new();
    let reader = brotli_decompressor::Decompressor::new(bytes.as_slice(), 4096);
    let read = reader.take(*left).read_to_end(&mut plain);
    *left = left.saturating_sub(plain.len() as u64);
    match read {
        Ok(_) => take(&kind, &plain, found),
        Err(_) => found.warn("a compressed metadata block is damaged"),
    }
}

/// The size header and the orientation, bit by bit.
fn header(bytes: &[u8], found: &mut Found) {
    let Some(rest) = bytes.strip_prefix(&[0xFF, 0x0A]) else { return };
    let mut bits = Bits { bytes: rest, at: 0 };
    let Some((width, height)) = size(&mut bits) else { return };
    found.set_size(width, height);
    found.turn = Some(orientation(&mut bits).unwrap_or_default());
}

fn size(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    let small = bits.take(1)? == 1;
    let side = |bits: &mut Bits<'_>| {
        if small {
            return Some((bits.take(5)? + 1) * 8);
        }
        let width = match bits.take(2)? {
            0 => 9,
            1 => 13,
            2 => 18,
            _ => 30,
        };
        Some(bits.take(width)? + 1)
    };
    let height = side(bits)?;
    let wide = |above: u64, below: u64| u32::try_from(u64::from(height) * above / below).ok();
    let width = match bits.take(3)? {
        0 => side(bits)?,
        1 => height,
        2 => wide(12, 10)?,
        3 => wide(4, 3)?,
        4 => wide(3, 2)?,
        5 => wide(16, 9)?,
        6 => wide(5, 4)?,
        _ => wide(2, 1)?,
    };
    Some((width, height))
}

/// Follows the size: all defaults, or extra fields of which the first is the orientation.
fn orientation(bits: &mut Bits<'_>) -> Option<Orientation> {
    if bits.take(1)? == 1 || bits.take(1)? == 0 {
        return Some(Orientation::UPRIGHT);
    }
    Orientation::from_exif(bits.take(3)? + 1)
}

/// Bits, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for n in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << n;
            self.at += 1;
        }
        Some(value)
    }
}
