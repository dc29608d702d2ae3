//! Taking back what was done last.
//!
//! 1. What was done is what was journalled together: a move of a thousand photos is one deed. Only what people did counts,
//!    not what the folders told.
//! 2. The journal only grows: a deed is taken back by deciding again what was decided before it, which stands further
//!    back in the journal; where nothing does, what is so when nobody decides.
//! 3. Taking back is no deed: it is noted which one it took back, so that the next time it is the one before.
//! 4. Some things cannot be taken back. Then nothing is, and it is said why.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Library, LibraryError};
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::{Key, id_of};
use crate::catalogue::records::{AlbumRecord, DecidedRecord, SavedSearchRecord};
use crate::catalogue::transaction::Transaction;
use crate::fact::{FaceSaid, Fact};
use crate::id::{AccountId, AlbumId};
use crate::journal::{Face, Record, Sequence};
use crate::names::folded;
use crate::visibility::Visibility;

/// Something that was done and taken back.
#[derive(Clone, PartialEq, Debug)]
pub struct Undone {
    /// When it was done.
    pub time: Timestamp,
    /// Through what.
    pub face: Face,
    /// How many decisions it was.
    pub decisions: usize,
    /// The kind of the first of them, as in the journal.
    pub kind: String,
}

/// Why something cannot be taken back. Nothing was, then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UndoError {
    /// Not so much was done.
    #[error("there is nothing more to take back: only {0} can be")]
    Nothing(usize),
    /// Of its nature.
    #[error("what was done at {time} cannot be taken back: {why}")]
    Impossible {
        /// When it was done.
        time: Timestamp,
        /// Why, in words for people.
        why: String,
    },
}

/// Facts journalled together.
struct Deed {
    first: Sequence,
    last: Sequence,
    time: Timestamp,
    face: Face,
    /// Newest first.
    facts: Vec<(Sequence, Fact)>,
}

/// Whether people do things through it.
fn is_of_people(face: Face) -> bool {
    !matches!(face, Face::Folder | Face::Daemon)
}

impl Library {
    /// Takes back the last `count` things that were done, newest first: all of them or, with an error, none.
    pub fn undo(&self, face: Face, count: usize) -> Result<Vec<Undone>, LibraryError> {
        self.write(self.account(), face, |tx, _| {
            let deeds = self.last_deeds(count)?;
            if deeds.len() < count {
                return Err(UndoError::Nothing(deeds.len()).into());
            }
            let mut before = self.facts_before(&deeds)?;
            for deed in &deeds {
                tx.decide(Fact::Undo { first: deed.first.get(), last: deed.last.get() })?;
                for (sequence, fact) in &deed.facts {
                    let impossible =
                        |why: &str| UndoError::Impossible { time: deed.time, why: why.to_owned() };
                    let earlier = before.remove(sequence);
                    if let Some(fact) = taken_back(fact, earlier).map_err(|why| impossible(&why))? {
                        name_taken(tx, &fact)?.map_or(Ok(()), |why| Err(impossible(&why)))?;
                        check_there(tx, &fact).map_err(|why| impossible(&why))?;
                        tx.decide(fact)?;
                    }
                }
            }
            Ok(deeds.iter().map(Deed::undone).collect())
        })
    }

    /// The last things that people did and that were not taken back, newest first.
    fn last_deeds(&self, count: usize) -> Result<Vec<Deed>, LibraryError> {
        let mut deeds: Vec<Deed> = Vec::new();
        let mut undone: Vec<(u64, u64)> = Vec::new();
        let mut current: Option<Deed> = None;
        let mut finish = |deed: Option<Deed>, deeds: &mut Vec<Deed>| {
            let Some(deed) = deed else { return };
            let marks = deed.facts.iter().filter_map(|(_, fact)| match fact {
                Fact::Undo { first, last } => Some((*first, *last)),
                _ => None,
            });
            let marks: Vec<_> = marks.collect();
            let is_undone = undone.iter().any(|(first, last)| (*first..=*last).contains(&deed.first.get()));
            if marks.is_empty() && !is_undone {
                deeds.push(deed);
            }
            undone.extend(marks);
        };
        for record in self.journal.newest() {
            let record = record?;
            let belongs = current.as_ref().is_some_and(|deed| {
                (deed.time, deed.face) == (record.time, record.face)
                    && deed.first.get() == record.sequence.get() + 1
            });
            if !belongs {
                finish(current.take(), &mut deeds);
                if deeds.len() >= count {
                    break;
                }
            }
            if !is_of_people(record.face) {
                continue;
            }
            let Some(fact) = fact_of(&record) else { continue };
            let deed = current.get_or_insert_with(|| Deed {
                first: record.sequence,
                last: record.sequence,
                time: record.time,
                face: record.face,
                facts: Vec::new(),
            });
            deed.first = record.sequence;
            deed.facts.push((record.sequence, fact));
        }
        finish(current.take(), &mut deeds);
        deeds.truncate(count);
        Ok(deeds)
    }

    /// For each fact of these deeds, by its sequence, the one that it superseded.
    fn facts_before(&self, deeds: &[Deed]) -> Result<BTreeMap<Sequence, Fact>, LibraryError> {
        // By what they are of: the facts that still look for the one before, oldest last.
        let mut wanted: BTreeMap<String, Vec<Sequence>> = BTreeMap::new();
        for (sequence, fact) in deeds.iter().flat_map(|deed| &deed.facts) {
            if let Some(key) = of_what(fact) {
                wanted.entry(key).or_default().push(*sequence);
            }
        }
        let mut found = BTreeMap::new();
        for record in self.journal.newest() {
            if wanted.is_empty() {
                break;
            }
            let record = record?;
            let Some(fact) = fact_of(&record) else { continue };
            let Some(key) = of_what(&fact) else { continue };
            let Some(waiting) = wanted.get_mut(&key) else { continue };
            for later in waiting.extract_if(.., |later| record.sequence < *later) {
                found.insert(later, fact.clone());
            }
            if waiting.is_empty() {
                wanted.remove(&key);
            }
        }
        Ok(found)
    }
}

impl Deed {
    fn undone(&self) -> Undone {
        let kind = self.facts.last().map(|(_, fact)| fact.to_record().0).unwrap_or_default();
        Undone { time: self.time, face: self.face, decisions: self.facts.len(), kind }
    }
}

fn fact_of(record: &Record) -> Option<Fact> {
    Fact::from_record(&record.kind, &record.content).ok()
}

/// What a fact is of: of several, the latest counts.
fn of_what(fact: &Fact) -> Option<String> {
    match fact {
        Fact::PersonName { person, .. } => Some(format!("person name {person}")),
        fact => fact.supersedes(),
    }
}

/// What takes a fact back: the one before it, or what is so when nobody decides. `None`: nothing is to be done.
fn taken_back(fact: &Fact, before: Option<Fact>) -> Result<Option<Fact>, String> {
    let why = match fact {
        Fact::Purge { .. } => "files that were removed for good are gone",
        Fact::PersonMerge { .. } => {
            "two people were made one; `galleryfs people split` parts their faces again"
        }
        Fact::Version { .. } => {
            "a photo was saved over: remove the last of its versions in `versions/` of the mount to go back"
        }
        Fact::Forget { .. } => "what was away was said to be gone for good",
        _ => "",
    };
    if !why.is_empty() {
        return Err(why.to_owned());
    }
    if let Some(before) = before.filter(|before| !matches!(before, Fact::Purge { .. })) {
        return Ok(Some(before));
    }
    Ok(match fact.clone() {
        Fact::Visibility { asset, .. } => Some(Fact::Visibility { asset, visibility: Visibility::Timeline }),
        Fact::Favourite { asset, .. } => Some(Fact::Favourite { asset, favourite: false }),
        Fact::Rating { asset, .. } => Some(Fact::Rating { asset, stars: None }),
        Fact::Tag { asset, tag, .. } => Some(Fact::Tag { asset, tag, has: None }),
        Fact::Description { asset, .. } => Some(Fact::Description { asset, text: None }),
        Fact::Taken { asset, .. } => Some(Fact::Taken { asset, taken: None }),
        Fact::Trash { asset, .. } => Some(Fact::Trash { asset, trashed: false }),
        Fact::Album { album, .. } => Some(Fact::AlbumGone { album, gone: true }),
        Fact::AlbumGone { album, .. } => Some(Fact::AlbumGone { album, gone: false }),
        Fact::AlbumAsset { album, asset, .. } => Some(Fact::AlbumAsset { album, asset, has: false }),
        Fact::AlbumOrder { album, .. } => Some(Fact::AlbumOrder { album, assets: Vec::new() }),
        Fact::AlbumCover { album, .. } => Some(Fact::AlbumCover { album, asset: None }),
        Fact::TagKept { owner, tag, .. } => Some(Fact::TagKept { owner, tag, kept: false }),
        Fact::SavedSearch { search, .. } => Some(Fact::SavedSearchGone { search, gone: true }),
        Fact::SavedSearchGone { search, .. } => Some(Fact::SavedSearchGone { search, gone: false }),
        Fact::PersonName { person, .. } => Some(Fact::PersonName { person, name: None }),
        Fact::PersonHidden { person, .. } => Some(Fact::PersonHidden { person, hidden: false }),
        Fact::Face { owner, face, .. } => Some(Fact::Face { owner, face, said: FaceSaid::default() }),
        _ => None,
    })
}

/// An album or a search, as names tell it apart from others.
struct Named {
    what: &'static str,
    id: [u8; 16],
    owner: AccountId,
    parent: Option<AlbumId>,
    name: String,
    gone: bool,
}

impl Named {
    fn album(id: [u8; 16], record: AlbumRecord) -> Self {
        let AlbumRecord { owner, parent, name, gone, .. } = record;
        Self { what: "album", id, owner, parent, name, gone }
    }

    fn search(id: [u8; 16], record: SavedSearchRecord) -> Self {
        let SavedSearchRecord { owner, name, gone, .. } = record;
        Self { what: "search", id, owner, parent: None, name, gone }
    }

    /// Whether both cannot be there: case and composition make no other name.
    fn is_in_the_way_of(&self, other: &Self) -> bool {
        !self.gone
            && self.id != other.id
            && (self.owner, self.parent) == (other.owner, other.parent)
            && folded(&self.name) == folded(&other.name)
    }
}

/// Why an album or a search cannot have its name again: another has it by now. In the transaction, where what was taken back
/// before has given its name back.
fn name_taken(tx: &Transaction<'_>, fact: &Fact) -> Result<Option<String>, CatalogueError> {
    let (named, others) = match fact {
        Fact::Album { album, .. } | Fact::AlbumGone { album, gone: false } => {
            let (id, record) = (*album.as_bytes(), tx.get::<AlbumRecord>(&Key::album(*album))?);
            let all = tx.scan::<AlbumRecord>(&Key::albums())?.into_iter();
            let all = all.filter_map(|(key, record)| Some(Named::album(id_of(&key)?, record)));
            (record.map(|record| Named::album(id, record)), all.collect::<Vec<_>>())
        }
        Fact::SavedSearch { search, .. } | Fact::SavedSearchGone { search, gone: false } => {
            let (id, record) =
                (*search.as_bytes(), tx.get::<SavedSearchRecord>(&Key::saved_search(*search))?);
            let all = tx.scan::<SavedSearchRecord>(&Key::saved_searches())?.into_iter();
            let all = all.filter_map(|(key, record)| Some(Named::search(id_of(&key)?, record)));
            (record.map(|record| Named::search(id, record)), all.collect())
        }
        _ => return Ok(None),
    };
    let Some(mut named) = named else { return Ok(None) };
    match fact {
        Fact::Album { parent, name, .. } => (named.parent, named.name) = (*parent, name.clone()),
        Fact::SavedSearch { name, .. } => named.name.clone_from(name),
        _ => {}
    }
    let is_taken = others.iter().any(|other| other.is_in_the_way_of(&named));
    Ok(is_taken.then(|| format!("another {} is called \"{}\" by now", named.what, named.name)))
}

/// A photo comes out of the trash only if it is still in it.
fn check_there(tx: &Transaction<'_>, fact: &Fact) -> Result<(), String> {
    let Fact::Trash { asset, trashed: false } = fact else { return Ok(()) };
    match tx.get::<DecidedRecord>(&Key::decided(*asset)) {
        Ok(Some(decided)) if decided.purged => Err("what was in the trash was removed for good".to_owned()),
        _ => Ok(()),
    }
}
