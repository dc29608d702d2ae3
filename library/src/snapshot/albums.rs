//! The albums: by row, id, and name within the album they lie in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::interner::AlbumRow;
use crate::catalogue::records::AlbumRecord;
use crate::id::{AccountId, AlbumId, AssetId};
use crate::names::folded;

/// Albums in albums, at most.
const MAX_DEPTH: usize = 64;

/// A named collection of photos.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Album {
    /// Its row: what is in it is [`Facet::Album`](super::Facet::Album) of it.
    pub row: AlbumRow,
    /// Which it is, for ever.
    pub id: AlbumId,
    /// Whose it is.
    pub owner: AccountId,
    /// The album it lies in.
    pub parent: Option<AlbumId>,
    /// What it is called.
    pub name: Arc<str>,
    /// Those that come first in it, in this order; among them may be some that are not in it.
    pub order: Arc<[AssetId]>,
    /// The photo that stands for it, whether or not that is in it now.
    pub cover: Option<AssetId>,
    gone: bool,
}

/// Where albums are told apart by name, folded.
type Place = (AccountId, Option<AlbumId>, String);

/// All albums of one snapshot, of every account. Copied when one changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Albums {
    rows: Vec<Arc<Album>>,
    by_id: HashMap<AlbumId, AlbumRow>,
    by_place: BTreeMap<Place, AlbumRow>,
}

fn place(album: &Album) -> Place {
    (album.owner, album.parent, folded(&album.name))
}

impl Albums {
    /// Whatever became of it.
    fn row(&self, row: AlbumRow) -> Option<&Arc<Album>> {
        self.rows.get(row.index() as usize)
    }

    /// The album of a row, unless it or one that it lies in is gone.
    pub(crate) fn get(&self, row: AlbumRow) -> Option<&Arc<Album>> {
        let album = self.row(row)?;
        self.above(album).map(|_| album)
    }

    pub(crate) fn by_id(&self, id: AlbumId) -> Option<&Arc<Album>> {
        self.get(*self.by_id.get(&id)?)
    }

    /// The album and those it lies in, innermost first. `None` where one of them is gone.
    pub(crate) fn above<'a>(&'a self, album: &'a Album) -> Option<Vec<&'a Album>> {
        let mut above = vec![album];
        let mut at = album;
        while let Some(parent) = at.parent {
            at = self.row(*self.by_id.get(&parent)?)?;
            above.push(at);
            if above.len() > MAX_DEPTH {
                return None;
            }
        }
        above.iter().all(|album| !album.gone).then_some(above)
    }

    /// Those that lie directly in an album, or in none, by name.
    pub(crate) fn within(
        &self,
        owner: AccountId,
        parent: Option<AlbumId>,
    ) -> impl Iterator<Item = &Arc<Album>> {
        let first = (owner, parent, String::new());
        let among = move |place: &Place| place.0 == owner && place.1 == parent;
        let places = self.by_place.range(first..).take_while(move |(place, _)| among(place));
        places.filter_map(|(_, row)| self.row(*row))
    }

    /// The one of them that is called so; case and composition do not count.
    pub(crate) fn called(
        &self,
        owner: AccountId,
        parent: Option<AlbumId>,
        name: &str,
    ) -> Option<&Arc<Album>> {
        self.row(*self.by_place.get(&(owner, parent, folded(name)))?)
    }

    pub(crate) fn every(&self) -> impl Iterator<Item = &Arc<Album>> {
        self.rows.iter()
    }

    /// The rows of albums, those that are gone too: they may come back.
    pub(crate) fn rows_of(&self, ids: &[AlbumId]) -> Vec<AlbumRow> {
        let mut rows: Vec<AlbumRow> = ids.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        rows.sort_unstable();
        rows
    }

    /// Takes in what the catalogue has of an album.
    pub(crate) fn put(&mut self, id: AlbumId, record: &AlbumRecord) {
        let row = self.by_id.get(&id).copied().unwrap_or(AlbumRow::at(self.rows.len() as u32));
        if let Some(old) = self.row(row).map(|old| place(old))
            && self.by_place.get(&old) == Some(&row)
        {
            self.by_place.remove(&old);
        }
        let album = Arc::new(Album {
            row,
            id,
            owner: record.owner,
            parent: record.parent,
            name: record.name.as_str().into(),
            order: record.order.as_slice().into(),
            cover: record.cover,
            gone: record.gone,
        });
        if !album.gone {
            self.by_place.insert(place(&album), row);
        }
        self.by_id.insert(id, row);
        match self.rows.get_mut(row.index() as usize) {
            Some(known) => *known = album,
            None => self.rows.push(album),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_album_is_found_where_it_lies_and_not_while_one_above_it_is_gone() {
        let owner = AccountId::from_bytes([1; 16]);
        let (outer, inner) = (AlbumId::from_bytes([2; 16]), AlbumId::from_bytes([3; 16]));
        let record = |parent, name: &str, gone| AlbumRecord {
            owner,
            parent,
            name: name.into(),
            gone,
            order: Vec::new(),
            cover: None,
        };
        let mut albums = Albums::default();
        albums.put(inner, &record(Some(outer), "Rome", false));
        assert!(albums.by_id(inner).is_none(), "where it lies is not known yet");
        albums.put(outer, &record(None, "Trips", false));
        let names = |parent| albums.within(owner, parent).map(|album| &*album.name).collect::<Vec<_>>();
        assert_eq!((names(None), names(Some(outer))), (vec!["Trips"], vec!["Rome"]));
        assert_eq!(albums.called(owner, Some(outer), "ROME").map(|album| album.id), Some(inner));
        albums.put(outer, &record(None, "Trips", true));
        assert!(albums.by_id(inner).is_none() && albums.called(owner, None, "Trips").is_none());
        albums.put(outer, &record(None, "Journeys", false));
        assert_eq!(albums.by_id(inner).map(|album| album.id), Some(inner));
        assert_eq!(albums.called(owner, None, "trips"), None);
        let rows = albums.rows_of(&[inner, outer]);
        assert_eq!(rows.len(), 2);
    }
}
