//! One commit in the making: reads see what it has written so far, and nothing is written before all is decided.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::{self, Key};
use super::records::AssetRecord;
use super::{Catalogue, CatalogueError, decode, encode};
use crate::change::{Change, ChangeSeq, Entity};
use crate::fact::Fact;
use crate::id::{AssetId, PersonId, RowNumber};
use crate::journal::Sequence;

/// Writes on top of the catalogue that are not applied yet.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    catalogue: &'a Catalogue,
    /// The moment of this commit, to the millisecond as the journal has it.
    pub(crate) now: Timestamp,
    facts: Vec<Fact>,
    /// The place in the journal that the next fact will have.
    sequence: Sequence,
    /// Assets that stopped standing somewhere: they may need another name.
    pub(crate) displaced: BTreeSet<AssetId>,
    /// People whose cover is theirs no more.
    pub(crate) coverless: BTreeSet<PersonId>,
    written: BTreeMap<Key, Option<Vec<u8>>>,
    assets: BTreeMap<AssetId, Option<AssetRecord>>,
    changed: BTreeSet<Entity>,
    /// Of the changed, those other than assets that are no more.
    gone: BTreeSet<Entity>,
    next_row: Option<u32>,
}

/// A finished transaction, ready to be applied.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) batch: sled::Batch,
    pub(crate) changes: Vec<Change>,
    pub(crate) head: ChangeSeq,
    pub(crate) assets: Vec<AssetId>,
}

impl<'a> Transaction<'a> {
    /// `journal` is the journal's head: facts decided here will follow it.
    pub(crate) fn new(catalogue: &'a Catalogue, now: Timestamp, journal: Sequence) -> Self {
        Self {
            catalogue,
            now,
            facts: Vec::new(),
            sequence: journal,
            displaced: BTreeSet::new(),
            coverless: BTreeSet::new(),
            written: BTreeMap::new(),
            assets: BTreeMap::new(),
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
            next_row: None,
        }
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, CatalogueError> {
        match self.written.get(key) {
            Some(Some(bytes)) => decode(key.bytes(), bytes).map(Some),
            Some(None) => Ok(None),
            None => self.catalogue.get(key),
        }
    }

    pub(crate) fn put<T: Serialize>(&mut self, key: Key, value: &T) {
        self.written.insert(key, Some(encode(value)));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.written.insert(key, None);
    }

    /// All records under `prefix`, this transaction's own writes included, in key order.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &Key,
    ) -> Result<Vec<(Vec<u8>, T)>, CatalogueError> {
        let mut found = BTreeMap::new();
        for entry in self.catalogue.scan::<T>(prefix) {
            let (key, value) = entry?;
            found.insert(key.to_vec(), value);
        }
        for (key, value) in
            self.written.range(prefix..).take_while(|(key, _)| key.bytes().starts_with(prefix.bytes()))
        {
            match value {
                Some(bytes) => found.insert(key.bytes().to_vec(), decode(key.bytes(), bytes)?),
                None => found.remove(key.bytes()),
            };
        }
        Ok(found.into_iter().collect())
    }

    /// Paths and records of the files whose path below `root` begins with `start`.
    pub(crate) fn files(
        &self,
        root: crate::id::RootId,
        start: &[u8],
    ) -> Result<Vec<(crate::FilePath, crate::FileRecord)>, CatalogueError> {
        let files = self.scan(&Key::files(root, start))?;
        Ok(files.into_iter().filter_map(|(key, record)| Some((keys::path_of(&key)?, record))).collect())
    }

    pub(crate) fn asset(&mut self, id: AssetId) -> Result<Option<&AssetRecord>, CatalogueError> {
        self.load(id)?;
        Ok(self.assets.get(&id).and_then(Option::as_ref))
    }

    /// An asset to change. It counts as changed.
    pub(crate) fn asset_mut(&mut self, id: AssetId) -> Result<Option<&mut AssetRecord>, CatalogueError> {
        self.load(id)?;
        let record = self.assets.get_mut(&id).and_then(Option::as_mut);
        if record.is_some() {
            self.changed.insert(Entity::Asset(id));
        }
        Ok(record)
    }

    pub(crate) fn add_asset(&mut self, id: AssetId, record: AssetRecord) {
        self.assets.insert(id, Some(record));
        self.changed.insert(Entity::Asset(id));
    }

    fn load(&mut self, id: AssetId) -> Result<(), CatalogueError> {
        if !self.assets.contains_key(&id) {
            let record = self.catalogue.get(&Key::asset(id))?;
            self.assets.insert(id, record);
        }
        Ok(())
    }

    /// Says that an entity other than an asset, or an asset's surroundings, changed.
    pub(crate) fn touch(&mut self, entity: Entity) {
        self.gone.remove(&entity);
        self.changed.insert(entity);
    }

    /// Says that an entity other than an asset is no more.
    pub(crate) fn end(&mut self, entity: Entity) {
        self.gone.insert(entity);
        self.changed.insert(entity);
    }

    /// The assets changed so far.
    pub(crate) fn changed_assets(&self) -> Vec<AssetId> {
        self.changed
            .iter()
            .filter_map(|entity| match entity {
                Entity::Asset(id) => Some(*id),
                _ => None,
            })
            .collect()
    }

    /// Decides a fact: it takes effect here now, and must be journalled before the commit.
    pub(crate) fn decide(&mut self, fact: Fact) -> Result<(), CatalogueError> {
        self.sequence.0 += 1;
        crate::replay::apply(self, &fact, self.now, self.sequence)?;
        self.facts.push(fact);
        Ok(())
    }

    /// What must be journalled before any of this counts.
    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.changed.is_empty() && self.facts.is_empty()
    }

    /// The next row number. Never given out twice in one catalogue.
    pub(crate) fn next_row(&mut self) -> Result<RowNumber, CatalogueError> {
        let next = match self.next_row {
            Some(next) => next,
            None => self.catalogue.get(&Key::meta("next row"))?.unwrap_or(0),
        };
        self.next_row = Some(next + 1);
        Ok(RowNumber(next))
    }

    /// Numbers the changes and gathers all writes. `journal` is the last journal record that this commit includes.
    pub(crate) fn prepare(mut self, journal: Sequence) -> Result<Prepared, CatalogueError> {
        let mut batch = sled::Batch::default();
        for (key, value) in self.written {
            match value {
                Some(bytes) => batch.insert(key.bytes(), bytes),
                None => batch.remove(key.bytes()),
            }
        }
        let mut seq = self.catalogue.cursor()?.seq;
        let mut changes = Vec::with_capacity(self.changed.len());
        let mut assets = Vec::new();
        for entity in self.changed {
            seq.0 += 1;
            let mut gone = self.gone.contains(&entity);
            let before = match entity {
                Entity::Asset(id) => {
                    let Some(record) = self.assets.get_mut(&id).and_then(Option::as_mut) else { continue };
                    gone = record.standing.is_empty();
                    let before = std::mem::replace(&mut record.changed, seq);
                    batch.insert(Key::asset(id).bytes(), encode(record));
                    assets.push(id);
                    (before != ChangeSeq::default()).then_some(before)
                }
                _ => {
                    let latest = Key::latest(entity);
                    let before = self.catalogue.get::<ChangeSeq>(&latest)?;
                    batch.insert(latest.bytes(), encode(&seq));
                    before
                }
            };
            if let Some(before) = before {
                batch.remove(Key::change(before).bytes());
            }
            batch.insert(Key::change(seq).bytes(), encode(&(entity, gone)));
            changes.push(Change { seq, entity, gone });
        }
        batch.insert(Key::meta("seq").bytes(), encode(&seq));
        batch.insert(Key::meta("journal").bytes(), encode(&journal));
        if let Some(next) = self.next_row {
            batch.insert(Key::meta("next row").bytes(), encode(&next));
        }
        Ok(Prepared { batch, changes, head: seq, assets })
    }
}
