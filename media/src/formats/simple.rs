//! BMP and PSD: a header and little else.

use crate::block::{Block, BlockExt, Input, Part};
use crate::formats::Found;
use crate::picture::PictureHash;

/// BMP has a size and nothing more.
pub(super) fn bmp(input: &mut Input<'_>, found: &mut Found) {
    match input.le32(14) {
        // The oldest header has sides of 16 bits.
        Some(12) => {
            if let (Some(width), Some(height)) = (input.le16(18), input.le16(20)) {
                found.set_size(u32::from(width), u32::from(height));
            }
        }
        _ => {
            if let (Some(width), Some(height)) = (input.le32(18), input.le32(22)) {
                // A negative height means that the rows run downwards.
                found.set_size((width as i32).unsigned_abs(), (height as i32).unsigned_abs());
            }
        }
    }
    let start = input.le32(10).map_or(0, u64::from);
    let len = input.len();
    if start > 0 {
        let mut hash = PictureHash::default();
        hash.add(input, start, len);
        found.picture = hash.finish();
    }
}

/// Photoshop: the size, then the resources with EXIF, XMP and IPTC.
pub(super) fn psd(input: &mut Input<'_>, found: &mut Found) {
    if let (Some(height), Some(width)) = (input.be32(14), input.be32(18)) {
        found.set_size(width, height);
    }
    let Some(colours) = input.be32(26) else { return };
    let at = 30 + u64::from(colours);
    let Some(size) = input.be32(at) else { return };
    found.take_resources(&mut Part::new(input, at + 4, u64::from(size)));
}
