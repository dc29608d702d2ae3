//! What one block of metadata says, before anybody decided whom to believe.

use jiff::civil::DateTime;
use library::metadata::{Exposure, Gps, Orientation, PixelSize, Rating, TagPath};
use serde::{Deserialize, Serialize};

use crate::moment::{Moment, Parsed};

/// The fields of one EXIF, XMP, IPTC or container block. [`crate::settle`] makes one answer of several of these.
#[derive(Default, Debug)]
pub(crate) struct Said {
    /// When the shutter opened.
    pub(crate) original: Option<Moment>,
    /// When it became digital; the same moment for digital cameras.
    pub(crate) digitized: Option<Moment>,
    /// When the work was created, as the press says it (IPTC and Photoshop).
    pub(crate) created: Option<Moment>,
    /// A container's clock in UTC.
    pub(crate) utc: Option<DateTime>,
    /// The satellites' clock, in UTC.
    pub(crate) gps_clock: Option<DateTime>,
    pub(crate) gps: Option<Gps>,
    pub(crate) orientation: Option<Orientation>,
    /// The size as the metadata has it: for files whose own header is not understood.
    pub(crate) size: Option<PixelSize>,
    pub(crate) make: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) lens: Option<String>,
    pub(crate) exposure: Exposure,
    pub(crate) rating: Option<Verdict>,
    pub(crate) description: Option<String>,
    /// A remark beside the description's own field: stands in where nobody described the picture.
    pub(crate) comment: Option<String>,
    /// Keywords without a hierarchy.
    pub(crate) flat_tags: Vec<String>,
    /// Keywords with one.
    pub(crate) tag_paths: Vec<TagPath>,
    pub(crate) regions: Regions,
    pub(crate) live_id: Option<String>,
    pub(crate) motion: Option<MotionHint>,
    pub(crate) warnings: Vec<String>,
}

/// What somebody thought of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// So many stars.
    Stars(Rating),
    /// Adobe's -1: looked at and turned down. No stars, and none from an older block either.
    Rejected,
}

impl From<Rating> for Verdict {
    fn from(rating: Rating) -> Self {
        Self::Stars(rating)
    }
}

impl Verdict {
    /// The stars, if it is any.
    pub(crate) fn stars(self) -> Option<Rating> {
        match self {
            Self::Stars(rating) => Some(rating),
            Self::Rejected => None,
        }
    }
}

impl Said {
    /// Takes a date, or says why not. `what` names the field for people.
    pub(crate) fn moment(&mut self, what: &str, text: &str) -> Option<Moment> {
        match crate::moment::parse(text) {
            Parsed::Moment(moment) => Some(moment),
            Parsed::Unset => {
                self.warnings.push(format!("{what} is blank or zero"));
                None
            }
            Parsed::Impossible => {
                let shown: String = text.chars().take(40).collect();
                self.warnings.push(format!("{what} is not a date: {shown:?}"));
                None
            }
        }
    }

    /// Takes a position, rejecting what is none: beyond the poles, not a number, or the empty 0,0.
    pub(crate) fn position(&mut self, lat: f64, lon: f64, altitude: Option<f64>) {
        self.gps = match position(lat, lon, altitude) {
            Ok(gps) => Some(gps),
            Err(reason) => {
                self.warnings.push(format!("the GPS position {reason}"));
                None
            }
        };
    }

    /// Takes stars, or -1 for rejected; what else lies outside 0 to 5 is a warning.
    pub(crate) fn stars(&mut self, stars: f64) {
        // Lightroom and others allow halves nowhere, but write "3.0".
        let whole = stars.is_finite().then(|| stars.round() as i64);
        self.rating = match whole {
            Some(-1) => Some(Verdict::Rejected),
            whole => whole.and_then(Rating::new).map(Verdict::Stars),
        };
        if self.rating.is_none() {
            self.warnings.push(format!("the rating {stars} is outside 0 to 5"));
        }
    }
}

/// A position that can be one, or why it cannot.
pub(crate) fn position(lat: f64, lon: f64, altitude: Option<f64>) -> Result<Gps, &'static str> {
    if !lat.is_finite() || !lon.is_finite() {
        return Err("is not a number");
    }
    if lat.abs() > 90.0 || lon.abs() > 180.0 {
        return Err("is not on Earth");
    }
    if lat == 0.0 && lon == 0.0 {
        return Err("is empty (0, 0)");
    }
    let altitude = altitude.filter(|metres| metres.is_finite() && metres.abs() < 1e5);
    Ok(Gps { lat, lon, altitude })
}

/// Faces as drawn on the stored picture, and the size they were drawn for.
#[derive(Default, Debug)]
pub(crate) struct Regions {
    pub(crate) drawn_on: Option<PixelSize>,
    pub(crate) faces: Vec<Region>,
}

/// A rectangle by its centre, in fractions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Region {
    pub(crate) name: Option<String>,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Where the metadata says that a video is appended. Lengths, not offsets: the file may have grown in front since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MotionHint {
    /// Bytes of the video, where told.
    pub(crate) length: Option<u64>,
    /// Bytes from the start of the video to the end of the file.
    pub(crate) from_end: Option<u64>,
}

impl Said {
    /// Takes from a second block of the same kind what the first did not say.
    pub(crate) fn fill_from(&mut self, other: Self) {
        macro_rules! first {
            ($($field:ident).+) => { self.$($field).+ = self.$($field).+.take().or(other.$($field).+) };
        }
        first!(original);
        first!(digitized);
        first!(created);
        first!(utc);
        first!(gps_clock);
        first!(gps);
        first!(orientation);
        first!(size);
        first!(make);
        first!(model);
        first!(lens);
        first!(exposure.iso);
        first!(exposure.f_number);
        first!(exposure.exposure_s);
        first!(exposure.focal_mm);
        first!(rating);
        first!(description);
        first!(comment);
        first!(live_id);
        first!(motion);
        self.flat_tags.extend(other.flat_tags);
        self.tag_paths.extend(other.tag_paths);
        if self.regions.faces.is_empty() {
            self.regions = other.regions;
        }
        self.warnings.extend(other.warnings);
    }

    /// Whether it names any keyword.
    pub(crate) fn has_tags(&self) -> bool {
        !self.flat_tags.is_empty() || !self.tag_paths.is_empty()
    }
}
