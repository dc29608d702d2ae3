//! The one writer: works a change out, journals it, applies it, publishes it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;
use jiff::Timestamp;

use super::{Commit, Library, LibraryError, RootSpec, Writer, locked, opening};
use crate::catalogue::records::{
    AlbumRecord, AssetRecord, AwayRecord, CastRecord, DecidedRecord, PersonRecord, RootRecord,
};
use crate::catalogue::transaction::{Prepared, Transaction};
use crate::catalogue::{Catalogue, CatalogueError, keys::Key};
use crate::change::{Change, Cursor, Entity};
use crate::fact::{Fact, Watch};
use crate::id::{AccountId, AssetId, RootId, RowNumber};
use crate::ingest::{Ingest, below};
use crate::journal::{Draft, Face, Sequence};
use crate::observation::{FileContent, Observation};
use crate::people::cast;
use crate::project;
use crate::snapshot::{Facet, Root, Snapshot};
use crate::visibility::Visibility;

/// How far the moments of commits may run ahead of the clock.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// Why a root that is known but not given is away.
const NOT_WATCHED: &str = "this folder is not among the watched ones now";

impl Library {
    /// Every later commit. The channel is unbounded: whoever subscribes must drain it.
    pub fn subscribe(&self) -> Receiver<Commit> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        locked(&self.writer).subscribers.push(sender);
        receiver
    }

    /// Applies what the watcher found, as one commit: all of it or, with an error, nothing.
    pub fn observe(&self, observations: Vec<Observation>) -> Result<(), LibraryError> {
        let all_told = observations.contains(&Observation::Scanned);
        self.write(self.account, Face::Folder, |tx, writer| {
            let snapshot = self.snapshot();
            let ingest = Ingest::new(tx, &writer.roots, &snapshot);
            Ok(ingest.after_all_told(self.all_told.load(Ordering::Relaxed)).run(observations)?)
        })?;
        self.all_told.fetch_or(all_told, Ordering::Relaxed);
        Ok(())
    }

    /// Says which folders are watched for `account`, and gives their ids in the same order. A folder met for the first
    /// time is journalled, and so is a change of which are watched; one that is known but not named here is away until
    /// it is named again.
    pub fn set_roots(&self, account: AccountId, specs: &[RootSpec]) -> Result<Vec<RootId>, LibraryError> {
        check_apart(specs)?;
        self.write(account, Face::Daemon, |tx, writer| {
            let mut ids = Vec::new();
            let mut known: Vec<_> = writer.roots.iter().map(|(id, root)| (*id, root.clone())).collect();
            for spec in specs {
                let found = known
                    .iter()
                    .find(|(_, root)| root.owner == account && root.path == spec.path)
                    .map(|(id, _)| *id);
                let id = match found {
                    Some(id) => id,
                    None => {
                        let path = spec.path.to_str().ok_or_else(|| LibraryError::Root {
                            path: spec.path.clone(),
                            reason: "its path is not valid UTF-8; rename it".into(),
                        })?;
                        let name = free_root_name(path, account, &known.iter().map(|(_, root)| root));
                        let id = RootId::random();
                        tx.decide(Fact::Root { root: id, owner: account, path: path.into(), name })?;
                        known.extend(tx.get::<RootRecord>(&Key::root(id))?.map(|root| (id, root)));
                        id
                    }
                };
                ids.push(id);
            }
            for (id, root) in known.iter().filter(|(_, root)| root.owner == account) {
                let watch = match root.watch {
                    _ if ids.contains(id) => Watch::On,
                    Watch::Retired => continue,
                    _ => Watch::Off,
                };
                if watch != root.watch {
                    tx.decide(Fact::Watch { root: *id, watch })?;
                }
                let record = tx.get::<AwayRecord>(&Key::away(*id, b""))?;
                let unwatched = record.as_ref().is_some_and(|away| away.reason == NOT_WATCHED);
                let change = match (ids.contains(id), record.is_some()) {
                    (true, _) if unwatched => Observation::Online { root: *id, folder: Box::default() },
                    (false, false) => {
                        Observation::Offline { root: *id, folder: Box::default(), reason: NOT_WATCHED.into() }
                    }
                    _ => continue,
                };
                Ingest::new(tx, &writer.roots, &self.snapshot()).run(vec![change])?;
            }
            Ok(ids)
        })
    }

    /// Decides how far assets show.
    pub fn set_visibility(
        &self,
        face: Face,
        assets: &[AssetId],
        visibility: Visibility,
    ) -> Result<(), LibraryError> {
        self.write(self.account, face, |tx, _| {
            for asset in assets {
                if tx.asset(*asset)?.is_some_and(|record| record.visibility != visibility) {
                    tx.decide(Fact::Visibility { asset: *asset, visibility })?;
                }
            }
            Ok(())
        })
    }

    /// Runs one change: `work` fills the transaction, then it is journalled, applied and published.
    pub(super) fn write<T>(
        &self,
        actor: AccountId,
        face: Face,
        work: impl FnOnce(&mut Transaction<'_>, &Writer) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        let mut writer = locked(&self.writer);
        if writer.behind || self.has_failed() {
            self.recover(&mut writer)?;
        }
        let catalogue = self.catalogue()?;
        let now = after(writer.last, now());
        let mut tx = Transaction::new(&catalogue, now, self.journal.head());
        let value = work(&mut tx, &writer)?;
        cast::settle(&mut tx, &self.snapshot(), true)?;
        if tx.is_empty() {
            return Ok(value);
        }
        let drafts: Vec<Draft> = tx
            .facts()
            .iter()
            .map(|fact| {
                let (kind, content) = fact.to_record();
                Draft { time: Some(tx.now), actor: Some(actor), face, kind, content }
            })
            .collect();
        if !drafts.is_empty() {
            writer.last = Some(now);
            self.journal.append(&drafts)?;
        }
        // Whatever ends this early from here on, an error or a panic, leaves a decision that is journalled but not
        // everywhere.
        writer.behind = true;
        let prepared = self.apply(&catalogue, tx, self.journal.head())?;
        self.publish(&catalogue, &mut writer, &prepared)?;
        writer.behind = false;
        Ok(value)
    }

    fn apply(
        &self,
        catalogue: &Catalogue,
        tx: Transaction<'_>,
        journal: Sequence,
    ) -> Result<Prepared, CatalogueError> {
        let mut prepared = tx.prepare(journal)?;
        catalogue.apply(std::mem::take(&mut prepared.batch))?;
        Ok(prepared)
    }

    fn publish(
        &self,
        catalogue: &Catalogue,
        writer: &mut Writer,
        prepared: &Prepared,
    ) -> Result<(), CatalogueError> {
        let mut snapshot = Snapshot::clone(&self.snapshot.load());
        if prepared.changes.iter().any(|change| change.entity == Entity::Roots) {
            writer.roots = opening::roots(catalogue)?;
            writer.away = opening::away(catalogue)?;
            snapshot.folders_mut().set_roots(ordered_roots(&writer.roots));
        }
        // A row shows its parts, and a part hides behind its host, only while the other is there: so both follow.
        let mut records: HashMap<AssetId, AssetRecord> = HashMap::new();
        let mut affected: BTreeSet<AssetId> = prepared.assets.iter().copied().collect();
        if prepared.changes.iter().any(|change| change.entity == Entity::KeptTags) {
            snapshot.set_kept_tags(opening::kept_tags(catalogue)?);
        }
        if prepared.changes.iter().any(|change| change.entity == Entity::SavedSearches) {
            snapshot.set_saved_searches(opening::saved_searches(catalogue)?);
        }
        for change in &prepared.changes {
            if let Entity::Album(id) = change.entity
                && let Some(record) = catalogue.get::<AlbumRecord>(&Key::album(id))?
            {
                snapshot.put_album(id, &record);
            }
            let Entity::Person(id) = change.entity else { continue };
            let Some(record) = catalogue.get::<PersonRecord>(&Key::person(id))? else { continue };
            snapshot.put_person(id, &record);
            // The photos of whoever became somebody else are that person's now.
            let former = snapshot.former_row(id).filter(|_| record.into.is_some());
            let rows = former.and_then(|row| snapshot.facet(Facet::Person(row)));
            affected
                .extend(rows.into_iter().flatten().filter_map(|row| Some(snapshot.row(RowNumber(row))?.id)));
        }
        for id in &prepared.assets {
            if let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(*id))? {
                affected.extend(project::tied_to(&record));
                records.insert(*id, record);
            }
        }
        for id in &affected {
            let tied: Vec<AssetId> = match fetch(catalogue, &mut records, *id)? {
                Some(record) => project::tied_to(record).collect(),
                None => continue,
            };
            for other in tied {
                fetch(catalogue, &mut records, other)?;
            }
            let shown = |id: &AssetId| {
                records
                    .get(id)
                    .filter(|record| project::is_present(record, &writer.away))
                    .map(|record| record.row)
            };
            let record = &records[id];
            let ties = project::ties(*id, record, shown);
            let cast = catalogue.get::<CastRecord>(&Key::cast(*id))?;
            let decided = catalogue.get::<DecidedRecord>(&Key::decided(*id))?;
            let (cast, decided) = (cast.as_ref(), decided.as_ref());
            let row = project::row(&mut snapshot, *id, record, &writer.away, ties, cast, decided);
            snapshot.put(record.row, row);
        }
        let epoch = snapshot.cursor().epoch;
        snapshot.set_cursor(Cursor { epoch, seq: prepared.head });
        let snapshot = Arc::new(snapshot);
        self.snapshot.store(Arc::clone(&snapshot));
        let mut changes = prepared.changes.clone();
        changes.extend(affected.iter().filter(|id| !prepared.assets.contains(id)).map(|id| Change {
            seq: prepared.head,
            entity: Entity::Asset(*id),
            gone: false,
        }));
        let commit = Commit { snapshot, changes: changes.into() };
        writer.subscribers.retain(|to| to.send(commit.clone()).is_ok());
        Ok(())
    }

    /// Whether anything known stands under `folder` of a root, or did: what `forget` may be asked of.
    pub fn knows(&self, root: RootId, folder: &[u8]) -> Result<bool, LibraryError> {
        let catalogue = self.catalogue()?;
        let exact = catalogue.get::<crate::FileRecord>(&Key::file(&crate::FilePath::new(root, folder)))?;
        if exact.is_some_and(|record| matches!(record.content, FileContent::Asset { .. })) {
            return Ok(true);
        }
        let mut below = catalogue.scan::<crate::FileRecord>(&Key::files(root, &below(folder)));
        let away = catalogue.get::<AwayRecord>(&Key::away(root, folder))?.is_some();
        Ok(away || below.next().transpose()?.is_some())
    }
}

fn fetch<'r>(
    catalogue: &Catalogue,
    records: &'r mut HashMap<AssetId, AssetRecord>,
    id: AssetId,
) -> Result<Option<&'r AssetRecord>, CatalogueError> {
    if !records.contains_key(&id)
        && let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(id))?
    {
        records.insert(id, record);
    }
    Ok(records.get(&id))
}

/// The clock to the millisecond, as the journal keeps it.
fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The moment of a commit: another than that of the one before, so that they can be told apart in the journal. Commits that
/// come faster than milliseconds run ahead of the clock; one that was set back by more is believed.
fn after(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let next = last.map(|last| last + jiff::SignedDuration::from_millis(1));
    match next.filter(|next| *next > now && next.duration_since(now) < AHEAD) {
        Some(next) => next,
        None => now,
    }
}

/// The roots in the order they were journalled, but for those that are retired.
pub(super) fn ordered_roots(roots: &HashMap<RootId, RootRecord>) -> Vec<Root> {
    let mut ordered: Vec<_> = roots.iter().filter(|(_, root)| root.watch != Watch::Retired).collect();
    ordered.sort_by_key(|(_, root)| root.order);
    ordered
        .into_iter()
        .map(|(id, root)| Root {
            id: *id,
            owner: root.owner,
            name: root.name.clone(),
            path: root.path.clone(),
            watched: root.watch == Watch::On,
        })
        .collect()
}

fn free_root_name<'r>(
    path: &str,
    owner: AccountId,
    known: &(impl Iterator<Item = &'r RootRecord> + Clone),
) -> String {
    let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("root");
    let base = crate::names::shown(last.as_bytes());
    (1..)
        .map(|ordinal| crate::names::with_ordinal(&base, ordinal))
        .find(|name| {
            let folded = crate::names::folded(name);
            !known.clone().any(|root| root.owner == owner && crate::names::folded(&root.name) == folded)
        })
        .unwrap_or(base)
}

fn check_apart(specs: &[RootSpec]) -> Result<(), LibraryError> {
    for (at, spec) in specs.iter().enumerate() {
        for other in &specs[..at] {
            let reason = if spec.path == other.path {
                "it was given twice".to_owned()
            } else if spec.path.starts_with(&other.path) {
                format!("it lies in {}, which is watched already", other.path.display())
            } else if other.path.starts_with(&spec.path) {
                format!("{} lies in it and is watched already", other.path.display())
            } else {
                continue;
            };
            return Err(LibraryError::Root { path: spec.path.clone(), reason });
        }
    }
    Ok(())
}
