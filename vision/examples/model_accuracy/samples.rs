//! The models and photos that lie beside the repository, and pictures read from them.

use std::path::{Path, PathBuf};

use vision::Pixels;

/// `shared` beside the repository, or where `GALLERYFS_SHARED` says.
pub(crate) fn shared() -> PathBuf {
    std::env::var_os("GALLERYFS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
}

/// A decoded photo.
pub(crate) struct Photo {
    rgb: Vec<u8>,
    width: u32,
    height: u32,
}

impl Photo {
    /// Reads it, with whatever decoder there is.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let image = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?.into_rgb8();
        let (width, height) = image.dimensions();
        Ok(Self { rgb: image.into_raw(), width, height })
    }

    /// As the models take it.
    pub(crate) fn pixels(&self) -> Result<Pixels<'_>, String> {
        Pixels::new(&self.rgb, self.width, self.height).map_err(|error| error.to_string())
    }
}
