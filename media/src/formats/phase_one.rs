//! Phase One's IIQ: a TIFF file around a small picture, with the raw one and its size in a directory of its own kind.

use crate::block::{BlockExt, Input};
use crate::formats::Found;

/// Where the header stands: right behind that of the TIFF file. Positions inside count from here.
const START: u64 = 8;

/// Entries of the directory; files have some sixty.
const MOST_ENTRIES: u32 = 300;

/// Takes the size of the raw picture, where the file is one of Phase One's.
pub(super) fn size(input: &mut Input<'_>, found: &mut Found) -> Option<()> {
    let big_endian = match input.array::<8>(START)? {
        [b'I', b'I', b'I', b'I', _, b'w', b'a', b'R'] => false,
        [b'M', b'M', b'M', b'M', b'R', b'a', b'w', _] => true,
        _ => return None,
    };
    let number = |input: &mut Input<'_>, at| if big_endian { input.be32(at) } else { input.le32(at) };
    let directory = START + u64::from(number(input, START + 8)?);
    let count = number(input, directory).filter(|count| *count <= MOST_ENTRIES)?;
    let (mut width, mut height) = (0, 0);
    for n in 0..u64::from(count) {
        let entry = directory + 8 + n * 16;
        let side = match number(input, entry)? {
            0x010C => &mut width,
            0x010D => &mut height,
            _ => continue,
        };
        // Longer values stand elsewhere; a number stands here.
        if number(input, entry + 8)? == 4 {
            *side = number(input, entry + 12)?;
        }
    }
    found.set_size(width, height);
    Some(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use library::metadata::PixelSize;

    use super::*;

    #[test]
    fn the_size_is_that_of_the_raw_picture_not_of_the_small_one() {
        for big_endian in [false, true] {
            let number = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
            let mut file: Vec<u8> =
                if big_endian { b"MM\0*\0\0\0\0MMMMRaw\0" } else { b"II*\0\0\0\0\0IIIICwaR" }.to_vec();
            file.extend([number(16), number(0), number(2), number(0)].concat());
            file.extend([number(0x10C), number(4), number(4), number(7320)].concat());
            file.extend([number(0x10D), number(4), number(4), number(5484)].concat());
            let mut found = Found::default();
            found.set_size(80, 60);
            assert_eq!(size(&mut Input::new(&mut Cursor::new(&file)).unwrap(), &mut found), Some(()));
            assert_eq!(found.size, Some(PixelSize { width: 7320, height: 5484 }));
            // Cut anywhere it stays what it was.
            for len in 0..file.len() {
                let mut found = Found::default();
                size(&mut Input::new(&mut Cursor::new(&file[..len])).unwrap(), &mut found);
                assert_eq!(found.size, None);
            }
        }
    }
}
