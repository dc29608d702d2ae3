//! Keywords from blocks that repeat each other, without doubles.

use std::collections::BTreeSet;

use library::metadata::TagPath;

use crate::said::Said;
use crate::text::clean;

/// All keywords, sorted. A flat one that a hierarchical one contains is the same keyword written twice, and left out.
pub(super) fn settle(blocks: &[&Said]) -> Vec<TagPath> {
    let tidy = |path: &TagPath| TagPath::new(path.parts().iter().filter_map(|part| clean(part)));
    let mut all: BTreeSet<TagPath> = blocks
        .iter()
        .flat_map(|said| &said.tag_paths)
        .filter(|path| path.parts().len() > 1)
        .filter_map(tidy)
        .collect();
    let known: BTreeSet<String> =
        all.iter().flat_map(TagPath::parts).map(|part| part.to_lowercase()).collect();
    let alone = blocks.iter().flat_map(|said| &said.tag_paths).filter(|path| path.parts().len() == 1);
    let flat = blocks.iter().flat_map(|said| &said.flat_tags).map(String::as_str);
    let flat = flat.chain(alone.filter_map(|path| path.parts().first()).map(String::as_str));
    let mut seen = known;
    for word in flat.filter_map(clean) {
        // Sorted apart by case only, the same word twice is one keyword: the first spelling stands.
        if seen.insert(word.to_lowercase()) {
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
}
