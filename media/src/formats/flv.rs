//! Flash video: the script tag `onMetaData` with numbers and dates by name.

use crate::block::{Block, BlockExt, Input, find};
use crate::formats::Found;
use crate::moment;

/// Reads the numbers wherever they stand in the first tag.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let head = input.up_to(0, 64 << 10);
    let number = |name: &str| {
        let mut key = (name.len() as u16).to_be_bytes().to_vec();
        key.extend(name.as_bytes());
        key.push(0);
        let at = find(&head, &key)? + key.len();
        head.as_slice().be64(at as u64).map(f64::from_bits).filter(|number| number.is_finite())
    };
    let side = |name| number(name).filter(|side| (1.0..1e6).contains(side)).map_or(0, |side| side as u32);
    found.set_size(side("width"), side("height"));
    found.duration = number("duration").and_then(moment::duration);
    for name in [&b"creationdate\x02"[..], b"creationtime\x02"] {
        let Some(at) = find(&head, name).map(|at| (at + name.len()) as u64) else { continue };
        let mut block = head.as_slice();
        let text = block.be16(at).and_then(|len| block.bytes(at + 2, u64::from(len)));
        let parsed =
            text.and_then(|raw| crate::text::guess(&raw)).and_then(|text| moment::parse(&text).moment());
        found.container.original = found.container.original.or(parsed);
    }
}
