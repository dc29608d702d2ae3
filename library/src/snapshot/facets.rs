//! Sets of rows by what they have in common, as bitmaps.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
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

/// All sets of one snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facets {
    sets: Arc<BTreeMap<Facet, Arc<RoaringBitmap>>>,
}

impl Facets {
    pub(crate) fn get(&self, facet: Facet) -> Option<&RoaringBitmap> {
        self.sets.get(&facet).map(|set| &**set)
    }

    pub(crate) fn range(
        &self,
        range: impl RangeBounds<Facet>,
    ) -> impl DoubleEndedIterator<Item = (Facet, &RoaringBitmap)> {
        self.sets.range(range).map(|(facet, set)| (*facet, &**set))
    }

    /// Moves `row` from the sets `old` to the sets `new`; sets that are in both are not touched.
    pub(crate) fn update(&mut self, row: RowNumber, old: &[Facet], new: &[Facet]) {
        if old == new {
            return;
        }
        let sets = Arc::make_mut(&mut self.sets);
        for facet in old.iter().filter(|facet| !new.contains(facet)) {
            if let Some(set) = sets.get_mut(facet) {
                let bitmap = Arc::make_mut(set);
                bitmap.remove(row.0);
                if bitmap.is_empty() {
                    sets.remove(facet);
                }
            }
        }
        for facet in new.iter().filter(|facet| !old.contains(facet)) {
            Arc::make_mut(sets.entry(*facet).or_default()).insert(row.0);
        }
    }
}
