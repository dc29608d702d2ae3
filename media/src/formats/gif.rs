//! GIF: the screen's size, frames with their delays, and XMP in an application block.

use crate::block::{Block, BlockExt, Input, find};
use crate::formats::Found;
use crate::moment;
use crate::picture::PictureHash;

/// Blocks of one file: two a frame.
const MOST_BLOCKS: usize = 20_000;

/// Pieces of 255 bytes in one block: a frame of 64 MB.
const MOST_PIECES: usize = 262_144;

/// Reads the blocks, and hashes the frames.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let (Some(width), Some(height), Some([flags])) = (input.le16(6), input.le16(8), input.array::<1>(10))
    else {
        return;
    };
    found.set_size(u32::from(width), u32::from(height));
    let mut hash = PictureHash::default();
    let mut hundredths = 0u64;
    let mut described = false;
    let mut at = 13 + table_size(flags);
    for _ in 0..MOST_BLOCKS {
        let start = at;
        match input.array::<2>(at) {
            Some([0x21, label]) => {
                if label == 0xF9 {
                    hundredths += input.le16(at + 4).map_or(0, u64::from);
                }
                // One packet: each further one is looked for in the whole rest of the file.
                if label == 0xFF && !described && input.array::<11>(at + 3) == Some(*b"XMP DataXMP") {
                    described = true;
                    // The packet is written plainly over the pieces, with a magic trailer that ends them for others.
                    let packet = input.up_to(at + 14, 8 << 20);
                    let end = find(&packet, b"<?xpacket end").or_else(|| find(&packet, &[1, 0xFF, 0xFE]));
                    found.take_xmp(packet.get(..end.unwrap_or(0)).unwrap_or_default());
                }
                let Some(end) = pieces(input, at + 2) else { break };
                at = end;
            }
            Some([0x2C, _]) => {
                let Some([flags]) = input.array::<1>(at + 9) else { break };
                let Some(end) = pieces(input, at + 11 + table_size(flags)) else { break };
                at = end;
                hash.add(input, start, end);
            }
            _ => break,
        }
    }
    found.duration = moment::duration(hundredths as f64 / 100.0);
    found.picture = hash.finish();
}

/// Bytes of a colour table.
fn table_size(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Skips counted pieces up to the empty one.
fn pieces(input: &mut Input<'_>, mut at: u64) -> Option<u64> {
    for _ in 0..MOST_PIECES {
        let [len] = input.array::<1>(at)?;
        at += 1 + u64::from(len);
        if len == 0 {
            return Some(at);
        }
    }
    None
}
