//! Text to image over Flickr8k's captions: for each caption, at which place its own photo comes.

use std::collections::BTreeMap;
use std::path::Path;

use vision::Embedding;
use vision::clip::{Textual, Visual};

use crate::samples::Photo;

/// How often a caption's photo is among the first 1, 5, 10; and how many of the first ten photos of a scene show it.
pub(crate) struct Report {
    pub(crate) captions: usize,
    pub(crate) photos: usize,
    pub(crate) recall: [f32; 3],
    pub(crate) scenes: Vec<(&'static str, f32)>,
}

impl Report {
    /// The thresholds of the issue: a plain Python pipeline over the same models gets 0.226, 0.490, 0.622.
    pub(crate) fn passes(&self) -> bool {
        self.recall.iter().zip([0.22, 0.48, 0.61]).all(|(recall, least)| *recall >= least)
            && self.scenes.iter().all(|(_, precision)| *precision >= 1.0)
    }
}

/// A photo shows a scene when at least two of its five captions name it: one alone may be a slip.
const SCENES: [(&str, &[&str]); 2] = [
    ("a dog", &["dog", "dogs", "puppy"]),
    ("snow", &["snow", "snowy", "snowboarder", "ski", "skier", "skis"]),
];

/// Measures over `SHARED/photos/flickr`.
pub(crate) fn measure(shared: &Path, visual: &Visual, textual: &Textual) -> Result<Report, String> {
    let folder = shared.join("photos/flickr");
    let path = folder.join("captions.csv");
    let csv = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut captions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in csv.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, caption) = line.split_once(',').ok_or_else(|| format!("no caption in `{line}`"))?;
        captions.entry(name).or_default().push(caption.trim_matches('"').replace("\"\"", "\""));
    }
    let mut photos: Vec<Embedding> = Vec::new();
    for name in captions.keys() {
        let photo = Photo::open(&folder.join("images").join(name))?;
        photos.extend(visual.embed(&[photo.pixels()?]).map_err(|error| error.to_string())?);
    }
    let mut found = [0usize; 3];
    let mut count = 0;
    for (own, texts) in captions.values().enumerate() {
        for text in texts {
            let meant = textual.embed_verbatim(text).map_err(|error| error.to_string())?;
            let likeness = |at: usize| photos[at].cosine(&meant).unwrap_or(-1.0);
            let better = (0..photos.len()).filter(|at| likeness(*at) > likeness(own)).count();
            count += 1;
            for (found, within) in found.iter_mut().zip([1, 5, 10]) {
                *found += usize::from(better < within);
            }
        }
    }
    let mut scenes = Vec::new();
    for (scene, words) in SCENES {
        let meant = textual.embed_verbatim(scene).map_err(|error| error.to_string())?;
        let mut order: Vec<usize> = (0..photos.len()).collect();
        let likeness = |at: &usize| photos[*at].cosine(&meant).unwrap_or(-1.0);
        order.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
        let shown: Vec<bool> = captions
            .values()
            .map(|texts| {
                let names = |text: &&String| {
                    text.to_lowercase()
                        .split(|char: char| !char.is_alphabetic())
                        .any(|word| words.contains(&word))
                };
                texts.iter().filter(names).count() >= 2
            })
            .collect();
        scenes.push((scene, order.iter().take(10).filter(|at| shown[**at]).count() as f32 / 10.0));
    }
    Ok(Report {
        captions: count,
        photos: photos.len(),
        recall: found.map(|found| found as f32 / count as f32),
        scenes,
    })
}
