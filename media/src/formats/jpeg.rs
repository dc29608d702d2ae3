//! JPEG: a row of marked segments, then the coded picture, then whatever phones append.

use crate::block::{Block, BlockExt, Input, LARGEST_BLOCK, find};
use crate::formats::{Found, crw};
use crate::moment::{Moment, since_1970};
use crate::picture::PictureHash;
use crate::text;
use crate::xmp::guid_of_extension;

/// Segments before the picture; a profile or an extended packet takes some hundreds.
const MOST_SEGMENTS: usize = 5_000;

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// Reads the segments, and hashes the picture from its start-of-scan to its end.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let mut resources = Vec::new();
    let mut packets = Vec::new();
    let mut extension = Extension::default();
    let mut at = 2;
    let mut scan = None;
    for _ in 0..MOST_SEGMENTS {
        let Some([0xFF, marker]) = input.array::<2>(at) else {
            // Damaged files have loose bytes between segments: go on at the next marker.
            match next_marker(input, at) {
                Some(next) => {
                    at = next;
                    continue;
                }
                None => break,
            }
        };
        match marker {
            0xFF => {
                at += 1;
                continue;
            }
            0x01 | 0xD0..=0xD8 => {
                at += 2;
                continue;
            }
            0xDA => {
                scan = Some(at);
                break;
            }
            0xD9 => break,
            _ => {}
        }
        let Some(len @ 2..) = input.be16(at + 2) else { break };
        let (body, size) = (at + 4, u64::from(len) - 2);
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                if let Some([_, h1, h2, w1, w2]) = input.array::<5>(body) {
                    found.set_size(
                        u32::from(u16::from_be_bytes([w1, w2])),
                        u32::from(u16::from_be_bytes([h1, h2])),
                    );
                }
            }
            0xE0 => {
                let segment = input.up_to(body, size);
                if segment.get(6..14) == Some(b"HEAPJPGM") {
                    crw::in_jpeg(&mut segment.as_slice(), found);
                }
            }
            0xE1 => {
                let segment = input.up_to(body, size);
                if segment.starts_with(b"Exif") {
                    // A second block was put in front of the picture by whoever came last: it has the word.
                    let earlier = std::mem::take(&mut found.exif);
                    found.take_exif(&segment);
                    found.exif.fill_from(earlier);
                } else if let Some(rest) = segment.strip_prefix(XMP) {
                    packets.push(rest.to_vec());
                } else if let Some(rest) = segment.strip_prefix(EXTENSION) {
                    extension.add(rest);
                } else if let Some(start) = loose_packet(&segment) {
                    packets.push(start.to_vec());
                } else if segment.starts_with(b"QVCI\0") {
                    casio(&segment, found);
                }
            }
            0xED => {
                let segment = input.up_to(body, size);
                if let Some(rest) = segment.strip_prefix(PHOTOSHOP) {
                    // Large resources go on in the next segment.
                    resources.extend_from_slice(rest);
                }
            }
            0xEC => picture_info(&input.up_to(body, size), found),
            _ => {}
        }
        at = body + size;
    }
    // The last has the word: it was added by whoever came last.
    for packet in packets.iter().rev() {
        found.take_xmp(packet);
        if let Some(rest) = guid_of_extension(packet).and_then(|guid| extension.of(guid)) {
            found.take_xmp(&rest);
        }
    }
    if !resources.is_empty() {
        found.take_resources(&mut resources.as_slice());
    }
    match scan {
        Some(scan) => found.picture = hash_scan(input, scan),
        None => found.warn("the JPEG file has no picture in it"),
    }
}

/// An XMP packet behind a header that is not quite the standard's, as photo sites leave it.
fn loose_packet(segment: &[u8]) -> Option<&[u8]> {
    let head = segment.get(..segment.len().min(256))?;
    let start = [&b"<?xpacket"[..], b"<x:xmpmeta", b"<rdf:RDF"].iter().find_map(|mark| find(head, mark))?;
    segment.get(start..)
}

fn next_marker(input: &mut Input<'_>, at: u64) -> Option<u64> {
    let bytes = input.up_to(at, 64 << 10);
    let step = bytes.windows(2).skip(1).position(|pair| matches!(pair, [0xFF, 0xC0..=0xFE]))?;
    Some(at + 1 + step as u64)
}

/// Hashes up to the first end-of-image: what follows is no part of the picture.
fn hash_scan(input: &mut Input<'_>, scan: u64) -> Option<library::Checksum> {
    let end = input.len();
    let mut hash = PictureHash::default();
    let mut ended = false;
    let mut last = 0;
    input.stream(scan, end, |piece| {
        if ended {
            return;
        }
        let here = if last == 0xFF && piece.first() == Some(&0xD9) {
            Some(1)
        } else {
            end_of_image(piece).map(|at| at + 2)
        };
        ended = here.is_some();
        hash.update(piece.get(..here.unwrap_or(piece.len())).unwrap_or_default());
        last = piece.last().copied().unwrap_or(0);
    });
    // Without an end the picture is torn; its hash would equal that of no whole one.
    if ended { hash.finish() } else { None }
}

fn end_of_image(piece: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = piece.get(from..)?.iter().position(|byte| *byte == 0xFF) {
        if piece.get(from + at + 1) == Some(&0xD9) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Cameras older than EXIF write lines of `Name=value` into APP12; the date counts seconds since 1970.
fn picture_info(segment: &[u8], found: &mut Found) {
    let words = String::from_utf8_lossy(segment);
    let value = |name: &str| {
        let after = words.split(name).nth(1)?;
        Some(after.split(['\r', '\n', '\0']).next()?.trim().to_owned())
    };
    if let Some(seconds) = value("TimeDate=").and_then(|text| text.parse().ok())
        && let Some(local) = since_1970(seconds)
    {
        // The camera's clock knew no zones: these seconds are local.
        found.container.original = Some(Moment { local, offset: None, date_only: false });
    }
}

/// Casio's QV-7000SX has its date in a segment of its own: `1998.10.24.12.08.57`.
fn casio(segment: &[u8], found: &mut Found) {
    let words = segment.get(0x4D..0x61).and_then(text::guess);
    let said = &mut found.container;
    if let Some(date) = words.and_then(|words| said.moment("Casio's date", &words)) {
        said.original = Some(date);
    }
}

/// The pieces of an extended XMP packet.
#[derive(Default)]
struct Extension {
    pieces: Vec<([u8; 32], u32, Vec<u8>)>,
    size: usize,
}

impl Extension {
    fn add(&mut self, segment: &[u8]) {
        let Some((guid, rest)) = segment.split_first_chunk::<32>() else { return };
        let Some((_total, rest)) = rest.split_first_chunk::<4>() else { return };
        let Some((offset, data)) = rest.split_first_chunk::<4>() else { return };
        self.size += data.len();
        // Depth maps come this way too, by the dozen megabytes; names and faces do not.
        if self.size <= LARGEST_BLOCK / 4 {
            self.pieces.push((*guid, u32::from_be_bytes(*offset), data.to_vec()));
        }
    }

    /// The packet put together, once: a second that names it has nothing new to say.
    fn of(&mut self, guid: [u8; 32]) -> Option<Vec<u8>> {
        let mut pieces: Vec<_> = self.pieces.extract_if(.., |(piece, _, _)| *piece == guid).collect();
        pieces.sort_by_key(|(_, offset, _)| *offset);
        let mut whole = Vec::new();
        for (_, offset, data) in pieces {
            (offset as usize == whole.len()).then_some(())?;
            whole.extend(data);
        }
        (!whole.is_empty()).then_some(whole)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use library::Metadata;
    use library::metadata::{Rating, TagPath};

    use super::*;

    /// What is read from a picture with these segments.
    fn jpeg_of(segments: &[(u8, Vec<u8>)]) -> Metadata {
        let mut file = vec![0xFF, 0xD8];
        for (marker, body) in segments {
            file.extend([0xFF, *marker]);
            file.extend((body.len() as u16 + 2).to_be_bytes());
            file.extend(body);
        }
        file.extend([0xFF, 0xC0, 0, 11, 8, 0, 32, 0, 48, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0xD9]);
        crate::read(&mut Cursor::new(file), "a.jpg", &[]).unwrap()
    }

    #[test]
    fn a_casio_dates_its_pictures_in_a_segment_of_its_own() {
        let mut segment = b"QVCI\0".to_vec();
        segment.resize(0x4D, 0);
        segment.extend(b"1998.10.24.12.08.57\0\x06KX-778");
        let taken = jpeg_of(&[(0xE1, segment)]).taken.unwrap();
        assert_eq!(taken.local.to_string(), "1998-10-24T12:08:57");
    }

    #[test]
    fn of_two_exif_blocks_the_last_counts_and_the_first_fills_in() {
        // One tag each: text of three letters stands in the entry itself.
        let block = |tag: u16, words: &[u8; 4]| {
            let entry = [&tag.to_le_bytes()[..], &[2, 0, 4, 0, 0, 0], words].concat();
            (0xE1, [&b"Exif\0\0II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat())
        };
        let read = jpeg_of(&[block(0x010F, b"One\0"), block(0x0110, b"M-1\0"), block(0x010F, b"Two\0")]);
        assert_eq!(read.camera.make.as_deref(), Some("Two"));
        assert_eq!(read.camera.model.as_deref(), Some("M-1"));
    }

    #[test]
    fn of_two_packets_the_last_counts_and_the_first_fills_in() {
        let packet = |words: &str| (0xE1, [XMP, words.as_bytes()].concat());
        let read = jpeg_of(&[
            packet("<rdf:Description xmp:Rating='3' dc:description='Harbour'/>"),
            packet("<rdf:Description xmp:Rating='5'><dc:subject>boat</dc:subject></rdf:Description>"),
        ]);
        assert_eq!(read.rating.map(Rating::stars), Some(5));
        assert_eq!(read.description.as_deref(), Some("Harbour"));
        assert_eq!(read.tags.iter().map(TagPath::joined).collect::<Vec<_>>(), ["boat"]);
    }
}
