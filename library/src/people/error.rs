//! Why a decision about people cannot be taken.

use crate::id::{FaceId, PersonId};

/// Why a decision about people cannot be taken. Nothing was changed then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeopleError {
    /// Nobody has this id.
    #[error("there is no person {0}: `galleryfs people` lists them")]
    NoPerson(PersonId),
    /// No face has this id.
    #[error("there is no face {0}; the photo may have changed since")]
    NoFace(FaceId),
    /// Somebody else is called so.
    #[error("\"{name}\" is person {number} already: merge the two if they are one, or choose another name")]
    NameTaken {
        /// The name, as that person has it.
        name: String,
        /// Who has it.
        person: PersonId,
        /// Their number.
        number: u32,
    },
    /// Nothing that can be a name.
    #[error("\"{0}\" cannot be a person's name: it is empty, or too long for a file name")]
    BadName(String),
    /// People of two accounts are never one.
    #[error("the two belong to different accounts")]
    OtherAccount,
    /// They are one already.
    #[error("the two are one person already")]
    Same,
    /// None of the faces is that person's.
    #[error("none of these faces is of that person: there is nothing to split off")]
    NothingToSplit,
    /// The models have not looked yet.
    #[error(
        "nobody has looked for faces in this photo yet: try again when `galleryfs status` says that it is done"
    )]
    NotLookedAt,
    /// No face that it could be said of.
    #[error("no face was found in this photo that could be said to be somebody else's")]
    NoFaceToSay,
    /// Several faces that it could be said of.
    #[error("{0} faces in this photo could be meant: choose a photo in which it is clear")]
    ManyFaces(usize),
    /// The file itself names the person.
    #[error("the file itself says who is in it: change it there")]
    SaidByFile,
    /// All of the faces would go.
    #[error("these are all faces of that person: rename or merge them instead of splitting")]
    NothingLeft,
}
