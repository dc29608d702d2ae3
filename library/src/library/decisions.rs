//! What the user decided of photos, for those who write it elsewhere too.

use serde::{Deserialize, Serialize};

use super::{Library, LibraryError};
use crate::catalogue::keys::{self, Key};
use crate::catalogue::records::{DecidedRecord, tags_over};
use crate::id::AssetId;
use crate::metadata::{Rating, TagPath, Taken};

/// What was decided of one photo itself. What nobody decided is `None`, and is what its files say.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Decisions {
    /// How many stars it has, 0 for none.
    pub rating: Option<Rating>,
    /// Tags it has, and those of its files that it has not.
    pub tags: Vec<(TagPath, bool)>,
    /// The caption, empty for none.
    pub description: Option<String>,
    /// When it was taken.
    pub taken: Option<Taken>,
}

impl Decisions {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The tags that the photo has where its files say these.
    pub fn tags_over(&self, mut said: Vec<TagPath>) -> Vec<TagPath> {
        tags_over(&self.tags, &mut said);
        said
    }
}

impl From<DecidedRecord> for Decisions {
    fn from(record: DecidedRecord) -> Self {
        let DecidedRecord { stars: rating, tags, description, taken, .. } = record;
        Self { rating, tags, description, taken }
    }
}

impl Library {
    /// What was decided of a photo.
    pub fn decisions(&self, asset: AssetId) -> Result<Decisions, LibraryError> {
        let record = self.catalogue()?.get::<DecidedRecord>(&Key::decided(asset))?;
        Ok(record.unwrap_or_default().into())
    }

    /// The photos of which something was decided that [`Decisions`] has.
    pub fn with_decisions(&self) -> Result<Vec<AssetId>, LibraryError> {
        let mut found = Vec::new();
        for entry in self.catalogue()?.scan::<DecidedRecord>(&Key::all_decided()) {
            let (key, record) = entry?;
            if !Decisions::from(record).is_empty() {
                found.extend(keys::id_of(&key).map(AssetId::from_bytes));
            }
        }
        Ok(found)
    }
}
