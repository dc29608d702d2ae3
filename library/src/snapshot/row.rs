//! What is held in memory of one asset: all that a listing, a filter or the timeline asks for.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::facets::Facet;
use super::folders::DirId;
use crate::format::{Format, Kind};
use crate::id::{AccountId, AssetId, AssetInode, RowNumber, StackId};
use crate::metadata::{PixelSize, Rating, Taken};
use crate::visibility::Visibility;

/// The zone of this computer. It stays what it was when first asked for: a row must be taken out of the sets that it was
/// put into.
static HERE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

/// The day on the calendar of `zone`.
fn added_on(added: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(added).date()
}

/// Number of an interned place; see [`Snapshot::place`](super::Snapshot::place).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlaceId(pub(crate) u32);

/// Number of an interned camera (make and model together).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CameraId(pub(crate) u32);

/// Number of an interned lens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LensId(pub(crate) u32);

/// Number of an interned tag path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TagId(pub(crate) u32);

/// Number of an interned name of a person, as files name them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonNameId(pub(crate) u32);

/// Make and model as one thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CameraName {
    /// `Canon`; empty when the file has none.
    pub make: String,
    /// `Canon EOS 40D`; empty when the file has none.
    pub model: String,
}

/// One asset, or one part of an asset (a live photo's video, a sidecar), as held in memory.
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
    pub modified: Timestamp,
    /// When the library last learned or decided something about it.
    pub decided: Timestamp,
    /// When the library first saw it.
    pub added: Timestamp,
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
    pub iso: Option<u32>,
    /// Aperture as an f-number.
    pub f_number: Option<f32>,
    /// Focal length in millimetres.
    pub focal_mm: Option<f32>,
    /// Playing time in milliseconds.
    pub duration_ms: Option<u32>,
    /// Stars.
    pub rating: Option<Rating>,
    /// Keywords.
    pub tags: Box<[TagId]>,
    /// People named in the file.
    pub people: Box<[PersonNameId]>,
    /// Whether it has a description (the words themselves are in the catalogue).
    pub described: bool,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// Whether a video is appended to the still.
    pub motion: bool,
    /// Whether something in the file is wrong (the warnings are in the catalogue).
    pub warned: bool,
    /// What it is a part of.
    pub host: Option<RowNumber>,
    /// Its parts: they stand beside it in every view.
    pub parts: Box<[RowNumber]>,
    /// The stack it is in: a RAW file and the picture developed from it, which both show.
    pub stack: Option<StackId>,
    /// Where its bytes lie: at least one while `present`.
    pub paths: Box<[RowPath]>,
}

/// A place in the user's folders where an asset's bytes lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowPath {
    /// The folder.
    pub dir: DirId,
    /// The file's name there; `None` when it is [`Row::name`], as it is for nearly all.
    pub name: Option<Box<[u8]>>,
}

impl Row {
    /// The file name at one of its paths.
    pub fn file_name<'a>(&'a self, path: &'a RowPath) -> &'a [u8] {
        path.name.as_deref().unwrap_or(self.name.as_bytes())
    }

    /// The day of capture on the calendar of the place of capture.
    pub fn day(&self) -> Option<Date> {
        self.taken.map(|taken| taken.local.date())
    }

    /// Whether it is listed by itself somewhere, rather than beside its host or not at all.
    pub fn is_listed(&self) -> bool {
        self.present && self.host.is_none() && self.kind != Kind::Sidecar
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
            Facet::Added(added_on(self.added, &HERE)),
            self.day().map_or(Facet::Undated, Facet::Day),
        ];
        facets.extend(self.place.map(Facet::Place));
        facets.extend(self.camera.map(Facet::Camera));
        facets.extend(self.lens.map(Facet::Lens));
        facets.extend(self.rating.map(Facet::Rating));
        facets.extend(self.tags.iter().copied().map(Facet::Tag));
        facets.extend(self.people.iter().copied().map(Facet::PersonName));
        facets.extend(self.favourite.then_some(Facet::Favourite));
        facets.extend(self.described.then_some(Facet::Described));
        facets.extend(self.position.is_some().then_some(Facet::Positioned));
        facets.extend((self.motion || !self.parts.is_empty()).then_some(Facet::WithParts));
        facets.extend(self.motion.then_some(Facet::Motion));
        facets.extend(self.stack.is_some().then_some(Facet::Stacked));
        facets.extend(self.format.is_raw().then_some(Facet::Raw));
        facets.extend(self.warned.then_some(Facet::Warned));
        facets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_added_on_the_day_that_the_clock_shows() {
        let late = "2024-05-01T23:30:00Z".parse().unwrap();
        assert_eq!(added_on(late, &TimeZone::UTC), "2024-05-01".parse().unwrap());
        let east = jiff::tz::offset(2).to_time_zone();
        assert_eq!(added_on(late, &east), "2024-05-02".parse().unwrap());
        assert_eq!(*HERE, TimeZone::system());
    }
}
