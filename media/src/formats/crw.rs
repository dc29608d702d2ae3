//! Canon's CRW: a heap of heaps, each with its directory at its end. Early PowerShots put one into their JPEG files.

use super::raw::turned_by;
use crate::block::{Block, BlockExt, Input, find};
use crate::formats::Found;
use crate::moment::{Moment, since_1970};
use crate::text;

/// What Canon's and other programs append later stands between two of these.
const APPENDED: &[u8] = b"CANON OPTIONAL DATA\0";

/// The most of what is appended that is looked through for a packet.
const LARGEST_APPENDED: u64 = 4 << 20;

/// Reads the heaps, and the packet at the end of the file.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    walk(input, found).apply(found);
    // Before or behind the last four bytes, which say where the directory is.
    for end in [input.len().saturating_sub(4), input.len()] {
        appended_packet(input, end, found);
    }
}

fn appended_packet(input: &mut Input<'_>, end: u64, found: &mut Found) -> Option<()> {
    let footer = end.checked_sub(64)?;
    (input.array::<20>(footer)? == *APPENDED).then_some(())?;
    let size = u64::from(input.be32(footer + 20)?).min(LARGEST_APPENDED);
    let blocks = input.bytes(footer.checked_sub(size)?, size)?;
    let start = find(&blocks, b"<?xpacket begin").or_else(|| find(&blocks, b"<x:xmpmeta"))?;
    found.take_xmp(blocks.get(start..)?);
    Some(())
}

/// Reads the heaps that a JPEG file carries.
pub(super) fn in_jpeg(block: &mut dyn Block, found: &mut Found) {
    let mut shot = walk(block, found);
    // Zero is a second in CRW files; here it is what most cameras leave.
    shot.shutter = shot.shutter.filter(|raw| *raw != 0);
    shot.apply(found);
}

fn walk(block: &mut dyn Block, found: &mut Found) -> Shot {
    let mut shot = Shot::default();
    if let Some(start) = block.le32(2).map(u64::from) {
        let end = block.len();
        heap(block, start, end, 0, &mut 1000, &mut shot, found);
    }
    shot
}

/// Canon's own numbers about the exposure, until all are there.
#[derive(Default)]
struct Shot {
    camera_iso: Option<u16>,
    base_iso: Option<u16>,
    auto_iso: Option<u16>,
    aperture: Option<u16>,
    shutter: Option<u16>,
    focal: Option<u16>,
    focal_units: Option<u16>,
}

impl Shot {
    fn apply(&self, found: &mut Found) {
        let exposure = &mut found.exif.exposure;
        exposure.iso = exposure.iso.or_else(|| self.iso());
        let aperture = self.aperture.filter(|raw| *raw != 0).map(|raw| (steps(raw) / 2.0).exp2());
        exposure.f_number = exposure.f_number.or(aperture);
        exposure.exposure_s = exposure.exposure_s.or_else(|| Some((-steps(self.shutter?)).exp2()));
        let units = f64::from(self.focal_units.unwrap_or(1).max(1));
        let focal = self.focal.filter(|raw| *raw != 0).map(|raw| f64::from(raw) / units);
        exposure.focal_mm = exposure.focal_mm.or(focal);
    }

    /// What was set, where it is a number; else the base, and how far the camera went beyond it.
    fn iso(&self) -> Option<u32> {
        match self.camera_iso {
            Some(0x7FFF) | None => {}
            Some(raw @ 16..=20) => return Some(50 << (raw - 16)),
            Some(raw) if raw & 0x4000 != 0 => return Some(u32::from(raw & 0x3FFF)),
            Some(_) => {}
        }
        let base = f64::from(self.base_iso.filter(|raw| *raw != 0)? as i16);
        let beyond = f64::from(self.auto_iso? as i16);
        let iso = ((base + beyond) / 32.0).exp2() * 100.0 / 32.0;
        (1.0..1e7).contains(&iso).then(|| iso.round() as u32)
    }
}

/// Steps of exposure, counted in thirty-seconds; thirds are written as the nearest number below or above.
fn steps(raw: u16) -> f64 {
    let raw = raw as i16;
    let size = raw.unsigned_abs();
    let part = match size & 0x1F {
        0x0C => 32.0 / 3.0,
        0x14 => 64.0 / 3.0,
        part => f64::from(part),
    };
    ((f64::from(size & !0x1F) + part) / 32.0).copysign(f64::from(raw))
}

fn heap(
    input: &mut dyn Block,
    start: u64,
    end: u64,
    depth: u8,
    left: &mut u32,
    shot: &mut Shot,
    found: &mut Found,
) -> Option<()> {
    let directory = start.checked_add(u64::from(input.le32(end.checked_sub(4)?)?))?;
    let count = input.le16(directory)?;
    for n in 0..u64::from(count) {
        *left = left.checked_sub(1)?;
        let entry = directory + 2 + n * 10;
        let tag = input.le16(entry)?;
        let (size, offset) = (u64::from(input.le32(entry + 2)?), u64::from(input.le32(entry + 6)?));
        // The value itself may stand in place of its size and position.
        let (at, size) =
            if tag & 0xC000 == 0x4000 { (entry + 2, 8) } else { (start.checked_add(offset)?, size) };
        let mut short = |n: u64| if n * 2 + 2 <= size { input.le16(at + n * 2) } else { None };
        match tag & 0x3FFF {
            0x2807 | 0x300A | 0x300B | 0x3002 | 0x3003 | 0x3004 if depth < 5 => {
                heap(input, at, at.checked_add(size)?.min(end), depth + 1, left, shot, found);
            }
            0x080A => {
                let words = input.up_to(at, size.min(256));
                let mut parts = words.split(|byte| *byte == 0);
                found.exif.make = parts.next().and_then(text::guess);
                found.exif.model = parts.next().and_then(text::guess);
            }
            0x180E => {
                // Seconds on the camera's own clock, which knew no zone.
                let local = input.le32(at).and_then(|seconds| since_1970(i64::from(seconds)));
                found.exif.original = local.map(|local| Moment { local, offset: None, date_only: false });
            }
            0x1810 => {
                found.set_size(input.le32(at)?, input.le32(at + 4)?);
                found.exif.orientation = turned_by(input.le32(at + 12)?);
            }
            0x1029 => shot.focal = short(1),
            0x102A => {
                (shot.auto_iso, shot.base_iso) = (short(1), short(2));
                (shot.aperture, shot.shutter) = (short(21), short(22));
            }
            0x102D => (shot.camera_iso, shot.focal_units) = (short(16), short(25)),
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A heap of values that stand in it, with its directory.
    fn heap_of(values: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut heap = Vec::new();
        let mut directory = (values.len() as u16).to_le_bytes().to_vec();
        for (tag, value) in values {
            directory.extend(tag.to_le_bytes());
            directory.extend((value.len() as u32).to_le_bytes());
            directory.extend((heap.len() as u32).to_le_bytes());
            heap.extend(value);
        }
        let directory_at = heap.len() as u32;
        heap.extend(directory);
        heap.extend(directory_at.to_le_bytes());
        heap
    }

    fn shorts(values: &[(usize, u16)]) -> Vec<u8> {
        let mut out = vec![0; 64];
        for (n, value) in values {
            out[n * 2..n * 2 + 2].copy_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// A file as the EOS 300D wrote them.
    fn file() -> Vec<u8> {
        let camera = heap_of(&[
            (0x080A, b"Canon\0Canon EOS 300D\0".to_vec()),
            (0x1029, shorts(&[(1, 48)])),
            (0x102A, shorts(&[(1, 0), (2, 160), (21, 116), (22, 192)])),
            (0x102D, shorts(&[(25, 2)])),
        ]);
        let head = b"II\x1A\0\0\0HEAPCCDR\x02\0\x01\0\0\0\0\0\0\0\0\0";
        [&head[..], &heap_of(&[(0x300A, camera)])].concat()
    }

    #[test]
    fn the_exposure_stands_in_canon_s_own_numbers() {
        let file = file();
        let read = crate::read(&mut Cursor::new(&file), "a.crw", &[]).unwrap();
        assert_eq!(read.camera.model.as_deref(), Some("Canon EOS 300D"));
        assert_eq!(read.exposure.iso, Some(100));
        assert!((read.exposure.f_number.unwrap() - 3.563_595).abs() < 1e-5);
        assert_eq!(read.exposure.exposure_s, Some(1.0 / 64.0));
        assert_eq!(read.exposure.focal_mm, Some(24.0));
        for len in 1..file.len() {
            let _ = crate::read(&mut Cursor::new(&file[..len]), "a.crw", &[]);
        }
    }

    #[test]
    fn a_packet_appended_by_a_program_is_found() {
        let mut file = file();
        let pointer = file.split_off(file.len() - 4);
        let packet = b"\xFF\xFF\0\xF6\0\0\0\0<x:xmpmeta><rdf:Description xmp:Rating='4'/></x:xmpmeta>";
        file.extend(
            [APPENDED, &[0; 8], packet, APPENDED, &(packet.len() as u32).to_be_bytes(), &[0; 40]].concat(),
        );
        file.extend(pointer);
        let read = crate::read(&mut Cursor::new(&file), "a.crw", &[]).unwrap();
        assert_eq!(read.rating.map(library::metadata::Rating::stars), Some(4));
        assert_eq!(read.camera.make.as_deref(), Some("Canon"));
    }

    #[test]
    fn thirds_of_a_step() {
        assert_eq!(steps(0x20), 1.0);
        assert!((steps(0x2C) - 4.0 / 3.0).abs() < 1e-9);
        assert!((steps(0x34) - 5.0 / 3.0).abs() < 1e-9);
        assert_eq!(steps(-0x30_i16 as u16), -1.5);
    }
}
