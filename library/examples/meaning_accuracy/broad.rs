//! Many queries over many libraries of different sizes and mixtures. Half of the queries and half of the photos were used
//! for choosing the cutoff; what the others give is what strangers' queries and photos can be expected to.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use library::Embedding;
use library::checksum::Checksum;

use crate::photos::{embed, name};
use crate::pipe::Pipe;
use crate::truth::{Captions, Classes, Says};

/// All photos, and what is known of them.
pub(crate) struct Collection<'a> {
    pub(crate) flickr: &'a [PathBuf],
    pub(crate) scenes: &'a [PathBuf],
    pub(crate) faces: &'a [PathBuf],
    pub(crate) captions: &'a Captions,
    pub(crate) marked: &'a Classes,
}

/// A line of `queries.txt`.
struct Query {
    text: &'static str,
    held_out: bool,
    words: Vec<&'static str>,
    open_words: Vec<&'static str>,
    classes: Vec<&'static str>,
    open_classes: Vec<&'static str>,
    scenes: bool,
    portraits: bool,
    rare: bool,
}

/// What is asked of the numbers: in how many of the libraries' queries something was shown.
#[derive(Default)]
struct Shares {
    there: Vec<f64>,
    not_there: Vec<f64>,
}

fn queries() -> Vec<Query> {
    let mut held_out = false;
    let mut queries = Vec::new();
    for line in include_str!("queries.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        if line.starts_with('[') {
            held_out = line == "[held out]";
            continue;
        }
        let mut parts = line.split('|').map(str::trim);
        let text = parts.next().unwrap_or_default();
        let mut list = |separator: char| -> Vec<&'static str> {
            let part = parts.next().unwrap_or_default();
            part.split(separator).map(str::trim).filter(|word| !word.is_empty()).collect()
        };
        let (words, open_words, classes, open_classes) = (list(' '), list(' '), list(','), list(','));
        let more = list(' ');
        let has = |word: &str| more.contains(&word);
        queries.push(Query {
            text,
            held_out,
            words,
            open_words,
            classes,
            open_classes,
            scenes: has("scenes"),
            portraits: has("portraits"),
            rare: has("rare"),
        });
    }
    queries
}

impl Query {
    /// How well a photo is known to show it.
    fn says(&self, photo: &Path, collection: &Collection<'_>) -> Says {
        let name = name(photo);
        if let Some(captions) = collection.captions.get(&name) {
            return Says::of_captions(captions, &self.words, &self.open_words);
        }
        let Some(marked) = collection.marked.get(&name) else {
            return if self.portraits { Says::Perhaps } else { Says::No };
        };
        if self.classes.iter().any(|class| marked.contains(*class)) {
            Says::Yes
        } else if self.scenes || self.open_classes.iter().any(|class| marked.contains(*class)) {
            Says::Perhaps
        } else {
            Says::No
        }
    }
}

/// The checksum of zip files, of a name: which half a photo is in.
fn in_first_half(name: &str) -> bool {
    let mut sum = u32::MAX;
    for byte in name.bytes() {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    (!sum).is_multiple_of(2)
}

/// So many photos, chosen by lot.
fn some(photos: &[PathBuf], count: usize, lot: u32) -> Vec<PathBuf> {
    let mut photos = photos.to_vec();
    photos.sort_by_key(|photo| *Checksum::of(format!("{lot} {}", photo.display()).as_bytes()).as_bytes());
    photos.truncate(count);
    photos
}

/// The libraries of one half of the photos, or of all of them.
fn libraries(collection: &Collection<'_>, half: Option<bool>) -> Vec<(&'static str, Vec<PathBuf>)> {
    let ours = |photos: &[PathBuf], whose: fn(&Path) -> String| -> Vec<PathBuf> {
        let is_ours =
            |photo: &&PathBuf| half.is_none_or(|half| in_first_half(&whose(photo.as_path())) == half);
        photos.iter().filter(is_ours).cloned().collect()
    };
    // One person is in one half.
    let person = |photo: &Path| photo.parent().map(name).unwrap_or_default();
    let (flickr, scenes, faces) =
        (ours(collection.flickr, name), ours(collection.scenes, name), ours(collection.faces, person));
    let joined = |parts: &[&[PathBuf]]| parts.concat();
    let mut libraries = vec![
        ("all of flickr", flickr.clone()),
        ("flickr and portraits", joined(&[&flickr, &faces])),
        ("flickr and scenes", joined(&[&flickr, &scenes])),
        ("all photos", joined(&[&flickr, &scenes, &faces])),
    ];
    if half.is_none() {
        return libraries;
    }
    libraries.push(("scenes", scenes.clone()));
    for lot in 0..6 {
        for (title, count) in [("30 of flickr", 30), ("60 of flickr", 60), ("100 of flickr", 100)] {
            libraries.push((title, some(&flickr, count, lot)));
        }
    }
    for lot in 0..3 {
        let of = |photos: &[PathBuf], count: usize| some(photos, count, lot + 10);
        libraries.push(("60 of flickr, 60 portraits", joined(&[&of(&flickr, 60), &of(&faces, 60)])));
        libraries.push(("40 of flickr, 40 scenes", joined(&[&of(&flickr, 40), &of(&scenes, 40)])));
        libraries.push(("100 portraits", of(&faces, 100)));
    }
    libraries
}

impl Shares {
    fn add(&mut self, there: [f64; 2], not_there: [f64; 2]) {
        for (list, [shown, all]) in [(&mut self.there, there), (&mut self.not_there, not_there)] {
            if all > 0.0 {
                list.push(shown / all);
            }
        }
    }

    /// Precision and recall, as if as many queries were of what is there as of what is not.
    fn figures(&self) -> String {
        let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len().max(1) as f64;
        let (there, not_there) = (mean(&self.there), mean(&self.not_there));
        if self.there.is_empty() {
            return format!("nothing is there; shown for {not_there:.2}");
        }
        format!("precision {:.2}, recall {there:.2}", there / (there + not_there).max(1e-9))
    }
}

/// Asks every query of every library.
pub(crate) fn broad(
    pipe: &Arc<Pipe>,
    collection: &Collection<'_>,
    known: &mut HashMap<PathBuf, Embedding>,
) -> Result<(), Box<dyn Error>> {
    let queries = queries();
    let mut totals: BTreeMap<(bool, &str), Shares> = BTreeMap::new();
    let mut kinds: BTreeMap<(bool, usize, &str), Shares> = BTreeMap::new();
    for half in [Some(true), Some(false), None] {
        for (title, paths) in libraries(collection, half) {
            let photos = embed(pipe, &paths, known)?;
            // Queries that were chosen with are asked of photos that were chosen with, and the others of the others; all
            // photos together are asked both.
            for held_out in [false, true].into_iter().filter(|held_out| half != Some(*held_out)) {
                // Everyday things of which there are some; and all queries, of what is there twice.
                let mut counts = [[[0.0; 2]; 2]; 2];
                for query in queries.iter().filter(|query| query.held_out == held_out) {
                    let says: Vec<Says> = paths.iter().map(|path| query.says(path, collection)).collect();
                    let yes = says.iter().filter(|says| **says == Says::Yes).count();
                    let nowhere = says.iter().all(|says| *says == Says::No);
                    if yes < 2 && !nowhere {
                        continue;
                    }
                    let shown = f64::from(u8::from(!photos.shown(query.text)?.is_empty()));
                    let often = yes >= 3 && yes * 100 >= paths.len() * 3;
                    for (set, counted) in [(0, !query.rare && (often || nowhere)), (1, true)] {
                        if counted {
                            counts[set][usize::from(nowhere)][0] += shown;
                            counts[set][usize::from(nowhere)][1] += 1.0;
                        }
                    }
                }
                for (set, counts) in ["everyday", "all"].into_iter().zip(counts) {
                    totals.entry((held_out, set)).or_default().add(counts[0], counts[1]);
                }
                kinds
                    .entry((held_out, paths.len() / 25 * 25, title))
                    .or_default()
                    .add(counts[0][0], counts[0][1]);
            }
        }
    }
    let whose = |held_out: bool| if held_out { "held out" } else { "chosen with" };
    for ((held_out, set), shares) in &totals {
        println!("many queries, many libraries, {}, {set}: {}", whose(*held_out), shares.figures());
    }
    for ((held_out, count, title), shares) in &kinds {
        println!("  {}, {title} (about {count}): {}", whose(*held_out), shares.figures());
    }
    Ok(())
}
