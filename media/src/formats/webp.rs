//! WebP: RIFF chunks.

use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::moment;
use crate::picture::PictureHash;

/// Chunks of one file: a few, or one a frame.
const MOST_CHUNKS: usize = 50_000;

/// Reads the chunks, and hashes the picture data.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let mut hash = PictureHash::default();
    let mut milliseconds = 0u64;
    let mut at = 12;
    for _ in 0..MOST_CHUNKS {
        let (Some(kind), Some(size)) = (input.array::<4>(at), input.le32(at + 4)) else { break };
        let (body, size) = (at + 8, u64::from(size));
        match &kind {
            b"VP8X" => {
                if let Some([w0, w1, w2, h0, h1, h2]) = input.array::<6>(body + 4) {
                    let wide = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
                    found.set_size(wide(w0, w1, w2), wide(h0, h1, h2));
                }
            }
            b"VP8 " => {
                // A key frame's start code, then two numbers of 14 bits.
                if found.size.is_none()
                    && let Some([0x9D, 0x01, 0x2A, w0, w1, h0, h1]) = input.array::<7>(body + 3)
                {
                    let side = |a, b| u32::from(u16::from_le_bytes([a, b]) & 0x3FFF);
                    found.set_size(side(w0, w1), side(h0, h1));
                }
                hash.add(input, body, body + size);
            }
            b"VP8L" => {
                if found.size.is_none()
                    && let Some([0x2F, bits @ ..]) = input.array::<5>(body)
                {
                    let bits = u32::from_le_bytes(bits);
                    found.set_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
                }
                hash.add(input, body, body + size);
            }
            b"ALPH" => hash.add(input, body, body + size),
            b"ANMF" => {
                if let Some([a, b, c]) = input.array::<3>(body + 12) {
                    milliseconds += u64::from(u32::from_le_bytes([a, b, c, 0]));
                }
                hash.add(input, body, body + size);
            }
            b"EXIF" => {
                if let Some(bytes) = input.bytes(body, size) {
                    found.take_exif(&bytes);
                }
            }
            b"XMP " => {
                if let Some(bytes) = input.bytes(body, size) {
                    found.take_xmp(&bytes);
                }
            }
            _ => {}
        }
        at = body + size + (size & 1);
    }
    if at < input.len().min(12) || at > input.len() + 1 {
        found.warn("the WebP file ends early");
    }
    found.duration = moment::duration(milliseconds as f64 / 1000.0);
    found.picture = hash.finish();
}
