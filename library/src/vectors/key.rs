//! What a vector is of: a picture, a face in a picture, or a text.

use crate::checksum::Checksum;
use crate::people::FaceBox;

/// What a file of vectors holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VectorKind {
    /// Whole pictures, by content.
    Picture,
    /// Faces, by content and box.
    Face,
    /// Texts, by the checksum of their bytes: the few that are asked for at every start.
    Text,
}

impl VectorKind {
    pub(super) const ALL: [Self; 3] = [Self::Picture, Self::Face, Self::Text];

    /// What its files' names begin with.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Face => "face",
            Self::Text => "text",
        }
    }

    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Picture => 1,
            Self::Face => 2,
            Self::Text => 3,
        }
    }
}

/// What one vector is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VectorKey {
    /// The bytes it was made from.
    pub content: Checksum,
    /// The face in them; `None` for the whole.
    pub face: Option<FaceBox>,
}

impl VectorKey {
    /// All of a picture.
    pub fn picture(content: Checksum) -> Self {
        Self { content, face: None }
    }

    /// One face of a picture.
    pub fn face(content: Checksum, face: FaceBox) -> Self {
        Self { content, face: Some(face) }
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self { content: Checksum::of(text.as_bytes()), face: None }
    }
}
