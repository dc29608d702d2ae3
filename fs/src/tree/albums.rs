//! `albums/...`: directories of the user's own making, in each other. A photo is in as many as one likes.

use std::collections::HashSet;

use library::{Album, AssetId, Decision, Facet, Row, RowNumber, Scope};
use roaring::RoaringBitmap;

use super::acts::{Onto, Says};
use super::membership::Membership;
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View, text};
use crate::error::FsError;
use crate::name::{original, safe};
use crate::source::AlbumDecision;
use crate::xattr::Attribute;

/// `albums/`.
#[derive(Debug)]
pub(crate) struct Albums;

/// The album whose directory this is; `None` for the view's own.
fn album_at<'a>(state: &'a State, at: At<'_>) -> Option<&'a Album> {
    let (snapshot, account) = (&state.snapshot, state.account());
    let mut album: Option<&Album> = None;
    for name in at {
        let parent = album.map(|album| album.id);
        let name = text(name)?;
        let is_called = |album: &&Album| safe(&album.name) == name;
        // A name that had to be cut does not lead back to its word.
        let by_word = original(name).and_then(|word| snapshot.album_called(account, parent, &word));
        let found = by_word.map(|album| &**album).filter(is_called);
        let any = || snapshot.albums_in(account, parent).map(|album| &**album).find(is_called);
        album = Some(found.or_else(any)?);
    }
    album
}

/// The directory of an album, unless one that it lies in is gone.
pub(super) fn path(state: &State, album: &Album) -> Option<DirPath> {
    let above = state.snapshot.albums_above(album)?;
    let names = above.iter().rev().map(|album| safe(&album.name));
    Some(DirPath::of(std::iter::once(Albums.name().to_owned()).chain(names)))
}

/// What somebody calls an album by this name of a directory.
fn word(name: &str) -> Result<String, FsError> {
    original(name).ok_or_else(|| FsError::BadValue(format!("\"{name}\" cannot be an album's name")))
}

/// The album above, for a directory that there is.
fn parent(state: &State, at: At<'_>) -> Result<Option<library::AlbumId>, FsError> {
    match at {
        [] => Ok(None),
        at => album_at(state, at).map(|album| Some(album.id)).ok_or(FsError::NotFound),
    }
}

/// The photos of an album in the order that it was given; the others after them, as they came.
fn ordered(state: &State, album: &Album, mut rows: RoaringBitmap) -> Vec<RowNumber> {
    let first = album.order.iter().filter_map(|asset| state.snapshot.by_id(*asset));
    let mut ordered: Vec<RowNumber> = first.filter(|row| rows.remove(row.0)).collect();
    ordered.extend(rows.into_iter().map(RowNumber));
    ordered
}

impl View for Albums {
    fn name(&self) -> &'static str {
        "albums"
    }

    fn about(&self) -> &'static str {
        "your albums: mkdir makes one, cp puts a photo in, rm takes it out"
    }

    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        let albums = row.extras.albums.iter().filter_map(|album| state.snapshot.album(*album));
        albums.filter_map(|album| path(state, album)).collect()
    }

    fn lists(&self, state: &State, _number: RowNumber, row: &Row, at: At<'_>) -> bool {
        album_at(state, at).is_some_and(|album| row.extras.albums.contains(&album.row))
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        at.is_empty() || album_at(state, at).is_some()
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        let Ok(parent) = parent(state, at) else { return Contents::default() };
        let below = state.snapshot.albums_in(state.account(), parent);
        let dirs = Contents::of_dirs(below.map(|album| safe(&album.name))).dirs;
        let facet = album_at(state, at).and_then(|album| state.snapshot.facet(Facet::Album(album.row)));
        let rows = facet.map(|set| set & state.shown(self.scope())).unwrap_or_default();
        let order = album_at(state, at).map(|album| ordered(state, album, rows)).unwrap_or_default();
        Contents { dirs, rows: order }
    }

    fn attribute(&self, state: &State, at: At<'_>, attribute: Attribute) -> Option<String> {
        let album = album_at(state, at)?;
        let name = |asset: &AssetId| {
            let photo = state.row(state.snapshot.by_id(*asset)?)?;
            let is_there = state.shows(photo, self.scope()) && photo.extras.albums.contains(&album.row);
            is_there.then(|| photo.name.to_string())
        };
        match attribute {
            Attribute::Order => {
                let names: Vec<String> = album.order.iter().filter_map(name).collect();
                (!names.is_empty()).then(|| names.join("\n"))
            }
            Attribute::Cover => album.cover.as_ref().and_then(name),
            _ => None,
        }
    }

    fn set_attribute(
        &self,
        state: &State,
        at: At<'_>,
        attribute: Attribute,
        value: Option<&str>,
    ) -> Result<Says, FsError> {
        let album = album_at(state, at).ok_or(FsError::FixedAttribute)?;
        let photo = |name: &str| {
            let row = state.snapshot.by_name(name).and_then(|row| state.row(row));
            let row = row.filter(|row| row.extras.albums.contains(&album.row));
            let absent = || FsError::BadValue(format!("\"{name}\" is not in this album"));
            row.map(|row| row.id).ok_or_else(absent)
        };
        let decision = match attribute {
            Attribute::Order => {
                let names = value.unwrap_or_default().lines().filter(|name| !name.is_empty());
                let mut seen = HashSet::new();
                let mut order = names.map(photo).collect::<Result<Vec<_>, _>>()?;
                order.retain(|photo| seen.insert(*photo));
                AlbumDecision::Order(album.id, order)
            }
            Attribute::Cover => AlbumDecision::Cover(album.id, value.map(photo).transpose()?),
            _ => return Err(FsError::FixedAttribute),
        };
        Ok(Says::OfAlbum(decision))
    }

    fn membership(&self, state: &State, at: At<'_>) -> Option<Membership> {
        let album = album_at(state, at)?.id;
        Some(Membership {
            joins: vec![Decision::JoinAlbum(album)],
            leaves: vec![Decision::LeaveAlbum(album)],
        })
    }

    fn mkdir(&self, state: &State, at: At<'_>, name: &str) -> Result<Says, FsError> {
        let parent = parent(state, at)?;
        if state.snapshot.album_called(state.account(), parent, &word(name)?).is_some() {
            return Err(FsError::Exists);
        }
        Ok(Says::OfAlbum(AlbumDecision::Make { parent, name: word(name)? }))
    }

    fn rmdir(&self, state: &State, at: At<'_>) -> Result<Says, FsError> {
        let album = album_at(state, at).ok_or(FsError::ReadOnly)?;
        Ok(Says::OfAlbum(AlbumDecision::RemoveEmpty(album.id)))
    }

    fn rename_dir(
        &self,
        state: &State,
        from: At<'_>,
        into: At<'_>,
        name: &str,
        onto: Onto,
    ) -> Result<Says, FsError> {
        let album = album_at(state, from).ok_or(FsError::ReadOnly)?;
        let (parent, name) = (parent(state, into)?, word(name)?);
        let there = state.snapshot.album_called(state.account(), parent, &name);
        match there.filter(|there| there.id != album.id) {
            // As rename(2) does it: what is replaced must be empty. The library has the last word.
            Some(there) if onto == Onto::Anything && safe(&there.name) == safe(&name) => {
                let replaced = Some(there.id);
                Ok(Says::OfAlbum(AlbumDecision::Place { album: album.id, parent, name, replaced }))
            }
            Some(_) => Err(FsError::Exists),
            None => Ok(Says::OfAlbum(AlbumDecision::Place { album: album.id, parent, name, replaced: None })),
        }
    }

    fn removed(&self, state: &State, at: At<'_>) -> Option<Says> {
        album_at(state, at).map(|album| Says::OfAlbum(AlbumDecision::Remove(album.id)))
    }
}
