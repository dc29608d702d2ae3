//! Which model's embeddings are searched: the last that has seen every picture.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use library::vectors::ModelName;

/// A line of text beside the embeddings, lost and kept with them.
pub(in crate::seeing) struct InUse;

impl InUse {
    fn file(data: &Path) -> PathBuf {
        data.join("derived/vectors/in-use")
    }

    /// The model, if there ever was one.
    pub(in crate::seeing) fn read(data: &Path) -> Option<ModelName> {
        let text = std::fs::read_to_string(Self::file(data)).ok()?;
        ModelName::new(text.trim()).ok()
    }

    /// From now on it is this one.
    pub(in crate::seeing) fn write(data: &Path, model: &ModelName) -> Result<()> {
        if Self::read(data).as_ref() == Some(model) {
            return Ok(());
        }
        let file = Self::file(data);
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, format!("{model}\n"))
            .and_then(|()| std::fs::rename(&fresh, &file))
            .with_context(|| file.display().to_string())
    }
}
