//! Labelled Faces in the Wild, in three random orders of arrival: pairs of faces in the middle of their photos.

use std::path::PathBuf;

use galleryfs_tests::Random;
use serde_json::Value;

use crate::{entries, shared, site, told};

/// So many photos arrive at once, and are sorted out before the next come.
const AT_ONCE: usize = 60;

pub(crate) fn measure() -> bool {
    println!("People of lfw, pairwise, by order of arrival:");
    let (precision_least, recall_least) = (0.99, 0.98);
    let mut right = true;
    for seed in 1..=3 {
        let (precision, recall, people) = cluster(seed);
        right &= told(&format!("order {seed}, {people} people: precision"), precision, precision_least);
        right &= told(&format!("order {seed}: recall"), recall, recall_least);
    }
    right
}

/// Precision and recall of pairs, and how many people were found.
fn cluster(seed: u64) -> (f64, f64, usize) {
    let site = site();
    let mut waiting: Vec<PathBuf> = entries(&shared().join("photos/people/lfw"))
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|path| entries(path))
        .collect();
    let mut random = Random::new(seed);
    let daemon = site.up();
    while !waiting.is_empty() {
        for _ in 0..AT_ONCE.min(waiting.len()) {
            let path = waiting.swap_remove(random.below(waiting.len()));
            let name = path.file_name().unwrap().to_str().unwrap();
            let who = path.parent().and_then(|folder| folder.file_name()).unwrap().to_str().unwrap();
            site.put(&format!("{who}/{name}"), &std::fs::read(&path).unwrap());
        }
        daemon.settle();
    }
    let middles: Vec<(String, Option<String>)> = site.list().iter().filter_map(middle).collect();
    let people = site.ask(&["people", "--json"]).json().len();
    daemon.stop();
    let (mut together, mut rightly, mut same) = (0u64, 0u64, 0u64);
    for (at, (name, person)) in middles.iter().enumerate() {
        for (other_name, other) in &middles[..at] {
            let one = person.is_some() && person == other;
            together += u64::from(one);
            same += u64::from(name == other_name);
            rightly += u64::from(one && name == other_name);
        }
    }
    (rightly as f64 / together.max(1) as f64, rightly as f64 / same.max(1) as f64, people)
}

/// Who a photo is of, and the person that its middle face was put to.
fn middle(asset: &Value) -> Option<(String, Option<String>)> {
    let path = asset["paths"][0].as_str()?;
    let name = path.rsplit('/').nth(1)?.to_owned();
    let centre = [asset["width"].as_f64()? / 2.0, asset["height"].as_f64()? / 2.0];
    let from_centre = |face: &Value| {
        let side = |at: usize| face["box"][at].as_f64().unwrap_or_default();
        (f64::midpoint(side(0), side(2)) - centre[0]).hypot(f64::midpoint(side(1), side(3)) - centre[1])
    };
    let faces = asset["faces"].as_array()?;
    let nearest = faces.iter().min_by(|one, other| from_centre(one).total_cmp(&from_centre(other)))?;
    Some((name, nearest["person"].as_str().map(str::to_owned)))
}
