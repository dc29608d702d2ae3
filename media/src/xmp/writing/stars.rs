//! Stars: `xmp:Rating`, which everybody reads, and what Microsoft and ACDSee say of them where they do.

use super::Field;
use super::edits::Edits;
use super::property::{ACDSEE, MICROSOFT, Property, XMP};
use crate::exif::stars_of_percent;
use crate::said::{Said, Verdict};
use crate::xmp::fields::number_in;
use crate::xmp::tree::Value;

static RATING: Property = Property::of(&XMP, "Rating");
static ACDSEE_RATING: Property = Property::of(&ACDSEE, "rating");
static PERCENT: Property = Property::of(&MICROSOFT, "Rating");

pub(super) static PROPERTIES: &[&Property] = &[&RATING, &ACDSEE_RATING, &PERCENT];

pub(super) fn write(decided: &Field<Verdict>, edits: &mut Edits<'_>) {
    let stars = match decided {
        Field::Kept => return,
        Field::Removed => {
            PROPERTIES.iter().for_each(|property| edits.clear(property));
            return;
        }
        Field::Set(Verdict::Stars(rating)) => i8::try_from(rating.stars()).unwrap_or_default(),
        Field::Set(Verdict::Rejected) => -1,
    };
    let number = |value: &Value| value.text().and_then(number_in);
    let agrees = |value: &Value| number(value) == Some(f64::from(stars));
    edits.put(&RATING, &stars.to_string(), agrees);
    edits.refresh(&ACDSEE_RATING, &stars.to_string(), agrees);
    // As Windows writes them. It has no word for no stars, nor for fewer.
    match usize::try_from(stars).ok().and_then(|stars| [0, 1, 25, 50, 75, 99].get(stars)) {
        None | Some(0) => edits.clear(&PERCENT),
        Some(percent) => edits.refresh(&PERCENT, &percent.to_string(), |value| {
            number(value).and_then(stars_of_percent) == Some(f64::from(stars))
        }),
    }
}

/// Whether a sidecar says it.
pub(super) fn says(decided: &Field<Verdict>, said: &Said) -> bool {
    match decided {
        Field::Kept => true,
        Field::Removed => said.rating.is_none(),
        Field::Set(verdict) => said.rating == Some(*verdict),
    }
}
