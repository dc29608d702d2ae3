//! What an observation does to the catalogue, and which facts it makes.
//!
//! What makes it hard, and what answers it:
//! 1. A path is not a photo: files are renamed, copied, overwritten, swapped. Bytes decide first (an asset that has had
//!    them), the path second (a new version of what stood there), and only then is it a new asset.
//! 2. A moved file must not be missing for a moment. What appears is applied before what goes, and of several
//!    observations of one path only the last counts.
//! 3. Halves come in any order: the sidecar before its photo, the video before the still. Ties are worked out again
//!    for everything a batch touched, from what stands in the folder then.
//! 4. A rebuild must give the same library though files come in another order: ids and names are facts, and a name
//!    changes only when a path was lost, which no rebuild does.

mod naming;
pub(crate) mod originals;
mod ties;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::{self, Key};
use crate::catalogue::records::{AssetRecord, AwayRecord, RootRecord, Standing};
use crate::catalogue::transaction::Transaction;
use crate::change::Entity;
use crate::checksum::Digests;
use crate::fact::{Fact, Watch};
use crate::id::{AccountId, AssetId, AssetInode, RootId};
use crate::metadata::Metadata;
use crate::names;
use crate::observation::{FileContent, FilePath, FileRecord, FileStat, Observation, SidecarSeen};
use crate::parts;
use crate::project::AwayFolders;
use crate::replay;
use crate::snapshot::Snapshot;
use crate::version;

/// How long an emptied path still belongs to the photo that stood there: editors delete before they write.
const VACATED: SignedDuration = SignedDuration::from_secs(60);

/// Applies observations to one transaction.
#[derive(Debug)]
pub(crate) struct Ingest<'t, 'a> {
    tx: &'t mut Transaction<'a>,
    roots: &'t HashMap<RootId, RootRecord>,
    /// The library before this transaction.
    snapshot: &'t Snapshot,
    /// Whether the files were all told once since the library was opened: what is told now has just happened.
    all_told: bool,
    /// Inode numbers given out in it.
    claimed: HashMap<AssetInode, AssetId>,
}

/// A photo or video that stands at a path.
struct Arrival {
    path: FilePath,
    stat: FileStat,
    digests: Digests,
    /// `None` when the file was not read because its bytes are known.
    metadata: Option<Box<Metadata>>,
    sidecars: Vec<SidecarSeen>,
}

impl<'t, 'a> Ingest<'t, 'a> {
    pub(crate) fn new(
        tx: &'t mut Transaction<'a>,
        roots: &'t HashMap<RootId, RootRecord>,
        snapshot: &'t Snapshot,
    ) -> Self {
        Self { tx, roots, snapshot, all_told: false, claimed: HashMap::new() }
    }

    /// The same, for observations made after all files were told once.
    pub(crate) fn after_all_told(mut self, all_told: bool) -> Self {
        self.all_told = all_told;
        self
    }

    /// Applies a batch.
    pub(crate) fn run(&mut self, observations: Vec<Observation>) -> Result<(), CatalogueError> {
        let mut last = HashMap::new();
        for (at, observation) in observations.iter().enumerate() {
            if let Some(path) = path_of(observation) {
                last.insert(path.clone(), at);
            }
        }
        let (mut gone, mut folders) = (Vec::new(), Vec::new());
        for (at, observation) in observations.into_iter().enumerate() {
            if path_of(&observation).is_some_and(|path| last.get(path) != Some(&at)) {
                continue;
            }
            match observation {
                Observation::Gone { path } => gone.push(path),
                Observation::Offline { .. }
                | Observation::Online { .. }
                | Observation::Forgotten { .. }
                | Observation::Scanned => {
                    folders.push(observation);
                }
                appeared => self.appeared(appeared)?,
            }
        }
        for path in gone {
            self.gone(&path)?;
        }
        for folder in folders {
            self.folder(folder)?;
        }
        self.settle()
    }

    /// Takes away what stands at these paths, and decides nothing: for a fact that is replayed.
    pub(crate) fn clear_all(&mut self, paths: &[FilePath]) -> Result<(), CatalogueError> {
        // Sidecars first: one that outlives its photo for a moment would be given to another, which is a decision.
        let mut photos = Vec::new();
        for path in paths {
            match self.tx.get::<FileRecord>(&Key::file(path))?.map(|record| record.content) {
                Some(FileContent::Sidecar { .. }) => self.clear(path)?,
                _ => photos.push(path),
            }
        }
        photos.into_iter().try_for_each(|path| self.clear(path))
    }

    fn owner(&self, root: RootId) -> Option<AccountId> {
        self.roots.get(&root).map(|root| root.owner)
    }

    fn appeared(&mut self, observation: Observation) -> Result<(), CatalogueError> {
        match observation {
            Observation::Asset { path, stat, digests, metadata, sidecars } => {
                self.arrived(Arrival { path, stat, digests, metadata: Some(metadata), sidecars })
            }
            Observation::Moved { path, stat, record } => match record.content {
                FileContent::Asset { digests, sidecars, .. } => {
                    self.arrived(Arrival { path, stat, digests, metadata: None, sidecars })
                }
                FileContent::Sidecar { digests, hosts } => self.sidecar(&path, stat, digests, hosts),
                FileContent::Unreadable { reason } => self.unreadable(&path, stat, reason),
            },
            Observation::Touched { path, stat } => self.touched(&path, stat),
            Observation::Sidecar { path, stat, digests, hosts, .. } => {
                self.sidecar(&path, stat, digests, hosts)
            }
            Observation::Unreadable { path, stat, reason } => self.unreadable(&path, stat, reason),
            Observation::Gone { .. }
            | Observation::Offline { .. }
            | Observation::Online { .. }
            | Observation::Forgotten { .. }
            | Observation::Scanned => Ok(()),
        }
    }

    /// A root that was given up for lost and is there after all is one like any other again.
    fn revive(&mut self, root: RootId) -> Result<(), CatalogueError> {
        let is_retired = |record: &RootRecord| record.watch == Watch::Retired;
        if self.roots.get(&root).is_some_and(is_retired)
            && self.tx.get::<RootRecord>(&Key::root(root))?.as_ref().is_some_and(is_retired)
        {
            self.tx.decide(Fact::Watch { root, watch: Watch::On })?;
        }
        Ok(())
    }

    fn arrived(&mut self, arrival: Arrival) -> Result<(), CatalogueError> {
        let Arrival { path, stat, digests, metadata, sidecars } = arrival;
        let Some(owner) = self.owner(path.root) else { return Ok(()) };
        self.revive(path.root)?;
        self.part_from_original(owner, &path, &stat, digests)?;
        let stood = match self.tx.get::<FileRecord>(&Key::file(&path))?.map(|record| record.content) {
            Some(FileContent::Asset { asset, .. }) => Some(asset),
            Some(_) => {
                self.clear(&path)?;
                None
            }
            None => None,
        };
        let previous = match stood {
            Some(asset) => Some(asset),
            None => self
                .tx
                .get::<(AssetId, Timestamp)>(&Key::vacated(&path))?
                .filter(|(_, since)| self.tx.now.duration_since(*since) < VACATED)
                .map(|(asset, _)| asset),
        };
        let known = self.tx.get::<AssetId>(&Key::content(owner, &digests.checksum))?;
        let asset = match (known, previous) {
            (Some(known), _) => known,
            (None, Some(previous)) if self.is_new_version(previous, &path, metadata.as_deref())? => {
                self.new_version(previous, digests)?;
                previous
            }
            (None, _) => self.new_asset(owner, &path, digests)?,
        };
        if let Some(stood) = stood.filter(|stood| *stood != asset) {
            self.leave(stood, &path)?;
        }
        self.older_bytes(asset, previous == Some(asset), &path, digests)?;
        let live_id = metadata.as_ref().and_then(|metadata| metadata.live_id.clone());
        let described_at = self.tx.asset(asset)?.and_then(|record| record.described_at.clone());
        let described_beside = match &described_at {
            Some(at) => self.has_sidecars(at)?,
            None => false,
        };
        if let Some(record) = self.tx.asset_mut(asset)? {
            let standing =
                Standing { path: path.clone(), checksum: digests.checksum, mtime_ns: stat.mtime_ns };
            stand(record, self.roots, standing);
            record.missing_since = None;
            // Of copies each may have its own sidecars. The first of those that have any says what the photo is, in
            // the order of their paths and not of their arrival.
            let rank = |at: &FilePath, beside: bool| {
                Some((!beside, record.current().position(|here| here.path == *at)?))
            };
            let before = described_at.filter(|at| *at != path).and_then(|at| rank(&at, described_beside));
            let here = rank(&path, !sidecars.is_empty());
            if let (Some(metadata), Some(here)) = (metadata, here)
                && before.is_none_or(|before| here < before)
            {
                record.metadata = Some(*metadata);
                record.described_at = Some(path.clone());
            }
        }
        if let Some(live_id) = live_id {
            self.tx.put(Key::live(owner, &live_id, asset), &());
        }
        self.tx.remove(Key::vacated(&path));
        self.tx.put(Key::same_file(&stat), &path);
        let mut beside: BTreeSet<FilePath> =
            sidecars.iter().map(|sidecar| sibling(&path, &sidecar.name)).collect();
        // A file that was moved here was not read, so nobody looked for sidecars that waited here for it.
        beside.extend(self.same_stem(&path)?.into_iter().filter_map(
            |(other, record)| match record.content {
                FileContent::Sidecar { hosts, .. } => {
                    hosts.iter().any(|host| **host == *path.name()).then_some(other)
                }
                _ => None,
            },
        ));
        let content = FileContent::Asset { asset, digests, sidecars };
        self.tx.put(Key::file(&path), &FileRecord { stat, content });
        for sidecar in beside {
            self.attach(&sidecar)?;
        }
        Ok(())
    }

    fn has_sidecars(&self, path: &FilePath) -> Result<bool, CatalogueError> {
        let record = self.tx.get::<FileRecord>(&Key::file(path))?;
        Ok(record.is_some_and(|record| match record.content {
            FileContent::Asset { sidecars, .. } => !sidecars.is_empty(),
            _ => false,
        }))
    }

    /// Bytes that an asset had before stand at `path` again. Over its own path, or when it was missing, they are its
    /// current version; but while a rebuild is still finding files, the current bytes may yet turn up.
    fn older_bytes(
        &mut self,
        asset: AssetId,
        over_itself: bool,
        path: &FilePath,
        digests: Digests,
    ) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        if record.digests.checksum == digests.checksum || record.current().any(|at| at.path != *path) {
            return Ok(());
        }
        let was_seen = record.metadata.is_some();
        let awaited = self.is_awaited(asset)?;
        if over_itself || (!awaited && (was_seen || self.all_was_seen()?)) {
            return self.new_version(asset, digests);
        }
        self.tx.put(Key::waiting(asset), &());
        Ok(())
    }

    /// Whether the current bytes of an asset are still to be found by the scan that is under way.
    fn is_awaited(&self, asset: AssetId) -> Result<bool, CatalogueError> {
        Ok(self.tx.get::<()>(&Key::waiting(asset))?.is_some())
    }

    /// Whether everything was told once in this life of the catalogue: what is not known by then is not there.
    fn all_was_seen(&self) -> Result<bool, CatalogueError> {
        Ok(self.tx.get::<()>(&Key::meta("scanned"))?.is_some())
    }

    /// All files were told once: what still waits for its current bytes has lost them.
    fn scanned(&mut self) -> Result<(), CatalogueError> {
        if !self.all_was_seen()? {
            self.tx.put(Key::meta("scanned"), &());
        }
        for (key, ()) in self.tx.scan::<()>(&Key::all_waiting())? {
            if let Some(asset) = key.get(1..17).and_then(|id| id.try_into().ok()).map(AssetId::from_bytes) {
                self.tx.remove(Key::waiting(asset));
                self.settle_version(asset)?;
            }
        }
        if !self.tx.scan::<Timestamp>(&Key::all_superseded())?.is_empty() {
            self.tx.decide(Fact::Scanned {})?;
        }
        Ok(())
    }

    fn is_new_version(
        &mut self,
        previous: AssetId,
        path: &FilePath,
        metadata: Option<&Metadata>,
    ) -> Result<bool, CatalogueError> {
        let Some(record) = self.tx.asset(previous)? else { return Ok(false) };
        if record.is_sidecar() || record.current().any(|at| at.path != *path) {
            return Ok(false);
        }
        Ok(match (&record.metadata, metadata) {
            (Some(old), Some(new)) => !version::shows_another_photo(old, new),
            _ => true,
        })
    }

    fn new_version(&mut self, asset: AssetId, to: Digests) -> Result<(), CatalogueError> {
        let Some(from) = self.tx.asset(asset)?.map(|record| record.digests.checksum) else { return Ok(()) };
        self.tx.decide(Fact::Version { asset, from, to })?;
        self.salt(asset)
    }

    fn new_asset(
        &mut self,
        owner: AccountId,
        path: &FilePath,
        digests: Digests,
    ) -> Result<AssetId, CatalogueError> {
        let asset = AssetId::of_content(owner, &digests.checksum);
        let base = names::shown(path.name());
        let preferred = self.sibling_ordinal(path)?;
        let name = self.free_name(asset, &base, &names::with_ordinal(&base, preferred))?;
        self.tx.decide(Fact::Asset { asset, owner, digests, base, name, host: None })?;
        self.salt(asset)?;
        Ok(asset)
    }

    /// The other files of the same folder whose names differ only behind the stem.
    fn same_stem(&self, path: &FilePath) -> Result<Vec<(FilePath, FileRecord)>, CatalogueError> {
        let (folder, name) = path.split();
        let stem = parts::stem(name);
        let mut start = folder.to_vec();
        if !start.is_empty() {
            start.push(b'/');
        }
        let folder_len = start.len();
        start.extend_from_slice(&name[..stem.len()]);
        if stem.len() < name.len() {
            start.push(b'.');
        }
        let mut files = self.tx.files(path.root, &start)?;
        files.retain(|(other, _)| {
            other != path
                && !other.relative[folder_len..].contains(&b'/')
                && parts::stem(other.name()) == stem
        });
        Ok(files)
    }

    fn touched(&mut self, path: &FilePath, stat: FileStat) -> Result<(), CatalogueError> {
        let Some(mut record) = self.tx.get::<FileRecord>(&Key::file(path))? else { return Ok(()) };
        let moved = record.stat.mtime_ns != stat.mtime_ns;
        record.stat = stat;
        self.tx.put(Key::same_file(&stat), path);
        if let (true, FileContent::Asset { asset, .. }) = (moved, &record.content)
            && let Some(asset) = self.tx.asset_mut(*asset)?
        {
            for at in asset.standing.iter_mut().filter(|at| at.path == *path) {
                at.mtime_ns = stat.mtime_ns;
            }
        }
        self.tx.put(Key::file(path), &record);
        Ok(())
    }

    fn unreadable(&mut self, path: &FilePath, stat: FileStat, reason: String) -> Result<(), CatalogueError> {
        if self.owner(path.root).is_none() {
            return Ok(());
        }
        self.clear(path)?;
        self.tx.put(Key::unreadable(path), &reason);
        self.tx.put(Key::file(path), &FileRecord { stat, content: FileContent::Unreadable { reason } });
        self.tx.touch(Entity::Unreadable);
        Ok(())
    }

    fn gone(&mut self, path: &FilePath) -> Result<(), CatalogueError> {
        self.clear(path)
    }

    /// Takes away what is known to stand at a path.
    fn clear(&mut self, path: &FilePath) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.get::<FileRecord>(&Key::file(path))? else { return Ok(()) };
        let same_file = Key::same_file(&record.stat);
        if self.tx.get::<FilePath>(&same_file)?.as_ref() == Some(path) {
            self.tx.remove(same_file);
        }
        self.tx.remove(Key::file(path));
        match record.content {
            FileContent::Asset { asset, .. } => {
                self.leave(asset, path)?;
                self.tx.put(Key::vacated(path), &(asset, self.tx.now));
                // What described this photo describes another now, or nobody.
                let parts = self.tx.asset(asset)?.map(|record| record.parts.clone()).unwrap_or_default();
                for part in parts {
                    let beside: Vec<FilePath> = match self.tx.asset(part)?.filter(|part| part.is_sidecar()) {
                        Some(part) => part.standing.iter().map(|at| at.path.clone()).collect(),
                        None => continue,
                    };
                    for sidecar in beside.iter().filter(|sidecar| sidecar.split().0 == path.split().0) {
                        self.attach(sidecar)?;
                    }
                }
            }
            FileContent::Sidecar { .. } => self.detach(path)?,
            FileContent::Unreadable { .. } => {
                self.tx.remove(Key::unreadable(path));
                self.tx.touch(Entity::Unreadable);
            }
        }
        Ok(())
    }

    /// An asset no longer stands at a path.
    fn leave(&mut self, asset: AssetId, path: &FilePath) -> Result<(), CatalogueError> {
        let now = self.tx.now;
        if let Some(record) = self.tx.asset_mut(asset)? {
            record.standing.retain(|at| at.path != *path);
            if record.standing.is_empty() {
                record.missing_since = Some(now);
            }
            self.tx.displaced.insert(asset);
        }
        Ok(())
    }

    fn folder(&mut self, observation: Observation) -> Result<(), CatalogueError> {
        match observation {
            Observation::Scanned => return self.scanned(),
            Observation::Offline { root, folder, reason } => {
                let since = self.tx.now;
                self.tx.put(Key::away(root, &folder), &AwayRecord { reason, since });
                self.touch_under(root, &folder)?;
            }
            Observation::Online { root, folder } => {
                self.tx.remove(Key::away(root, &folder));
                self.touch_under(root, &folder)?;
            }
            Observation::Forgotten { root, folder } => {
                let files = away_files(self.tx, root, &folder)?;
                let retired =
                    folder.is_empty() && self.tx.get::<AwayRecord>(&Key::away(root, b""))?.is_some();
                self.tx.decide(Fact::Forget { root, folder: replay::encode_path(&folder) })?;
                for path in files {
                    self.gone(&path)?;
                }
                if retired {
                    self.tx.decide(Fact::Watch { root, watch: Watch::Retired })?;
                }
            }
            _ => {}
        }
        self.tx.touch(Entity::Roots);
        self.tx.touch(Entity::Unreadable);
        Ok(())
    }

    fn touch_under(&mut self, root: RootId, folder: &[u8]) -> Result<(), CatalogueError> {
        for (path, record) in self.tx.files(root, &below(folder))? {
            let asset = match record.content {
                FileContent::Asset { asset, .. } => Some(asset),
                FileContent::Sidecar { .. } => self.tx.get(&Key::sidecar(&path))?,
                FileContent::Unreadable { .. } => None,
            };
            if let Some(asset) = asset {
                self.tx.asset_mut(asset)?;
            }
        }
        Ok(())
    }

    /// Works out again what depends on several files: versions, names, live photos, stacks.
    fn settle(&mut self) -> Result<(), CatalogueError> {
        for asset in std::mem::take(&mut self.tx.displaced) {
            self.settle_version(asset)?;
            self.settle_name(asset)?;
        }
        let mut near = BTreeSet::new();
        for asset in self.tx.changed_assets() {
            self.near(asset, &mut near)?;
        }
        for asset in near {
            self.tie(asset)?;
        }
        Ok(())
    }

    /// When only older bytes of an asset are left standing, they are its current version again.
    fn settle_version(&mut self, asset: AssetId) -> Result<(), CatalogueError> {
        if self.is_awaited(asset)? {
            return Ok(());
        }
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        if record.is_sidecar() || record.current().next().is_some() {
            return Ok(());
        }
        let Some(path) = record.standing.last().map(|at| at.path.clone()) else { return Ok(()) };
        if let Some(FileRecord { content: FileContent::Asset { digests, .. }, .. }) =
            self.tx.get(&Key::file(&path))?
        {
            self.new_version(asset, digests)?;
        }
        Ok(())
    }
}

fn path_of(observation: &Observation) -> Option<&FilePath> {
    match observation {
        Observation::Asset { path, .. }
        | Observation::Moved { path, .. }
        | Observation::Touched { path, .. }
        | Observation::Sidecar { path, .. }
        | Observation::Unreadable { path, .. }
        | Observation::Gone { path } => Some(path),
        Observation::Offline { .. }
        | Observation::Online { .. }
        | Observation::Forgotten { .. }
        | Observation::Scanned => None,
    }
}

/// Adds a place where an asset stands, or what lies there now. Places are in the order of the roots, then of the paths,
/// whichever was found first: a rebuild finds them in another order.
fn stand(record: &mut AssetRecord, roots: &HashMap<RootId, RootRecord>, standing: Standing) {
    match record.standing.iter_mut().find(|at| at.path == standing.path) {
        Some(at) => *at = standing,
        None => record.standing.push(standing),
    }
    let order = |at: &Standing| roots.get(&at.path.root).map_or(u64::MAX, |root| root.order);
    record.standing.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.path.cmp(&b.path)));
}

/// Another name in the same folder.
fn sibling(path: &FilePath, name: &[u8]) -> FilePath {
    let (folder, _) = path.split();
    let mut relative = below(folder);
    relative.extend_from_slice(name);
    FilePath::new(path.root, relative)
}

/// The files that are known at or below `folder` and are away.
pub(crate) fn away_files(
    tx: &Transaction<'_>,
    root: RootId,
    folder: &[u8],
) -> Result<Vec<FilePath>, CatalogueError> {
    let away = AwayFolders::new(away_folders(&tx.scan(&Key::away(root, b""))?));
    let exact = FilePath::new(root, folder);
    let mut files: Vec<FilePath> =
        tx.files(root, &below(folder))?.into_iter().map(|(path, _)| path).collect();
    if tx.get::<FileRecord>(&Key::file(&exact))?.is_some() {
        files.push(exact);
    }
    files.retain(|path| away.holds(path));
    Ok(files)
}

/// The files of which a replayed fact says that the catalogue, which lost the commit, has them wrong: those forgotten that
/// it still holds for away, and those of bytes that are another asset's now.
pub(crate) fn forgotten_files(
    tx: &mut Transaction<'_>,
    fact: &Fact,
) -> Result<Vec<FilePath>, CatalogueError> {
    match fact {
        Fact::Forget { root, folder } => away_files(tx, *root, &replay::decode_path(folder)),
        Fact::Asset { asset, owner, digests, host: None, .. } => {
            let version = digests.checksum;
            let holder = tx.get::<AssetId>(&Key::content(*owner, &version))?.filter(|id| id != asset);
            let Some(holder) = holder else { return Ok(Vec::new()) };
            let Some(record) = tx.asset(holder)?.cloned() else { return Ok(Vec::new()) };
            let standing = record.standing.iter().filter(|at| at.checksum == version);
            let mut paths: Vec<FilePath> = standing.map(|at| at.path.clone()).collect();
            // A sidecar there would be given to another photo, which is a decision.
            for part in record.parts {
                let Some(part) = tx.asset(part)?.filter(|part| part.is_sidecar()) else { continue };
                let beside = part.standing.iter().map(|at| &at.path);
                let beside = beside.filter(|at| paths.iter().any(|path| path.split().0 == at.split().0));
                let beside: Vec<FilePath> = beside.cloned().collect();
                paths.extend(beside);
            }
            Ok(paths)
        }
        _ => Ok(Vec::new()),
    }
}

/// How the paths of everything below a folder begin.
pub(crate) fn below(folder: &[u8]) -> Vec<u8> {
    let mut start = folder.to_vec();
    if !start.is_empty() {
        start.push(b'/');
    }
    start
}

/// The folders in keys of [`Key::away`].
pub(crate) fn away_folders(entries: &[(Vec<u8>, AwayRecord)]) -> Vec<FilePath> {
    entries.iter().filter_map(|(key, _)| keys::path_of(key)).collect()
}
