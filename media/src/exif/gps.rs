//! The GPS directory of EXIF.

use crate::moment::parse;
use crate::said::Said;
use crate::tiff::{Directory, Tiff};

/// Position, height and the satellites' clock.
pub(super) fn read(tiff: &mut Tiff<'_>, directory: &Directory, said: &mut Said) {
    if let (Some(lat), Some(lon)) =
        (degrees(tiff, directory, 1, 2, b"sS"), degrees(tiff, directory, 3, 4, b"wW"))
    {
        let altitude = directory.get(6).and_then(|entry| tiff.number(entry));
        let below = directory.get(5).and_then(|entry| tiff.integer(entry)) == Some(1);
        said.position(lat, lon, altitude.map(|metres| if below { -metres } else { metres }));
    }
    said.gps_clock = clock(tiff, directory);
}

/// Degrees, minutes and seconds as one signed number; not finite when a part is a ratio over zero. `None` when the tag is
/// missing or empty, which is no news and no warning.
fn degrees(
    tiff: &mut Tiff<'_>,
    directory: &Directory,
    letter: u16,
    value: u16,
    negative: &[u8],
) -> Option<f64> {
    let entry = directory.get(value)?;
    let parts = tiff.numbers(entry, 3);
    // Phones without a fix write the tags with nothing in them.
    if parts.iter().all(|part| part.is_nan()) {
        return None;
    }
    let angle: f64 = parts.iter().zip([1.0, 60.0, 3600.0]).map(|(part, unit)| part / unit).sum();
    let letter = directory.get(letter).and_then(|entry| tiff.raw(entry, 2)).unwrap_or_default();
    let negated = letter.first().is_some_and(|letter| negative.contains(letter));
    Some(if negated { -angle.abs() } else { angle })
}

fn clock(tiff: &mut Tiff<'_>, directory: &Directory) -> Option<jiff::civil::DateTime> {
    let entry = directory.get(0x1d)?;
    let date = parse(&tiff.text(entry)?).moment()?.local.date();
    let time = directory.get(7)?;
    let time = tiff.numbers(time, 3);
    let [hour, minute, second] = time.as_slice() else { return None };
    let whole = |number: f64, most: f64| (0.0..most).contains(&number).then_some(number as i8);
    Some(date.at(whole(*hour, 24.0)?, whole(*minute, 60.0)?, whole(*second, 60.0)?, 0))
}
