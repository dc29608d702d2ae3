//! dlib's photos of groups: every face that is marked there must be found.

use std::path::Path;

use vision::faces::{FaceBox, Faces, detector};

use crate::samples::Photo;

/// How many marked faces were found, how many there are, and how many more were found than marked.
pub(crate) struct Report {
    pub(crate) found: usize,
    pub(crate) marked: usize,
    pub(crate) more: usize,
    pub(crate) missed: Vec<String>,
}

/// dlib marks from brow to chin, SCRFD from forehead to chin: the same face overlaps less than two boxes of one kind.
const SAME_FACE: f32 = 0.3;

/// Measures over `SHARED/photos/people/dlib/faces`.
pub(crate) fn measure(shared: &Path, faces: &Faces) -> Result<Report, String> {
    let folder = shared.join("photos/people/dlib/faces");
    let mut report = Report { found: 0, marked: 0, more: 0, missed: Vec::new() };
    for list in ["training.xml", "testing.xml"] {
        let path = folder.join(list);
        // The file says ISO-8859-1 and is ASCII.
        let xml = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for image in String::from_utf8_lossy(&xml).split("<image ").skip(1) {
            let name = attribute(image, "file").ok_or("an image without a file")?;
            let photo = Photo::open(&folder.join(name))?;
            let mut found: Vec<FaceBox> = faces
                .detector()
                .detect(photo.pixels()?, detector::MIN_SCORE)
                .map_err(|error| error.to_string())?
                .iter()
                .map(|face| face.region)
                .collect();
            for marked in image.split("<box ").skip(1) {
                let number = |name| attribute(marked, name).and_then(|value| value.parse::<f32>().ok());
                let (Some(x1), Some(y1), Some(width), Some(height)) =
                    (number("left"), number("top"), number("width"), number("height"))
                else {
                    return Err(format!("a box without sides: {marked}"));
                };
                let marked = FaceBox { x1, y1, x2: x1 + width, y2: y1 + height };
                report.marked += 1;
                // Each face that was found answers for one that is marked.
                let best = (0..found.len()).max_by(|one, other| {
                    found[*one].overlap(&marked).total_cmp(&found[*other].overlap(&marked))
                });
                match best.filter(|best| found[*best].overlap(&marked) >= SAME_FACE) {
                    Some(best) => {
                        found.swap_remove(best);
                        report.found += 1;
                    }
                    None => report.missed.push(format!("{name} at {x1},{y1}")),
                }
            }
            report.more += found.len();
        }
    }
    Ok(report)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{name}='"))?;
    rest.split_once('\'').map(|(value, _)| value)
}
