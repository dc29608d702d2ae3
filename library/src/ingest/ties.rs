//! What belongs beside what: sidecars to their photos, the video of a live photo to its still, a RAW file to its
//! picture.

use std::collections::BTreeSet;

use super::{Ingest, sibling, stand};
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AssetRecord, Standing};
use crate::change::Entity;
use crate::checksum::Digests;
use crate::fact::Fact;
use crate::format::{Format, Kind};
use crate::id::{AccountId, AssetId, AssetInode, StackId};
use crate::metadata::Metadata;
use crate::names;
use crate::observation::{FileContent, FilePath, FileRecord, FileStat};
use crate::parts;

impl Ingest<'_, '_> {
    pub(super) fn sidecar(
        &mut self,
        path: &FilePath,
        stat: FileStat,
        digests: Digests,
        hosts: Vec<Box<[u8]>>,
    ) -> Result<(), CatalogueError> {
        if self.owner(path.root).is_none() {
            return Ok(());
        }
        match self.tx.get::<FileRecord>(&Key::file(path))?.map(|record| record.content) {
            None | Some(FileContent::Sidecar { .. }) => {}
            Some(_) => self.clear(path)?,
        }
        self.tx.put(Key::same_file(&stat), path);
        self.tx.put(Key::file(path), &FileRecord { stat, content: FileContent::Sidecar { digests, hosts } });
        self.attach(path)
    }

    /// Ties the sidecar at `path` to the first of its hosts that is there, or to none.
    pub(super) fn attach(&mut self, path: &FilePath) -> Result<(), CatalogueError> {
        let Some(FileRecord { stat, content: FileContent::Sidecar { digests, hosts } }) =
            self.tx.get(&Key::file(path))?
        else {
            return Ok(());
        };
        let mut host = None;
        for name in &hosts {
            if let Some(FileRecord { content: FileContent::Asset { asset, .. }, .. }) =
                self.tx.get(&Key::file(&sibling(path, name)))?
            {
                host = Some(asset);
                break;
            }
        }
        let Some(host) = host else { return self.detach(path) };
        let asset = AssetId::of_sidecar(host, path.name());
        if self.tx.get::<AssetId>(&Key::sidecar(path))?.is_some_and(|before| before != asset) {
            self.detach(path)?;
        }
        if self.tx.asset(asset)?.is_none() {
            let Some((owner, base, name)) = self.sidecar_name(host, asset, path)? else { return Ok(()) };
            self.tx.decide(Fact::Asset { asset, owner, digests, base, name, host: Some(host) })?;
            self.salt(asset)?;
        }
        if let Some(record) = self.tx.asset_mut(asset)? {
            record.host = Some(host);
            let format = names::split_extension(&record.base).1.trim_start_matches('.').to_owned();
            record.metadata =
                Some(Metadata { format: Format::from_extension(&format), ..Metadata::default() });
            let standing =
                Standing { path: path.clone(), checksum: digests.checksum, mtime_ns: stat.mtime_ns };
            stand(record, self.roots, standing);
            record.missing_since = None;
        }
        self.settle_sidecar(asset)?;
        self.tx.put(Key::sidecar(path), &asset);
        if let Some(record) = self.tx.asset_mut(host)?
            && !record.parts.contains(&asset)
        {
            record.parts.push(asset);
        }
        Ok(())
    }

    /// One sidecar with two copies shows the bytes of the first, wherever they were found first; all must count as its
    /// current version.
    fn settle_sidecar(&mut self, asset: AssetId) -> Result<(), CatalogueError> {
        let Some(first) = self.tx.asset(asset)?.and_then(|record| record.standing.first().cloned()) else {
            return Ok(());
        };
        let Some(FileRecord { content: FileContent::Sidecar { digests, .. }, .. }) =
            self.tx.get(&Key::file(&first.path))?
        else {
            return Ok(());
        };
        if let Some(record) = self.tx.asset_mut(asset)? {
            if record.digests != digests {
                record.digests = digests;
                record.inode = AssetInode::of(asset, &digests.checksum, 0);
            }
            for at in &mut record.standing {
                at.checksum = digests.checksum;
            }
        }
        Ok(())
    }

    /// The sidecar's name follows its photo's, ordinal and all: `IMG_1 (2).jpg.xmp` beside `IMG_1 (2).jpg`.
    pub(super) fn sidecar_name(
        &mut self,
        host: AssetId,
        asset: AssetId,
        path: &FilePath,
    ) -> Result<Option<(AccountId, String, String)>, CatalogueError> {
        let base = names::shown(path.name());
        let Some(host) = self.tx.asset(host)? else { return Ok(None) };
        let (owner, host_name) = (host.owner, host.name.clone());
        let (host_stem, _) = names::split_extension(&host.base);
        let (shown_stem, _) = names::split_extension(&host_name);
        let wanted = match (base.strip_prefix(host.base.as_str()), base.strip_prefix(host_stem)) {
            (Some(rest), _) => format!("{host_name}{rest}"),
            (None, Some(rest)) => format!("{shown_stem}{rest}"),
            (None, None) => base.clone(),
        };
        let name = self.free_name(asset, &base, &wanted)?;
        Ok(Some((owner, base, name)))
    }

    pub(super) fn detach(&mut self, path: &FilePath) -> Result<(), CatalogueError> {
        let Some(asset) = self.tx.get::<AssetId>(&Key::sidecar(path))? else { return Ok(()) };
        self.tx.remove(Key::sidecar(path));
        self.leave(asset, path)?;
        self.settle_sidecar(asset)?;
        let host = self.tx.asset(asset)?.and_then(|record| record.host);
        if let Some(host) = host
            && let Some(record) = self.tx.asset_mut(host)?
        {
            record.parts.retain(|part| *part != asset);
        }
        Ok(())
    }

    /// The assets whose tie to another may have changed because `asset` did: itself, and what stands beside it.
    pub(super) fn near(
        &mut self,
        asset: AssetId,
        near: &mut BTreeSet<AssetId>,
    ) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.asset(asset)?.filter(|record| !record.is_sidecar()) else { return Ok(()) };
        near.insert(asset);
        near.extend(record.parts.iter().chain(&record.raws).copied());
        let paths: Vec<FilePath> = record.standing.iter().map(|at| at.path.clone()).collect();
        let owner = record.owner;
        let live_id = record.metadata.as_ref().and_then(|metadata| metadata.live_id.clone());
        for path in &paths {
            for (_, other) in self.same_stem(path)? {
                if let FileContent::Asset { asset, .. } = other.content {
                    near.insert(asset);
                }
            }
        }
        if let Some(live_id) = live_id {
            near.extend(self.live_group(owner, &live_id)?);
        }
        Ok(())
    }

    /// Ties an asset to what it belongs with: the video of a live photo to its still, a RAW file to its picture.
    pub(super) fn tie(&mut self, asset: AssetId) -> Result<(), CatalogueError> {
        match self.tx.asset(asset)?.map(AssetRecord::format) {
            Some(format) if format.kind() == Kind::Video => self.pair(asset),
            Some(format) if format.is_raw() => self.stack(asset),
            _ => Ok(()),
        }
    }

    pub(super) fn live_group(&self, owner: AccountId, live_id: &str) -> Result<Vec<AssetId>, CatalogueError> {
        let group = self.tx.scan::<()>(&Key::live_all(owner, live_id))?;
        Ok(group
            .into_iter()
            .filter_map(|(key, ())| Some(AssetId::from_bytes(key[key.len() - 16..].try_into().ok()?)))
            .collect())
    }

    /// Finds the still that `video` is the moving half of, if any, and ties or unties them.
    fn pair(&mut self, video: AssetId) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.asset(video)?.cloned() else { return Ok(()) };
        let mut host = None;
        if let Some(metadata) = record.metadata.as_ref().filter(|_| !record.standing.is_empty()) {
            let mut candidates = Vec::new();
            for at in &record.standing {
                for (path, other) in self.same_stem(&at.path)? {
                    if let FileContent::Asset { asset, .. } = other.content {
                        candidates.push((asset, path, at.path.clone()));
                    }
                }
            }
            if let Some(live_id) = &metadata.live_id {
                for asset in self.live_group(record.owner, live_id)? {
                    let path = self.tx.asset(asset)?.and_then(|other| other.standing.first().cloned());
                    if let Some(at) = path {
                        candidates.push((asset, at.path, record.standing[0].path.clone()));
                    }
                }
            }
            let mut stills = Vec::new();
            for (asset, path, video_path) in candidates {
                let Some(other) = self.tx.asset(asset)? else { continue };
                let Some(still) = &other.metadata else { continue };
                if parts::is_live_pair((path.name(), still), (video_path.name(), metadata)) {
                    stills.push((other.format(), asset));
                }
            }
            // The developed picture carries the video rather than the RAW beside it: formats are in that order.
            host = stills.into_iter().min().map(|(_, asset)| asset);
        }
        if host == record.host {
            return Ok(());
        }
        if let Some(before) = record.host
            && let Some(before) = self.tx.asset_mut(before)?
        {
            before.parts.retain(|part| *part != video);
        }
        if let Some(host) = host
            && let Some(host) = self.tx.asset_mut(host)?
        {
            host.parts.push(video);
        }
        if let Some(record) = self.tx.asset_mut(video)? {
            record.host = host;
        }
        Ok(())
    }

    /// Finds the picture that was developed from a RAW file, if any, and stacks them or takes them apart.
    fn stack(&mut self, raw: AssetId) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.asset(raw)?.cloned() else { return Ok(()) };
        let mut pictures = Vec::new();
        if let Some(metadata) = record.metadata.as_ref() {
            for at in &record.standing {
                for (path, other) in self.same_stem(&at.path)? {
                    let FileContent::Asset { asset, .. } = other.content else { continue };
                    let Some(other) = self.tx.asset(asset)? else { continue };
                    let Some(picture) = &other.metadata else { continue };
                    if parts::is_one_shot((at.path.name(), metadata), (path.name(), picture)) {
                        pictures.push((other.format(), asset));
                    }
                }
            }
        }
        let picture = pictures.into_iter().min().map(|(_, asset)| asset);
        if picture == record.developed {
            return Ok(());
        }
        if let Some(before) = record.developed
            && let Some(leader) = self.tx.asset_mut(before)?
        {
            leader.raws.retain(|other| *other != raw);
            let stack = Entity::Stack(StackId::led_by(before));
            if leader.raws.is_empty() { self.tx.end(stack) } else { self.tx.touch(stack) }
        }
        if let Some(now) = picture
            && let Some(leader) = self.tx.asset_mut(now)?
        {
            leader.raws.push(raw);
            leader.raws.sort_unstable();
            self.tx.touch(Entity::Stack(StackId::led_by(now)));
        }
        if let Some(record) = self.tx.asset_mut(raw)? {
            record.developed = picture;
        }
        Ok(())
    }
}
