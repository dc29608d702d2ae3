//! What photos show: what captions say of some, and which classes people marked in others.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::path::Path;

use crate::photos::name;

/// Captions of photos, by their names.
pub(crate) type Captions = HashMap<String, Vec<String>>;

/// What people marked in photos, by their names.
pub(crate) type Classes = HashMap<String, HashSet<String>>;

/// Whether a photo shows something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// Two captions say so, or somebody marked it.
    Yes,
    /// One does, or says something like it.
    Perhaps,
    No,
}

impl Says {
    pub(crate) fn of_captions(captions: &[String], words: &[&str], open: &[&str]) -> Self {
        let matches = |word: &str, patterns: &[&str]| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => word.starts_with(start),
                None => word == *pattern,
            })
        };
        let count = |patterns: &[&str]| {
            let says = |caption: &&String| {
                let caption = caption.to_lowercase();
                caption.split(|c: char| !c.is_ascii_lowercase()).any(|word| matches(word, patterns))
            };
            captions.iter().filter(says).count()
        };
        match (count(words), count(open)) {
            (2.., _) => Self::Yes,
            (0, 0) => Self::No,
            _ => Self::Perhaps,
        }
    }
}

pub(crate) fn read_captions(path: &Path) -> Result<Captions, Box<dyn Error>> {
    let mut captions = Captions::new();
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let (image, caption) = line.split_once(',').ok_or("no caption")?;
        captions.entry(image.to_owned()).or_default().push(caption.trim_matches('"').replace("\"\"", "\""));
    }
    Ok(captions)
}

pub(crate) fn mentions(captions: &Captions, image: &str, stems: &str) -> bool {
    let words = captions
        .get(image)
        .into_iter()
        .flatten()
        .flat_map(|caption| caption.split(|c: char| !c.is_alphabetic()));
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    stems.split(' ').any(|stem| {
        words.iter().any(|word| {
            if stem.len() <= 3 {
                word == stem || word.strip_suffix('s') == Some(stem)
            } else {
                word.starts_with(stem)
            }
        })
    })
}

pub(crate) fn read_classes(path: &Path) -> Result<Classes, Box<dyn Error>> {
    let coco: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let list = |name: &str| coco[name].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let classes: HashMap<u64, String> =
        list("categories").iter().map(|one| (one["id"].as_u64().unwrap_or(0), text(&one["name"]))).collect();
    let images: HashMap<u64, String> = list("images")
        .iter()
        .map(|one| (one["id"].as_u64().unwrap_or(0), name(Path::new(&text(&one["file_name"])))))
        .collect();
    let mut marked: Classes = images.values().map(|name| (name.clone(), HashSet::new())).collect();
    for one in list("annotations") {
        let image = one["image_id"].as_u64().and_then(|id| images.get(&id));
        let class = one["category_id"].as_u64().and_then(|id| classes.get(&id));
        if let (Some(image), Some(class)) = (image, class) {
            marked.entry(image.clone()).or_default().insert(class.clone());
        }
    }
    Ok(marked)
}
