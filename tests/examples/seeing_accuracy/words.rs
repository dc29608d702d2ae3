//! Words that find something only where there is something, and what they find first, over `flickr`.

use std::collections::HashMap;

use galleryfs_tests::Site;

use crate::ordinary::{NOT_THERE, THERE};
use crate::{entries, shared, site, told};

pub(crate) fn measure() -> bool {
    let site = site();
    for path in entries(&shared().join("photos/flickr/images")) {
        site.put(path.file_name().unwrap().to_str().unwrap(), &std::fs::read(&path).unwrap());
    }
    let daemon = site.up();
    daemon.settle();
    let captions = captions();
    println!("Words over flickr:");
    let mut right = true;
    for (words, says) in [("a dog", ["dog", "puppy"]), ("snow", ["snow", "ski"])] {
        let first = found(&site, words, 10);
        let shown =
            first.iter().filter(|photo| says.iter().any(|says| captions[*photo].contains(says))).count();
        right &= told(&format!("`{words}`: P@10"), shown as f64 / 10.0, 1.0);
    }
    let anything = |words: &str| !found(&site, words, 1).is_empty();
    let rightly: Vec<&str> = THERE.iter().map(|(words, _)| *words).filter(|words| anything(words)).collect();
    let wrongly: Vec<&str> = NOT_THERE.iter().copied().filter(|words| anything(words)).collect();
    let shown = rightly.len() + wrongly.len();
    right &=
        told("anything shown, 20 and 20 queries: precision", rightly.len() as f64 / shown.max(1) as f64, 0.9);
    right &= told("anything shown: recall", rightly.len() as f64 / THERE.len() as f64, 0.9);
    for words in wrongly {
        println!("    `{words}` is not there");
    }
    for (words, _) in THERE.iter().filter(|(words, _)| !rightly.contains(words)) {
        println!("    `{words}` is there");
    }
    daemon.stop();
    right
}

/// What each photo's captions say, in lower case.
fn captions() -> HashMap<String, String> {
    let text = std::fs::read_to_string(shared().join("photos/flickr/captions.csv")).expect("../shared");
    let mut captions: HashMap<String, String> = HashMap::new();
    for line in text.lines() {
        let name = line.find(".jpg").map(|end| line[..end + 4].trim_matches('"').to_owned());
        if let Some(name) = name {
            captions.entry(name).or_default().push_str(&line.to_lowercase());
        }
    }
    captions
}

/// The names of the photos found, best first.
fn found(site: &Site, words: &str, limit: usize) -> Vec<String> {
    let hits = site.ask(&["search", "--json", "--limit", &limit.to_string(), words]).json();
    hits.iter().map(|hit| hit["paths"][0].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}
