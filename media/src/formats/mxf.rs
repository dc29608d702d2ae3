//! MXF: sets of tagged values. The few we want have tags that no other value of that length has.

use jiff::civil::DateTime;

use crate::block::{Block, BlockExt, Input, find};
use crate::formats::Found;
use crate::moment;

/// Reads the first sets of the header.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let head = input.up_to(0, 512 << 10);
    let after = |key: &[u8; 4]| find(&head, key).map(|at| at as u64 + 4);
    let mut block = head.as_slice();
    let width = after(b"\x32\x03\0\x04").and_then(|at| block.be32(at));
    let height = after(b"\x32\x02\0\x04").and_then(|at| block.be32(at));
    if let (Some(width), Some(height)) = (width, height) {
        found.set_size(width, height);
    }
    // The package's creation: year, month, day, hour, minute, second, quarters of milliseconds.
    let date = after(b"\x44\x05\0\x08").and_then(|at| {
        let year = block.be16(at)?;
        let [month, day, hour, minute, second] = block.array::<5>(at + 2)?;
        (year >= 1970).then_some(())?;
        DateTime::new(year as i16, month as i8, day as i8, hour as i8, minute as i8, second as i8, 0).ok()
    });
    found.container.utc = date;
    let rate = after(b"\x4B\x01\0\x08").and_then(|at| Some((block.be32(at)?, block.be32(at + 4)?)));
    let length = after(b"\x02\x02\0\x08").and_then(|at| block.be64(at));
    if let (Some((above @ 1.., below @ 1..)), Some(length)) = (rate, length) {
        found.duration = moment::duration(length as f64 * f64::from(below) / f64::from(above));
    }
}
