//! What is held in memory of one asset: all that a listing, a filter or the timeline asks for.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::extras::Extras;
use super::facets::Facet;
use super::interner::{CameraId, LensId, PlaceId, TagId};
use super::paths::{Paths, RowPath};
use super::row_time::RowTime;
use crate::format::{Format, Kind};
use crate::id::{AccountId, AssetId, AssetInode};
use crate::metadata::{PixelSize, Rating, Taken};
use crate::visibility::Visibility;

/// The zone of this computer. It stays what it was when first asked for: a row must be taken out of the sets that it was
/// put into.
static HERE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

/// The day on the calendar of `zone`.
fn added_on(added: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(added).date()
}

/// Make and model as one thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CameraName {
    /// `Canon`; empty when the file has none.
    pub make: String,
    /// `Canon EOS 40D`; empty when the file has none.
    pub model: String,
}

/// One asset, or one part of an asset (a live photo's video, a sidecar), as held in memory.
///
/// A million of them are most of what a large library takes, so a byte here is a megabyte there.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who it is.
    pub id: AssetId,
    /// The inode number of its current version.
    pub inode: AssetInode,
    /// Whose it is.
    pub owner: AccountId,
    /// Its name in every view but `folders/`: unique in the library, never another asset's later.
    pub name: Box<str>,
    /// Image, video or sidecar.
    pub kind: Kind,
    /// Format by content.
    pub format: Format,
    /// Where it shows.
    pub visibility: Visibility,
    /// Whether an original stands at one of its paths now.
    pub present: bool,
    /// Bytes of the original.
    pub size: u64,
    /// Modification time of the original.
    pub modified: RowTime,
    /// When the library last learned or decided something about it.
    pub decided: RowTime,
    /// When the library first saw it.
    pub added: RowTime,
    /// When it was taken.
    pub taken: Option<Taken>,
    /// Upright size in pixels.
    pub pixels: Option<PixelSize>,
    /// Latitude and longitude in degrees.
    pub position: Option<(f32, f32)>,
    /// Where that is.
    pub place: Option<PlaceId>,
    /// What took it.
    pub camera: Option<CameraId>,
    /// Through what.
    pub lens: Option<LensId>,
    /// ISO speed.
    pub iso: Option<NonZeroU32>,
    /// Aperture as an f-number.
    pub f_number: Option<f32>,
    /// Focal length in millimetres.
    pub focal_mm: Option<f32>,
    /// Stars.
    pub rating: Option<Rating>,
    /// Keywords.
    pub tags: Box<[TagId]>,
    /// Whether it has a description (the words themselves are in the catalogue).
    pub described: bool,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// Whether a video is appended to the still.
    pub motion: bool,
    /// Whether something in the file is wrong (the warnings are in the catalogue).
    pub warned: bool,
    /// What few rows have.
    pub extras: Extras,
    /// Where its bytes lie; see [`Row::paths`].
    pub standing: Paths,
}

impl Row {
    /// Where its bytes lie: at least one place while `present`.
    pub fn paths(&self) -> impl Iterator<Item = RowPath<'_>> {
        self.standing.iter(&self.name)
    }

    /// In how many places its bytes lie.
    pub fn copies(&self) -> usize {
        self.standing.len()
    }

    /// The day of capture on the calendar of the place of capture.
    pub fn day(&self) -> Option<Date> {
        self.taken.map(|taken| taken.local.date())
    }

    /// Whether it is listed by itself somewhere, rather than beside its host or not at all.
    pub fn is_listed(&self) -> bool {
        self.present && self.extras.host.is_none() && self.kind != Kind::Sidecar
    }

    /// The sets this row belongs to. Parts and missing assets belong to none: they are found through their host, or
    /// not at all.
    pub(crate) fn facets(&self) -> Vec<Facet> {
        if !self.is_listed() {
            return Vec::new();
        }
        let mut facets = vec![
            Facet::Shown(self.owner, self.visibility),
            Facet::Kind(self.kind),
            Facet::Format(self.format),
            Facet::Added(added_on(self.added.into(), &HERE)),
            self.day().map_or(Facet::Undated, Facet::Day),
        ];
        facets.extend(self.place.map(Facet::Place));
        facets.extend(self.camera.map(Facet::Camera));
        facets.extend(self.lens.map(Facet::Lens));
        facets.extend(self.rating.map(Facet::Rating));
        facets.extend(self.tags.iter().copied().map(Facet::Tag));
        facets.extend(self.extras.people.iter().copied().map(Facet::PersonName));
        facets.extend(self.extras.persons.iter().copied().map(Facet::Person));
        facets.extend(self.extras.albums.iter().copied().map(Facet::Album));
        facets.extend(self.favourite.then_some(Facet::Favourite));
        facets.extend(self.described.then_some(Facet::Described));
        facets.extend(self.position.is_some().then_some(Facet::Positioned));
        facets.extend((self.motion || !self.extras.parts.is_empty()).then_some(Facet::WithParts));
        facets.extend(self.motion.then_some(Facet::Motion));
        facets.extend(self.extras.stack.is_some().then_some(Facet::Stacked));
        facets.extend(self.format.is_raw().then_some(Facet::Raw));
        facets.extend(self.warned.then_some(Facet::Warned));
        facets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<Row>() <= 216, "{} bytes", size_of::<Row>());
    }

    #[test]
    fn a_photo_is_added_on_the_day_that_the_clock_shows() {
        let late = "2024-05-01T23:30:00Z".parse().unwrap();
        assert_eq!(added_on(late, &TimeZone::UTC), "2024-05-01".parse().unwrap());
        let east = jiff::tz::offset(2).to_time_zone();
        assert_eq!(added_on(late, &east), "2024-05-02".parse().unwrap());
        assert_eq!(*HERE, TimeZone::system());
    }
}
