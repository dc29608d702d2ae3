//! `tags/A/B/`: photos with the very tag `A/B`; a tag's directory also holds those of the tags below it.

use library::metadata::TagPath;
use library::{Decision, Facet, Row, RowNumber};

use super::groups::Groups;
use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `tags/`.
#[derive(Debug)]
pub(crate) struct Tags;

fn groups(state: &State) -> &Groups {
    state.tags.get_or_init(|| {
        Groups::of(state, state.snapshot.tags().map(|(id, tag)| (Facet::Tag(id), tag.parts().to_vec())))
    })
}

impl View for Tags {
    fn name(&self) -> &'static str {
        "tags"
    }

    fn about(&self) -> &'static str {
        "by keyword; a keyword below another is a directory in its directory"
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        let groups = groups(state);
        let mut paths: Vec<_> =
            row.tags.iter().filter_map(|tag| groups.path(self.name(), Facet::Tag(*tag))).collect();
        // Two spellings of one tag on one photo are one directory.
        paths.sort();
        paths.dedup();
        paths
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        groups(state).has(at)
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        groups(state).contents(state, at)
    }

    fn membership(&self, state: &State, at: At<'_>) -> Option<Membership> {
        let tags: Vec<_> = groups(state)
            .sets(at)?
            .iter()
            .filter_map(|facet| match facet {
                Facet::Tag(tag) => state.snapshot.tag(*tag).map(|tag| TagPath::clone(tag)),
                _ => None,
            })
            .collect();
        // A directory that only holds others is a tag too, though nothing has it yet.
        let tag = tags.iter().min().cloned().or_else(|| groups(state).words(at).and_then(TagPath::new))?;
        let leaves = tags.into_iter().map(Decision::Untag).collect();
        Some(Membership { joins: vec![Decision::Tag(tag)], leaves })
    }
}
