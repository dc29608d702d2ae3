//! Compares what is read from a folder of photos with its `expected.json`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::Offset;
use library::Metadata;
use library::metadata::{Orientation, Taken};
use serde_json::Value;

/// The folders every checkout is measured on, beside the repository.
pub(crate) fn usual_folders() -> Vec<PathBuf> {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos");
    vec![photos.join("exif"), photos.join("formats")]
}

/// Field names with the percentage that must be right.
const FIELDS: [(&str, f64); 9] = [
    ("capture time", 99.0),
    ("gps", 99.0),
    ("make", 99.0),
    ("model", 99.0),
    ("orientation", 99.0),
    ("size", 99.0),
    ("rating", 95.0),
    ("description", 95.0),
    ("tags", 95.0),
];

/// One field's counts.
#[derive(Default, Clone, Copy)]
struct Score {
    have: usize,
    right: usize,
    invented: usize,
}

/// All fields' counts, and every miss.
#[derive(Default)]
pub(crate) struct Report {
    scores: [Score; FIELDS.len()],
    misses: Vec<String>,
    invented: Vec<String>,
    files: usize,
}

impl Report {
    /// Adds a folder.
    pub(crate) fn compare(&mut self, folder: &Path) -> io::Result<()> {
        let expected: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("expected.json"))?)?;
        for one in &expected {
            let Some(name) = one["SourceFile"].as_str() else { continue };
            let path = folder.join(name);
            let mut file = File::open(&path)?;
            self.files += 1;
            match media::read(&mut file, name, &[]) {
                Ok(metadata) => self.file(name, one, &metadata),
                Err(error) => self.misses.push(format!("{name}: {error}")),
            }
        }
        Ok(())
    }

    /// Whether every field reaches its threshold.
    pub(crate) fn passes(&self) -> bool {
        let enough = |(score, (_, least)): (&Score, &(&str, f64))| percent(score) >= *least;
        self.files > 0 && self.scores.iter().zip(&FIELDS).all(enough)
    }

    fn file(&mut self, name: &str, expected: &Value, read: &Metadata) {
        let text = |key: &str| words(&expected[key]);
        let stored = read.size.map(|size| if read.orientation.swaps_sides() { size.turned() } else { size });
        // A video's clock is in UTC, and we show the time of its place: the instants must agree.
        let video = expected["MIMEType"].as_str().is_some_and(|mime| mime.starts_with("video/"));
        let in_utc = |taken: Taken| taken.instant().map(|instant| Offset::UTC.to_datetime(instant));
        let wanted = capture_time(expected);
        let local = read.taken.map(|taken| taken.local);
        let utc = read.taken.and_then(in_utc).filter(|utc| video && Some(*utc) == wanted);
        self.field(0, name, wanted, utc.or(local), |a, b| a.duration_since(*b).abs().as_secs() == 0);
        let gps = number(&expected["GPSLatitude"]).zip(number(&expected["GPSLongitude"]));
        self.field(1, name, gps, read.gps.map(|gps| (gps.lat, gps.lon)), |a, b| {
            (a.0 - b.0).abs() < 1e-4 && (a.1 - b.1).abs() < 1e-4
        });
        self.field(2, name, text("Make"), read.camera.make.clone(), |a, b| a == b);
        self.field(3, name, text("Model"), read.camera.model.clone(), |a, b| a == b);
        // Upright is what the file does not have to say; only saying otherwise is inventing.
        let turned = Some(read.orientation).filter(|orientation| *orientation != Orientation::UPRIGHT);
        match orientation(expected) {
            Some(wanted) => self.field(4, name, Some(wanted), Some(read.orientation), |a, b| a == b),
            None => self.field(4, name, None, turned, |a, b| a == b),
        }
        let size = number(&expected["ImageWidth"]).zip(number(&expected["ImageHeight"]));
        self.field(
            5,
            name,
            size,
            stored.map(|size| (f64::from(size.width), f64::from(size.height))),
            |a, b| a == b,
        );
        let rating = number(&expected["Rating"]).filter(|stars| (0.0..=5.0).contains(stars));
        self.field(6, name, rating, read.rating.map(|rating| f64::from(rating.stars())), |a, b| a == b);
        let description =
            ["Description", "ImageDescription", "Caption-Abstract"].iter().find_map(|key| text(key));
        self.field(7, name, description, read.description.clone(), |a, b| squeezed(a) == squeezed(b));
        let tags = tags(expected);
        let ours: BTreeSet<String> = read
            .tags
            .iter()
            .flat_map(library::metadata::TagPath::parts)
            .map(|part| part.to_lowercase())
            .collect();
        let some = |tags: BTreeSet<String>| Some(tags).filter(|tags| !tags.is_empty());
        self.field(8, name, some(tags), some(ours), BTreeSet::is_subset);
    }

    fn field<T: fmt::Debug>(
        &mut self,
        field: usize,
        name: &str,
        wanted: Option<T>,
        read: Option<T>,
        same: impl Fn(&T, &T) -> bool,
    ) {
        let (what, _) = FIELDS[field];
        let score = &mut self.scores[field];
        match (wanted, read) {
            (None, None) => {}
            (None, Some(read)) => {
                score.invented += 1;
                self.invented.push(format!("{name}: {what}: read {read:?}, not in expected.json"));
            }
            (Some(wanted), read) => {
                score.have += 1;
                if read.as_ref().is_some_and(|read| same(&wanted, read)) {
                    score.right += 1;
                } else {
                    self.misses.push(format!("{name}: {what}: expected {wanted:?}, read {read:?}"));
                }
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} files\n", self.files)?;
        writeln!(
            f,
            "{:<14} {:>5} {:>6} {:>8} {:>8} {:>6}",
            "field", "have", "right", "percent", "needed", "extra"
        )?;
        for (score, (name, least)) in self.scores.iter().zip(&FIELDS) {
            writeln!(
                f,
                "{name:<14} {:>5} {:>6} {:>8.1} {least:>8.1} {:>6}",
                score.have,
                score.right,
                percent(score),
                score.invented
            )?;
        }
        for (title, lines) in [("misses", &self.misses), ("read, but not expected (no miss)", &self.invented)]
        {
            writeln!(f, "\n{title}: {}", lines.len())?;
            for line in lines {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}

fn percent(score: &Score) -> f64 {
    if score.have == 0 { 100.0 } else { 100.0 * score.right as f64 / score.have as f64 }
}

fn words(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// In HEIF files the container's own turn counts, whatever EXIF says: the standard has it so, and decoders do it.
fn orientation(expected: &Value) -> Option<Orientation> {
    let heif =
        expected["MIMEType"].as_str().is_some_and(|mime| mime.contains("hei") || mime.contains("avif"));
    let turned = match expected["Rotation"].as_u64().filter(|_| heif) {
        Some(0) => Some(1),
        Some(90) => Some(8),
        Some(180) => Some(3),
        Some(270) => Some(6),
        _ => expected["Orientation"].as_u64(),
    };
    turned.and_then(|value| Orientation::from_exif(u32::try_from(value).ok()?))
}

fn tags(expected: &Value) -> BTreeSet<String> {
    ["Subject", "Keywords"]
        .iter()
        .flat_map(|key| match &expected[*key] {
            Value::Array(items) => items.iter().filter_map(words).collect(),
            one => words(one).into_iter().collect::<Vec<_>>(),
        })
        .map(|tag| tag.to_lowercase())
        .collect()
}

/// The first present and valid of the capture times, as the wall clock there.
fn capture_time(expected: &Value) -> Option<DateTime> {
    const KEYS: [&str; 6] = [
        "SubSecDateTimeOriginal",
        "DateTimeOriginal",
        "SubSecCreateDate",
        "CreateDate",
        "CreationDate",
        "MediaCreateDate",
    ];
    KEYS.iter().find_map(|key| {
        let text = expected[*key].as_str()?;
        let (date, time) = text.split_once([' ', 'T'])?;
        let time = time.get(..8)?;
        format!("{}T{time}", date.replace(':', "-")).parse().ok()
    })
}
