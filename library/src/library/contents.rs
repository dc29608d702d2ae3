//! Which bytes each row is of now: what derived data that is keyed by content is tied to.

use super::{Library, LibraryError};
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AccountRecord, AssetRecord};
use crate::checksum::Checksum;
use crate::id::{AccountId, AssetId, RowNumber};
use crate::observation::{FilePath, FileRecord, FileStat};

/// An asset that has or had some bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Which.
    pub asset: AssetId,
    /// The files of just these bytes that are known to stand somewhere, as they were looked at.
    pub files: Vec<(FilePath, FileStat)>,
}

impl Library {
    /// The row of an asset and the bytes of its current version; `None` for what is not known.
    pub fn content_of(&self, id: AssetId) -> Result<Option<(RowNumber, Checksum)>, LibraryError> {
        let record = self.catalogue()?.get::<AssetRecord>(&Key::asset(id))?;
        Ok(record.map(|record| (record.row, record.digests.checksum)))
    }

    /// Hands over the row and the bytes of every asset, missing ones and parts among them.
    pub fn each_content(&self, mut visit: impl FnMut(RowNumber, Checksum)) -> Result<(), LibraryError> {
        for entry in self.catalogue()?.scan::<AssetRecord>(&Key::assets()) {
            let (_, record) = entry?;
            visit(record.row, record.digests.checksum);
        }
        Ok(())
    }

    /// Who has or had these bytes.
    pub fn holding(&self, content: &Checksum) -> Result<Option<Holding>, LibraryError> {
        let catalogue = self.catalogue()?;
        let Some(id) = catalogue.get::<AssetId>(&Key::content(self.account(), content))? else {
            return Ok(None);
        };
        let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(id))? else { return Ok(None) };
        let mut files = Vec::new();
        for at in record.standing.iter().filter(|at| at.checksum == *content) {
            if let Some(file) = catalogue.get::<FileRecord>(&Key::file(&at.path))? {
                files.push((at.path.clone(), file.stat));
            }
        }
        Ok(Some(Holding { asset: id, files }))
    }

    /// The rows whose current version is these bytes: at most one an account.
    pub fn rows_of(&self, content: &Checksum) -> Result<Vec<RowNumber>, LibraryError> {
        let catalogue = self.catalogue()?;
        let mut rows = Vec::new();
        for entry in catalogue.scan::<AccountRecord>(&Key::accounts()) {
            let (key, _) = entry?;
            let Some(account) = key.get(1..17).and_then(|bytes| bytes.try_into().ok()) else { continue };
            let known = catalogue.get::<AssetId>(&Key::content(AccountId::from_bytes(account), content))?;
            let Some(id) = known else { continue };
            let record = catalogue.get::<AssetRecord>(&Key::asset(id))?;
            rows.extend(record.filter(|record| record.digests.checksum == *content).map(|record| record.row));
        }
        Ok(rows)
    }
}
