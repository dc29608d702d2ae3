//! The names and inode numbers that assets get, once and for ever.

use super::Ingest;
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::transaction::Transaction;
use crate::fact::Fact;
use crate::id::{AssetId, AssetInode};
use crate::names;
use crate::observation::{FileContent, FilePath};

impl Ingest<'_, '_> {
    /// Salts the inode number of the current version if another asset has it.
    pub(super) fn salt(&mut self, asset: AssetId) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        let (version, mut inode) = (record.digests.checksum, record.inode);
        let mut salt = 0;
        while self.holder(inode).is_some_and(|holder| holder != asset) {
            salt += 1;
            inode = AssetInode::of(asset, &version, salt);
        }
        self.claimed.insert(inode, asset);
        if salt > 0 {
            self.tx.decide(Fact::Inode { asset, version, salt })?;
        }
        Ok(())
    }

    /// Whose current version has this inode number.
    pub(super) fn holder(&self, inode: AssetInode) -> Option<AssetId> {
        self.claimed.get(&inode).copied().or_else(|| {
            let row = self.snapshot.by_inode(inode)?;
            Some(self.snapshot.row(row)?.id)
        })
    }

    /// The ordinal that files of the same stem in the same folder already have, so that the halves of a live photo,
    /// or RAW and JPEG of one shot, get the same.
    pub(super) fn sibling_ordinal(&mut self, path: &FilePath) -> Result<u32, CatalogueError> {
        for (_, record) in self.same_stem(path)? {
            if let FileContent::Asset { asset, .. } = record.content
                && let Some(record) = self.tx.asset(asset)?
            {
                return Ok(names::ordinal_of(&record.name, &record.base));
            }
        }
        Ok(1)
    }

    /// A name for `asset`: `wanted` if nobody else has it, else the first ordinal of `base` that is free or its own.
    pub(super) fn free_name(
        &mut self,
        asset: AssetId,
        base: &str,
        wanted: &str,
    ) -> Result<String, CatalogueError> {
        let is_free = |tx: &Transaction<'_>, name: &str| -> Result<bool, CatalogueError> {
            let holder = tx.get::<AssetId>(&Key::name(&names::folded(name)))?;
            Ok(holder.is_none_or(|holder| holder == asset))
        };
        if is_free(self.tx, wanted)? {
            return Ok(wanted.to_owned());
        }
        let mut ordinal = self.tx.get::<u32>(&Key::ordinal(&names::folded(base)))?.unwrap_or(1);
        loop {
            let name = names::with_ordinal(base, ordinal);
            if is_free(self.tx, &name)? {
                return Ok(name);
            }
            ordinal += 1;
        }
    }

    /// An asset whose file was renamed is called as its file is.
    pub(super) fn settle_name(&mut self, asset: AssetId) -> Result<(), CatalogueError> {
        let Some(record) = self.tx.asset(asset)? else { return Ok(()) };
        if record.is_sidecar() || record.standing.iter().any(|at| names::shown(at.path.name()) == record.base)
        {
            return Ok(());
        }
        let Some(path) = record.standing.first().map(|at| at.path.clone()) else { return Ok(()) };
        let base = names::shown(path.name());
        let own =
            record.former_names.iter().find(|(former, _)| *former == base).map(|(_, name)| name.clone());
        let preferred = self.sibling_ordinal(&path)?;
        let name = match own {
            Some(name) => name,
            None => self.free_name(asset, &base, &names::with_ordinal(&base, preferred))?,
        };
        self.tx.decide(Fact::Name { asset, base, name })
    }
}
