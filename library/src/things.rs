//! `things/`: what everyday things the pictures show, found without anybody having said so.
//!
//! A thing is a line in `things/things.txt`; a picture shows it when a search for it would find the picture, by a stricter
//! cutoff. Things that the model does not know, and things that nothing shows, are left out.

mod labels;

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

pub(crate) use self::labels::all_prompts;
use self::labels::labels;
use crate::meaning::{MeaningError, PictureMeaning};

/// Which rows show which things, whoever's they are: intersect with what an account sees.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Things {
    groups: BTreeMap<&'static str, BTreeMap<&'static str, RoaringBitmap>>,
}

impl Things {
    /// Looks for every thing among `rows`. Two scans a thing: seconds for a large library.
    pub fn find(meaning: &PictureMeaning, rows: &RoaringBitmap) -> Result<Self, MeaningError> {
        let mut things = Self::default();
        for label in labels() {
            let found = meaning.showing(label.prompt, rows)?;
            if !found.is_empty() {
                things.groups.entry(label.group).or_default().insert(label.name, found);
            }
        }
        Ok(things)
    }

    /// The same with one thing more, for tests of what shows them.
    #[cfg(any(test, feature = "fixtures"))]
    #[must_use]
    pub fn with(mut self, group: &'static str, name: &'static str, rows: RoaringBitmap) -> Self {
        self.groups.entry(group).or_default().insert(name, rows);
        self
    }

    /// The groups with anything in them, in alphabetical order.
    pub fn groups(&self) -> impl Iterator<Item = &'static str> {
        self.groups.keys().copied()
    }

    /// The things of a group that something shows, in alphabetical order, with the rows.
    pub fn of_group(&self, group: &str) -> impl Iterator<Item = (&'static str, &RoaringBitmap)> {
        self.groups.get(group).into_iter().flatten().map(|(name, rows)| (*name, rows))
    }

    /// The rows that show a thing.
    pub fn rows(&self, group: &str, name: &str) -> Option<&RoaringBitmap> {
        self.groups.get(group)?.get(name)
    }
}
