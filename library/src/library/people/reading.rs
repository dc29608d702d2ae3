//! What the library answers about faces and people.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::{AssetRecord, CastRecord, FacesRecord, SaidRecord};
use crate::id::{AccountId, AssetId, PersonId, RowNumber};
use crate::library::{Library, LibraryError};
use crate::people::face::same_places;
use crate::people::{Face, FaceBox};
use crate::snapshot::{Facet, Person};

impl Library {
    /// The faces in an asset as it is now, from left to right.
    pub fn faces(&self, asset: AssetId) -> Result<Vec<Face>, LibraryError> {
        Ok(faces_of(&*self.catalogue()?, asset)?)
    }

    /// The people of an account: the named ones by name, then the others by number.
    pub fn people(&self, account: AccountId) -> Vec<Arc<Person>> {
        self.snapshot().people(account).cloned().collect()
    }

    /// A person, or whom they became.
    pub fn person(&self, id: PersonId) -> Option<Arc<Person>> {
        self.snapshot().person_by_id(id).cloned()
    }

    /// The faces of a person in photos that are listed, with their photos, in the order these came into the library.
    pub fn person_faces(&self, id: PersonId) -> Result<Vec<(AssetId, Face)>, LibraryError> {
        let snapshot = self.snapshot();
        let catalogue = self.catalogue()?;
        let Some(person) = snapshot.person_by_id(id) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in snapshot.facet(Facet::Person(person.row)).into_iter().flatten() {
            let Some(asset) = snapshot.row(RowNumber(row)).map(|row| row.id) else { continue };
            for face in faces_of(&catalogue, asset)? {
                let who = face.person.and_then(|who| snapshot.person_by_id(who));
                if who.is_some_and(|who| who.id == person.id) {
                    found.push((asset, face));
                }
            }
        }
        Ok(found)
    }
}

fn faces_of(catalogue: &Catalogue, asset: AssetId) -> Result<Vec<Face>, CatalogueError> {
    let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(asset))? else { return Ok(Vec::new()) };
    let content = record.digests.checksum;
    let Some(found) = catalogue.get::<FacesRecord>(&Key::faces(&content))? else { return Ok(Vec::new()) };
    let cast: CastRecord = catalogue.get(&Key::cast(asset))?.unwrap_or_default();
    let said: SaidRecord = catalogue.get(&Key::said(record.owner, &content))?.unwrap_or_default();
    let said_at: Vec<FaceBox> = said.iter().map(|(at, _)| *at).collect();
    let places: Vec<FaceBox> = found.faces.iter().map(|face| face.at).collect();
    let said_of = same_places(&said_at, &places);
    let face = |(at, face): (usize, &crate::catalogue::records::FoundFace)| {
        let cast = cast.faces.iter().find(|cast| cast.id == face.id);
        let is_none = said_of[at].is_some_and(|of| said[of].1.none);
        (!is_none).then(|| Face {
            id: face.id,
            at: face.at,
            score: face.score,
            side_px: face.side_px,
            sharpness: face.sharpness,
            group: cast.and_then(|cast| cast.group),
            person: cast.and_then(|cast| cast.person),
            decided: said_of[at].is_some(),
        })
    };
    Ok(found.faces.iter().enumerate().filter_map(face).collect())
}
