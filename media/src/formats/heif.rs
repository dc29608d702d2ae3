//! HEIF and AVIF: a picture is an item, its metadata are items, and properties say how large it is and how to turn it.

mod pictures;

use std::collections::BTreeMap;

use library::metadata::Orientation;

use super::boxes::{Box, boxes, first};
use crate::block::{Block, BlockExt, Input, LARGEST_BLOCK};
use crate::formats::{Found, movie};
use crate::picture::PictureHash;

pub(crate) use pictures::Pictures;

/// Items of one file. A 100-megapixel grid has some hundreds of tiles.
const MOST_ITEMS: u32 = 20_000;

/// Reads the items of the `meta` box; of a sequence without one, its track.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let top = boxes(input, 0, u64::MAX);
    if let Some(meta) = first(&top, b"meta") {
        let inside = boxes(input, meta.body + 4, meta.end);
        let items = Items::read(input, &inside);
        items.take_metadata(input, found);
        items.take_size(input, &inside, found);
        found.picture = items.hash(input);
    } else if let Some(moov) = first(&top, b"moov") {
        movie::movie(input, moov, found);
    } else {
        found.warn("the picture's index is missing");
    }
}

#[derive(Default)]
struct Item {
    kind: [u8; 4],
    mime_xmp: bool,
    extents: Vec<(u64, u64)>,
}

#[derive(Default)]
struct Items {
    primary: Option<u32>,
    by_id: BTreeMap<u32, Item>,
}

impl Items {
    fn read(input: &mut Input<'_>, inside: &[Box]) -> Self {
        let mut items = Self::default();
        if let Some(pitm) = first(inside, b"pitm") {
            items.primary = match input.array::<1>(pitm.body) {
                Some([0]) => input.be16(pitm.body + 4).map(u32::from),
                _ => input.be32(pitm.body + 4),
            };
        }
        if let Some(iinf) = first(inside, b"iinf") {
            items.infos(input, iinf);
        }
        let idat = first(inside, b"idat");
        if let Some(iloc) = first(inside, b"iloc") {
            items.locations(input, iloc, idat);
        }
        items
    }

    fn infos(&mut self, input: &mut Input<'_>, iinf: Box) {
        let skip = if input.array::<1>(iinf.body) == Some([0]) { 6 } else { 8 };
        for info in boxes(input, iinf.body + skip, iinf.end) {
            let Some([version, ..]) = input.array::<4>(info.body) else { continue };
            let (id, at) = match version {
                2 => (input.be16(info.body + 4).map(u32::from), info.body + 6),
                3 => (input.be32(info.body + 4), info.body + 8),
                _ => continue,
            };
            let (Some(id), Some(kind)) = (id, input.array::<4>(at + 2)) else { continue };
            // Behind the kind: the name, then for mime items the type, both ended by zero.
            let words = input.up_to(at + 6, info.end.saturating_sub(at + 6).min(256));
            let mime = words.split(|byte| *byte == 0).nth(1).unwrap_or_default();
            let mime_xmp = &kind == b"mime" && mime.starts_with(b"application/rdf+xml");
            self.by_id.insert(id, Item { kind, mime_xmp, extents: Vec::new() });
        }
    }

    fn locations(&mut self, input: &mut Input<'_>, iloc: Box, idat: Option<Box>) -> Option<()> {
        let [version, _, _, _, sizes, more] = input.array::<6>(iloc.body)?;
        let (offset_size, length_size) = (sizes >> 4, sizes & 15);
        let base_size = more >> 4;
        let index_size = if version == 0 { 0 } else { more & 15 };
        let mut cursor = Cursor { at: iloc.body + 6, end: iloc.end };
        let count = cursor.number(input, if version < 2 { 2 } else { 4 })?;
        let mut extents_left = MOST_ITEMS;
        for _ in 0..count.min(u64::from(MOST_ITEMS)) {
            let id = cursor.number(input, if version < 2 { 2 } else { 4 })? as u32;
            let method = if version == 0 { 0 } else { cursor.number(input, 2)? & 15 };
            let _reference = cursor.number(input, 2)?;
            let base = cursor.number(input, base_size)?;
            let extents = cursor.number(input, 2)?;
            for _ in 0..extents {
                extents_left = extents_left.checked_sub(1)?;
                let _index = cursor.number(input, index_size)?;
                let offset = cursor.number(input, offset_size)?;
                let length = cursor.number(input, length_size)?;
                let start = base.checked_add(offset)?;
                let start = match (method, idat) {
                    (0, _) => Some(start),
                    (1, Some(idat)) => idat.body.checked_add(start),
                    _ => None,
                };
                let start = start.filter(|start| *start <= input.len());
                if let (Some(start), Some(item)) = (start, self.by_id.get_mut(&id)) {
                    // A length of zero means to the end of what it lies in.
                    let length = if length == 0 { input.len().saturating_sub(start) } else { length };
                    item.extents.push((start, length));
                }
            }
        }
        Some(())
    }

    fn take_metadata(&self, input: &mut Input<'_>, found: &mut Found) {
        // As for the hash: many items may name the same bytes, and each block costs its parsing.
        let mut left = input.len().saturating_mul(2);
        for item in self.by_id.values() {
            if &item.kind == b"Exif" {
                let Some(bytes) = item.bytes(input, &mut left) else {
                    found.warn("the EXIF block lies outside the file");
                    continue;
                };
                // Four bytes say how far the TIFF header is behind them.
                let skip = bytes.as_slice().be32(0).map_or(4, |skip| 4 + skip as usize);
                match bytes.get(skip..).filter(|rest| rest.starts_with(b"II") || rest.starts_with(b"MM")) {
                    Some(rest) => found.take_exif(rest),
                    None => found.take_exif(bytes.get(4..).unwrap_or_default()),
                }
            } else if item.mime_xmp
                && let Some(bytes) = item.bytes(input, &mut left)
            {
                found.take_xmp(&bytes);
            }
        }
    }

    fn take_size(&self, input: &mut Input<'_>, inside: &[Box], found: &mut Found) {
        let Some(iprp) = first(inside, b"iprp") else { return };
        let groups = boxes(input, iprp.body, iprp.end);
        let Some(ipco) = first(&groups, b"ipco") else { return };
        let properties = boxes(input, ipco.body, ipco.end);
        let primary = self.primary.or_else(|| self.by_id.keys().next().copied());
        let mut turn = Orientation::UPRIGHT;
        let mut turned = false;
        for group in groups.iter().filter(|group| &group.kind == b"ipma") {
            for index in associations(input, *group, primary).unwrap_or_default() {
                let Some(property) = index.checked_sub(1).and_then(|index| properties.get(index)) else {
                    continue;
                };
                match &property.kind {
                    b"ispe" => {
                        if let (Some(width), Some(height)) =
                            (input.be32(property.body + 4), input.be32(property.body + 8))
                        {
                            found.set_size(width, height);
                        }
                    }
                    b"irot" => {
                        let quarters = input.array::<1>(property.body).map_or(0, |[angle]| angle & 3);
                        turn = then(turn, [1, 8, 3, 6], usize::from(quarters));
                        turned = true;
                    }
                    b"imir" => {
                        let axis = input.array::<1>(property.body).map_or(0, |[axis]| axis & 1);
                        turn = then(turn, [4, 2, 4, 2], usize::from(axis));
                        turned = true;
                    }
                    _ => {}
                }
            }
        }
        // The standard gives these properties the word over EXIF, and decoders obey: also where they are absent.
        found.turn = Some(turn);
        // An EXIF block without an orientation, or none at all, disagrees with nobody.
        if turned && found.exif.orientation.is_some_and(|exif| exif != turn) {
            found.warn("EXIF and the container disagree about which way is up; the container counts");
        }
    }

    fn hash(&self, input: &mut Input<'_>) -> Option<library::Checksum> {
        let mut hash = PictureHash::default();
        // Items may share bytes, but a table that names the whole file a thousand times is there to stall its reader.
        let mut left = input.len().saturating_mul(2);
        for item in self.by_id.values().filter(|item| !matches!(&item.kind, b"Exif" | b"mime" | b"uri ")) {
            for (start, length) in &item.extents {
                let end = start.saturating_add(*length).min(input.len());
                left = left.checked_sub(end.saturating_sub(*start))?;
                hash.add(input, *start, end);
            }
        }
        hash.finish()
    }
}

impl Item {
    fn bytes(&self, input: &mut Input<'_>, left: &mut u64) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        for (start, length) in &self.extents {
            *left = left.checked_sub(*length)?;
            whole.extend(input.bytes(*start, *length)?);
            (whole.len() <= LARGEST_BLOCK).then_some(())?;
        }
        (!whole.is_empty()).then_some(whole)
    }
}

/// The property numbers of an item, in order, counted from one.
fn associations(input: &mut Input<'_>, ipma: Box, wanted: Option<u32>) -> Option<Vec<usize>> {
    let [version, _, _, flags] = input.array::<4>(ipma.body)?;
    let mut cursor = Cursor { at: ipma.body + 4, end: ipma.end };
    let count = cursor.number(input, 4)?;
    let width = if flags & 1 == 1 { 2 } else { 1 };
    for _ in 0..count.min(u64::from(MOST_ITEMS)) {
        let id = cursor.number(input, if version == 0 { 2 } else { 4 })? as u32;
        let properties = cursor.number(input, 1)?;
        let mut indices = Vec::new();
        for _ in 0..properties {
            let index = cursor.number(input, width)?;
            indices.push((index & if width == 2 { 0x7FFF } else { 0x7F }) as usize);
        }
        if Some(id) == wanted {
            return Some(indices);
        }
    }
    None
}

/// One turn after another. Orientations are the symmetries of a rectangle; each maps a corner and says if it mirrors.
fn then(first: Orientation, table: [u32; 4], index: usize) -> Orientation {
    let next = table.get(index).copied().unwrap_or(1);
    compose(first.get(), next as u8)
}

/// The orientation that does `first`, then `second`.
pub(super) fn compose(first: u8, second: u8) -> Orientation {
    // Each as the matrix that takes stored to upright coordinates.
    const MATRICES: [[i8; 4]; 8] = [
        [1, 0, 0, 1],
        [-1, 0, 0, 1],
        [-1, 0, 0, -1],
        [1, 0, 0, -1],
        [0, 1, 1, 0],
        [0, -1, 1, 0],
        [0, -1, -1, 0],
        [0, 1, -1, 0],
    ];
    let matrix =
        |value: u8| MATRICES.get(usize::from(value.wrapping_sub(1))).copied().unwrap_or([1, 0, 0, 1]);
    let ([a, b, c, d], [e, f, g, h]) = (matrix(first), matrix(second));
    let both = [e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d];
    let value = MATRICES.iter().position(|matrix| *matrix == both).map_or(1, |at| at as u32 + 1);
    Orientation::from_exif(value).unwrap_or_default()
}

/// Numbers of varying width, one after another.
struct Cursor {
    at: u64,
    end: u64,
}

impl Cursor {
    fn number(&mut self, input: &mut Input<'_>, width: u8) -> Option<u64> {
        let at = self.at;
        self.at += u64::from(width);
        (self.at <= self.end).then_some(())?;
        match width {
            0 => Some(0),
            1 => input.array::<1>(at).map(|[byte]| u64::from(byte)),
            2 => input.be16(at).map(u64::from),
            4 => input.be32(at).map(u64::from),
            8 => input.be64(at),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    /// A picture of 48 by 32 that its container turns by a quarter, with no EXIF block.
    fn turned() -> Vec<u8> {
        let size = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 32]);
        let properties = boxed(b"ipco", &[size, boxed(b"irot", &[3])].concat());
        let of_item = boxed(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 1, 2]);
        let inside = [boxed(b"pitm", &[0, 0, 0, 0, 0, 1]), boxed(b"iprp", &[properties, of_item].concat())];
        boxed(b"meta", &[vec![0; 4], inside.concat()].concat())
    }

    fn read_with(exif: Option<u32>) -> Found {
        let mut found = Found::default();
        found.exif.orientation = exif.and_then(Orientation::from_exif);
        read(&mut Input::new(&mut std::io::Cursor::new(turned())).unwrap(), &mut found);
        found
    }

    #[test]
    fn only_an_orientation_that_is_there_can_disagree() {
        assert_eq!(read_with(None).turn, Orientation::from_exif(6));
        assert!(read_with(None).warnings.is_empty());
        assert!(read_with(Some(6)).warnings.is_empty());
        assert_eq!(read_with(Some(1)).warnings.len(), 1);
    }

    #[test]
    fn turns_compose() {
        assert_eq!(compose(6, 6).get(), 3);
        assert_eq!(compose(6, 8).get(), 1);
        assert_eq!(compose(2, 4).get(), 3);
        // A quarter clockwise, then left and right exchanged.
        assert_eq!(compose(6, 2).get(), 5);
        assert_eq!(compose(8, 2).get(), 7);
    }
}
