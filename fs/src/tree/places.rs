//! `places/COUNTRY/REGION/CITY/`. A level whose name is not known is left out: a photo of which only the country is
//! known stands in the country's directory, a city of no region directly below its country.

use library::metadata::Place;
use library::{Facet, Row, RowNumber};

use super::groups::{Groups, Word};
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `places/`.
#[derive(Debug)]
pub(crate) struct Places;

fn words(place: &Place) -> Vec<String> {
    [&place.country, &place.region, &place.city]
        .into_iter()
        .map(|word| word.trim())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn groups(state: &State) -> &Groups {
    state.worked_out.places.get_or_init(|| {
        Groups::of(state, state.snapshot.places().map(|(id, place)| Word::of(Facet::Place(id), words(place))))
    })
}

impl View for Places {
    fn name(&self) -> &'static str {
        "places"
    }

    fn about(&self) -> &'static str {
        "by country, region and city, where the photo says where it was taken"
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        row.place.and_then(|place| groups(state).path(self.name(), Facet::Place(place))).into_iter().collect()
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        groups(state).has(at)
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        groups(state).contents(state, at)
    }
}
