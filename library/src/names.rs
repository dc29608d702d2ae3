//! Names in the mount: what a file name becomes, and the ordinal that keeps two photos of one name apart.

use unicode_normalization::UnicodeNormalization as _;

/// Longest name a file system takes, in bytes.
const NAME_MAX: usize = 255;

/// A file name as views show it: valid UTF-8, composed (NFC), one line, no slash, short enough for an ordinal.
///
/// `folders/` alone shows names as they are on disk.
pub fn shown(file_name: &[u8]) -> String {
    let name: String = String::from_utf8_lossy(file_name)
        .nfc()
        .map(|c| if c.is_control() || c == '/' { '_' } else { c })
        .collect();
    match name.as_str() {
        "" | "." | ".." => "_".to_owned(),
        _ => shortened(&name, NAME_MAX),
    }
}

/// What two names must share to be told apart by ordinals: they would be one file on a case-insensitive share.
pub fn folded(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// The longest name of a folder, in bytes.
const MAX_FOLDER_NAME: usize = 255;

/// Whether something may be called so that is a folder in the mount: an album, a search.
pub(crate) fn is_folders(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAX_FOLDER_NAME && !name.chars().any(char::is_control)
}

/// Splits before the last dot: `("IMG_1", ".jpg")`. A leading dot is no extension.
pub fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}

/// The name of the `ordinal`-th asset called `base`: the first has it plain, the second is `IMG_1 (2).jpg`.
pub fn with_ordinal(base: &str, ordinal: u32) -> String {
    if ordinal <= 1 {
        return base.to_owned();
    }
    let (stem, extension) = split_extension(base);
    let tail = format!(" ({ordinal}){extension}");
    if tail.len() >= NAME_MAX {
        return shortened(&format!("({ordinal}) {base}"), NAME_MAX);
    }
    shortened(stem, NAME_MAX - tail.len()) + &tail
}

/// The ordinal a name shows, 1 where it shows none.
pub fn ordinal_of(name: &str, base: &str) -> u32 {
    if name == base {
        return 1;
    }
    let (stem, _) = split_extension(name);
    stem.rsplit_once(" (")
        .and_then(|(_, tail)| tail.strip_suffix(')'))
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(1)
}

/// Cuts the stem, never the extension, to at most `limit` bytes, between characters.
fn shortened(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    // What is too long for an extension is part of the name: of `..` and 300 letters the stem alone would be `.`.
    let (stem, extension) = match split_extension(name) {
        (stem, extension) if extension.len() < limit / 2 => (stem, extension),
        _ => (name, ""),
    };
    let mut end = (limit - extension.len()).min(stem.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_clean_line() {
        assert_eq!(shown(b"a\nb.jpg"), "a_b.jpg");
        assert_eq!(shown(b"caf\xe9.jpg"), "caf\u{fffd}.jpg");
        assert_eq!(shown("e\u{301}.jpg".as_bytes()), "\u{e9}.jpg");
        assert_eq!(shown(b".."), "_");
    }

    #[test]
    fn ordinals_stand_before_the_extension_and_can_be_read_back() {
        assert_eq!(with_ordinal("IMG_1.jpg", 1), "IMG_1.jpg");
        assert_eq!(with_ordinal("IMG_1.jpg", 2), "IMG_1 (2).jpg");
        assert_eq!(with_ordinal("README", 3), "README (3)");
        assert_eq!(ordinal_of("IMG_1 (2).jpg", "IMG_1.jpg"), 2);
        assert_eq!(ordinal_of("IMG_1.jpg", "IMG_1.jpg"), 1);
    }

    #[test]
    fn long_names_keep_their_extension_and_fit() {
        let base = shown(format!("{}.jpeg", "\u{e9}".repeat(200)).as_bytes());
        assert!(base.len() <= NAME_MAX && base.ends_with(".jpeg"));
        let second = with_ordinal(&base, 2);
        assert!(second.len() <= NAME_MAX && second.ends_with(" (2).jpeg"), "{second}");
        assert!(with_ordinal(&"x".repeat(255), 2).len() <= NAME_MAX);
    }

    #[test]
    fn a_long_extension_does_not_leave_a_dot_for_a_name() {
        let name = shown(format!("..{}", "x".repeat(300)).as_bytes());
        assert_eq!(name, format!("..{}", "x".repeat(253)));
        assert_eq!(shown(format!("a.{}", "x".repeat(300)).as_bytes()).len(), NAME_MAX);
    }

    #[test]
    fn folding_ignores_case_and_composition() {
        assert_eq!(folded("IMG_\u{c9}.JPG"), folded("img_e\u{301}.jpg"));
    }
}
