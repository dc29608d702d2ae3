//! Keywords from blocks that repeat each other, without doubles.

use std::collections::{BTreeSet, HashSet};

use library::metadata::TagPath;
use library::names::folded;

use crate::said::Said;
use crate::text::clean;

/// All keywords, sorted. A flat one that a hierarchical one contains is the same keyword written twice, and left out.
///
/// What differs in case or composition alone is one keyword: the first spelling stands.
pub(crate) fn settle(blocks: &[&Said]) -> Vec<TagPath> {
    let tidy = |path: &TagPath| TagPath::new(path.parts().iter().filter_map(|part| clean(part)));
    let mut all: BTreeSet<TagPath> = BTreeSet::new();
    let mut known: HashSet<Vec<String>> = HashSet::new();
    let mut words: HashSet<String> = HashSet::new();
    let (paths, alone): (Vec<TagPath>, Vec<TagPath>) = blocks
        .iter()
        .flat_map(|said| &said.tag_paths)
        .filter_map(tidy)
        .partition(|path| path.parts().len() > 1);
    for path in paths {
        let folded = path.folded();
        words.extend(folded.iter().cloned());
        if known.insert(folded) {
            all.insert(path);
        }
    }
    let flat = blocks.iter().flat_map(|said| &said.flat_tags).map(String::as_str);
    let flat = flat.chain(alone.iter().filter_map(|path| path.parts().first()).map(String::as_str));
    for word in flat.filter_map(clean) {
        if words.insert(folded(&word)) {
            all.extend(TagPath::new([word]));
        }
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_leaves_of_a_hierarchy_are_not_doubled() {
        let said = Said {
            flat_tags: ["Rome", "dog", "Dog", " ", "italy"].map(str::to_owned).to_vec(),
            tag_paths: vec![
                TagPath::new(["Places", "Italy", "Rome"]).unwrap(),
                TagPath::new(["Places", "Italy", "Rome"]).unwrap(),
                TagPath::new(["cat"]).unwrap(),
            ],
            ..Said::default()
        };
        let tags: Vec<String> = settle(&[&said]).iter().map(TagPath::joined).collect();
        assert_eq!(tags, ["Places/Italy/Rome", "cat", "dog"]);
    }

    #[test]
    fn one_keyword_in_two_spellings_is_one() {
        let said = Said {
            flat_tags: vec!["Cafe\u{301}".to_owned()],
            tag_paths: vec![
                TagPath::new(["Places", "CAF\u{c9}"]).unwrap(),
                TagPath::new(["places", "Caf\u{e9}"]).unwrap(),
            ],
            ..Said::default()
        };
        let tags: Vec<String> = settle(&[&said]).iter().map(TagPath::joined).collect();
        assert_eq!(tags, ["Places/CAF\u{c9}"]);
    }
}
