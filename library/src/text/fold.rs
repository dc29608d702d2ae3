//! Letters as people compare them: without case, accents and presentation forms.

use unicode_normalization::UnicodeNormalization;

/// `text` without what people leave out when they search: case, accents, ligatures, full-width forms. `Café` is `cafe`,
/// `STRASSE` and `Straße` are both `strasse`. Folding twice changes nothing.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|letter| !is_accent(*letter))
        .flat_map(spelled_out)
        .nfc()
        .collect()
}

/// Whether `text` folds to `folded`, without an allocation for the ASCII names that are most of them.
pub fn folds_to(text: &str, folded: &str) -> bool {
    if text.is_ascii() { text.eq_ignore_ascii_case(folded) } else { fold(text) == folded }
}

/// Marks that change a letter's look, not which letter it is. Not the vowel signs of Indic scripts and not the voicing
/// marks of kana: without those, words become other words.
fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}'
        | '\u{640}' // the Arabic stretching mark
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{200b}'..='\u{200d}' // invisible joiners
        | '\u{fe00}'..='\u{fe0f}' // variation selectors
        | '\u{fe20}'..='\u{fe2f}')
}

/// Letters that decomposition leaves whole, as those write them who have no such key.
fn spelled_out(letter: char) -> impl Iterator<Item = char> {
    let (first, second) = match letter {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'đ' | 'ð' => ('d', None),
        'ł' => ('l', None),
        'ħ' => ('h', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_forms_do_not_count() {
        for (text, folded) in [
            ("DSC_0001.JPG", "dsc_0001.jpg"),
            ("Café", "cafe"),
            ("Cafe\u{301}", "cafe"),
            ("Straße", "strasse"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("ﬁlm", "film"),
            ("ＡＢＣ", "abc"),
            ("ΟΔΟΣ", "οδοσ"),
            ("が", "が"),
            ("한국", "한국"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(fold(text), folded.nfc().collect::<String>(), "{text}");
            assert!(folds_to(text, &fold(text)));
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in ".*") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
