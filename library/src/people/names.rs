//! What a person may be called, and when two names are one.

use unicode_normalization::UnicodeNormalization as _;

/// The longest name, in bytes: it is a folder's in the mount.
const MAX: usize = 200;

/// A name as it is kept: composed (NFC), one line, single spaces, none around it. `None` when that leaves nothing, or
/// more than a folder's name can hold.
pub fn clean(name: &str) -> Option<String> {
    let name: String = name.nfc().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty() && name.len() <= MAX).then_some(name)
}

/// What two names must share to be one: case and composition do not count.
pub(crate) fn folded(name: &str) -> String {
    crate::names::folded(&clean(name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_clean_line() {
        assert_eq!(clean("  Ann\n Lee "), Some("Ann Lee".into()));
        assert_eq!(clean("e\u{301}ve"), Some("\u{e9}ve".into()));
        assert_eq!((clean(" \t"), clean(&"x".repeat(201))), (None, None));
        assert_eq!(folded("\u{c9}VE"), folded(" e\u{301}ve"));
    }
}
