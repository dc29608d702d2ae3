//! Words of people (tags, places, cameras) as names of directories, and back.
//!
//! A word may hold what a name may not: `/`, control characters, or it may be `.`. Each becomes something that can be
//! read, and no two words become the same name: what already looks like an escape is escaped itself.

use std::fmt::Write;

use library::Checksum;
use unicode_normalization::UnicodeNormalization;

/// Longest name a kernel takes.
const MAX: usize = 255;
/// Stands before what is spelled by its code: `␛85;`.
const ESCAPE: char = '\u{241b}';
/// Stands for `/`.
const SLASH: char = '\u{2215}';

/// The picture of a control character, where Unicode has one: `␉` for a tab.
fn picture(control: char) -> Option<char> {
    match control {
        '\0'..='\u{1f}' if control != '\u{1b}' => char::from_u32(0x2400 + control as u32),
        '\u{7f}' => Some('\u{2421}'),
        _ => None,
    }
}

fn pictured(picture: char) -> Option<char> {
    match picture {
        '\u{2400}'..='\u{241f}' if picture != ESCAPE => char::from_u32(picture as u32 - 0x2400),
        '\u{2421}' => Some('\u{7f}'),
        _ => None,
    }
}

fn spell(name: &mut String, character: char) {
    // Writing to a String cannot fail.
    let _ = write!(name, "{ESCAPE}{:x};", character as u32);
}

/// The directory name of a word: one name a word, and [`original`] brings the word back, unless it had to be cut.
pub(crate) fn safe(word: &str) -> String {
    if word.is_empty() {
        return format!("{ESCAPE};");
    }
    let mut name = String::with_capacity(word.len());
    for (at, character) in word.chars().enumerate() {
        match character {
            '/' => name.push(SLASH),
            '.' if at == 0 && (word == "." || word == "..") => spell(&mut name, '.'),
            ESCAPE | SLASH => spell(&mut name, character),
            _ if pictured(character).is_some() => spell(&mut name, character),
            _ if character.is_control() => match picture(character) {
                Some(picture) => name.push(picture),
                None => spell(&mut name, character),
            },
            _ => name.push(character),
        }
    }
    if name.len() > MAX { cut(&name) } else { name }
}

/// A name too long keeps its beginning and ends in a hash of the whole.
fn cut(name: &str) -> String {
    let hash = Checksum::of(name.as_bytes());
    let mut end = MAX - ESCAPE.len_utf8() - 17;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let mut short = format!("{}{ESCAPE}~", &name[..end]);
    for byte in &hash.as_bytes()[..8] {
        let _ = write!(short, "{byte:02x}");
    }
    short
}

/// The word behind a name that [`safe`] made. `None` where it made no such name, or had to cut it.
pub(crate) fn original(name: &str) -> Option<String> {
    let mut word = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(character) = rest.next() {
        match character {
            SLASH => word.push('/'),
            ESCAPE => {
                let code: String = rest.by_ref().take_while(|character| *character != ';').collect();
                if code.is_empty() {
                    return (name.chars().count() == 2).then(String::new);
                }
                word.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
            }
            _ => word.push(pictured(character).unwrap_or(character)),
        }
    }
    (safe(&word) == name).then_some(word)
}

/// What two spellings of one word have in common.
pub(crate) fn folded(word: &str) -> String {
    word.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_name_may_not_hold_can_still_be_read() {
        for (word, name) in [
            ("a/b", "a∕b"),
            ("a∕b", "a␛2215;b"),
            ("tab\there", "tab␉here"),
            (".", "␛2e;"),
            ("..", "␛2e;."),
            (".hidden", ".hidden"),
            ("", "␛;"),
            ("\u{85}", "␛85;"),
            ("\u{1b}", "␛1b;"),
        ] {
            assert_eq!(safe(word), name);
            assert_eq!(original(name).as_deref(), Some(word));
        }
    }

    #[test]
    fn a_long_name_is_cut_and_still_its_own() {
        let (one, two) = ("ä".repeat(200), format!("{}b", "ä".repeat(199)));
        assert!(safe(&one).len() <= MAX && safe(&two).len() <= MAX);
        assert_ne!(safe(&one), safe(&two));
        assert_eq!(original(&safe(&one)), None);
    }

    #[test]
    fn spellings_meet() {
        assert_eq!(folded("HOLIDAY"), folded("Holiday"));
        assert_eq!(folded("Cafe\u{301}"), folded("CAFÉ"));
        assert_ne!(folded("a"), folded("b"));
    }

    proptest! {
        #[test]
        fn every_word_comes_back(word in "([a-c./␛∕␀␉;0-9\u{0}-\u{9f}]|\\PC){0,20}") {
            let name = safe(&word);
            prop_assert!(!name.contains('/') && !name.chars().any(char::is_control));
            prop_assert!(!name.is_empty() && name != "." && name != "..");
            prop_assert_eq!(original(&name), Some(word));
        }
    }
}
