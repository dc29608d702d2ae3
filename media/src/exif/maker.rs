//! What little is worth taking from the makers' private notes: Apple's live photo id, Canon's lens, Reconyx's date.

use crate::said::Said;
use crate::tiff::{Entry, Tiff};

/// Notes are a few dozen kilobytes; larger ones hold previews we do not need.
const LARGEST_NOTE: u64 = 1 << 20;

/// Reads the note, if it is of a maker we know.
pub(super) fn read(tiff: &mut Tiff<'_>, note: Entry, said: &mut Said) {
    let Some(start) = tiff.raw(note, 12) else { return };
    if start.starts_with(b"Apple iOS\0") {
        apple(tiff, note, said);
    } else if start.starts_with(&[0x01, 0xF1]) {
        reconyx(tiff, note, said);
    } else if said.make.as_deref() == Some("Canon") && said.lens.is_none() {
        canon(tiff, note, said);
    }
}

/// Tag 17 ties a still to its video. Offsets count from the start of the note.
fn apple(tiff: &mut Tiff<'_>, note: Entry, said: &mut Said) {
    let Some(bytes) = tiff.raw(note, LARGEST_NOTE) else { return };
    let big_endian = bytes.get(12..14) != Some(b"II");
    let mut block = bytes.as_slice();
    let mut inner = Tiff::headless(&mut block, big_endian);
    let Some(directory) = inner.directory(14) else { return };
    said.live_id = directory.get(0x11).and_then(|entry| inner.text(entry)).filter(|id| id.len() >= 8);
}

/// Tag 149 names the lens. The directory stands in the note, its offsets count from the start of the EXIF block.
fn canon(tiff: &mut Tiff<'_>, note: Entry, said: &mut Said) {
    let Some(directory) = tiff.directory(note.at) else { return };
    let lens = directory.get(0x95).and_then(|entry| tiff.text(entry));
    said.lens = lens.filter(|lens| lens.chars().any(char::is_alphanumeric));
}

/// HyperFire trail cameras write their only date here: second, minute, hour, month, day, year as shorts.
fn reconyx(tiff: &mut Tiff<'_>, note: Entry, said: &mut Said) {
    let Some(bytes) = tiff.raw(note, 64) else { return };
    let short =
        |n: usize| bytes.get(n * 2..n * 2 + 2).and_then(|raw| Some(u16::from_le_bytes(raw.try_into().ok()?)));
    let date = || {
        let [second, minute, hour, month, day, year] =
            [short(11)?, short(12)?, short(13)?, short(14)?, short(15)?, short(16)?];
        Some(format!("{year:04}:{month:02}:{day:02} {hour:02}:{minute:02}:{second:02}"))
    };
    if said.original.is_none()
        && let Some(date) = date()
    {
        said.original = crate::moment::parse(&date).moment();
    }
}
