//! Raw pictures developed, by LibRaw's own program: no developer in Rust has a licence that we could link to.
//!
//! That is for the few files in which no camera put a picture to be shown. It is done as cameras' own are by default: their
//! white balance, sRGB, brightened to what is usual. Not turned: that is done as for all formats.

use std::fs::File;

use library::metadata::PixelSize;

use super::{DecodeError, Stored, budget};
use crate::program::{GIVEN, program, run};

/// LibRaw's program.
const PROGRAM: &str = "dcraw_emu";

/// An embedded picture whose short side is shorter than this, in pixels, shows no more than what it is of.
pub(super) const SMALL: u32 = 480;

/// Develops a file of which the raw picture has the size `whole`, as far as that is known.
pub(super) fn develop(
    file: &File,
    whole: Option<PixelSize>,
    least: Option<u32>,
) -> Result<Stored, DecodeError> {
    if let Some(size) = whole {
        budget::pixels(size.width.into(), size.height.into(), 8)?;
    }
    let mut command = program(PROGRAM, file)?;
    command.args(["-w", "-o", "1", "-t", "0"]);
    // Each pixel of half the size is a group of sensors, one of each colour: nothing has to be guessed, and it is fast.
    let half = whole.zip(least).is_some_and(|(size, least)| size.width.min(size.height) / 2 >= least);
    command.args(if half { &["-h"][..] } else { &["-q", "2"] });
    command.args(["-Z", "-", GIVEN]);
    let (pixmap, complaint) = run(command, budget::MOST_BYTES + 100)?;
    read(&pixmap).ok_or_else(|| {
        let first = complaint.lines().next().unwrap_or("LibRaw makes nothing of it");
        // It names the file, which it was given as a number.
        let words = first.rsplit(": ").next().unwrap_or(first);
        DecodeError::NotDeveloped(words.chars().take(200).collect())
    })
}

/// A portable pixmap of 8 bits, in colour or in grey.
fn read(pixmap: &[u8]) -> Option<Stored> {
    let (head, rest) = fields(pixmap)?;
    let [kind, width, height, most] = head;
    let (width, height): (u64, u64) = (width.parse().ok()?, height.parse().ok()?);
    if most != "255" {
        return None;
    }
    let rgb = match kind {
        "P6" => rest.to_vec(),
        "P5" => rest.iter().flat_map(|grey| [*grey; 3]).collect(),
        _ => return None,
    };
    budget::pixels(width, height, 3).ok()?;
    Stored::new(width, height, rgb).ok()
}

/// The four words of the head, and what is behind the one white space after them.
fn fields(pixmap: &[u8]) -> Option<([&str; 4], &[u8])> {
    let (mut words, mut at) = ([""; 4], 0);
    for word in &mut words {
        let start = at + pixmap.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
        at = start + pixmap.get(start..)?.iter().take(20).position(u8::is_ascii_whitespace)?;
        *word = std::str::from_utf8(pixmap.get(start..at)?).ok()?;
    }
    Some((words, pixmap.get(at + 1..)?))
}

/// For the fuzzer: all that is made of what LibRaw's program says.
#[cfg(feature = "fuzzing")]
pub(crate) fn developed(pixmap: &[u8]) {
    read(pixmap);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixmaps_in_colour_and_in_grey_are_read_and_others_are_not() {
        let size = |pixmap: &[u8]| read(pixmap).map(|stored| (stored.full.width, stored.full.height));
        assert_eq!(size(b"P6\n2 1\n255\n\x00\x20\x0aabc"), Some((2, 1)));
        assert_eq!(size(b"P5\n1 2\n255\n\x20b"), Some((1, 2)));
        for other in [
            &b""[..],
            b"P6\n2 1\n255\n12345",
            b"P6\n2 1\n65535\n123456123456",
            b"P6\n99999999 99999999\n255\n",
            b"P4\n8 1\n255\n1",
            b"P6 2 1 255",
        ] {
            assert_eq!(size(other), None, "{other:?}");
        }
    }
}
