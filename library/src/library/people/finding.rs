//! What a detector found in a picture.

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::{Key, id_of};
use crate::catalogue::records::{AccountRecord, CastRecord, FacesRecord, FoundFace, SaidRecord};
use crate::catalogue::transaction::Transaction;
use crate::checksum::Checksum;
use crate::id::{AccountId, AssetId, FaceId};
use crate::journal::Face as Via;
use crate::library::{Library, LibraryError};
use crate::people::face::same_places;
use crate::people::{DetectedFace, FaceBox, FaceKey};

impl Library {
    /// Takes in what `model` found in the picture with these bytes, instead of what was found there before. A face that
    /// is where one was keeps its id and what was decided of it. None at all is worth telling too, also of a picture that
    /// cannot be decoded: it was looked at. Embeddings are to be in their place before this.
    pub fn put_faces(
        &self,
        content: &Checksum,
        model: &str,
        faces: &[DetectedFace],
    ) -> Result<(), LibraryError> {
        self.write(self.account(), Via::Daemon, |tx, _| {
            let accounts = accounts(tx)?;
            let before: FacesRecord = tx.get(&Key::faces(content))?.unwrap_or_default();
            let mut known: Vec<(FaceBox, FaceId)> =
                before.faces.iter().map(|face| (face.at, face.id)).collect();
            if known.is_empty() {
                // After a rebuild the journal still knows the faces that something was said of.
                for account in &accounts {
                    let said: SaidRecord = tx.get(&Key::said(*account, content))?.unwrap_or_default();
                    let id = |at| FaceKey { content: *content, at }.id();
                    known.extend(said.into_iter().map(|(at, _)| (at, id(at))));
                }
            }
            let known_at: Vec<FaceBox> = known.iter().map(|(at, _)| *at).collect();
            let now_at: Vec<FaceBox> = faces.iter().map(|face| face.at).collect();
            let same = same_places(&known_at, &now_at);
            let mut found: Vec<FoundFace> = Vec::with_capacity(faces.len());
            for (face, same) in faces.iter().zip(same) {
                let DetectedFace { at, score, side_px, sharpness } = *face;
                let id = same.map_or_else(|| FaceKey { content: *content, at }.id(), |of| known[of].1);
                if found.iter().all(|other| other.id != id) {
                    let plain = |value: f32| if value.is_finite() { value } else { 0.0 };
                    let (score, side_px, sharpness) = (plain(score), plain(side_px), plain(sharpness));
                    found.push(FoundFace { id, at, score, side_px, sharpness });
                }
            }
            found.sort_by_key(|face| (face.at, face.id));
            for gone in before.faces.iter().filter(|gone| found.iter().all(|face| face.id != gone.id)) {
                tx.remove(Key::face(gone.id));
            }
            for face in &found {
                tx.put(Key::face(face.id), content);
            }
            tx.put(Key::faces(content), &FacesRecord { model: model.to_owned(), faces: found });
            for account in accounts {
                if let Some(asset) = tx.get::<AssetId>(&Key::content(account, content))? {
                    if before.model != model
                        && let Some(mut cast) = tx.get::<CastRecord>(&Key::cast(asset))?
                    {
                        // They stay who they were until they are compared by this model.
                        cast.faces.iter_mut().for_each(|face| face.compared = false);
                        tx.put(Key::cast(asset), &cast);
                    }
                    // Who is in it is worked out anew.
                    tx.asset_mut(asset)?;
                }
            }
            Ok(())
        })
    }

    /// The model that looked for faces in the picture with these bytes, if one did, and where it found some.
    pub fn faces_in(&self, content: &Checksum) -> Result<Option<(String, Vec<FaceBox>)>, LibraryError> {
        let record = self.catalogue()?.get::<FacesRecord>(&Key::faces(content))?;
        Ok(record.map(|record| (record.model, record.faces.iter().map(|face| face.at).collect())))
    }
}

/// Every account.
pub(super) fn accounts(tx: &Transaction<'_>) -> Result<Vec<AccountId>, CatalogueError> {
    let accounts = tx.scan::<AccountRecord>(&Key::accounts())?;
    Ok(accounts.into_iter().filter_map(|(key, _)| id_of(&key)).map(AccountId::from_bytes).collect())
}
