//! Where words begin and end, the same for what is indexed and for what is asked.
//!
//! What makes it hard:
//! 1. File names hide words: `IMG_20240501_dogInPark2.jpg`. They are cut at every character that is no letter or digit,
//!    and a second time where case or kind of character changes; both cuts are indexed, so `doginpark2`, `dog` and
//!    `park` all find it.
//! 2. Chinese, Japanese, Korean and Thai put no spaces between words. There every character is a word of its own, and
//!    several in a row are asked for as a phrase; no dictionary, and nothing is missed.
//! 3. A phrase must find its words side by side, so a word that was cut twice stands where its first part stands.

use unicode_normalization::char::is_combining_mark;

use super::fold::fold;

/// A word of a text: folded, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// Folded.
    pub text: String,
    /// Which word of the text it is, from 0. Two words may stand at one position.
    pub position: usize,
}

/// Longest word kept, in characters. What is longer is no word but data.
const LONGEST: usize = 64;

/// The folded words of `text`, in order. Characters of scripts without spaces are words of their own.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in folded.chars() {
        if stands_alone(letter) {
            finish(&mut word, &mut words);
            words.push(letter.to_string());
        } else if is_part(letter) {
            word.push(letter);
        } else {
            finish(&mut word, &mut words);
        }
    }
    finish(&mut word, &mut words);
    words
}

fn finish(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(word.chars().take(LONGEST).collect());
        word.clear();
    }
}

/// The words of a name: cut as [`words`] does, and again where case or kind of character changes.
pub fn name_words(name: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut position = 0;
    for run in runs(name) {
        let parts = hump_words(run);
        let whole = words(run);
        if let [whole] = &whole[..]
            && parts.len() > 1
        {
            found.push(Word { text: whole.clone(), position });
        }
        for text in parts {
            found.push(Word { text, position });
            position += 1;
        }
    }
    found
}

/// The runs of letters and digits in a text, as written.
pub(super) fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !is_part(letter)).filter(|run| !run.is_empty())
}

/// The words of a text cut where case or kind of character changes, too.
pub fn hump_words(text: &str) -> Vec<String> {
    runs(text).flat_map(humps).flat_map(words).collect()
}

/// The words of a name in one line: how a whole name is compared with a whole query.
pub fn name_key(name: &str) -> String {
    words(name).join(" ")
}

/// Cuts `dogInPark2` into `dog`, `In`, `Park`, `2`, and `HTMLPage` into `HTML`, `Page`.
fn humps(run: &str) -> Vec<&str> {
    let letters: Vec<(usize, char)> = run.char_indices().collect();
    let mut cuts = vec![0];
    for at in 1..letters.len() {
        let (before, (offset, here)) = (letters[at - 1].1, letters[at]);
        let after = letters.get(at + 1).map(|(_, letter)| *letter);
        let digit_edge = before.is_numeric() != here.is_numeric() && !is_combining_mark(here);
        let hump = before.is_lowercase() && here.is_uppercase();
        let acronym_end =
            before.is_uppercase() && here.is_uppercase() && after.is_some_and(char::is_lowercase);
        if digit_edge || hump || acronym_end {
            cuts.push(offset);
        }
    }
    cuts.push(run.len());
    cuts.windows(2).map(|cut| &run[cut[0]..cut[1]]).collect()
}

/// Whether a character belongs to words: letters, digits, their marks, and pictures.
fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter) || stands_alone(letter)
}

/// Whether a character is a word by itself: scripts without spaces, and emoji.
pub(crate) fn stands_alone(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Myanmar
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{2600}'..='\u{27bf}' // symbols
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' // kana
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' // Hangul: Korean particles stick to their words
        | '\u{f900}'..='\u{faff}'
        | '\u{1f300}'..='\u{1faff}' // emoji
        | '\u{20000}'..='\u{3ffff}')
}

/// Words that carry grammar, not meaning. `dog in park` must find `dog_park.jpg`.
pub fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.binary_search(&word).is_ok()
}

/// Sorted.
const FUNCTION_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "her", "his", "in", "into", "is", "it",
    "its", "my", "of", "on", "or", "our", "some", "that", "the", "their", "these", "this", "those", "to",
    "was", "were", "with", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Vec<(String, usize)> {
        name_words(name).into_iter().map(|word| (word.text, word.position)).collect()
    }

    #[test]
    fn words_are_cut_at_what_is_no_letter() {
        assert_eq!(words("A dog, in the Café!"), ["a", "dog", "in", "the", "cafe"]);
        assert_eq!(words("東京タワー 2024"), ["東", "京", "タ", "ワ", "ー", "2024"]);
        assert_eq!(words("..."), Vec::<String>::new());
        assert_eq!(words("हिन्दी गाना").len(), 2);
    }

    #[test]
    fn names_are_cut_twice() {
        let word = |text: &str, position| (text.to_owned(), position);
        assert_eq!(
            named("dogInPark2.jpg"),
            [
                word("doginpark2", 0),
                word("dog", 0),
                word("in", 1),
                word("park", 2),
                word("2", 3),
                word("jpg", 4)
            ]
        );
        assert_eq!(named("IMG_0042"), [word("img", 0), word("0042", 1)]);
        assert_eq!(named("HTMLPage"), [word("htmlpage", 0), word("html", 0), word("page", 1)]);
        assert_eq!(named("京都2"), [word("京", 0), word("都", 1), word("2", 2)]);
    }

    #[test]
    fn function_words_are_sorted() {
        assert!(FUNCTION_WORDS.is_sorted());
        assert!(is_function_word("the") && is_function_word("a") && is_function_word("your"));
        assert!(!is_function_word("dog"));
    }
}
