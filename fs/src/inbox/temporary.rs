//! Names that programs give to files which are not complete yet.

/// What such names end in, in lower case.
const ENDINGS: [&[u8]; 9] =
    [b".part", b".partial", b".crdownload", b".download", b".filepart", b".tmp", b".temp", b".swp", b"~"];

/// Whether a file of this name will be given another when it is complete. rsync, file managers and editors begin such
/// names with a dot, as do all that are not meant to be seen.
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with(b".") || ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_is_not_complete() {
        for name in
            [".IMG_1.jpg.Xa3bQ1", ".goutputstream-AB12CD", "IMG_1.jpg.part", "IMG_1.JPG~", "a.crdownload"]
        {
            assert!(is_temporary(name.as_bytes()), "{name}");
        }
        for name in ["IMG_1.jpg", "part.jpg", "IMG_1.jpg.xmp", "tmp"] {
            assert!(!is_temporary(name.as_bytes()), "{name}");
        }
    }
}
