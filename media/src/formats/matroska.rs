//! Matroska and WebM: EBML elements.

use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::moment::{self, parse};
use crate::text;

/// Elements looked at in one file. Clusters are skipped, a few megabytes each.
const MOST_ELEMENTS: u32 = 50_000;

/// Nanoseconds are counted from the start of 2001.
const FROM_1970_TO_2001: i64 = 978_307_200;

#[derive(Clone, Copy)]
struct Element {
    id: u32,
    body: u64,
    end: u64,
}

/// Reads the segment's information, its first video track, and its tags.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let mut walk = Walk { left: MOST_ELEMENTS };
    let len = input.len();
    let mut clock = Clock::default();
    for top in walk.children(input, 0, len) {
        if top.id != 0x1853_8067 {
            continue;
        }
        for part in walk.children(input, top.body, top.end) {
            match part.id {
                0x1549_A966 => information(&mut walk, input, part, &mut clock, found),
                0x1654_AE6B => tracks(&mut walk, input, part, found),
                0x1254_C367 => tags(&mut walk, input, part, found),
                _ => {}
            }
        }
    }
    let scale = clock.scale.unwrap_or(1_000_000.0);
    found.duration = clock.length.and_then(|length| moment::duration(length * scale / 1e9));
}

#[derive(Default)]
struct Clock {
    scale: Option<f64>,
    length: Option<f64>,
}

struct Walk {
    left: u32,
}

impl Walk {
    fn children(&mut self, input: &mut Input<'_>, from: u64, to: u64) -> Vec<Element> {
        let to = to.min(input.len());
        let mut found = Vec::new();
        let mut at = from;
        while at < to && self.left > 0 {
            self.left -= 1;
            let Some(element) = element(input, at, to) else { break };
            at = element.end.max(at + 2);
            found.push(element);
        }
        found
    }
}

fn element(input: &mut Input<'_>, at: u64, to: u64) -> Option<Element> {
    let [first] = input.array::<1>(at)?;
    let id_len = first.leading_zeros() + 1;
    (id_len <= 4).then_some(())?;
    let id = input.bytes(at, u64::from(id_len))?.iter().fold(0u32, |all, byte| all << 8 | u32::from(*byte));
    let at = at + u64::from(id_len);
    let [first] = input.array::<1>(at)?;
    let size_len = first.leading_zeros() + 1;
    (size_len <= 8).then_some(())?;
    let raw =
        input.bytes(at, u64::from(size_len))?.iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    let value = raw & !(1u64 << (7 * size_len));
    let body = at + u64::from(size_len);
    // All ones: live recordings do not know their size. To the end, then.
    let unknown = value == (1u64 << (7 * size_len)) - 1;
    let end = if unknown { to } else { body.checked_add(value)?.min(to) };
    // The head of an element may itself stand across the end of what it lies in.
    (body <= end).then_some(Element { id, body, end })
}

fn integer(input: &mut Input<'_>, element: Element) -> Option<u64> {
    let size = element.end - element.body;
    (size <= 8).then_some(())?;
    Some(input.bytes(element.body, size)?.iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte)))
}

fn float(input: &mut Input<'_>, element: Element) -> Option<f64> {
    match element.end - element.body {
        4 => input.be32(element.body).map(|bits| f64::from(f32::from_bits(bits))),
        8 => input.be64(element.body).map(f64::from_bits),
        _ => None,
    }
}

fn words(input: &mut Input<'_>, element: Element) -> Option<String> {
    text::guess(&input.up_to(element.body, (element.end - element.body).min(64 << 10)))
}

fn information(walk: &mut Walk, input: &mut Input<'_>, part: Element, clock: &mut Clock, found: &mut Found) {
    for field in walk.children(input, part.body, part.end) {
        match field.id {
            0x002A_D7B1 => clock.scale = integer(input, field).map(|scale| scale as f64),
            0x4489 => clock.length = float(input, field),
            0x4461 => {
                let nanoseconds = integer(input, field).map(|raw| raw as i64);
                let seconds =
                    nanoseconds.and_then(|ns| (ns != 0).then_some(ns / 1_000_000_000 + FROM_1970_TO_2001));
                found.container.utc = seconds.and_then(moment::since_1970);
            }
            _ => {}
        }
    }
}

fn tracks(walk: &mut Walk, input: &mut Input<'_>, part: Element, found: &mut Found) {
    for track in walk.children(input, part.body, part.end) {
        for field in walk.children(input, track.body, track.end) {
            if field.id != 0xE0 || found.size.is_some() {
                continue;
            }
            let (mut width, mut height) = (None, None);
            for side in walk.children(input, field.body, field.end) {
                match side.id {
                    0xB0 => width = integer(input, side),
                    0xBA => height = integer(input, side),
                    _ => {}
                }
            }
            let side = |side: Option<u64>| side.and_then(|side| u32::try_from(side).ok()).unwrap_or(0);
            found.set_size(side(width), side(height));
        }
    }
}

fn tags(walk: &mut Walk, input: &mut Input<'_>, part: Element, found: &mut Found) {
    for tag in walk.children(input, part.body, part.end) {
        for simple in walk.children(input, tag.body, tag.end) {
            if simple.id != 0x67C8 {
                continue;
            }
            let (mut name, mut value) = (None, None);
            for field in walk.children(input, simple.body, simple.end) {
                match field.id {
                    0x45A3 => name = words(input, field),
                    0x4487 => value = words(input, field),
                    _ => {}
                }
            }
            if let (Some(name), Some(value)) = (name, value) {
                take(&name.to_ascii_uppercase(), &value, found);
            }
        }
    }
}

fn take(name: &str, value: &str, found: &mut Found) {
    let said = &mut found.container;
    let name = name.strip_prefix("COM.APPLE.QUICKTIME.").unwrap_or(name);
    match name {
        "DATE_RECORDED" | "DATE_DIGITIZED" | "CREATIONDATE" => {
            let moment = parse(value).moment().filter(|_| value.len() >= 16);
            said.original = said.original.or(moment);
        }
        "CREATION_TIME" => {
            if let Some(moment) = parse(value).moment() {
                said.utc = said.utc.or(Some(moment.local));
            }
        }
        "LOCATION" | "LOCATION.ISO6709" => super::movie::place(value, said),
        "DESCRIPTION" => said.description = said.description.take().or_else(|| text::clean(value)),
        "COMMENT" => said.comment = said.comment.take().or_else(|| text::clean(value)),
        "MAKE" => said.make = text::clean(value),
        "MODEL" => said.model = text::clean(value),
        "KEYWORDS" => said.flat_tags.extend(value.split(',').map(str::to_owned)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_description_wins_over_a_comment_before_it() {
        let element = |id: &[u8], body: &[u8]| [id, &[0x80 | body.len() as u8], body].concat();
        let tag = |name: &[u8], words: &[u8]| {
            element(b"\x67\xC8", &[element(b"\x45\xA3", name), element(b"\x44\x87", words)].concat())
        };
        let both = [tag(b"COMMENT", b"shaky"), tag(b"DESCRIPTION", b"The harbour")].concat();
        let tags = element(b"\x12\x54\xC3\x67", &element(b"\x73\x73", &both));
        let bytes = [element(b"\x1A\x45\xDF\xA3", b""), element(b"\x18\x53\x80\x67", &tags)].concat();
        let read = crate::read(&mut Cursor::new(bytes), "a.mkv", &[]).unwrap();
        assert_eq!(read.description.as_deref(), Some("The harbour"));
    }

    #[test]
    fn an_element_whose_head_crosses_the_end_of_its_parent_is_none() {
        // A segment of 9 bytes with an information of 4, whose only field has a head of 5: id, then a size of 2 bytes.
        let bytes = b"\x18\x53\x80\x67\x89\x15\x49\xA9\x66\x84\x2A\xD7\xB1\x40\x03\x0F\x42\x40";
        let mut found = Found::default();
        read(&mut Input::new(&mut Cursor::new(bytes)).unwrap(), &mut found);
        assert_eq!(found.duration, None);
    }
}
