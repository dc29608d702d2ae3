//! One photo or video, as `list`, `show` and `search` give it.

use std::path::PathBuf;

use jiff::civil::DateTime;
use library::{Details, metadata};
use serde::{Deserialize, Serialize};

use super::text::{self, Table};
use crate::raw_path::RawPath;

/// The line of `list --json` and `show --json`. Field names and meanings are a promise (README).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Asset {
    /// Never changes.
    pub id: String,
    /// Absolute paths of the originals. A name that is not UTF-8 has U+FFFD in it here.
    pub paths: Vec<String>,
    /// The same with `%XX` for bytes that are not UTF-8 and for `%`; only there when `paths` lost something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths_raw: Option<Vec<String>>,
    /// `image` or `video`.
    pub kind: String,
    /// `jpeg`, `heic`, ...
    pub format: Option<String>,
    /// RFC 3339 with the offset at the place of capture; null where the zone is unknown.
    pub taken: Option<String>,
    /// The wall clock at the place of capture.
    pub taken_local: Option<String>,
    /// Upright.
    pub width: Option<u32>,
    /// Upright.
    pub height: Option<u32>,
    /// The EXIF value, 1 to 8.
    pub orientation: u8,
    /// Seconds.
    pub duration_s: Option<f64>,
    /// Of the camera.
    pub make: Option<String>,
    /// Of the camera.
    pub model: Option<String>,
    /// Of the lens.
    pub lens: Option<String>,
    /// ISO speed.
    pub iso: Option<u32>,
    /// Aperture.
    pub f_number: Option<f64>,
    /// Seconds.
    pub exposure_s: Option<f64>,
    /// Millimetres.
    pub focal_mm: Option<f64>,
    /// Degrees.
    pub gps: Option<Position>,
    /// Where that is.
    pub place: Option<Place>,
    /// Stars, 0 to 5.
    pub rating: Option<u8>,
    /// Caption.
    pub description: Option<String>,
    /// With `/` between levels.
    pub tags: Vec<String>,
    /// Names of the people in it.
    pub people: Vec<String>,
    /// The faces in it, from left to right.
    pub faces: Vec<Face>,
    /// Bytes.
    pub size: u64,
    /// Hex.
    pub sha1: String,
    /// Whether it is a favourite.
    #[serde(default)]
    pub favourite: bool,
    /// `timeline`, `archive`, `hidden`.
    pub visibility: String,
    /// The same for a RAW file and the picture developed from it; null for what is in no stack.
    pub stack: Option<String>,
    /// What is wrong with the file.
    pub warnings: Vec<String>,
}

/// A face in a picture.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Face {
    /// Left, top, right, bottom in pixels of the upright picture.
    #[serde(rename = "box")]
    pub region: [f32; 4],
    /// How sure it is that this is a face, 0 to 1.
    pub score: f32,
    /// The id of the person whose it is.
    pub person: Option<String>,
}

impl Face {
    /// A face of a picture of so many pixels.
    pub fn new(face: &library::people::Face, picture: metadata::PixelSize) -> Self {
        Self {
            region: face.at.to_pixels(picture).map(|side| (side * 10.0).round() / 10.0),
            score: (face.score * 1000.0).round() / 1000.0,
            person: face.person.map(|person| person.to_string()),
        }
    }
}

/// Degrees, north and east positive.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lon: f64,
}

/// A place by its names; null where GeoNames has none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The city or village nearest by.
    pub city: Option<String>,
    /// State, province, county.
    pub region: Option<String>,
    /// The country.
    pub country: Option<String>,
}

/// The line of `search --json`: an asset and how well it fits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hit {
    /// 1 is best.
    pub rank: usize,
    /// Greater is better; comparable within one search only.
    pub score: f64,
    /// What was found.
    #[serde(flatten)]
    pub asset: Asset,
}

impl From<&Details> for Asset {
    fn from(details: &Details) -> Self {
        let metadata = &details.metadata;
        let (paths, paths_raw) = written(&details.paths);
        let (camera, exposure) = (&metadata.camera, &metadata.exposure);
        Self {
            id: details.id.to_string(),
            paths,
            paths_raw,
            kind: metadata.format.map_or("image", |format| format.kind().word()).to_owned(),
            format: metadata.format.map(|format| format.word().to_owned()),
            taken: metadata.taken.as_ref().and_then(with_offset),
            taken_local: metadata.taken.map(|taken| wall_clock(taken.local)),
            width: metadata.size.map(|size| size.width),
            height: metadata.size.map(|size| size.height),
            orientation: metadata.orientation.get(),
            duration_s: metadata.duration.map(|duration| duration.as_millis() as f64 / 1000.0),
            make: camera.make.clone(),
            model: camera.model.clone(),
            lens: camera.lens.clone(),
            iso: exposure.iso,
            f_number: exposure.f_number,
            exposure_s: exposure.exposure_s,
            focal_mm: exposure.focal_mm,
            gps: metadata.gps.map(|gps| Position { lat: gps.lat, lon: gps.lon }),
            place: metadata.place.as_ref().map(Place::from),
            rating: metadata.rating.map(metadata::Rating::stars),
            description: metadata.description.clone(),
            tags: metadata.tags.iter().map(metadata::TagPath::joined).collect(),
            people: Vec::new(),
            faces: Vec::new(),
            size: details.size,
            sha1: details.sha1.to_string(),
            favourite: details.favourite,
            visibility: details.visibility.word().to_owned(),
            stack: details.stack.map(|stack| stack.to_string()),
            warnings: metadata.warnings.clone(),
        }
    }
}

impl From<&metadata::Place> for Place {
    fn from(place: &metadata::Place) -> Self {
        let known = |name: &String| (!name.is_empty()).then(|| name.clone());
        Self { city: known(&place.city), region: known(&place.region), country: known(&place.country) }
    }
}

impl Place {
    fn words(&self) -> String {
        let names: Vec<&str> =
            [&self.city, &self.region, &self.country].into_iter().flatten().map(String::as_str).collect();
        names.join(", ")
    }
}

/// Paths as JSON can say them, and without loss where that lost something.
pub(super) fn written(paths: &[PathBuf]) -> (Vec<String>, Option<Vec<String>>) {
    let raw = paths
        .iter()
        .any(|path| path.to_str().is_none())
        .then(|| paths.iter().map(|path| RawPath::encode(path)).collect());
    (paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(), raw)
}

/// `2024-05-01T10:20:30`, with milliseconds where the file has any.
fn wall_clock(local: DateTime) -> String {
    let seconds = local.strftime("%Y-%m-%dT%H:%M:%S");
    match local.millisecond() {
        0 => seconds.to_string(),
        milliseconds => format!("{seconds}.{milliseconds:03}"),
    }
}

fn with_offset(taken: &metadata::Taken) -> Option<String> {
    let seconds = taken.zone?.offset.seconds();
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    Some(format!("{}{sign}{:02}:{:02}", wall_clock(taken.local), minutes / 60, minutes % 60))
}

impl Asset {
    /// The first original, or the id where none is there.
    pub fn first_path(&self) -> String {
        let path = self.paths.first().map_or(self.id.as_str(), String::as_str);
        text::safe(path)
    }

    /// The cells of one line of `list`: date, format, size in pixels, bytes, path.
    pub fn cells(&self) -> Vec<String> {
        vec![
            self.taken_local.as_deref().map_or_else(|| "undated".into(), day_and_time),
            self.format.clone().unwrap_or_else(|| "?".into()),
            self.pixels().unwrap_or_default(),
            text::bytes(self.size),
            self.first_path(),
        ]
    }

    fn pixels(&self) -> Option<String> {
        Some(format!("{}x{}", self.width?, self.height?))
    }

    /// Everything, for `show`: one line a fact, nothing about what is not known.
    pub fn facts(&self) -> Table {
        let mut table = Table::default();
        let mut fact = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                table.row([name.to_owned(), text::safe(&value)]);
            }
        };
        for (at, path) in self.paths.iter().enumerate() {
            fact(if at == 0 { "File" } else { "" }, Some(path.clone()));
        }
        fact("Taken", self.taken_words());
        fact("Place", self.place.as_ref().map(Place::words));
        fact("Position", self.gps.map(|gps| format!("{:.5}, {:.5}", gps.lat, gps.lon)));
        fact("Camera", self.camera());
        fact("Lens", self.lens.clone());
        fact("Exposure", self.exposure());
        fact("Picture", joined([self.format.as_deref(), self.pixels().as_deref(), self.turned().as_deref()]));
        fact("Length", self.duration_s.map(text::elapsed));
        fact("Rating", self.rating.map(|stars| format!("{stars} of 5")));
        fact("Favourite", self.favourite.then(|| "yes".to_owned()));
        fact("Tags", Some(self.tags.join(", ")));
        fact("People", self.people_words());
        fact("About", self.description.clone());
        fact("Size", Some(format!("{} ({} bytes)", text::bytes(self.size), text::count(self.size))));
        fact("Shown", (self.visibility != "timeline").then(|| self.visibility.clone()));
        for (at, warning) in self.warnings.iter().enumerate() {
            fact(if at == 0 { "Warnings" } else { "" }, Some(warning.clone()));
        }
        fact("SHA-1", Some(self.sha1.clone()));
        fact("Id", Some(self.id.clone()));
        table
    }

    /// Make and model, the make once: most models begin with it.
    fn camera(&self) -> Option<String> {
        let (make, model) = (self.make.as_deref(), self.model.as_deref());
        let first = make.and_then(|make| make.split(' ').next()).unwrap_or_default();
        let named = !first.is_empty()
            && model.is_some_and(|model| model.to_lowercase().starts_with(&first.to_lowercase()));
        joined([make.filter(|_| !named), model])
    }

    fn taken_words(&self) -> Option<String> {
        let local = day_and_time(self.taken_local.as_deref()?);
        Some(match self.taken.as_deref().and_then(|taken| taken.get(taken.len().saturating_sub(6)..)) {
            Some(offset) => format!("{local} {offset}"),
            None => format!("{local} (time zone unknown)"),
        })
    }

    fn exposure(&self) -> Option<String> {
        let time = self.exposure_s.map(|seconds| match seconds {
            short if short > 0.0 && short < 0.4 => format!("1/{:.0} s", 1.0 / short),
            long => format!("{long} s"),
        });
        let aperture = self.f_number.map(|number| format!("f/{number}"));
        let iso = self.iso.map(|iso| format!("ISO {iso}"));
        let focal = self.focal_mm.map(|length| format!("{length} mm"));
        joined([time.as_deref(), aperture.as_deref(), iso.as_deref(), focal.as_deref()])
    }

    fn people_words(&self) -> Option<String> {
        let nameless = self.faces.len().saturating_sub(self.people.len());
        match (self.people.is_empty(), nameless) {
            (true, 0) => None,
            (true, _) => Some(text::plural(nameless as u64, "face without a name", "faces without a name")),
            (false, 0) => Some(self.people.join(", ")),
            (false, _) => {
                Some(format!("{} and {} more", self.people.join(", "), text::count(nameless as u64)))
            }
        }
    }

    fn turned(&self) -> Option<String> {
        (self.orientation != 1).then(|| format!("(stored with orientation {})", self.orientation))
    }
}

fn day_and_time(taken: &str) -> String {
    taken.get(..19).unwrap_or(taken).replace('T', " ")
}

fn joined<const N: usize>(words: [Option<&str>; N]) -> Option<String> {
    let words: Vec<&str> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::Offset;
    use library::metadata::{Taken, Zone, ZoneSource};

    #[test]
    fn times_have_their_offset_and_milliseconds_only_where_known() {
        let taken = |local: &str, minutes: i32| Taken {
            local: local.parse().unwrap(),
            zone: Some(Zone {
                offset: Offset::from_seconds(minutes * 60).unwrap(),
                source: ZoneSource::File,
            }),
        };
        assert_eq!(with_offset(&taken("2024-05-01T10:20:30", 120)).unwrap(), "2024-05-01T10:20:30+02:00");
        assert_eq!(
            with_offset(&taken("2024-05-01T10:20:30.05", -210)).unwrap(),
            "2024-05-01T10:20:30.050-03:30"
        );
        assert_eq!(with_offset(&taken("2024-05-01T10:20:30", 0)).unwrap(), "2024-05-01T10:20:30+00:00");
        let unknown = Taken { local: "0987-05-01T10:20:30".parse().unwrap(), zone: None };
        assert_eq!(with_offset(&unknown), None);
        assert_eq!(wall_clock(unknown.local), "0987-05-01T10:20:30");
    }

    #[test]
    fn a_name_that_is_not_text_is_said_twice() {
        use std::os::unix::ffi::OsStrExt as _;
        let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"/p/\xff.jpg"));
        let (paths, raw) = written(&[odd]);
        assert_eq!(paths, ["/p/\u{fffd}.jpg"]);
        assert_eq!(raw.unwrap(), ["/p/%FF.jpg"]);
        assert_eq!(written(&["/p/100%.jpg".into()]).1, None);
    }
}
