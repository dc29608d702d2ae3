//! Directories made from words: places, cameras, tags.
//!
//! Each set of rows that shares a word is listed at a path of one or more words. Sets whose paths are spelled alike
//! but for case or composition (`Holiday`, `holiday`) are one directory, since neither people nor Samba tell them
//! apart; it is spelled as the first of the spellings in byte order, so that nobody's order of arrival decides.

use std::collections::BTreeMap;

use library::{Facet, Scope};
use roaring::RoaringBitmap;

use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents};
use crate::name::{folded, safe};

/// A directory of words.
#[derive(Debug, Default)]
struct Group {
    /// Its name.
    name: String,
    /// The word that it is named after.
    word: String,
    /// The directories in it, by their folded names.
    below: BTreeMap<String, Group>,
    /// The sets listed directly in it.
    sets: Vec<Facet>,
}

/// What becomes a directory.
#[derive(Debug)]
pub(crate) struct Word {
    /// The set that it lists.
    pub(crate) set: Option<Facet>,
    /// The words of its path.
    pub(crate) words: Vec<String>,
    /// Whether it is there though nothing of the set shows.
    pub(crate) stays: bool,
}

impl Word {
    /// A directory that is there while something of the set shows.
    pub(crate) fn of(set: Facet, words: Vec<String>) -> Self {
        Self { set: Some(set), words, stays: false }
    }
}

/// All directories of one such view.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    top: Group,
    /// Where each set is listed: the components below the view.
    paths: BTreeMap<Facet, Vec<String>>,
}

impl Groups {
    /// The directories of these words. Those that do not stay and of whose set nothing shows are left out.
    pub(crate) fn of(state: &State, words: impl IntoIterator<Item = Word>) -> Self {
        let shown = state.shown(Scope::Timeline);
        let shows = |facet| state.snapshot.facet(facet).is_some_and(|set| !set.is_disjoint(shown));
        let words: Vec<_> = words
            .into_iter()
            .filter(|word| !word.words.is_empty())
            .filter(|word| word.stays || word.set.is_some_and(shows))
            .collect();
        let mut top = Group::default();
        for Word { set, words, .. } in &words {
            let mut group = &mut top;
            for word in words {
                group = group.below.entry(folded(word)).or_default();
                let name = safe(word);
                if group.name.is_empty() || name < group.name {
                    group.name = name;
                    group.word.clone_from(word);
                }
            }
            group.sets.extend(set);
        }
        let paths = words
            .iter()
            .filter_map(|Word { set, words, .. }| {
                let mut group = &top;
                let mut path = Vec::with_capacity(words.len());
                for word in words {
                    let Some(below) = group.below.get(&folded(word)) else { break };
                    path.push(below.name.clone());
                    group = below;
                }
                set.map(|facet| (facet, path))
            })
            .collect();
        Self { top, paths }
    }

    /// The directory that lists the rows of this set, below `view`.
    pub(crate) fn path(&self, view: &str, facet: Facet) -> Option<DirPath> {
        let path = self.paths.get(&facet)?;
        Some(DirPath::of(std::iter::once(view).chain(path.iter().map(String::as_str))))
    }

    /// The directory of these words below `view`, as it is spelled.
    pub(crate) fn spelled(&self, view: &str, words: &[String]) -> DirPath {
        let mut group = Some(&self.top);
        let mut names = vec![view];
        for word in words {
            group = group.and_then(|group| group.below.get(&folded(word)));
            names.extend(group.map(|group| group.name.as_str()));
        }
        DirPath::of(names)
    }

    /// The sets that a directory lists. `None`: there is no such directory, or it is the view's own.
    pub(crate) fn sets(&self, at: At<'_>) -> Option<&[Facet]> {
        if at.is_empty() { None } else { self.group(at).map(|group| group.sets.as_slice()) }
    }

    /// The words that the directories down to this one are named after.
    pub(crate) fn words(&self, at: At<'_>) -> Option<Vec<&str>> {
        (1..=at.len()).map(|depth| self.group(&at[..depth]).map(|group| group.word.as_str())).collect()
    }

    fn group(&self, at: At<'_>) -> Option<&Group> {
        let mut group = &self.top;
        for name in at {
            let name = std::str::from_utf8(name).ok()?;
            // What is safe in a name is made of the word character by character, so the name folds almost as the
            // word did; where it does not (a cut name), all of them are looked through.
            group = group
                .below
                .get(&folded(name))
                .filter(|below| below.name == name)
                .or_else(|| group.below.values().find(|below| below.name == name))?;
        }
        Some(group)
    }

    pub(crate) fn has(&self, at: At<'_>) -> bool {
        self.group(at).is_some()
    }

    pub(crate) fn contents(&self, state: &State, at: At<'_>) -> Contents {
        let Some(group) = self.group(at) else { return Contents::default() };
        let mut dirs: Vec<Box<[u8]>> =
            group.below.values().map(|below| below.name.as_bytes().into()).collect();
        dirs.sort();
        let mut rows = RoaringBitmap::new();
        for facet in &group.sets {
            if let Some(set) = state.snapshot.facet(*facet) {
                rows |= set & state.shown(Scope::Timeline);
            }
        }
        Contents { rows: Contents::of_rows(rows).rows, dirs }
    }
}
