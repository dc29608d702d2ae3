//! A photo as the crowd is told of it: its faces with what was said of them.

use std::collections::HashMap;

use crate::catalogue::keys::Key;
use crate::catalogue::records::{AssetRecord, CastRecord, FacesRecord, SaidRecord};
use crate::catalogue::{Catalogue, CatalogueError};
use crate::id::{AccountId, AssetId, FaceId, PersonId};
use crate::people::cast::takes_part;
use crate::people::crowd::{Part, Seen};
use crate::people::face::{drawn_around, same_places};
use crate::people::{FaceBox, FaceEmbeddings, FaceKey, PeopleOptions, names};

/// What was said of the faces of one photo.
#[derive(Default)]
pub(super) struct SaidOf {
    /// Who they are, by the word of the user.
    pub(super) is: HashMap<FaceId, PersonId>,
    /// Who they are not.
    pub(super) not: HashMap<FaceId, Vec<PersonId>>,
    /// Who they are, by the word of the file; only of those that the user said nothing of.
    pub(super) drawn: HashMap<FaceId, PersonId>,
}

impl SaidOf {
    pub(super) fn is_nothing(&self) -> bool {
        self.is.is_empty() && self.not.is_empty() && self.drawn.is_empty()
    }
}

/// A photo's faces, ready for the crowd.
pub(super) struct Told {
    pub(super) owner: AccountId,
    pub(super) model: String,
    pub(super) faces: Vec<Seen>,
    pub(super) said: SaidOf,
}

/// A photo as the crowd is told of it; `None` when its faces do not count.
pub(super) fn tell(
    catalogue: &Catalogue,
    asset: AssetId,
    from: &dyn FaceEmbeddings,
    options: &PeopleOptions,
) -> Result<Option<Told>, CatalogueError> {
    let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(asset))?.filter(takes_part) else {
        return Ok(None);
    };
    let (owner, content) = (record.owner, record.digests.checksum);
    let Some(found) = catalogue.get::<FacesRecord>(&Key::faces(&content))? else { return Ok(None) };
    if found.faces.is_empty() {
        return Ok(None);
    }
    let cast: CastRecord = catalogue.get(&Key::cast(asset))?.unwrap_or_default();
    let marks: SaidRecord = catalogue.get(&Key::said(owner, &content))?.unwrap_or_default();
    let places: Vec<FaceBox> = found.faces.iter().map(|face| face.at).collect();
    let said_at: Vec<FaceBox> = marks.iter().map(|(at, _)| *at).collect();
    let said_of = same_places(&said_at, &places);
    let mut drawn: Vec<(FaceBox, PersonId)> = Vec::new();
    for region in record.metadata.iter().flat_map(|metadata| &metadata.faces) {
        let Some(name) = region.name.as_deref().and_then(names::clean) else { continue };
        let person = catalogue.get::<PersonId>(&Key::person_name(owner, &names::folded(&name)))?;
        drawn.extend(FaceBox::of_region(region).zip(person));
    }
    let drawn_at: Vec<FaceBox> = drawn.iter().map(|(at, _)| *at).collect();
    let drawn_of = drawn_around(&drawn_at, &places);
    let (mut faces, mut said) = (Vec::new(), SaidOf::default());
    for (at, face) in found.faces.iter().enumerate() {
        let mark = said_of[at].map(|of| &marks[of].1);
        if mark.is_some_and(|mark| mark.none) {
            continue;
        }
        if let Some(mark) = mark {
            said.is.extend(mark.is.map(|person| (face.id, person)));
            if !mark.not.is_empty() {
                said.not.insert(face.id, mark.not.clone());
            }
        } else if let Some(of) = drawn_of[at] {
            said.drawn.insert(face.id, drawn[of].1);
        }
        if mark.is_none() && drawn_of[at].is_none() && face.side_px < options.least_side_px {
            continue;
        }
        let key = FaceKey { content, at: face.at };
        let Some(embedding) = from.get(&found.model, &key) else { continue };
        let known = cast.faces.iter().find(|cast| cast.id == face.id && cast.compared);
        let part = match mark {
            _ if !options.is_clear(&face.detected()) => Part::JoinsIfClear,
            None if options.is_good(&face.detected()) => Part::Makes,
            _ => Part::Joins,
        };
        faces.push(Seen { key, id: face.id, part, embedding, group: known.map(|known| known.group) });
    }
    Ok(Some(Told { owner, model: found.model, faces, said }))
}
