//! A person, as `people` gives them.

use serde::{Deserialize, Serialize};

use super::text;

/// The line of `people --json`. Field names and meanings are a promise (README).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Never changes.
    pub id: String,
    /// Never changes either, and is shorter to type.
    pub number: u32,
    /// What they are called; null while nobody said.
    pub name: Option<String>,
    /// Whether they are left out of `people/`.
    pub hidden: bool,
    /// How many faces are theirs.
    pub faces: u64,
    /// Absolute paths of the originals they are in.
    pub assets: Vec<String>,
}

impl Person {
    /// The cells of one line of `people`: number, name, faces, photos, one of them.
    pub fn cells(&self) -> Vec<String> {
        let name = self.name.as_deref().map_or_else(|| format!("person {}", self.number), text::safe);
        vec![
            self.number.to_string(),
            if self.hidden { format!("{name} (hidden)") } else { name },
            text::plural(self.faces, "face", "faces"),
            text::plural(self.assets.len() as u64, "photo", "photos"),
            self.assets.first().map(|path| text::safe(path)).unwrap_or_default(),
        ]
    }
}
