//! How right search by meaning is, with a real model over real photos: captions find their pictures, words find what
//! shows them and nothing for what is not there, and `things/` against what people marked.
//!
//! The model is run by `scripts/clip-pipe.py`, which says what it needs; `PYTHON` names the Python that has it.
//!
//! `PYTHON=venv/bin/python cargo run --release -p galleryfs-library --example meaning_accuracy -- ../shared`
#![allow(clippy::print_stdout, reason = "it is a program")]

mod broad;
mod ordinary;
mod photos;
mod pipe;
mod things;
mod truth;

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use self::broad::Collection;
use self::ordinary::{ALSO_THERE, NOR_THERE, NOT_THERE, THERE};
use self::photos::{Photos, embed, photos};
use self::pipe::Pipe;
use self::truth::{Captions, mentions, read_captions, read_classes};

fn main() -> Result<(), Box<dyn Error>> {
    let shared = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "../shared".into()));
    let pipe = Arc::new(Pipe::start(&shared.join("models/clip/standin"))?);
    let mut known = HashMap::new();
    let flickr = photos(&shared.join("photos/flickr/images"))?;
    let captions = read_captions(&shared.join("photos/flickr/captions.csv"))?;
    let photos_of_flickr = embed(&pipe, &flickr, &mut known)?;
    ranking(&photos_of_flickr, &captions)?;
    for (title, there, not_there) in [
        ("20 ordinary queries of each kind", THERE, NOT_THERE),
        ("others, less ordinary", ALSO_THERE, NOR_THERE),
    ] {
        cutoff(title, &photos_of_flickr, &captions, there, not_there)?;
    }
    // The same photos among others, and fewer of them: no threshold may hang on how many there are.
    let mut faces = Vec::new();
    for entry in std::fs::read_dir(shared.join("photos/people/lfw"))? {
        faces.extend(photos(&entry?.path())?);
    }
    let more: Vec<PathBuf> = flickr.iter().chain(&faces).cloned().collect();
    for (title, paths) in [
        ("flickr and lfw", more),
        ("half of flickr", flickr.iter().step_by(2).cloned().collect()),
        ("a fifth of flickr", flickr.iter().step_by(5).cloned().collect()),
        ("another fifth", flickr.iter().skip(2).step_by(5).cloned().collect()),
    ] {
        let photos = embed(&pipe, &paths, &mut known)?;
        cutoff(title, &photos, &captions, THERE, NOT_THERE)?;
    }
    let scenes = photos(&shared.join("photos/scenes/train2017"))?;
    let both: Vec<PathBuf> = flickr.iter().chain(&scenes).cloned().collect();
    let marked = read_classes(&shared.join("photos/scenes/annotations/instances_train2017.json"))?;
    things::things(&embed(&pipe, &both, &mut known)?, &captions, &marked)?;
    let collection =
        Collection { flickr: &flickr, scenes: &scenes, faces: &faces, captions: &captions, marked: &marked };
    broad::broad(&pipe, &collection, &mut known)
}

/// Captions find their pictures, without a cutoff.
fn ranking(photos: &Photos, captions: &Captions) -> Result<(), Box<dyn Error>> {
    let (mut at, mut asked) = ([0_usize; 3], 0);
    for (row, image) in photos.names.iter().enumerate() {
        for caption in captions.get(image).into_iter().flatten() {
            let ranked = photos.meaning.rank_all(caption, &photos.all, 10)?;
            asked += 1;
            if let Some(rank) = ranked.iter().position(|(found, _)| found.0 as usize == row) {
                for (count, within) in at.iter_mut().zip([1, 5, 10]) {
                    *count += usize::from(rank < within);
                }
            }
        }
    }
    let share = |count: usize| count as f64 / f64::from(asked);
    println!(
        "captions of flickr, {asked}: R@1 {:.3}, R@5 {:.3}, R@10 {:.3}",
        share(at[0]),
        share(at[1]),
        share(at[2])
    );
    Ok(())
}

/// Whether anything is shown for what is there and what is not, and what.
fn cutoff(
    title: &str,
    photos: &Photos,
    captions: &Captions,
    there: &[(&str, &str)],
    not_there: &[&str],
) -> Result<(), Box<dyn Error>> {
    let (mut missed, mut precision, mut recall) = (Vec::new(), 0.0, 0.0);
    for (query, stems) in there {
        let shown = photos.shown(query)?;
        let right = |row: &&usize| mentions(captions, &photos.names[**row], stems);
        let relevant = photos.names.iter().filter(|name| mentions(captions, name, stems)).count();
        if shown.is_empty() {
            missed.push(*query);
            continue;
        }
        let hits = shown.iter().filter(right).count();
        precision += hits as f64 / shown.len() as f64;
        recall += hits as f64 / relevant.max(1) as f64;
        if ["a dog", "snow"].contains(query) {
            let first = shown.iter().take(10).filter(right).count();
            println!(
                "  {query}: {} shown, {hits} right, {relevant} there; P@10 {:.1}",
                shown.len(),
                first as f64 / shown.len().min(10) as f64
            );
        }
    }
    let mut wrongly = Vec::new();
    for query in not_there {
        let shown = photos.shown(query)?;
        if !shown.is_empty() {
            wrongly.push(format!("{query} ({})", shown.len()));
        }
    }
    let found = there.len() - missed.len();
    println!(
        "{title}: anything shown: precision {:.2}, recall {:.2}; of what is shown, by captions: precision {:.2}, recall {:.2}",
        found as f64 / (found + wrongly.len()).max(1) as f64,
        found as f64 / there.len() as f64,
        precision / found.max(1) as f64,
        recall / found.max(1) as f64,
    );
    println!("  missed: {missed:?}; shown though not there: {wrongly:?}");
    Ok(())
}
