//! MPEG-1 and -2 program streams: a size in the sequence header, a clock in the packs. No dates.

use crate::block::{Block, Input, find};
use crate::formats::Found;
use crate::moment;

/// Where the first sequence header is expected.
const HEAD: u64 = 1 << 20;

/// Reads the first sequence header, and the first and last clock.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let head = input.up_to(0, HEAD);
    take_size(&head, found);
    let len = input.len();
    let tail = input.up_to(len.saturating_sub(256 << 10), 256 << 10);
    let clocks = |bytes: &[u8]| -> Vec<f64> {
        bytes.windows(10).filter(|window| window.starts_with(&[0, 0, 1, 0xBA])).filter_map(clock).collect()
    };
    if let (Some(start), Some(end)) = (clocks(&head).first(), clocks(&tail).last()) {
        found.duration = moment::duration(end - start);
    }
}

/// The size in the first sequence header among these bytes.
pub(super) fn take_size(bytes: &[u8], found: &mut Found) {
    let Some(at) = find(bytes, &[0, 0, 1, 0xB3]) else { return };
    if let Some([a, b, c]) = bytes.get(at + 4..at + 7) {
        let (a, b, c) = (u32::from(*a), u32::from(*b), u32::from(*c));
        found.set_size(a << 4 | b >> 4, (b & 15) << 8 | c);
    }
}

/// The pack's clock in seconds; its bits lie scattered, differently in MPEG-1 and -2.
fn clock(pack: &[u8]) -> Option<f64> {
    let bits = |at: usize| pack.get(at).copied().map(u64::from);
    let (b4, b5, b6, b7, b8) = (bits(4)?, bits(5)?, bits(6)?, bits(7)?, bits(8)?);
    let base = if b4 >> 6 == 1 {
        (b4 & 0x38) << 27 | (b4 & 3) << 28 | b5 << 20 | (b6 & 0xF8) << 12 | (b6 & 3) << 13 | b7 << 5 | b8 >> 3
    } else {
        (b4 & 0x0E) << 29 | b5 << 22 | (b6 & 0xFE) << 14 | b7 << 7 | b8 >> 1
    };
    Some(base as f64 / 90_000.0)
}
