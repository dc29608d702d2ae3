//! What programs look for by themselves in any folder: file managers, media scanners, virus scanners, servers.
//!
//! None of it may become a search. A search runs when its folder is opened, and a file manager that asks every folder
//! for its icon would have the whole library searched for `desktop.ini`.

/// Names that are looked for as they are, in lower case.
const NAMES: [&str; 15] = [
    // Windows.
    "$recycle.bin",
    "autorun.inf",
    "desktop.ini",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "recycled",
    "recycler",
    "system volume information",
    "thumbs.db",
    // macOS. Its `Icon\r` has a control character, and the others begin with a dot.
    "network trash folder",
    "temporary items",
    "thevolumesettingsfolder",
    // Linux.
    "lost+found",
    // Picture programs.
    "picasa.ini",
    "zbthumbnail.info",
];

/// Pictures that stand for a folder, whatever their extension, in lower case.
const COVERS: [&str; 3] = ["albumart", "cover", "folder"];

/// Whether programs look for this name by themselves, in any case.
pub(super) fn is_probed(name: &str) -> bool {
    let name = name.to_lowercase();
    // A stream of a file, as Windows names it: asked for when the file is.
    let file = name.split_once(':').map_or(&*name, |(file, _)| file);
    name.starts_with('.')
        || name.chars().any(char::is_control)
        || NAMES.contains(&file)
        || file.rsplit_once('.').is_some_and(|(stem, extension)| stands_for_folder(stem, extension))
}

/// `cover.png`, and what Windows Media Player leaves: `AlbumArtSmall.jpg`, `AlbumArt_{...}_Large.jpg`.
fn stands_for_folder(stem: &str, extension: &str) -> bool {
    COVERS.contains(&stem) || (stem.starts_with("albumart") && extension == "jpg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_look_for_is_known_in_any_case() {
        for name in [
            ".hidden",
            ".picasa.ini",
            "Picasa.ini",
            "Desktop.ini",
            "Desktop.ini:x",
            "Thumbs.db:encryptable",
            "autorun.inf",
            "lost+found",
            "AlbumArtSmall.jpg",
            "AlbumArt_{B5020207-474E-4720-AD0B-3A1C5D7D8D4C}_Large.jpg",
            "Folder.jpg",
            "folder.png",
            "cover.JPEG",
            "ehthumbs.db",
            "ehthumbs_vista.db",
            "RECYCLER",
            "RECYCLED",
            "$RECYCLE.BIN",
            "System Volume Information",
            "Network Trash Folder",
            "Temporary Items",
            "TheVolumeSettingsFolder",
            "Icon\r",
            "dog\nin park",
        ] {
            assert!(is_probed(name), "{name:?}");
        }
    }

    #[test]
    fn what_people_ask_for_is_not_among_it() {
        for name in
            ["dog in park", "camera:canon", "cover", "folder:trip", "albumart", "type:jpeg", "IMG_1.jpg"]
        {
            assert!(!is_probed(name), "{name:?}");
        }
    }
}
