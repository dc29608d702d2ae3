//! The pictures that cameras embed in raw files: JPEGs, of which one is often as large as the raw picture itself.
//!
//! What makes it hard:
//!
//! 1. Every maker puts them elsewhere: in directories and sub-directories of TIFF, in a header of Fujifilm's, in boxes
//!    of Canon's, in maker notes with offsets of their own. The common places are looked up; where they hold nothing
//!    large enough, the file is searched for what begins like a JPEG.
//! 2. Raw pictures are JPEGs too, lossless ones that no viewer shows. What counts is the frame header: baseline or
//!    progressive, 8 bits, with one or three channels.
//! 3. Positions and lengths lie as in any file. Nothing is loaded before its header was read, and no more than a limit.

use library::Format;

use super::{DecodeError, Stored, jpeg};
use crate::block::{Block as _, BlockExt as _, Input, LARGEST_BLOCK};
use crate::formats::{boxes, first};
use crate::tiff::{Directory, Tiff};

/// Candidates looked at in one file.
const MOST_CANDIDATES: usize = 1000;

/// Segments before the frame header of a JPEG: an XMP packet and a profile take dozens, not hundreds.
const MOST_SEGMENTS: usize = 400;

/// Canon's id of the box with the preview of a CR3 file.
const CR3_PREVIEW: [u8; 16] =
    [0xEA, 0xF4, 0x2B, 0x5E, 0x1C, 0x98, 0x4B, 0x88, 0xB9, 0xFB, 0xB7, 0xDC, 0x40, 0x6E, 0x4D, 0x16];

/// An embedded JPEG.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Preview {
    at: u64,
    len: u64,
    width: u16,
    height: u16,
}

impl Preview {
    /// Pixels from one long side to the other.
    pub(super) fn short_side(&self) -> u32 {
        u32::from(self.width.min(self.height))
    }

    fn pixels(&self) -> u32 {
        u32::from(self.width) * u32::from(self.height)
    }

    /// Decodes it.
    pub(super) fn decode(&self, input: &mut Input<'_>, least: Option<u32>) -> Result<Stored, DecodeError> {
        let bytes = input.up_to(self.at, self.len.min(LARGEST_BLOCK as u64));
        jpeg::decode(&bytes, least)
    }
}

/// The smallest embedded JPEG with a short side of at least `least` pixels, else the largest there is.
pub(crate) fn find(format: Format, input: &mut Input<'_>, least: Option<u32>) -> Option<Preview> {
    let mut found = declared(format, input);
    let enough = |preview: &Preview| least.is_some_and(|least| preview.short_side() >= least);
    if !found.iter().any(enough) {
        found.extend(searched(input));
    }
    let fitting = found.iter().filter(|preview| enough(preview)).min_by_key(|preview| preview.pixels());
    fitting.or_else(|| found.iter().max_by_key(|preview| preview.pixels())).copied()
}

/// The largest JPEG anywhere in the file.
pub(super) fn largest_jpeg(input: &mut Input<'_>) -> Option<Preview> {
    searched(input).into_iter().max_by_key(Preview::pixels)
}

/// Where the format says they are.
fn declared(format: Format, input: &mut Input<'_>) -> Vec<Preview> {
    let places = match format {
        Format::Raf => input
            .be32(84)
            .zip(input.be32(88))
            .map(|(at, len)| (u64::from(at), u64::from(len)))
            .into_iter()
            .collect(),
        Format::Cr3 => in_boxes(input),
        Format::Crw | Format::X3f | Format::Ari | Format::Cin | Format::Mrw => Vec::new(),
        _ => in_directories(input),
    };
    places.into_iter().filter_map(|(at, len)| jpeg_at(input, at, len)).collect()
}

/// CR3: a box of its own, behind 24 bytes of Canon's.
fn in_boxes(input: &mut Input<'_>) -> Vec<(u64, u64)> {
    let top = boxes(input, 0, u64::MAX);
    let mut places = Vec::new();
    for part in top.iter().filter(|part| &part.kind == b"uuid") {
        if input.array::<16>(part.body) == Some(CR3_PREVIEW)
            && let Some(preview) = first(&boxes(input, part.body + 24, part.end), b"PRVW")
        {
            places.push((preview.body + 16, preview.end.saturating_sub(preview.body + 16)));
        }
    }
    places
}

/// TIFF: pointed to by two tags of JPEG's own, by Panasonic's tag, or as the only strip of a picture coded as JPEG.
fn in_directories(input: &mut Input<'_>) -> Vec<(u64, u64)> {
    const STRIPS: (u16, u16) = (0x0111, 0x0117);
    const JPEG: (u16, u16) = (0x0201, 0x0202);
    const COMPRESSION: u16 = 0x0103;
    const SUB_DIRECTORIES: u16 = 0x014A;
    const PANASONIC: u16 = 0x002E;
    let mut places = Vec::new();
    let Some((mut tiff, start)) = Tiff::open(input) else { return places };
    let mut waiting = vec![start];
    while let Some(at) = waiting.pop() {
        let Some(directory) = tiff.directory(at) else { continue };
        let pair = |tiff: &mut Tiff<'_>, directory: &Directory, (at, len): (u16, u16)| {
            let (at, len) = (directory.get(at)?, directory.get(len)?);
            if at.count != 1 {
                return None;
            }
            Some((tiff.integer(at)?, tiff.integer(len)?))
        };
        places.extend(pair(&mut tiff, &directory, JPEG));
        let compression = directory.get(COMPRESSION).and_then(|entry| tiff.integer(entry));
        if matches!(compression, Some(6 | 7)) {
            places.extend(pair(&mut tiff, &directory, STRIPS));
        }
        places.extend(directory.get(PANASONIC).map(|entry| (entry.at, entry.count)));
        if let Some(entry) = directory.get(SUB_DIRECTORIES) {
            waiting.extend(tiff.pointers(entry, 20));
        }
        waiting.extend(directory.next);
        if places.len() > MOST_CANDIDATES || waiting.len() > MOST_CANDIDATES {
            break;
        }
    }
    places
}

/// Everything in the file that begins like a JPEG and goes on like one.
fn searched(input: &mut Input<'_>) -> Vec<Preview> {
    const BEGINNING: [u8; 3] = [0xFF, 0xD8, 0xFF];
    let end = input.len();
    let mut starts = Vec::new();
    let mut before: Vec<u8> = Vec::new();
    let mut at = 0u64;
    input.stream(0, end, |piece| {
        if starts.len() >= MOST_CANDIDATES {
            return;
        }
        // One may begin in the last bytes of the piece before.
        let seam: Vec<u8> = before.iter().chain(piece.iter().take(2)).copied().collect();
        let seam_at = at - before.len() as u64;
        starts.extend(memchr::memmem::find_iter(&seam, &BEGINNING).map(|found| seam_at + found as u64));
        starts.extend(memchr::memmem::find_iter(piece, &BEGINNING).map(|found| at + found as u64));
        before = piece.get(piece.len().saturating_sub(2)..).unwrap_or_default().to_vec();
        at += piece.len() as u64;
    });
    starts.truncate(MOST_CANDIDATES);
    starts.into_iter().filter_map(|at| jpeg_at(input, at, end - at)).collect()
}

/// The JPEG at this position, if there is one that can be shown.
fn jpeg_at(input: &mut Input<'_>, at: u64, len: u64) -> Option<Preview> {
    let len = len.min(input.len().checked_sub(at)?);
    (input.array::<2>(at)? == [0xFF, 0xD8]).then_some(())?;
    let mut here = at.checked_add(2)?;
    for _ in 0..MOST_SEGMENTS {
        let [mark, marker] = input.array::<2>(here)?;
        (mark == 0xFF).then_some(())?;
        match marker {
            // Padding.
            0xFF => here += 1,
            0xC0..=0xC2 => {
                let [_, _, precision, height @ .., _, _, channels] = input.array::<8>(here + 2)?;
                let [high, low, ..] = height;
                let height = u16::from_be_bytes([high, low]);
                let width = input.be16(here + 7)?;
                let shown = precision == 8 && matches!(channels, 1 | 3) && width > 0 && height > 0;
                return shown.then_some(Preview { at, len, width, height });
            }
            // Lossless and hierarchical frames; scans and ends without a frame.
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xD8..=0xDA => return None,
            0xC4 | 0xCC | 0xDB..=0xFE => {
                here = here.checked_add(2 + u64::from(input.be16(here + 2)?.max(2)))?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A JPEG as far as it is looked at.
    fn jpeg(marker: u8, width: u16, height: u16) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, marker, 0, 17, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xFF, 0xD9]);
        bytes
    }

    fn sizes(format: Format, file: &[u8], least: Option<u32>) -> Option<(u16, u16)> {
        let mut cursor = Cursor::new(file);
        find(format, &mut Input::new(&mut cursor).unwrap(), least).map(|found| (found.width, found.height))
    }

    #[test]
    fn the_search_finds_what_no_table_names_and_leaves_out_lossless_ones() {
        let mut file = vec![0; 200_000];
        // Across the seam of two pieces, and small inside large.
        file.splice(131_070..131_070, jpeg(0xC0, 1600, 1200));
        file.extend(jpeg(0xC3, 6000, 4000));
        file.extend(jpeg(0xC2, 160, 120));
        assert_eq!(sizes(Format::X3f, &file, None), Some((1600, 1200)));
        assert_eq!(sizes(Format::X3f, &file, Some(100)), Some((160, 120)));
        assert_eq!(sizes(Format::X3f, &file, Some(2000)), Some((1600, 1200)));
        assert_eq!(sizes(Format::X3f, &file[..100_000], None), None);
    }

    #[test]
    fn directories_name_previews() {
        let thumbnail = jpeg(0xC0, 160, 120);
        let large = jpeg(0xC0, 3000, 2000);
        let entry = |tag: u16, value: u32| {
            [&tag.to_le_bytes()[..], &4u16.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat()
        };
        let (first, second, pictures) = (8u32, 8 + 2 + 3 * 12 + 4, 8 + 2 + 3 * 12 + 4 + 2 + 3 * 12 + 4);
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        file.extend(3u16.to_le_bytes());
        file.extend(entry(0x014A, second));
        file.extend(entry(0x0201, pictures));
        file.extend(entry(0x0202, thumbnail.len() as u32));
        // A directory that names itself as its successor.
        file.extend(first.to_le_bytes());
        file.extend(3u16.to_le_bytes());
        file.extend(entry(0x0103, 7));
        file.extend(entry(0x0111, pictures + thumbnail.len() as u32));
        file.extend(entry(0x0117, large.len() as u32));
        file.extend([0; 4]);
        file.extend(&thumbnail);
        file.extend(&large);
        assert_eq!(sizes(Format::Nef, &file, Some(1440)), Some((3000, 2000)));
        assert_eq!(sizes(Format::Nef, &file, Some(100)), Some((160, 120)));
        for len in 0..file.len() {
            sizes(Format::Nef, &file[..len], Some(1440));
        }
    }

    #[test]
    fn fujifilms_and_canons_places() {
        let picture = jpeg(0xC0, 1920, 1280);
        let mut raf = b"FUJIFILMCCD-RAW ".to_vec();
        raf.resize(84, 0);
        raf.extend(100u32.to_be_bytes());
        raf.extend((picture.len() as u32).to_be_bytes());
        raf.resize(100, 0);
        raf.extend(&picture);
        assert_eq!(sizes(Format::Raf, &raf, Some(1000)), Some((1920, 1280)));

        let boxed =
            |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
        let preview = boxed(b"PRVW", &[&[0; 16][..], &picture].concat());
        let cr3 = boxed(b"uuid", &[&CR3_PREVIEW[..], &[0; 8], &preview].concat());
        let mut cursor = Cursor::new(&cr3);
        let found = declared(Format::Cr3, &mut Input::new(&mut cursor).unwrap());
        assert_eq!(found.first().map(|found| (found.width, found.len)), Some((1920, picture.len() as u64)));
    }
}
