//! When it was taken: `exif:DateTimeOriginal`, `photoshop:DateCreated`, and the dates that were copies of it.

use jiff::tz::Offset;
use library::metadata::Taken;

use super::edits::Edits;
use super::property::{ACDSEE, DYNAMIC_MEDIA, EXIF, EXIF_EX, PHOTOSHOP, Property, XMP};
use super::{Field, WritingError};
use crate::moment::{Moment, parse, parse_offset};
use crate::said::Said;
use crate::xmp::tree::Value;

static ORIGINAL: Property = Property::of(&EXIF, "DateTimeOriginal");
static CREATED: Property = Property::of(&PHOTOSHOP, "DateCreated");

/// The zone of the original date, beside it. Current writers put it into the date.
static ITS_ZONE: &[&Property] =
    &[&Property::of(&EXIF, "OffsetTimeOriginal"), &Property::of(&EXIF_EX, "OffsetTimeOriginal")];

/// The zone of the file's date, which stands in for the other.
static ANY_ZONE: &[&Property] = &[&Property::of(&EXIF, "OffsetTime"), &Property::of(&EXIF_EX, "OffsetTime")];

/// The fraction of the original date, beside it.
static FRACTION: Property = Property::of(&EXIF, "SubSecTimeOriginal");

/// Dates that are the same for a digital camera, and another for a scanned photo.
static COPIES: &[&Property] = &[
    &Property::of(&XMP, "CreateDate"),
    &Property::of(&EXIF, "DateTimeDigitized"),
    &Property::of(&DYNAMIC_MEDIA, "shotDate"),
    &Property::of(&ACDSEE, "datetime"),
];

pub(super) static PROPERTIES: &[&Property] = &[
    &ORIGINAL,
    &CREATED,
    &FRACTION,
    ITS_ZONE[0],
    ITS_ZONE[1],
    ANY_ZONE[0],
    ANY_ZONE[1],
    COPIES[0],
    COPIES[1],
    COPIES[2],
    COPIES[3],
];

/// Writes the date; what a sidecar should then say, where it was decided.
pub(super) fn write(
    decided: &Field<Taken>,
    before: &Said,
    edits: &mut Edits<'_>,
) -> Result<Option<Option<Moment>>, WritingError> {
    let taken = match decided {
        Field::Kept => return Ok(None),
        Field::Removed => {
            let gone = [&ORIGINAL, &CREATED, &FRACTION];
            gone.into_iter().chain(ITS_ZONE.iter().copied()).for_each(|property| edits.clear(property));
            return Ok(Some(None));
        }
        Field::Set(taken) => moment(taken)?,
    };
    let places = edits.places(&ORIGINAL);
    let is_said = before.original == Some(taken)
        && matches!(places.as_slice(), [only] if only.name().is_exactly(&ORIGINAL));
    let words = spelled(&taken);
    let agrees = |value: &Value| in_words(value) == Some(taken);
    if is_said {
        // The zone may stand beside the date, and is then not missing from this one.
        edits.refresh(&CREATED, &words, |value| {
            agrees(value) || in_words(value) == Some(Moment { offset: None, ..taken })
        });
        return Ok(Some(Some(taken)));
    }
    edits.put(&ORIGINAL, &words, agrees);
    edits.put(&CREATED, &words, agrees);
    edits.clear(&FRACTION);
    match taken.offset {
        Some(offset) => {
            let zone = zone(offset);
            for property in ITS_ZONE {
                edits.refresh(property, &zone, |value| value.text().and_then(parse_offset) == Some(offset));
            }
        }
        // A zone left there would be taken for the one of this date.
        None => ITS_ZONE.iter().chain(ANY_ZONE).for_each(|property| edits.clear(property)),
    }
    if let Some(old) = before.original.or(before.digitized).or(before.created) {
        for property in COPIES {
            edits.refresh(property, &words, |value| {
                in_words(value).is_none_or(|copy| !same_second(copy, old)) || agrees(value)
            });
        }
    }
    Ok(Some(Some(taken)))
}

/// What XMP can say of it: a zone of whole minutes that some place has.
fn moment(taken: &Taken) -> Result<Moment, WritingError> {
    if taken.local.year() < 1 {
        return Err(WritingError::Date(taken.local));
    }
    let offset =
        taken.zone.map(|zone| zone.offset).filter(|offset| parse_offset(&zone(*offset)) == Some(*offset));
    Ok(Moment { local: taken.local, offset, date_only: false })
}

fn in_words(value: &Value) -> Option<Moment> {
    value.text().and_then(|text| parse(text).moment())
}

fn same_second(one: Moment, other: Moment) -> bool {
    let second =
        |moment: Moment| (moment.local.date(), moment.local.time().with().subsec_nanosecond(0).build().ok());
    second(one) == second(other)
}

/// `2024-05-06T07:08:09.25+02:00`.
fn spelled(moment: &Moment) -> String {
    // jiff writes ISO 8601 with as much of a fraction as there is.
    moment.local.to_string() + &moment.offset.map(zone).unwrap_or_default()
}

fn zone(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelled_as_they_are_read() {
        for text in [
            "2024-05-06T07:08:09",
            "2024-05-06T07:08:09.25+02:00",
            "0987-05-06T00:00:00.000000001-00:30",
            "9999-12-31T23:59:59+00:00",
        ] {
            assert_eq!(spelled(&parse(text).moment().unwrap()), text);
        }
    }
}
