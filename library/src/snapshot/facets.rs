//! Sets of rows by what they have in common, as bitmaps.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use jiff::civil::Date;
use roaring::RoaringBitmap;

use super::interner::{AlbumRow, CameraId, LensId, PersonNameId, PersonRow, PlaceId, TagId};
use crate::format::{Format, Kind};
use crate::id::{AccountId, RowNumber};
use crate::metadata::Rating;
use crate::visibility::Visibility;

/// What the rows of one set share. Only listed assets are in any set: no parts, nothing missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Facet {
    /// Belongs to this account and shows this far. Every listed asset is in exactly one of these.
    Shown(AccountId, Visibility),
    /// Taken on this local day.
    Day(Date),
    /// Has no capture date.
    Undated,
    /// First seen on this day, by the clock of this computer.
    Added(Date),
    /// Image or video.
    Kind(Kind),
    /// This format.
    Format(Format),
    /// A camera's sensor data.
    Raw,
    /// Taken here.
    Place(PlaceId),
    /// Has a GPS position.
    Positioned,
    /// Taken with this camera.
    Camera(CameraId),
    /// Taken through this lens.
    Lens(LensId),
    /// Has these stars.
    Rating(Rating),
    /// Has this very tag (its parents are not implied).
    Tag(TagId),
    /// A file region names this person.
    PersonName(PersonNameId),
    /// This person is in it.
    Person(PersonRow),
    /// Is in this very album (those that the album lies in are not implied).
    Album(AlbumRow),
    /// Is a favourite.
    Favourite,
    /// Has a description.
    Described,
    /// Has parts beside or inside it.
    WithParts,
    /// Has a video appended to the still.
    Motion,
    /// Is in a stack.
    Stacked,
    /// Something in the file is wrong.
    Warned,
}

/// How many kinds of facets there are.
const KINDS: usize = 22;

impl Facet {
    /// Which kind it is: the order of kinds is that of facets.
    fn kind(self) -> usize {
        match self {
            Self::Shown(..) => 0,
            Self::Day(_) => 1,
            Self::Undated => 2,
            Self::Added(_) => 3,
            Self::Kind(_) => 4,
            Self::Format(_) => 5,
            Self::Raw => 6,
            Self::Place(_) => 7,
            Self::Positioned => 8,
            Self::Camera(_) => 9,
            Self::Lens(_) => 10,
            Self::Rating(_) => 11,
            Self::Tag(_) => 12,
            Self::PersonName(_) => 13,
            Self::Person(_) => 14,
            Self::Album(_) => 15,
            Self::Favourite => 16,
            Self::Described => 17,
            Self::WithParts => 18,
            Self::Motion => 19,
            Self::Stacked => 20,
            Self::Warned => 21,
        }
    }
}

/// The sets of one kind of facets.
type Sets = BTreeMap<Facet, Arc<RoaringBitmap>>;

/// All sets of one snapshot. A commit copies those kinds that it changes something of: there are thousands of days and
/// places, and a photo that is put into an album is nothing to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facets {
    kinds: [Arc<Sets>; KINDS],
}

/// The kind at the end of a range, where it has one.
fn of_bound(bound: Bound<Facet>, open: usize) -> usize {
    match bound {
        Bound::Included(facet) | Bound::Excluded(facet) => facet.kind(),
        Bound::Unbounded => open,
    }
}

impl Facets {
    pub(crate) fn get(&self, facet: Facet) -> Option<&RoaringBitmap> {
        self.kinds[facet.kind()].get(&facet).map(|set| &**set)
    }

    pub(crate) fn range(
        &self,
        range: impl RangeBounds<Facet>,
    ) -> impl DoubleEndedIterator<Item = (Facet, &RoaringBitmap)> {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let first = of_bound(bounds.0, 0);
        let last = of_bound(bounds.1, KINDS - 1);
        let kinds = self.kinds.get(first..=last).unwrap_or_default();
        kinds.iter().flat_map(move |sets| sets.range(bounds)).map(|(facet, set)| (*facet, &**set))
    }

    /// Moves `row` from the sets `old` to the sets `new`; sets that are in both are not touched.
    pub(crate) fn update(&mut self, row: RowNumber, old: &[Facet], new: &[Facet]) {
        if old == new {
            return;
        }
        for facet in old.iter().filter(|facet| !new.contains(facet)) {
            let sets = Arc::make_mut(&mut self.kinds[facet.kind()]);
            if let Some(set) = sets.get_mut(facet) {
                let bitmap = Arc::make_mut(set);
                bitmap.remove(row.0);
                if bitmap.is_empty() {
                    sets.remove(facet);
                }
            }
        }
        for facet in new.iter().filter(|facet| !old.contains(facet)) {
            let sets = Arc::make_mut(&mut self.kinds[facet.kind()]);
            Arc::make_mut(sets.entry(*facet).or_default()).insert(row.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_go_across_kinds_in_order_and_what_does_not_change_is_shared() {
        let mut facets = Facets::default();
        let day = |day: i8| Facet::Day(Date::constant(2024, 5, day));
        let rows = [
            (0, vec![day(3), Facet::Kind(Kind::Image)]),
            (1, vec![day(1), Facet::Kind(Kind::Video)]),
            (2, vec![Facet::Undated, Facet::Kind(Kind::Image), Facet::Favourite]),
        ];
        for (row, new) in &rows {
            facets.update(RowNumber(*row), &[], new);
        }
        let found = |range: (Bound<Facet>, Bound<Facet>)| -> Vec<Facet> {
            facets.range(range).map(|(facet, _)| facet).collect()
        };
        let all = found((Bound::Unbounded, Bound::Unbounded));
        let mut sorted = all.clone();
        sorted.sort();
        assert_eq!((all.len(), &all), (6, &sorted), "kinds stand in the order of facets");
        assert_eq!(found((Bound::Included(day(1)), Bound::Excluded(day(3)))), [day(1)]);
        assert_eq!(
            found((Bound::Excluded(day(1)), Bound::Included(Facet::Kind(Kind::Image)))),
            [day(3), Facet::Undated, Facet::Kind(Kind::Image)]
        );
        let mut later = facets.clone();
        later.update(RowNumber(0), &rows[0].1, &[day(3), Facet::Kind(Kind::Image), Facet::Favourite]);
        let days = |facets: &Facets| Arc::as_ptr(&facets.kinds[day(1).kind()]);
        assert_eq!(days(&facets), days(&later));
        assert_eq!(later.get(Facet::Favourite).map(RoaringBitmap::len), Some(2));
        assert_eq!(facets.get(Facet::Favourite).map(RoaringBitmap::len), Some(1));
    }
}
