//! Photos of made-up people, told to a real library as the watcher and a detector would.

#![allow(dead_code)] // each test uses some of it

use std::collections::BTreeMap;
use std::sync::Arc;

use library::people::{DetectedFace, FaceEmbeddings, MemoryEmbeddings};
use library::{
    AssetId, Checksum, Effort, Embedding, Face, FaceBox, FaceId, FaceKey, Library, Person, PersonId, Snapshot,
};

use crate::folder::Folder;

/// Numbers an embedding has. As many as the narrowest model in use, so that strangers are as far apart as there.
const WIDTH: usize = 128;

/// A face in a photo: whose, and how good it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    pub(crate) who: u32,
    pub(crate) sharp: bool,
}

/// `who`, clearly seen.
pub(crate) fn of(who: u32) -> Shot {
    Shot { who, sharp: true }
}

/// A folder of photos and who is in them.
pub(crate) struct Portraits {
    pub(crate) folder: Folder,
    embeddings: Arc<MemoryEmbeddings>,
    photos: BTreeMap<String, Vec<Shot>>,
    model: &'static str,
    /// How far the detector of this model puts its boxes to the right.
    pub(crate) shift: f32,
}

impl Portraits {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let embeddings = Arc::new(MemoryEmbeddings::default());
        let portraits = Self { folder, embeddings, photos: BTreeMap::new(), model: "standin", shift: 0.0 };
        portraits.listen();
        portraits
    }

    fn listen(&self) {
        let embeddings: Arc<dyn FaceEmbeddings> = self.embeddings.clone();
        self.library().set_face_embeddings(Some(embeddings));
    }

    pub(crate) fn library(&self) -> &Library {
        &self.folder.library
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.library().snapshot()
    }

    /// A photo arrives and is looked at. Nobody is gathered yet.
    pub(crate) fn arrives(&mut self, name: &str, faces: &[Shot]) {
        self.folder.add(name, name.as_bytes());
        self.photos.insert(name.to_owned(), faces.to_vec());
        self.look(name);
    }

    /// The same of a file with more to say.
    pub(crate) fn arrives_saying(&mut self, name: &str, says: &str, faces: &[Shot]) {
        self.folder.add(name, format!("{name} {says}").as_bytes());
        self.photos.insert(name.to_owned(), faces.to_vec());
        self.look(name);
    }

    pub(crate) fn leaves(&mut self, name: &str) {
        self.photos.remove(name);
        self.folder.remove(name);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.photos.keys().cloned().collect()
    }

    /// The detector looks at a photo.
    pub(crate) fn look(&self, name: &str) {
        let content = self.content(name);
        let found: Vec<DetectedFace> = self.photos[name]
            .iter()
            .enumerate()
            .map(|(at, shot)| {
                let place = self.place(at);
                let key = FaceKey { content, at: place };
                let embedding = self.embedding(shot.who, &format!("{name} {at} {}", self.model));
                self.embeddings.insert(self.model, key, embedding);
                let (side_px, sharpness) = if shot.sharp { (100.0, 200.0) } else { (24.0, 4.0) };
                DetectedFace { at: place, score: 0.8, side_px, sharpness }
            })
            .collect();
        self.library().put_faces(&content, self.model, &found).unwrap();
    }

    pub(crate) fn place(&self, at: usize) -> FaceBox {
        let left = 0.02 + at as f32 * 0.12 + self.shift;
        FaceBox::from_fractions([left, 0.1, left + 0.1, 0.25]).unwrap()
    }

    pub(crate) fn content(&self, name: &str) -> Checksum {
        self.library().details(self.asset(name)).unwrap().unwrap().checksum
    }

    pub(crate) fn asset(&self, name: &str) -> AssetId {
        let row = self.folder.row(name).unwrap_or_else(|| panic!("{name} is not there"));
        self.snapshot().row(row).unwrap().id
    }

    /// What the model makes of somebody: near what it makes of them in other photos, far from others.
    fn embedding(&self, who: u32, shot: &str) -> Embedding {
        let base = direction(&format!("{} person {who}", self.model));
        let noise = direction(shot);
        Embedding::new(base.iter().zip(&noise).map(|(base, noise)| base + 0.6 * noise).collect::<Vec<_>>())
            .unwrap()
    }

    pub(crate) fn gather(&self) {
        self.library().update_people(Effort::Settle).unwrap();
    }

    pub(crate) fn gather_quickly(&self) {
        self.library().update_people(Effort::Quick).unwrap();
    }

    pub(crate) fn faces(&self, name: &str) -> Vec<Face> {
        self.library().faces(self.asset(name)).unwrap()
    }

    pub(crate) fn face(&self, name: &str, at: usize) -> FaceId {
        self.faces(name)[at].id
    }

    /// Who the faces of a photo are.
    pub(crate) fn who(&self, name: &str) -> Vec<Option<PersonId>> {
        self.faces(name).into_iter().map(|face| face.person).collect()
    }

    pub(crate) fn person(&self, name: &str, at: usize) -> Arc<Person> {
        let id = self.who(name)[at].unwrap_or_else(|| panic!("nobody is in {name} at {at}"));
        self.library().person(id).unwrap()
    }

    pub(crate) fn people(&self) -> Vec<Arc<Person>> {
        self.library().people(self.library().account())
    }

    /// Another model looks at everything: other boxes, other numbers.
    pub(crate) fn change_model(&mut self, model: &'static str) {
        self.model = model;
        self.shift += 0.02;
        for name in self.names() {
            self.look(&name);
            self.gather_quickly();
        }
        self.gather();
    }

    pub(crate) fn restart(&mut self) {
        self.folder.reopen(false);
        self.listen();
    }

    /// All that is derived goes; the photos are found and looked at again, rotated by so many.
    pub(crate) fn rebuild(&mut self, rotate: usize) {
        self.folder.reopen(true);
        self.listen();
        self.folder.rescan(|names| {
            let by = rotate % names.len().max(1);
            names.rotate_left(by);
        });
        let mut names = self.names();
        let by = (rotate / 2) % names.len().max(1);
        names.rotate_left(by);
        for name in names {
            self.look(&name);
            if rotate.is_multiple_of(3) {
                self.gather_quickly();
            }
        }
        self.gather();
    }

    /// Who is where: for each face of each photo its person's id, number and name.
    #[allow(clippy::type_complexity, reason = "it is only compared")]
    pub(crate) fn scene(&self) -> BTreeMap<String, Vec<Option<(PersonId, u32, Option<String>)>>> {
        let who = |id: PersonId| {
            let person = self.library().person(id).unwrap();
            (person.id, person.number, person.name.as_deref().map(str::to_owned))
        };
        let names = self.names().into_iter();
        names
            .map(|name| (name.clone(), self.who(&name).into_iter().map(|id| id.map(who)).collect()))
            .collect()
    }
}

/// A direction that is always the same for one text, and any other for another.
fn direction(text: &str) -> Vec<f32> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut uniform = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32
    };
    let values: Vec<f32> = (0..WIDTH).map(|_| (0..6).map(|_| uniform()).sum::<f32>() - 3.0).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| value / length).collect()
}
