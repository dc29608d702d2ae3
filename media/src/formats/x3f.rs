//! Sigma's X3F: size and turn in the header; EXIF in the JPEG preview, and before cameras wrote that, pairs of words.

use super::raw::{preview_exif, turned_by};
use crate::block::{Block, BlockExt, Input};
use crate::formats::Found;
use crate::moment::{Moment, since_1970};
use crate::said::Said;
use crate::text;

/// Properties of one picture; cameras write some sixty.
const MOST_PROPERTIES: u32 = 1000;

/// The longest word read.
const LONGEST_WORD: u64 = 512;

/// Reads the header, and the sections that the directory at the end names.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    // The header of the fourth version has more in front.
    let at = if input.le16(6).is_some_and(|version| version >= 4) { 40 } else { 28 };
    if let (Some(width), Some(height)) = (input.le32(at), input.le32(at + 4)) {
        found.set_size(width, height);
    }
    let mut own = Said { orientation: input.le32(at + 8).and_then(turned_by), ..Said::default() };
    sections(input, &mut own, found);
    // The preview's EXIF block is the richer one.
    found.exif.fill_from(own);
}

fn sections(input: &mut Input<'_>, own: &mut Said, found: &mut Found) -> Option<()> {
    let directory = u64::from(input.le32(input.len().checked_sub(4)?)?);
    (input.array::<4>(directory)? == *b"SECd").then_some(())?;
    let count = input.le32(directory + 8)?.min(100);
    for n in 0..u64::from(count) {
        let entry = directory + 12 + n * 12;
        let (offset, kind) = (u64::from(input.le32(entry)?), input.array::<4>(entry + 8)?);
        match &kind {
            b"IMA2" | b"IMAG" => preview_exif(input, offset + 28, found),
            b"PROP" => {
                properties(input, offset, own);
            }
            _ => {}
        }
    }
    Some(())
}

/// Names and values in UTF-16, found by a table of where each begins, counted in letters.
fn properties(input: &mut Input<'_>, at: u64, own: &mut Said) -> Option<()> {
    (input.array::<4>(at)? == *b"SECp").then_some(())?;
    let count = input.le32(at + 8)?.min(MOST_PROPERTIES);
    let words_at = at + 24 + 8 * u64::from(input.le32(at + 8)?);
    for n in 0..u64::from(count) {
        let mut word = |at| {
            let start = words_at + 2 * u64::from(input.le32(at)?);
            text::utf16(&input.up_to(start, LONGEST_WORD), false)
        };
        let (Some(name), Some(value)) = (word(at + 24 + n * 8), word(at + 28 + n * 8)) else { continue };
        let number = value.parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
        match name.as_str() {
            "CAMMANUF" => own.make = Some(value),
            "CAMMODEL" => own.model = Some(value),
            // Seconds on the camera's own clock, which knew no zone.
            "TIME" => {
                let local = value.parse().ok().and_then(since_1970);
                own.original = local.map(|local| Moment { local, offset: None, date_only: false });
            }
            "ISO" => own.exposure.iso = value.parse().ok(),
            "APERTURE" => own.exposure.f_number = number,
            "SHUTTER" => own.exposure.exposure_s = number,
            "FLENGTH" => own.exposure.focal_mm = number,
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    /// A file as the SD10 wrote them, with these properties.
    fn file(pairs: &[(&str, &str)]) -> Vec<u8> {
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let mut file = [b"FOVb\0\0\x02\0".to_vec(), vec![0; 20], numbers(&[2268, 1512, 90])].concat();
        let properties_at = file.len() as u32;
        let (mut table, mut words) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            for word in [name, value] {
                table.push((words.len() / 2) as u32);
                words.extend(word.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            }
        }
        file.extend(b"SECp\0\0\x02\0");
        file.extend(numbers(&[pairs.len() as u32, 0, 0, words.len() as u32 / 2]));
        file.extend(numbers(&table));
        file.extend(words);
        let directory_at = file.len() as u32;
        file.extend(b"SECd\0\0\x02\0");
        file.extend(numbers(&[1, properties_at, directory_at - properties_at]));
        file.extend(b"PROP");
        file.extend(numbers(&[directory_at]));
        file
    }

    #[test]
    fn the_properties_of_early_cameras() {
        let pairs = [
            ("CAMMANUF", "SIGMA"),
            ("CAMMODEL", "SIGMA SD10"),
            ("TIME", "978309395"),
            ("ISO", "100"),
            ("APERTURE", "8.0"),
            ("SHUTTER", "0.005"),
            ("FLENGTH", "50"),
        ];
        let file = file(&pairs);
        let read = crate::read(&mut Cursor::new(&file), "a.x3f", &[]).unwrap();
        assert_eq!(read.camera.make.as_deref(), Some("SIGMA"));
        assert_eq!(read.camera.model.as_deref(), Some("SIGMA SD10"));
        assert_eq!(read.taken.unwrap().local.to_string(), "2001-01-01T00:36:35");
        assert_eq!(read.exposure.iso, Some(100));
        assert_eq!(read.exposure.f_number, Some(8.0));
        assert_eq!(read.exposure.exposure_s, Some(0.005));
        assert_eq!(read.exposure.focal_mm, Some(50.0));
        assert_eq!(read.orientation.get(), 6);
        assert_eq!(read.size.map(|size| (size.width, size.height)), Some((1512, 2268)));
        for len in 1..file.len() {
            let _ = crate::read(&mut Cursor::new(&file[..len]), "a.x3f", &[]);
        }
    }
}
