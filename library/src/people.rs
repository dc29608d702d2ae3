//! Who is in the photos: faces, and the people that they are gathered into.
//!
//! What makes it hard, and what answers it:
//! 1. Faces come in any order, and people must not depend on it. Groups are made by average linkage down to a cutoff,
//!    whose result is a property of the set of faces ([`linkage`]); what arrives is worked in where it matters and, when
//!    all is quiet, everything is looked at at once ([`crowd`]).
//! 2. Two faces in one photo are never one person, and what the user said holds. Both are constraints of the linkage,
//!    not repairs after it.
//! 3. A group is only what faces look like today; a person has a name, a number and an id for ever. Each person
//!    journals some faces of theirs, its anchors, and whichever group holds them is that person ([`claims`]): from the
//!    journal and the groups alone, so that a rebuild finds the same people.
//! 4. A decision must outlive the model whose boxes and numbers it was made on. It is tied to the photo's bytes and to a
//!    place in the picture, and holds for whatever face is found there ([`FaceBox::overlap`]).
//! 5. Tiny and blurred faces all look alike to a model. They are kept, and may join a group, but found none
//!    ([`options`]).

pub(crate) mod cast;
pub(crate) mod claims;
pub(crate) mod crowd;
mod embeddings;
mod error;
pub(crate) mod face;
pub(crate) mod linkage;
pub(crate) mod names;
mod options;

pub use self::embeddings::{FaceEmbeddings, MemoryEmbeddings};
pub use self::error::PeopleError;
pub use self::face::{DetectedFace, Face, FaceBox, FaceKey};
pub use self::names::clean as clean_name;
pub use self::options::{PeopleOptions, cutoff_of};
