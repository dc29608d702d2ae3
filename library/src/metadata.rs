//! What a file says about itself, in one shape whatever the format.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::checksum::Checksum;
use crate::format::Format;

/// Everything read from one photo or video and its sidecars. Absent means the file does not say.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// The container or codec, by content, not by extension. `None` when the bytes are of no kind we know.
    pub format: Option<Format>,
    /// When it was taken.
    pub taken: Option<Taken>,
    /// Width and height in pixels as seen upright, that is after [`Metadata::orientation`] was applied.
    pub size: Option<PixelSize>,
    /// How the stored picture must be turned to be upright.
    pub orientation: Orientation,
    /// Playing time of a video or animation.
    pub duration: Option<SignedDuration>,
    /// What it was taken with.
    pub camera: Camera,
    /// How it was exposed.
    pub exposure: Exposure,
    /// Where it was taken.
    pub gps: Option<Gps>,
    /// The populated place nearest to [`Metadata::gps`].
    pub place: Option<Place>,
    /// Stars, 0 to 5. Rejected (-1 in XMP) is `None` with a warning.
    pub rating: Option<Rating>,
    /// The caption.
    pub description: Option<String>,
    /// Keywords; a hierarchical one is `["Places", "Rome"]`. Sorted, without doubles.
    pub tags: Vec<TagPath>,
    /// Faces somebody drew and named in another program.
    pub faces: Vec<FaceRegion>,
    /// Apple's identifier that ties the two halves of a live photo together.
    pub live_id: Option<String>,
    /// A video appended to the still (Google's and Samsung's motion photos).
    pub motion: Option<EmbeddedMotion>,
    /// Hash of the coded picture alone, without metadata, where the format lets it be told apart: equal means that
    /// only metadata was edited.
    pub picture: Option<Checksum>,
    /// What is wrong with the file, in words for people. Never a reason not to show it.
    pub warnings: Vec<String>,
}

/// The moment of capture: the wall clock there, and its zone where known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// What a clock on the wall showed, with sub-seconds where the file has them.
    pub local: DateTime,
    /// How far that clock was from UTC, where the file or its GPS position tells.
    pub zone: Option<Zone>,
}

impl Taken {
    /// The instant, where a zone is known.
    pub fn instant(&self) -> Option<Timestamp> {
        self.zone.and_then(|zone| zone.offset.to_timestamp(self.local).ok())
    }
}

/// An offset from UTC and who said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Zone {
    /// East of Greenwich is positive.
    #[serde(with = "offset_seconds")]
    pub offset: Offset,
    /// Where the offset comes from.
    pub source: ZoneSource,
}

/// An offset as seconds east of UTC, since jiff leaves its offsets without a stored form.
mod offset_seconds {
    use jiff::tz::Offset;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(offset: &Offset, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(offset.seconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Offset, D::Error> {
        Offset::from_seconds(i32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Who said what the zone was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ZoneSource {
    /// The file or its sidecar.
    File,
    /// The time zone at the GPS position, at that moment.
    Gps,
    /// The user.
    User,
}

/// Pixels across and down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PixelSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl PixelSize {
    /// The size of the same picture turned by a quarter.
    pub fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }
}

/// The EXIF orientation, 1 (upright) to 8.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Orientation(u8);

impl Orientation {
    /// Stored as seen.
    pub const UPRIGHT: Self = Self(1);

    /// Reads the EXIF value; `None` outside 1 to 8.
    pub fn from_exif(value: u32) -> Option<Self> {
        (1..=8).contains(&value).then_some(Self(value as u8))
    }

    /// The EXIF value.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.0 >= 5
    }
}

impl Default for Orientation {
    fn default() -> Self {
        Self::UPRIGHT
    }
}

/// Maker, model and lens, trimmed of padding.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Camera {
    /// `Canon`.
    pub make: Option<String>,
    /// `Canon EOS 40D`, as the file has it.
    pub model: Option<String>,
    /// `EF-S18-55mm f/3.5-5.6`.
    pub lens: Option<String>,
}

/// Exposure settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Exposure {
    /// ISO speed.
    pub iso: Option<u32>,
    /// Aperture as an f-number.
    pub f_number: Option<f64>,
    /// Exposure time in seconds.
    pub exposure_s: Option<f64>,
    /// Focal length in millimetres, not corrected for sensor size.
    pub focal_mm: Option<f64>,
}

/// A position, WGS 84.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Gps {
    /// Degrees, north positive.
    pub lat: f64,
    /// Degrees, east positive.
    pub lon: f64,
    /// Metres above sea level.
    pub altitude: Option<f64>,
}

/// A populated place by its names in English or the local language, as GeoNames has them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Place {
    /// `Rome`; empty when only the country is known.
    pub city: String,
    /// First-order division: `Latium`. Empty when GeoNames names none.
    pub region: String,
    /// `Italy`.
    pub country: String,
}

/// Stars, 0 to 5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct Rating(u8);

impl TryFrom<u8> for Rating {
    type Error = &'static str;

    fn try_from(stars: u8) -> Result<Self, Self::Error> {
        Self::new(stars.into()).ok_or("stars are 0 to 5")
    }
}

impl Rating {
    /// `None` outside 0 to 5.
    pub fn new(stars: i64) -> Option<Self> {
        (0..=5).contains(&stars).then_some(Self(stars as u8))
    }

    /// How many stars.
    pub fn stars(self) -> u8 {
        self.0
    }
}

/// A keyword and the keywords above it, outermost first. Never empty, no empty parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct TagPath(Vec<String>);

impl TryFrom<Vec<String>> for TagPath {
    type Error = &'static str;

    fn try_from(parts: Vec<String>) -> Result<Self, Self::Error> {
        Self::new(parts).ok_or("a tag has at least one word")
    }
}

impl TagPath {
    /// Trims the parts and drops empty ones; `None` when nothing is left.
    pub fn new<S: AsRef<str>>(parts: impl IntoIterator<Item = S>) -> Option<Self> {
        let parts: Vec<String> = parts
            .into_iter()
            .map(|part| part.as_ref().trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect();
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// The parts, outermost first.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// Its parts without regard to case and composition: tags that agree in it are one.
    pub fn folded(&self) -> Vec<String> {
        self.0.iter().map(|part| crate::names::folded(part)).collect()
    }

    /// `Places/Rome`: how people and JSON see it.
    pub fn joined(&self) -> String {
        self.0.join("/")
    }
}

/// A rectangle with a name on it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FaceRegion {
    /// Who it is; `None` when the region is unnamed.
    pub name: Option<String>,
    /// Left edge, as a fraction of the width of the upright picture.
    pub left: f32,
    /// Top edge, as a fraction of its height.
    pub top: f32,
    /// Width as a fraction.
    pub width: f32,
    /// Height as a fraction.
    pub height: f32,
}

/// Where in the file the appended video lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EmbeddedMotion {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes of video.
    pub length: u64,
}
