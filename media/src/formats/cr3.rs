//! Canon's CR3: boxes, with each EXIF directory in a box of its own.

use super::boxes::{boxes, first};
use super::movie;
use crate::block::{Block, BlockExt, Input};
use crate::exif;
use crate::formats::Found;

/// Canon's id of the box that holds the directories.
const CANON_UUID: [u8; 16] =
    [0x85, 0xC0, 0xB6, 0x87, 0x82, 0x0F, 0x11, 0xE0, 0x81, 0x11, 0xF4, 0xCE, 0x46, 0x2B, 0x6A, 0x48];

/// Reads the directories in Canon's box, and XMP.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let top = boxes(input, 0, u64::MAX);
    if let Some(moov) = first(&top, b"moov") {
        let inside = boxes(input, moov.body, moov.end);
        for part in inside.iter().filter(|part| &part.kind == b"uuid") {
            if input.array::<16>(part.body) != Some(CANON_UUID) {
                continue;
            }
            for directory in boxes(input, part.body + 16, part.end) {
                let Some(bytes) = input.bytes(directory.body, directory.size()) else { continue };
                let mut block = bytes.as_slice();
                match &directory.kind {
                    b"CMT1" => {
                        if let Some(exif) = exif::read(&mut block) {
                            // The directory carries the size of the picture itself.
                            found.size = found.size.or(exif.picture_size);
                            found.take_parts(exif);
                        }
                    }
                    b"CMT2" => {
                        exif::read_camera_directory(&mut block, &mut found.exif);
                    }
                    b"CMT4" => {
                        exif::read_gps_directory(&mut block, &mut found.exif);
                    }
                    _ => {}
                }
            }
        }
        if found.size.is_none() {
            movie::movie(input, moov, found);
        }
    }
    for part in top.iter().filter(|part| &part.kind == b"uuid") {
        if input.array::<16>(part.body) == Some(movie::XMP_UUID)
            && let Some(packet) = input.bytes(part.body + 16, part.size().saturating_sub(16))
        {
            found.take_xmp(&packet);
        }
    }
}
