//! TIFF directories: what EXIF blocks, TIFF files and most raw formats are made of.
//!
//! What makes it hard:
//!
//! 1. Every number in the file may be wrong. Counts reach four billion, offsets point anywhere, the next directory may
//!    be an earlier one. So: no allocation before its bytes are known to be there, each directory is read once, and all
//!    of them together have at most [`MOST_ENTRIES`] entries.
//! 2. A truncated directory still holds good entries before the cut; those count.
//! 3. Types are wrong as often as values: text in a byte array, a short where the standard says long, a rational for an
//!    integer. Readers ask for what they want and take whatever type carries it.
//! 4. The magic number is 42 only in TIFF itself. Panasonic writes 85, Olympus letters, BigTIFF 43 and wider fields.
//! 5. Raw files are hundreds of megabytes; values are fetched one by one, when asked for.

use crate::block::{Block, BlockExt, LARGEST_BLOCK};

/// The most entries read from one file.
const MOST_ENTRIES: usize = 20_000;

/// The most directories read from one file.
const MOST_DIRECTORIES: usize = 200;

/// The most bytes of values read from one file, however large.
const MOST_BYTES: u64 = 2 * LARGEST_BLOCK as u64;

/// One TIFF structure being read.
pub(crate) struct Tiff<'a> {
    block: &'a mut dyn Block,
    big_endian: bool,
    wide: bool,
    entries_left: usize,
    /// Bytes of values: a thousand entries may each name the whole file.
    bytes_left: u64,
    seen: Vec<u64>,
}

/// A directory's entries, in file order, and where the next directory is.
#[derive(Default, Debug)]
pub(crate) struct Directory {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next: Option<u64>,
}

/// One tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) tag: u16,
    kind: u16,
    pub(crate) count: u64,
    /// Where the value is, from the start of the structure.
    pub(crate) at: u64,
}

impl Directory {
    /// The first entry with this tag.
    pub(crate) fn get(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().copied().find(|entry| entry.tag == tag)
    }
}

impl<'a> Tiff<'a> {
    /// Reads the header; also where the first directory is.
    pub(crate) fn open(block: &'a mut dyn Block) -> Option<(Self, u64)> {
        let header: [u8; 8] = block.array(0)?;
        let big_endian = match header {
            [b'I', b'I', ..] => false,
            [b'M', b'M', ..] => true,
            _ => return None,
        };
        let wide = matches!(header, [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..]);
        let mut tiff = Self { wide, ..Self::headless(block, big_endian) };
        let first = if wide { tiff.u64(8)? } else { u64::from(tiff.u32(4)?) };
        Some((tiff, first))
    }

    /// A structure without a header of its own: a maker note with a known byte order.
    pub(crate) fn headless(block: &'a mut dyn Block, big_endian: bool) -> Self {
        let bytes_left = block.len().saturating_mul(4).saturating_add(1 << 20).min(MOST_BYTES);
        Self { block, big_endian, wide: false, entries_left: MOST_ENTRIES, bytes_left, seen: Vec::new() }
    }

    /// The directory at this position; `None` where there is none, or when it was read before.
    pub(crate) fn directory(&mut self, at: u64) -> Option<Directory> {
        if at == 0 || at > self.block.len() || self.seen.contains(&at) || self.seen.len() >= MOST_DIRECTORIES
        {
            return None;
        }
        self.seen.push(at);
        let (count, first, width) = if self.wide {
            (self.u64(at)?, at.checked_add(8)?, 20)
        } else {
            (u64::from(self.u16(at)?), at.checked_add(2)?, 12)
        };
        let count = count.min(self.entries_left as u64);
        self.entries_left -= count as usize;
        let bytes = self.block.up_to(first, count * width);
        let entries = bytes.chunks_exact(width as usize).enumerate();
        let entries = entries.filter_map(|(n, raw)| self.entry(raw, first + n as u64 * width)).collect();
        let after = first + count * width;
        let next = if self.wide { self.u64(after) } else { self.u32(after).map(u64::from) };
        Some(Directory { entries, next: next.filter(|next| *next != 0) })
    }

    fn entry(&self, raw: &[u8], at: u64) -> Option<Entry> {
        let tag = self.order16(raw.get(..2)?.try_into().ok()?);
        let kind = self.order16(raw.get(2..4)?.try_into().ok()?);
        let (count, inline, offset) = if self.wide {
            let offset = self.order64(raw.get(12..20)?.try_into().ok()?);
            (self.order64(raw.get(4..12)?.try_into().ok()?), 8, offset)
        } else {
            let offset = self.order32(raw.get(8..12)?.try_into().ok()?);
            (u64::from(self.order32(raw.get(4..8)?.try_into().ok()?)), 4, u64::from(offset))
        };
        let size = count.checked_mul(width_of(kind)?)?;
        let at = if size <= inline { at + if self.wide { 12 } else { 8 } } else { offset };
        Some(Entry { tag, kind, count, at })
    }

    /// The value's bytes, at most `most` of them.
    pub(crate) fn raw(&mut self, entry: Entry, most: u64) -> Option<Vec<u8>> {
        let size = entry.count.checked_mul(width_of(entry.kind)?)?;
        let bytes = self.block.up_to(entry.at, size.min(most).min(self.bytes_left));
        self.bytes_left -= bytes.len() as u64;
        (!bytes.is_empty()).then_some(bytes)
    }

    /// The value as text, whatever type carries it.
    pub(crate) fn text(&mut self, entry: Entry) -> Option<String> {
        // Descriptions are the longest texts; nobody's camera writes a novel.
        crate::text::guess(&self.raw(entry, 64 << 10)?)
    }

    /// The value as numbers, at most `most` of them. A rational over zero is NaN.
    pub(crate) fn numbers(&mut self, entry: Entry, most: u64) -> Vec<f64> {
        let Some(width) = width_of(entry.kind) else { return Vec::new() };
        let wanted = entry.count.min(most);
        let bytes = self.block.up_to(entry.at, wanted * width);
        bytes.chunks_exact(width as usize).filter_map(|raw| self.number_in(entry.kind, raw)).collect()
    }

    /// The first number of the value, if it is one.
    pub(crate) fn number(&mut self, entry: Entry) -> Option<f64> {
        self.numbers(entry, 1).first().copied().filter(|number| number.is_finite())
    }

    /// The first number as a whole one that is not negative.
    pub(crate) fn integer(&mut self, entry: Entry) -> Option<u64> {
        self.number(entry).filter(|number| (0.0..1e15).contains(number)).map(|number| number as u64)
    }

    /// Where the directories are that this entry points to.
    pub(crate) fn pointers(&mut self, entry: Entry, most: u64) -> Vec<u64> {
        self.numbers(entry, most).into_iter().filter(|at| *at >= 8.0).map(|at| at as u64).collect()
    }

    fn number_in(&self, kind: u16, raw: &[u8]) -> Option<f64> {
        let ratio = |above: f64, below: f64| if below == 0.0 { f64::NAN } else { above / below };
        Some(match (kind, raw) {
            (1 | 2 | 7 | 129, [byte]) => f64::from(*byte),
            (6, [byte]) => f64::from(*byte as i8),
            (3, [a, b]) => f64::from(self.order16([*a, *b])),
            (8, [a, b]) => f64::from(self.order16([*a, *b]) as i16),
            (4 | 13, [a, b, c, d]) => f64::from(self.order32([*a, *b, *c, *d])),
            (9, [a, b, c, d]) => f64::from(self.order32([*a, *b, *c, *d]) as i32),
            (11, [a, b, c, d]) => f64::from(f32::from_bits(self.order32([*a, *b, *c, *d]))),
            (12, raw) => f64::from_bits(self.order64(raw.try_into().ok()?)),
            (16 | 18, raw) => self.order64(raw.try_into().ok()?) as f64,
            (17, raw) => self.order64(raw.try_into().ok()?) as i64 as f64,
            (5, [a, b, c, d, e, f, g, h]) => {
                ratio(f64::from(self.order32([*a, *b, *c, *d])), f64::from(self.order32([*e, *f, *g, *h])))
            }
            (10, [a, b, c, d, e, f, g, h]) => ratio(
                f64::from(self.order32([*a, *b, *c, *d]) as i32),
                f64::from(self.order32([*e, *f, *g, *h]) as i32),
            ),
            _ => return None,
        })
    }

    fn u16(&mut self, at: u64) -> Option<u16> {
        self.block.array(at).map(|raw| self.order16(raw))
    }

    fn u32(&mut self, at: u64) -> Option<u32> {
        self.block.array(at).map(|raw| self.order32(raw))
    }

    fn u64(&mut self, at: u64) -> Option<u64> {
        self.block.array(at).map(|raw| self.order64(raw))
    }

    fn order16(&self, raw: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) }
    }

    fn order32(&self, raw: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
    }

    fn order64(&self, raw: [u8; 8]) -> u64 {
        if self.big_endian { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) }
    }
}

/// Bytes of one value of a type. Type 0 and unknown ones carry nothing.
fn width_of(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 | 129 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(entries: &[(u16, u16, u32, [u8; 4])], next: u32, tail: &[u8]) -> Vec<u8> {
        let mut out = b"II*\0\x08\0\0\0".to_vec();
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value);
        }
        out.extend(next.to_le_bytes());
        out.extend(tail);
        out
    }

    #[test]
    fn values_inline_and_elsewhere() {
        let bytes = little(&[(0x112, 3, 1, [6, 0, 0, 0]), (0x10f, 2, 6, [38, 0, 0, 0])], 0, b"Canon\0");
        let mut block = &bytes[..];
        let (mut tiff, first) = Tiff::open(&mut block).unwrap();
        let directory = tiff.directory(first).unwrap();
        assert_eq!(tiff.integer(directory.get(0x112).unwrap()), Some(6));
        assert_eq!(tiff.text(directory.get(0x10f).unwrap()).as_deref(), Some("Canon"));
        assert_eq!(directory.next, None);
    }

    #[test]
    fn a_directory_that_is_its_own_successor_is_read_once() {
        let bytes = little(&[(0x112, 3, 1, [6, 0, 0, 0])], 8, b"");
        let mut block = &bytes[..];
        let (mut tiff, first) = Tiff::open(&mut block).unwrap();
        let next = tiff.directory(first).unwrap().next.unwrap();
        assert_eq!(next, first);
        assert!(tiff.directory(next).is_none());
    }

    #[test]
    fn giant_counts_and_far_offsets_allocate_nothing() {
        let bytes = little(
            &[
                (0x10e, 2, u32::MAX, [38, 0, 0, 0]),
                (0x10f, 12, u32::MAX, [0xFF; 4]),
                (0x110, 2, 9, [0xFF; 4]),
            ],
            0xFFFF_FFF0,
            b"tail",
        );
        let mut block = &bytes[..];
        let (mut tiff, first) = Tiff::open(&mut block).unwrap();
        let directory = tiff.directory(first).unwrap();
        assert!(tiff.raw(directory.get(0x10e).unwrap(), u64::MAX).unwrap().len() < bytes.len());
        assert_eq!(tiff.numbers(directory.get(0x10f).unwrap(), 3), Vec::<f64>::new());
        assert_eq!(tiff.text(directory.get(0x110).unwrap()), None);
        assert!(tiff.directory(directory.next.unwrap()).is_none());
    }

    #[test]
    fn entries_that_all_name_the_whole_file_are_not_all_read() {
        let entries = vec![(0x10e, 2, 1 << 20, [8, 0, 0, 0]); 10_000];
        let bytes = little(&entries, 0, &[b'x'; 1 << 20]);
        let mut block = &bytes[..];
        let (mut tiff, first) = Tiff::open(&mut block).unwrap();
        let directory = tiff.directory(first).unwrap();
        let read: usize = directory
            .entries
            .iter()
            .filter_map(|entry| tiff.raw(*entry, u64::MAX))
            .map(|raw| raw.len())
            .sum();
        assert!(read > bytes.len() && read < 8 * bytes.len(), "{read}");
    }

    #[test]
    fn a_rational_over_zero_is_no_number() {
        let bytes = little(&[(0x829a, 5, 1, [26, 0, 0, 0])], 0, &[1, 0, 0, 0, 0, 0, 0, 0]);
        let mut block = &bytes[..];
        let (mut tiff, first) = Tiff::open(&mut block).unwrap();
        let entry = tiff.directory(first).unwrap().get(0x829a).unwrap();
        assert!(tiff.numbers(entry, 1)[0].is_nan());
        assert_eq!(tiff.number(entry), None);
    }
}
