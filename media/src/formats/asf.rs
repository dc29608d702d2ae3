//! Windows Media: objects named by GUIDs.

use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::moment;
use crate::text;

const FILE_PROPERTIES: [u8; 16] =
    [0xA1, 0xDC, 0xAB, 0x8C, 0x47, 0xA9, 0xCF, 0x11, 0x8E, 0xE4, 0x00, 0xC0, 0x0C, 0x20, 0x53, 0x65];
const STREAM_PROPERTIES: [u8; 16] =
    [0x91, 0x07, 0xDC, 0xB7, 0xB7, 0xA9, 0xCF, 0x11, 0x8E, 0xE6, 0x00, 0xC0, 0x0C, 0x20, 0x53, 0x65];
const CONTENT_DESCRIPTION: [u8; 16] =
    [0x33, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C];
const EXTENDED_DESCRIPTION: [u8; 16] =
    [0x40, 0xA4, 0xD0, 0xD2, 0x07, 0xE3, 0xD2, 0x11, 0x97, 0xF0, 0x00, 0xA0, 0xC9, 0x5E, 0xA8, 0x50];
const VIDEO: [u8; 16] =
    [0xC0, 0xEF, 0x19, 0xBC, 0x4D, 0x5B, 0xCF, 0x11, 0xA8, 0xFD, 0x00, 0x80, 0x5F, 0x5C, 0x44, 0x2B];

/// Windows counts tenths of microseconds from 1601.
const FROM_1601_TO_1970: i64 = 11_644_473_600;

/// Reads the objects of the header.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let end = input.le64(16).unwrap_or(0).min(input.len());
    let mut at = 30;
    for _ in 0..200 {
        let (Some(id), Some(size @ 24..)) = (input.array::<16>(at), input.le64(at + 16)) else { break };
        match id {
            FILE_PROPERTIES => {
                let created = input.le64(at + 48).and_then(|ticks| i64::try_from(ticks / 10_000_000).ok());
                found.container.utc =
                    created.and_then(|seconds| moment::since_1970(seconds - FROM_1601_TO_1970));
                if let (Some(ticks), Some(preroll)) = (input.le64(at + 64), input.le64(at + 80)) {
                    found.duration = moment::duration(ticks as f64 / 1e7 - preroll as f64 / 1e3);
                }
            }
            STREAM_PROPERTIES if input.array::<16>(at + 24) == Some(VIDEO) => {
                if let (Some(width), Some(height)) = (input.le32(at + 78), input.le32(at + 82)) {
                    found.set_size(width, height);
                }
            }
            CONTENT_DESCRIPTION => {
                let words = description(input, at + 24);
                found.container.description = words.or(found.container.description.take());
            }
            EXTENDED_DESCRIPTION => {
                let words = extended_description(input, at + 24, at.saturating_add(size));
                found.container.description = found.container.description.take().or(words);
            }
            _ => {}
        }
        let Some(next) = at.checked_add(size).filter(|next| *next < end) else { break };
        at = next;
    }
}

/// Five lengths, then title, author, copyright, description and rating.
fn description(input: &mut Input<'_>, at: u64) -> Option<String> {
    let len = |input: &mut Input<'_>, n: u64| input.le16(at + n * 2).map(u64::from);
    let before = len(input, 0)? + len(input, 1)? + len(input, 2)?;
    let size = len(input, 3)?;
    text::utf16(&input.bytes(at + 10 + before, size)?, false)
}

/// Pairs of a name and a value, each with its length; text is of type 0. For those to whom the five texts of the plain
/// object are too few.
fn extended_description(input: &mut Input<'_>, at: u64, end: u64) -> Option<String> {
    let count = input.le16(at)?;
    let mut at = at + 2;
    for _ in 0..count {
        let name_size = u64::from(input.le16(at)?);
        let name = text::utf16(&input.bytes(at + 2, name_size)?, false).unwrap_or_default();
        at += 2 + name_size;
        let (kind, size) = (input.le16(at)?, u64::from(input.le16(at + 2)?));
        let value = at + 4;
        at = value + size;
        (at <= end).then_some(())?;
        if kind == 0 && name.trim_start_matches("WM/").eq_ignore_ascii_case("description") {
            return text::utf16(&input.bytes(value, size)?, false);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn object(id: [u8; 16], body: &[u8]) -> Vec<u8> {
        [&id[..], &(body.len() as u64 + 24).to_le_bytes(), body].concat()
    }

    fn wide(words: &str) -> Vec<u8> {
        words.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    fn sized(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_le_bytes()[..], bytes].concat()
    }

    fn described(objects: &[Vec<u8>]) -> Option<String> {
        let objects = objects.concat();
        let head = [&[0; 16][..], &(objects.len() as u64 + 30).to_le_bytes(), &[0; 6]].concat();
        let mut found = Found::default();
        read(&mut Input::new(&mut Cursor::new([head, objects].concat())).unwrap(), &mut found);
        found.container.description
    }

    #[test]
    fn a_description_among_the_extended_texts_is_found() {
        let pair = |name: &str, value: &str| [sized(&wide(name)), vec![0, 0], sized(&wide(value))].concat();
        let pairs = [vec![2, 0], pair("WM/EncodedBy", "x"), pair("description", "The harbour")].concat();
        let extended = object(EXTENDED_DESCRIPTION, &pairs);
        assert_eq!(described(std::slice::from_ref(&extended)).as_deref(), Some("The harbour"));
        let plain = object(CONTENT_DESCRIPTION, &[&[0, 0, 0, 0, 0, 0, 6, 0, 0, 0], &wide("At")[..]].concat());
        assert_eq!(described(&[extended, plain]).as_deref(), Some("At"));
    }
}
