//! What the user does with albums: makes, renames, moves and removes them. Who is in one is decided of the photos
//! ([`Decision::JoinAlbum`](super::Decision::JoinAlbum)).

use super::{Library, LibraryError};
use crate::catalogue::transaction::Transaction;
use crate::fact::Fact;
use crate::id::{AlbumId, AssetId};
use crate::journal::Face;
use crate::names;
use crate::snapshot::{Album, Facet, Snapshot};
use crate::visibility::Scope;

/// Albums in albums, at most: no path in the mount may grow too long for programs.
const MAX_DEPTH: usize = 16;

/// Why an album cannot be what was asked. Nothing was changed then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AlbumError {
    /// No album has this id.
    #[error("there is no album {0}")]
    NoAlbum(AlbumId),
    /// Another one is called so there.
    #[error("there is an album \"{0}\" there already: choose another name")]
    NameTaken(String),
    /// Nothing that can be a name.
    #[error(
        "\"{0}\" cannot be an album's name: it is empty, has control characters, or is too long for a folder's"
    )]
    BadName(String),
    /// It would lie in itself.
    #[error("an album cannot be moved into itself")]
    IntoItself,
    /// Too deep.
    #[error("albums lie in albums {MAX_DEPTH} deep at most")]
    TooDeep,
    /// It is to stand for an album that it is not in.
    #[error("the photo is not in the album \"{0}\": put it in first")]
    NotInIt(String),
    /// Something is in it.
    #[error("the album \"{0}\" is not empty: take out what is in it first")]
    NotEmpty(String),
}

/// What may be in an album that is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Emptied {
    /// Nothing: the user has taken it out.
    ByHand,
    /// Anything: the photos stay in the library, and albums in it go too.
    WithAll,
}

impl Library {
    /// Makes an album, in another one or in none.
    pub fn make_album(
        &self,
        face: Face,
        parent: Option<AlbumId>,
        name: &str,
    ) -> Result<AlbumId, LibraryError> {
        let owner = self.account();
        self.write(owner, face, |tx, _| {
            let snapshot = self.snapshot();
            check_place(&snapshot, owner, None, None, parent, name)?;
            let album = AlbumId::random();
            tx.decide(Fact::Album { album, owner, parent, name: name.to_owned() })?;
            Ok(album)
        })
    }

    /// Gives an album another name, or another place, or both: that of an album which is empty and goes, where that is
    /// said.
    pub fn place_album(
        &self,
        face: Face,
        album: AlbumId,
        parent: Option<AlbumId>,
        name: &str,
        replaced: Option<AlbumId>,
    ) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| {
            let snapshot = self.snapshot();
            let known = known(&snapshot, album)?;
            check_place(&snapshot, known.owner, Some(album), replaced, parent, name)?;
            if let Some(replaced) = replaced.filter(|replaced| *replaced != album) {
                remove(tx, &snapshot, replaced, Emptied::ByHand)?;
            }
            if known.parent != parent || &*known.name != name {
                tx.decide(Fact::Album { album, owner: known.owner, parent, name: name.to_owned() })?;
            }
            Ok(())
        })
    }

    /// Has these photos come first in an album, in this order. None at all leaves the order to itself again.
    pub fn order_album(&self, face: Face, album: AlbumId, assets: &[AssetId]) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| {
            let snapshot = self.snapshot();
            if *known(&snapshot, album)?.order != *assets {
                tx.decide(Fact::AlbumOrder { album, assets: assets.to_vec() })?;
            }
            Ok(())
        })
    }

    /// Has a photo stand for an album that it is in, or none in particular.
    pub fn cover_album(
        &self,
        face: Face,
        album: AlbumId,
        asset: Option<AssetId>,
    ) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| {
            let snapshot = self.snapshot();
            let known = known(&snapshot, album)?;
            if let Some(asset) = asset {
                let row = snapshot.by_id(asset).and_then(|row| snapshot.row(row));
                let is_in_it = row.is_some_and(|row| row.extras.albums.contains(&known.row));
                is_in_it.then_some(()).ok_or_else(|| AlbumError::NotInIt(known.name.to_string()))?;
            }
            if known.cover != asset {
                tx.decide(Fact::AlbumCover { album, asset })?;
            }
            Ok(())
        })
    }

    /// Removes an album. No photo goes with it.
    pub fn remove_album(&self, face: Face, album: AlbumId, emptied: Emptied) -> Result<(), LibraryError> {
        self.write(self.account(), face, |tx, _| remove(tx, &self.snapshot(), album, emptied))
    }
}

fn remove(
    tx: &mut Transaction<'_>,
    snapshot: &Snapshot,
    album: AlbumId,
    emptied: Emptied,
) -> Result<(), LibraryError> {
    let known = known(snapshot, album)?;
    // What is in the trash is not seen in it, and so could not be taken out.
    let shown = snapshot.shown(known.owner, Scope::Everything);
    let is_empty = snapshot.albums_in(known.owner, Some(album)).next().is_none()
        && snapshot.facet(Facet::Album(known.row)).is_none_or(|set| set.is_disjoint(&shown));
    if emptied == Emptied::ByHand && !is_empty {
        return Err(AlbumError::NotEmpty(known.name.to_string()).into());
    }
    Ok(tx.decide(Fact::AlbumGone { album, gone: true })?)
}

fn known(snapshot: &Snapshot, album: AlbumId) -> Result<&Album, AlbumError> {
    snapshot.album_by_id(album).map(|album| &**album).ok_or(AlbumError::NoAlbum(album))
}

/// Whether an album, or with `None` a new one, may be called so there.
fn check_place(
    snapshot: &Snapshot,
    owner: crate::id::AccountId,
    album: Option<AlbumId>,
    replaced: Option<AlbumId>,
    parent: Option<AlbumId>,
    name: &str,
) -> Result<(), AlbumError> {
    if !names::is_folders(name) {
        return Err(AlbumError::BadName(name.to_owned()));
    }
    if let Some(parent) = parent {
        let above =
            known(snapshot, parent).map(|parent| snapshot.albums_above(parent).unwrap_or_default())?;
        if above.iter().any(|above| Some(above.id) == album) {
            return Err(AlbumError::IntoItself);
        }
        if above.len() >= MAX_DEPTH {
            return Err(AlbumError::TooDeep);
        }
    }
    match snapshot.album_called(owner, parent, name) {
        Some(other) if Some(other.id) != album && Some(other.id) != replaced => {
            Err(AlbumError::NameTaken(other.name.to_string()))
        }
        _ => Ok(()),
    }
}
