//! JPEG 2000: boxes around a codestream, or the codestream bare.

use super::boxes::{at_path, boxes, first};
use super::movie::XMP_UUID;
use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;

/// How the ids of EXIF and IPTC boxes begin: letters, since their writers made them up so.
const EXIF_UUID: [u8; 16] = *b"JpgTiffExif->JP2";
const IPTC_UUID: [u8; 16] =
    [0x33, 0xC7, 0xA4, 0xD2, 0xB8, 0x1D, 0x47, 0x23, 0xA0, 0xBA, 0xF1, 0xA3, 0xE0, 0x97, 0xAD, 0x38];

/// Reads the boxes.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    if input.array::<2>(0) == Some([0xFF, 0x4F]) {
        codestream(input, 0, found);
        return;
    }
    let top = boxes(input, 0, u64::MAX);
    if let Some(header) = first(&top, b"jp2h").and_then(|jp2h| at_path(input, jp2h, &[b"ihdr"]))
        && let (Some(height), Some(width)) = (input.be32(header.body), input.be32(header.body + 4))
    {
        found.set_size(width, height);
    }
    for part in &top {
        match (&part.kind, input.array::<16>(part.body)) {
            (b"uuid", Some(id)) => {
                let Some(bytes) = input.bytes(part.body + 16, part.size().saturating_sub(16)) else {
                    continue;
                };
                match id {
                    XMP_UUID => found.take_xmp(&bytes),
                    EXIF_UUID => found.take_exif(&bytes),
                    IPTC_UUID => found.take_iptc(&bytes),
                    _ => {}
                }
            }
            (b"xml ", _) => {
                if let Some(bytes) = input.bytes(part.body, part.size()) {
                    found.take_xmp(&bytes);
                }
            }
            (b"jp2c", _) if found.size.is_none() => codestream(input, part.body, found),
            _ => {}
        }
    }
}

/// The first marker segment gives the grid and where the picture begins on it.
fn codestream(input: &mut Input<'_>, at: u64, found: &mut Found) {
    let side = |end: Option<u32>, start: Option<u32>| end?.checked_sub(start?);
    let width = side(input.be32(at + 8), input.be32(at + 16));
    let height = side(input.be32(at + 12), input.be32(at + 20));
    if let (Some(width), Some(height)) = (width, height) {
        found.set_size(width, height);
    }
}
