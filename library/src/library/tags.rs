//! What the user does with tags as such: keeps one that no photo has yet, renames one on all photos.

use super::{Decision, Library, LibraryError};
use crate::catalogue::keys::Key;
use crate::fact::Fact;
use crate::id::AccountId;
use crate::journal::Face;
use crate::metadata::TagPath;
use crate::snapshot::Facet;

impl Library {
    /// Lists a tag though no photo has it, or does so no more.
    pub fn keep_tag(&self, face: Face, tag: &TagPath, kept: bool) -> Result<(), LibraryError> {
        let owner = self.account();
        self.write(owner, face, |tx, _| {
            if tx.get::<(AccountId, TagPath)>(&Key::kept_tag(owner, tag))?.is_some() != kept {
                tx.decide(Fact::TagKept { owner, tag: tag.clone(), kept })?;
            }
            Ok(())
        })
    }

    /// Gives a tag and all below it another name, on every photo that has them. Where there is such a tag already, the
    /// two are one from then on.
    pub fn rename_tag(&self, face: Face, from: &TagPath, to: &TagPath) -> Result<(), LibraryError> {
        let owner = self.account();
        let folded = from.folded();
        let renamed = |tag: &TagPath| {
            let is_below = tag.folded().starts_with(&folded);
            let below = tag.parts().iter().skip(from.parts().len());
            is_below.then(|| TagPath::new(to.parts().iter().chain(below))).flatten()
        };
        self.write(owner, face, |tx, _| {
            let snapshot = self.snapshot();
            for (id, tag) in snapshot.tags() {
                let (Some(new), Some(rows)) = (renamed(tag), snapshot.facet(Facet::Tag(id))) else {
                    continue;
                };
                let rows = rows.iter().filter_map(|row| snapshot.row(crate::id::RowNumber(row)));
                for row in rows.filter(|row| row.owner == owner) {
                    for decision in [Decision::Untag(TagPath::clone(tag)), Decision::Tag(new.clone())] {
                        super::deciding::decide(tx, row.id, &decision)?;
                    }
                }
            }
            let kept: Vec<_> =
                snapshot.kept_tags(owner).filter_map(|tag| Some((tag.clone(), renamed(tag)?))).collect();
            for (tag, new) in kept {
                tx.decide(Fact::TagKept { owner, tag, kept: false })?;
                tx.decide(Fact::TagKept { owner, tag: new, kept: true })?;
            }
            Ok(())
        })
    }
}
