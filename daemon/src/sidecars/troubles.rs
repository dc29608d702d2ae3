//! Sidecars that could not be written, and why: for the log, once, and for `status`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use library::AssetId;

/// How many are told one by one.
const TOLD: usize = 10;

/// What is wrong now.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<BTreeMap<AssetId, (PathBuf, String)>>);

impl Troubles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<AssetId, (PathBuf, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it went with the sidecars of a photo.
    pub(super) fn set(&self, asset: AssetId, trouble: Option<(&Path, String)>) {
        let Some((path, reason)) = trouble else {
            self.lock().remove(&asset);
            return;
        };
        let new = (path.to_owned(), reason.clone());
        if self.lock().insert(asset, new.clone()) != Some(new) {
            tracing::warn!(path = %path.display(), reason, "no sidecar is written for a photo");
        }
    }

    /// The photos it went wrong with.
    pub(super) fn assets(&self) -> Vec<AssetId> {
        self.lock().keys().copied().collect()
    }

    /// Sentences for people.
    pub fn notes(&self) -> Vec<String> {
        let all = self.lock();
        let mut notes: Vec<String> = all
            .values()
            .take(TOLD)
            .map(|(path, reason)| format!("no sidecar is written for {}: {reason}", path.display()))
            .collect();
        if all.len() > TOLD {
            notes.push(format!("nor for {} other photos", all.len() - TOLD));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mended_is_told_no_more() {
        let troubles = Troubles::default();
        for number in 0..12 {
            troubles.set(AssetId::from_bytes([number; 16]), Some((Path::new("/a.jpg"), "no".into())));
        }
        assert_eq!(troubles.notes().len(), TOLD + 1);
        assert_eq!(troubles.notes()[TOLD], "nor for 2 other photos");
        for asset in troubles.assets() {
            troubles.set(asset, None);
        }
        assert_eq!(troubles.notes(), Vec::<String>::new());
    }
}
