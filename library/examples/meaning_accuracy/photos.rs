//! Photos in a folder, embedded, and what a search among them shows.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use library::Embedding;
use library::checksum::Checksum;
use library::id::RowNumber;
use library::meaning::{Encoder, PictureMeaning};
use library::pictures::Pictures;
use library::search::Meaning as _;
use roaring::RoaringBitmap;

use crate::pipe::Pipe;

pub(crate) fn photos(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jpg") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(format!("no photos in {}", folder.display()).into());
    }
    Ok(found)
}

pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Some photos, embedded.
pub(crate) struct Photos {
    pub(crate) meaning: PictureMeaning,
    pub(crate) names: Vec<String>,
    pub(crate) all: RoaringBitmap,
    _dir: tempfile::TempDir,
}

pub(crate) fn embed(
    pipe: &Arc<Pipe>,
    paths: &[PathBuf],
    known: &mut HashMap<PathBuf, Embedding>,
) -> Result<Photos, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let pictures = Pictures::open(dir.path(), &pipe.model, pipe.width, Weak::new())?;
    let content = |number: u32| Checksum::of(&number.to_le_bytes());
    for (number, path) in (0..).zip(paths) {
        if !known.contains_key(path) {
            let embedding =
                pipe.ask(&format!("picture {}", path.display())).map_err(|error| error.to_string())?;
            known.insert(path.clone(), embedding);
        }
        if let Some(embedding) = known.get(path) {
            pictures.put(&content(number), embedding)?;
        }
    }
    let count = paths.len() as u32;
    pictures.tie((0..count).map(|number| (RowNumber(number), content(number))));
    let meaning = PictureMeaning::new(Arc::new(pictures), Arc::clone(pipe) as Arc<dyn Encoder>)?;
    Ok(Photos {
        meaning,
        names: paths.iter().map(|path| name(path)).collect(),
        all: (0..count).collect(),
        _dir: dir,
    })
}

impl Photos {
    /// What a search shows, as the library asks it: without words written anywhere.
    pub(crate) fn shown(&self, query: &str) -> Result<Vec<usize>, Box<dyn Error>> {
        let heard = self.meaning.hear(query);
        if !heard.unknown.is_empty() || heard.known.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.meaning.find(&heard.known, &self.all, usize::MAX)?;
        Ok(found.into_iter().map(|(row, _)| row.0 as usize).collect())
    }
}
