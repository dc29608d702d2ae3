//! What a file holds, as far as it matters to what becomes of it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Whose faces were found in a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Faces {
    /// Nobody's.
    None,
    /// Somebody's, who is one person at most.
    One,
    /// So many that anybody may be among them.
    Many,
}

/// The bytes of a photo, or of what is none.
#[derive(Clone, PartialEq)]
pub struct Picture {
    pub bytes: Arc<[u8]>,
    /// When it says that it was taken: `2024-05-01`.
    pub day: Option<&'static str>,
    pub faces: Faces,
    pub is_photo: bool,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, faces, is_photo, .. } = self;
        write!(f, "Picture({:x}, {day:?}, {faces:?}, {is_photo})", mark(&self.bytes))
    }
}

impl Picture {
    /// What is no photo, each another.
    pub fn none(number: usize) -> Self {
        let bytes = format!("no photo, but {number}").into_bytes().into();
        Self { bytes, day: None, faces: Faces::None, is_photo: false }
    }
}

/// What stands for bytes where they are compared.
pub fn mark(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
