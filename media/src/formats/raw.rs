//! Raw formats: TIFF files with a maker's extension, and the few that are something else.

use library::metadata::Orientation;

use crate::block::{Block, BlockExt, Input, LARGEST_BLOCK, Part, find};
use crate::exif;
use crate::formats::{Found, phase_one};
use crate::moment::since_1970;

/// TIFF and everything built like it.
pub(super) fn tiff(input: &mut Input<'_>, found: &mut Found) {
    let Some(parts) = exif::read(input) else {
        found.warn("the TIFF header is damaged");
        return;
    };
    found.size = parts.picture_size;
    found.take_parts(parts);
    phase_one::size(input, found);
}

/// Reads the EXIF block of a JPEG preview that begins somewhere in the file.
pub(super) fn preview_exif(input: &mut Input<'_>, start: u64, found: &mut Found) {
    let head = input.up_to(start, 64 << 10);
    if !head.starts_with(&[0xFF, 0xD8]) {
        return;
    }
    let Some(at) = find(&head, b"Exif\0\0") else { return };
    let mut block = Part::new(input, start + at as u64 + 6, LARGEST_BLOCK as u64);
    if let Some(parts) = exif::read(&mut block) {
        found.take_parts(parts);
    }
    if let Some(at) = find(&head, b"http://ns.adobe.com/xap/1.0/\0")
        && let Some(end) = find(&head, b"<?xpacket end")
        && let Some(packet) = head.get(at + 29..end)
    {
        found.take_xmp(packet);
    }
}

/// Fujifilm: a JPEG preview with the EXIF block, and a directory with the size.
pub(super) fn raf(input: &mut Input<'_>, found: &mut Found) {
    const CROPPED: u16 = 0x0111;
    const FULL: u16 = 0x0100;
    if let Some(preview) = input.be32(84) {
        preview_exif(input, u64::from(preview), found);
    }
    let Some(directory) = input.be32(92).map(u64::from) else { return };
    let count = input.be32(directory).unwrap_or(0).min(1000);
    let mut at = directory + 4;
    for _ in 0..count {
        let (Some(tag), Some(size)) = (input.be16(at), input.be16(at + 2)) else { break };
        if (tag == CROPPED || (tag == FULL && found.size.is_none()))
            && let (Some(height), Some(width)) = (input.be16(at + 4), input.be16(at + 6))
        {
            found.set_size(u32::from(width), u32::from(height));
        }
        at += 4 + u64::from(size);
    }
}

/// Minolta: blocks; one holds the size, one a TIFF structure.
pub(super) fn mrw(input: &mut Input<'_>, found: &mut Found) {
    let end = input.be32(4).map_or(0, |size| u64::from(size) + 8);
    let mut at = 8;
    while at + 8 <= end {
        let (Some(kind), Some(size)) = (input.array::<4>(at), input.be32(at + 4)) else { break };
        match &kind {
            b"\0PRD" => {
                if let (Some(height), Some(width)) = (input.be16(at + 20), input.be16(at + 22)) {
                    found.set_size(u32::from(width), u32::from(height));
                }
            }
            b"\0TTW" => {
                if let Some(parts) = exif::read(&mut Part::new(input, at + 8, u64::from(size))) {
                    found.take_parts(parts);
                }
            }
            _ => {}
        }
        at += 8 + u64::from(size);
    }
}

/// The orientation that is a turn clockwise by so many degrees.
pub(super) fn turned_by(degrees: u32) -> Option<Orientation> {
    Orientation::from_exif(match degrees {
        90 => 6,
        180 => 3,
        270 => 8,
        _ => 1,
    })
}

/// ARRI: the size in the header.
pub(super) fn ari(input: &mut Input<'_>, found: &mut Found) {
    if let (Some(width), Some(height)) = (input.le32(16), input.le32(20)) {
        found.set_size(width, height);
    }
}

/// Phantom: when the shutter was triggered, and a bitmap header.
pub(super) fn cin(input: &mut Input<'_>, found: &mut Found) {
    if let Some(header) = input.le32(24).map(u64::from)
        && let (Some(width), Some(height)) = (input.le32(header + 4), input.le32(header + 8))
    {
        found.set_size(width, (height as i32).unsigned_abs());
    }
    found.container.utc = input.le32(40).and_then(|seconds| since_1970(i64::from(seconds)));
}
