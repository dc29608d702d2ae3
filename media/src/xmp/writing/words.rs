//! The caption: `dc:description` in the default language, and the copies of it that other programs keep elsewhere.

use super::Field;
use super::document::{Element, Place};
use super::edits::Edits;
use super::property::{ACDSEE, DC, EXIF, Property, TIFF};
use super::tags::sayable;
use crate::said::Said;
use crate::xmp::fields::in_any_language;

/// The language that stands for whichever the writer spoke.
const DEFAULT: &str = "x-default";

static DESCRIPTION: Property = Property::of(&DC, "description");
static IMAGE_DESCRIPTION: Property = Property::of(&TIFF, "ImageDescription");
static ACDSEE_CAPTION: Property = Property::of(&ACDSEE, "caption");
static ACDSEE_NOTES: Property = Property::of(&ACDSEE, "notes");
static USER_COMMENT: Property = Property::of(&EXIF, "UserComment");

/// What our reader takes for the caption, the surest first. The others are copies of the first, or something else.
static CAPTIONS: &[&Property] = &[&DESCRIPTION, &IMAGE_DESCRIPTION, &ACDSEE_CAPTION];

/// Where digiKam and ACDSee keep copies besides.
static ELSEWHERE: &[&Property] = &[&ACDSEE_NOTES, &USER_COMMENT];

pub(super) static PROPERTIES: &[&Property] =
    &[&DESCRIPTION, &IMAGE_DESCRIPTION, &ACDSEE_CAPTION, &ACDSEE_NOTES, &USER_COMMENT];

/// Writes the caption; what a sidecar should then say, where it was decided.
pub(super) fn write(decided: &Field<String>, before: &Said, edits: &mut Edits<'_>) -> Option<Option<String>> {
    let words = match decided {
        Field::Kept => return None,
        Field::Removed => None,
        Field::Set(words) => sayable(words),
    };
    let was_said = |place: &Place<'_>| {
        before.description.is_some() && in_any_language(&place.value()) == before.description
    };
    let Some(words) = words else {
        for property in CAPTIONS {
            edits.clear(property);
        }
        for property in ELSEWHERE {
            edits.places(property).into_iter().filter(was_said).for_each(|place| edits.remove(place));
        }
        return Some(None);
    };
    let says = |place: &Place<'_>| in_any_language(&place.value()).as_ref() == Some(&words);
    let places = edits.places(&DESCRIPTION);
    if let [only] = places.as_slice()
        && only.name().is_exactly(&DESCRIPTION)
        && says(only)
    {
        return Some(Some(words));
    }
    match edits.first(&DESCRIPTION) {
        Some(place) if says(&place) => {}
        Some(Place::Element(element)) if element.array().is_some() => put_default(element, &words, edits),
        other => {
            other.into_iter().for_each(|place| edits.remove(place));
            edits.add_array(&DESCRIPTION, "Alt", vec![(Some(DEFAULT), words.clone())]);
        }
    }
    // What said something else is no copy, and not ours to change.
    for property in CAPTIONS.iter().skip(1).chain(ELSEWHERE) {
        for place in edits.places(property).into_iter().filter(|place| was_said(place) && !says(place)) {
            match place {
                Place::Element(element) if element.array().is_some() => put_default(element, &words, edits),
                place => edits.set_or_remove(place, &words),
            }
        }
    }
    Some(Some(words))
}

/// Puts words into an array of languages as those of the default one; the others stay.
fn put_default(property: &Element, words: &str, edits: &mut Edits<'_>) {
    let Some(array) = property.array() else { return };
    let language = |item: &Element| {
        item.attributes
            .iter()
            .find(|attribute| attribute.is_xml("lang"))
            .map(|attribute| attribute.text.clone())
    };
    let is_default = |item: &&Element| language(item).as_deref() == Some(DEFAULT);
    let mut defaults = array.items().filter(is_default);
    // What is in no language at all is what a careless writer meant as the default.
    let old = defaults.next().or_else(|| array.items().find(|item| language(item).is_none()));
    defaults.for_each(|item| edits.remove_element(item));
    match old {
        Some(item) if item.is_plain() && is_default(&item) => edits.set_words(item, words),
        old => {
            old.into_iter().for_each(|item| edits.remove_element(item));
            edits.add_items(array, &[(Some(DEFAULT), words.to_owned())], true);
        }
    }
}
