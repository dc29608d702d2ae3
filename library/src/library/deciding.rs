//! What the user decides of photos themselves: favourites, stars, tags, captions, dates, how far they show, the albums
//! they are in, and who is in them.
//!
//! Every face (mount, web, bus, command line) comes here with the same few words. Several decisions given at once are one
//! commit: a photo that is moved from one tag to another is never in both or in neither.

use super::{AlbumError, Library, LibraryError};
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AlbumRecord, DecidedRecord};
use crate::catalogue::transaction::Transaction;
use crate::fact::Fact;
use crate::id::{AlbumId, AssetId, PersonId};
use crate::journal::Face;
use crate::metadata::{Rating, TagPath, Taken};
use crate::visibility::Visibility;

/// Something decided of an asset. What is so already is not decided again.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// Whether it is a favourite.
    Favourite(bool),
    /// How many stars it has, 0 for none; `None` leaves that to the file again.
    Rating(Option<Rating>),
    /// It has this tag.
    Tag(TagPath),
    /// It has not this tag, however it is spelled.
    Untag(TagPath),
    /// It has these tags and no others; `None` leaves them to the file again.
    Tags(Option<Vec<TagPath>>),
    /// The caption, empty for none; `None` leaves that to the file again.
    Description(Option<String>),
    /// When it was taken; `None` leaves that to the file again.
    Taken(Option<Taken>),
    /// How far it shows.
    Visibility(Visibility),
    /// Whether it is in the trash.
    Trash(bool),
    /// It is in this album.
    JoinAlbum(AlbumId),
    /// It is not in this album.
    LeaveAlbum(AlbumId),
    /// This person is in it.
    IsIn(PersonId),
    /// This person is not in it.
    NotIn(PersonId),
}

impl Library {
    /// Decides all of this, or with an error nothing of it.
    pub fn decide(&self, face: Face, decisions: &[(AssetId, Vec<Decision>)]) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| {
            for (asset, decisions) in decisions {
                for decision in decisions {
                    decide(tx, *asset, decision)?;
                }
            }
            let trashed = tx.facts().iter().filter(|fact| matches!(fact, Fact::Trash { trashed: true, .. }));
            let trashed = trashed.count();
            self.may_trash(trashed)?;
            Ok(trashed)
        })
        .map(|trashed| self.has_trashed(trashed))
    }
}

impl Library {
    /// Decides all of this of an asset that is about to come: its bytes are known, and so its id. What depends on what the
    /// file says is [`LibraryError::NoAsset`] until it has come.
    pub fn decide_ahead(
        &self,
        face: Face,
        asset: AssetId,
        decisions: &[Decision],
    ) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| {
            let is_known = tx.asset(asset)?.is_some();
            for decision in decisions {
                match decision {
                    decision if is_known => decide(tx, asset, decision)?,
                    Decision::JoinAlbum(album) => {
                        let decided = tx.get::<DecidedRecord>(&Key::decided(asset))?.unwrap_or_default();
                        in_album(tx, asset, *album, &decided, true)?;
                    }
                    Decision::Favourite(favourite) => {
                        tx.decide(Fact::Favourite { asset, favourite: *favourite })?;
                    }
                    Decision::Rating(stars) => tx.decide(Fact::Rating { asset, stars: *stars })?,
                    Decision::Tag(tag) => {
                        tx.decide(Fact::Tag { asset, tag: tag.clone(), has: Some(true) })?;
                    }
                    _ => return Err(LibraryError::NoAsset(asset)),
                }
            }
            Ok(())
        })
    }
}

pub(super) fn decide(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    decision: &Decision,
) -> Result<(), LibraryError> {
    let record = tx.asset(asset)?.ok_or(LibraryError::NoAsset(asset))?;
    let visibility = record.visibility;
    let said = record.metadata.clone().unwrap_or_default();
    let decided = tx.get::<DecidedRecord>(&Key::decided(asset))?.unwrap_or_default();
    let now = decided.over(said.clone());
    match decision {
        Decision::Favourite(favourite) if *favourite != decided.favourite => {
            tx.decide(Fact::Favourite { asset, favourite: *favourite })?;
        }
        Decision::Rating(stars) => {
            let is_so = stars.map_or(decided.stars.is_none(), |stars| now.rating == Some(stars));
            if !is_so {
                tx.decide(Fact::Rating { asset, stars: *stars })?;
            }
        }
        Decision::Tag(tag) => has_tag(tx, asset, tag, true)?,
        Decision::Untag(tag) => has_tag(tx, asset, tag, false)?,
        Decision::Tags(Some(tags)) => {
            let wanted: Vec<_> = tags.iter().map(TagPath::folded).collect();
            for tag in now.tags.iter().filter(|tag| !wanted.contains(&tag.folded())) {
                has_tag(tx, asset, tag, false)?;
            }
            for tag in tags {
                has_tag(tx, asset, tag, true)?;
            }
        }
        Decision::Tags(None) => {
            for (tag, _) in decided.tags {
                tx.decide(Fact::Tag { asset, tag, has: None })?;
            }
        }
        Decision::Description(text) => {
            let is_so = match text {
                Some(text) => now.description.as_deref().unwrap_or_default() == text,
                None => decided.description.is_none(),
            };
            if !is_so {
                tx.decide(Fact::Description { asset, text: text.clone() })?;
            }
        }
        Decision::Taken(taken) => {
            let is_so = taken.map_or(decided.taken.is_none(), |taken| now.taken == Some(taken));
            if !is_so {
                tx.decide(Fact::Taken { asset, taken: *taken })?;
            }
        }
        Decision::Visibility(Visibility::Trashed) => decide(tx, asset, &Decision::Trash(true))?,
        Decision::Trash(trashed) => {
            if decided.trashed.is_some() != *trashed {
                tx.decide(Fact::Trash { asset, trashed: *trashed })?;
            }
        }
        Decision::Visibility(wanted) if *wanted != visibility => {
            tx.decide(Fact::Visibility { asset, visibility: *wanted })?;
        }
        Decision::Favourite(_) | Decision::Visibility(_) => {}
        Decision::JoinAlbum(album) => in_album(tx, asset, *album, &decided, true)?,
        Decision::LeaveAlbum(album) => in_album(tx, asset, *album, &decided, false)?,
        Decision::IsIn(person) => super::people::is_in(tx, asset, *person)?,
        Decision::NotIn(person) => super::people::is_not_in(tx, asset, *person)?,
    }
    Ok(())
}

fn in_album(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    album: AlbumId,
    decided: &DecidedRecord,
    has: bool,
) -> Result<(), LibraryError> {
    let record = tx.get::<AlbumRecord>(&Key::album(album))?;
    record.filter(|record| !record.gone).ok_or(AlbumError::NoAlbum(album))?;
    if decided.albums.contains(&album) != has {
        tx.decide(Fact::AlbumAsset { album, asset, has })?;
    }
    Ok(())
}

/// What the file says already needs no decision, only that none stands against it.
fn has_tag(tx: &mut Transaction<'_>, asset: AssetId, tag: &TagPath, has: bool) -> Result<(), LibraryError> {
    let said = tx.asset(asset)?.and_then(|record| record.metadata.clone()).unwrap_or_default();
    let decided = tx.get::<DecidedRecord>(&Key::decided(asset))?.unwrap_or_default();
    let folded = tag.folded();
    let is_among = |tags: &[TagPath]| tags.iter().any(|known| known.folded() == folded);
    let is_said = is_among(&said.tags);
    if is_among(&decided.over(said).tags) != has {
        let has = (is_said != has).then_some(has);
        tx.decide(Fact::Tag { asset, tag: tag.clone(), has })?;
    }
    Ok(())
}
