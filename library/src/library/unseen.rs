//! Pictures that could not be shown: why, and how often it was tried. Derived, so a rebuild tries them all again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Library, LibraryError};
use crate::catalogue::keys::{self, Key};
use crate::catalogue::{Catalogue, encode};
use crate::checksum::Checksum;
use crate::id::AssetId;

/// Why a content could not be turned into pixels, or what it shows could not be found out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unseen {
    /// In words that help.
    pub reason: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was tried last.
    pub last: Timestamp,
    /// Whether another try may go better without another program: the disk, a time limit, something missing.
    pub may_pass: bool,
    /// The version of the program that tried: a newer one may know better.
    pub version: String,
}

impl Library {
    /// What went wrong with these bytes, if anything did.
    pub fn unseen(&self, content: &Checksum) -> Result<Option<Unseen>, LibraryError> {
        Ok(self.catalogue()?.get(&Key::unseen(content))?)
    }

    /// Remembers what went wrong with these bytes, or that all went well.
    pub fn set_unseen(&self, content: &Checksum, unseen: Option<&Unseen>) -> Result<(), LibraryError> {
        let catalogue = self.catalogue()?;
        let key = Key::unseen(content);
        if unseen.is_none() && catalogue.get::<Unseen>(&key)?.is_none() {
            return Ok(());
        }
        apply(&catalogue, &key, unseen)
    }

    /// The assets of the first account that stand somewhere now and could not be shown as they are.
    pub fn all_unseen(&self) -> Result<Vec<(AssetId, Unseen)>, LibraryError> {
        let catalogue = self.catalogue()?;
        let mut found = Vec::new();
        for entry in catalogue.scan::<Unseen>(&Key::all_unseen()) {
            let (key, unseen) = entry?;
            let Some(content) = keys::unseen_content(&key) else { continue };
            let Some(asset) = catalogue.get::<AssetId>(&Key::content(self.account(), &content))? else {
                continue;
            };
            if self.details(asset)?.is_some_and(|details| details.present && details.checksum == content) {
                found.push((asset, unseen));
            }
        }
        Ok(found)
    }
}

fn apply(catalogue: &Catalogue, key: &Key, unseen: Option<&Unseen>) -> Result<(), LibraryError> {
    let mut batch = sled::Batch::default();
    match unseen {
        Some(unseen) => batch.insert(key.bytes(), encode(unseen)),
        None => batch.remove(key.bytes()),
    }
    Ok(catalogue.apply(batch)?)
}
