//! `tags/A/B/`: photos with the very tag `A/B`; a tag's directory also holds those of the tags below it.

use library::metadata::TagPath;
use library::{Decision, Facet, Row, RowNumber};

use super::acts::{Onto, Says};
use super::groups::{Groups, Word};
use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};
use crate::error::FsError;
use crate::name::original;
use crate::source::TagDecision;

/// `tags/`.
#[derive(Debug)]
pub(crate) struct Tags;

fn groups(state: &State) -> &Groups {
    state.worked_out.tags.get_or_init(|| {
        let kept = state.snapshot.kept_tags(state.account());
        let kept = kept.map(|tag| Word { set: None, words: tag.parts().to_vec(), stays: true });
        let tags = state.snapshot.tags().map(|(id, tag)| Word::of(Facet::Tag(id), tag.parts().to_vec()));
        Groups::of(state, tags.chain(kept))
    })
}

/// The directories of the tags that are listed though no photo may have them.
pub(super) fn kept(state: &State) -> Vec<DirPath> {
    let tags = state.snapshot.kept_tags(state.account());
    tags.map(|tag| groups(state).spelled(Tags.name(), tag.parts())).collect()
}

/// The tag whose directory this is. One that only holds others is a tag too, though nothing has it yet.
fn tag_at(state: &State, at: At<'_>) -> Option<TagPath> {
    let tags = groups(state).sets(at)?.iter().filter_map(|facet| match facet {
        Facet::Tag(tag) => state.snapshot.tag(*tag),
        _ => None,
    });
    tags.min().map(|tag| TagPath::clone(tag)).or_else(|| groups(state).words(at).and_then(TagPath::new))
}

/// The tag of this name below a directory that there is.
fn below(state: &State, at: At<'_>, name: &str) -> Result<TagPath, FsError> {
    let above = match at {
        [] => Vec::new(),
        at => groups(state).words(at).ok_or(FsError::NotFound)?,
    };
    let word = original(name).filter(|word| word.trim() == word && !word.is_empty());
    let word = word.ok_or_else(|| FsError::BadValue(format!("\"{name}\" cannot be a tag")))?;
    let parts = above.iter().copied().chain([word.as_str()]);
    TagPath::new(parts).ok_or_else(|| FsError::BadValue(format!("\"{name}\" cannot be a tag")))
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

    fn mkdir(&self, state: &State, at: At<'_>, name: &str) -> Result<Says, FsError> {
        Ok(Says::OfTag(TagDecision::Keep(below(state, at, name)?, true)))
    }

    fn rmdir(&self, state: &State, at: At<'_>) -> Result<Says, FsError> {
        let tag = tag_at(state, at).ok_or(FsError::ReadOnly)?;
        let contents = self.contents(state, at);
        if !contents.dirs.is_empty() || !contents.rows.is_empty() {
            return Err(FsError::NotEmpty);
        }
        Ok(Says::OfTag(TagDecision::Keep(tag, false)))
    }

    fn rename_dir(
        &self,
        state: &State,
        from: At<'_>,
        into: At<'_>,
        name: &str,
        onto: Onto,
    ) -> Result<Says, FsError> {
        let tag = tag_at(state, from).ok_or(FsError::ReadOnly)?;
        let to = below(state, into, name)?;
        let target: Vec<&[u8]> = into.iter().copied().chain([name.as_bytes()]).collect();
        if onto == Onto::Nothing && target != from && groups(state).has(&target) {
            return Err(FsError::Exists);
        }
        if into.starts_with(from) {
            return Err(FsError::BadValue("a tag cannot be moved into itself".into()));
        }
        Ok(Says::OfTag(TagDecision::Rename { from: tag, to }))
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
        let tag = tag_at(state, at)?;
        let leaves = tags.into_iter().map(Decision::Untag).collect();
        Some(Membership { joins: vec![Decision::Tag(tag)], leaves })
    }
}
