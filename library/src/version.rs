//! Whether other bytes at a known path are the same photo, edited, or another photo.

use crate::format::Kind;
use crate::metadata::Metadata;

/// Whether picture and capture data say that `new` is another photo than `old`, not a new version of it.
///
/// Editors keep the capture data and change the picture; metadata tools change the capture data and keep the coded
/// picture. Only when both differ was one photo saved over another.
pub(crate) fn shows_another_photo(old: &Metadata, new: &Metadata) -> bool {
    let kind = |metadata: &Metadata| metadata.format.map(crate::format::Format::kind);
    if let (Some(old), Some(new)) = (kind(old), kind(new))
        && old != new
        && (old == Kind::Video || new == Kind::Video)
    {
        return true;
    }
    let capture_differs = match (old.taken, new.taken) {
        (Some(old), Some(new)) => old.local != new.local,
        _ => false,
    } || (old.camera.model.is_some()
        && new.camera.model.is_some()
        && old.camera.model != new.camera.model);
    let picture_kept = old.picture.is_some() && old.picture == new.picture;
    capture_differs && !picture_kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;
    use crate::metadata::Taken;

    fn photo(taken: &str, picture: &[u8]) -> Metadata {
        Metadata {
            taken: taken.parse().ok().map(|local| Taken { local, zone: None }),
            picture: Some(Checksum::of(picture)),
            ..Metadata::default()
        }
    }

    #[test]
    fn an_edit_keeps_either_the_capture_data_or_the_picture() {
        let old = photo("2024-05-01T10:00:00", b"pixels");
        assert!(!shows_another_photo(&old, &photo("2024-05-01T10:00:00", b"cropped")));
        assert!(!shows_another_photo(&old, &photo("2023-01-01T00:00:00", b"pixels")));
        assert!(!shows_another_photo(&old, &photo("", b"stripped of its date")));
        assert!(shows_another_photo(&old, &photo("2023-01-01T00:00:00", b"another")));
    }
}
