//! The operators: their words, what they take, and examples for people.

/// Declares the operators in one table: variant, noun, examples, words (the usual one first).
macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident $noun:literal $examples:literal [$($word:literal),+];)+) => {
        /// What a filter asks about.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Operator { $($(#[$doc])* $variant),+ }

        impl Operator {
            /// Every operator, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// What its value is called: "`date:x` is no date".
            pub fn noun(self) -> &'static str { match self { $(Self::$variant => $noun),+ } }

            /// What to write, for error messages and completion.
            pub fn examples(self) -> &'static str { match self { $(Self::$variant => $examples),+ } }

            /// All words it goes by, the usual one first.
            pub fn spellings(self) -> &'static [&'static str] { match self { $(Self::$variant => &[$($word),+]),+ } }
        }
    };
}

operators! {
    /// Who is in the picture.
    Person "person" "person:Alice, person:\"Bob B\" or person=Bob_B" ["person", "people", "who"];
    /// Where it was taken.
    Place "place" "place:rome, place:\"New York\" or place=New_York" ["place", "city", "region", "country", "where"];
    /// When it was taken.
    Date "date" "date:2024, date:2024-05, date:2024-05-17, date:2024-01..2024-03, date:today or date:yesterday"
        ["date", "taken", "when"];
    /// When the library first saw it.
    Added "date" "added:2024, added:2024-05.. or added:today" ["added"];
    /// What took it.
    Camera "camera" "camera:canon or camera:\"eos 40d\"" ["camera"];
    /// Through what.
    Lens "lens" "lens:50mm or lens:\"ef-s 18-55\"" ["lens"];
    /// Image or video, or a format.
    Type "type" "type:image, type:video, type:raw, or a format such as type:jpeg" ["type", "format"];
    /// Stars.
    Rating "rating" "rating:4, rating:>=4, rating=4+, rating:3..5 or rating:none" ["rating", "stars"];
    /// Keywords.
    Tag "tag" "tag:holiday, tag:holiday/rome or tag=holiday.rome" ["tag", "tags", "keyword"];
    /// A property.
    Is "property"
        "is:favourite, is:archived, is:live, is:motion, is:raw, is:rated, is:unrated, is:tagged, is:untagged, is:dated, is:undated, is:photo or is:video"
        ["is"];
    /// Something it has.
    Has "thing to have"
        "has:gps, has:date, has:people, has:description, has:tags, has:place, has:rating, has:camera, has:lens, has:album, has:parts or has:warnings"
        ["has"];
    /// A folder of the user's own.
    Folder "folder" "in:2024/rome or in=2024.rome" ["in", "folder", "path"];
    /// A part of the file name.
    Name "file name" "name:IMG_12 or name=IMG_12" ["name", "file", "filename"];
    /// ISO speed.
    Iso "ISO speed" "iso:800, iso:>=800, iso=800+ or iso:100..400" ["iso"];
    /// Aperture.
    Aperture "f-number" "f:2.8, f:<=2.8 or f:2..4" ["f", "aperture"];
    /// Focal length.
    Focal "focal length" "focal:50, focal:50mm or focal:24..70" ["focal"];
    /// Bytes.
    Size "size" "size:>5mb, size=5mb+ or size:1mb..10mb" ["size"];
    /// Pixels across.
    Width "width" "width:>=4000 or width=4000+" ["width"];
    /// Pixels down.
    Height "height" "height:>=3000 or height=3000+" ["height"];
    /// Playing time.
    Duration "playing time" "duration:>30s, duration=1m+ or duration:1m..5m" ["duration", "length"];
}

impl Operator {
    /// The usual word.
    pub fn word(self) -> &'static str {
        self.spellings().first().copied().unwrap_or_default()
    }

    /// The operator that goes by `key`, whatever its case.
    pub fn named(key: &str) -> Option<Self> {
        let wanted = |word: &str| word.eq_ignore_ascii_case(key);
        Self::ALL.iter().copied().find(|operator| operator.spellings().iter().any(|word| wanted(word)))
    }

    /// The usual words of all operators, in a line.
    pub fn words() -> String {
        Self::ALL.iter().map(|operator| operator.word()).collect::<Vec<_>>().join(", ")
    }

    /// The operator that `key` looks like when mistyped.
    pub fn resembling(key: &str) -> Option<Self> {
        let key = key.to_lowercase();
        let near =
            |word: &str| word.starts_with(&key) || (key.len() > 2 && edits(word, &key) <= 1 + key.len() / 6);
        Self::ALL.iter().copied().find(|operator| operator.spellings().iter().any(|word| near(word)))
    }

    /// Whether its value compares: `rating>=4`.
    pub(super) fn compares(self) -> bool {
        matches!(
            self,
            Self::Date
                | Self::Added
                | Self::Rating
                | Self::Iso
                | Self::Aperture
                | Self::Focal
                | Self::Size
                | Self::Width
                | Self::Height
                | Self::Duration
        )
    }
}

/// How many letters must be put in, left out, changed or swapped with the next to turn one into the other.
fn edits(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, left) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, right) in other.iter().enumerate() {
            let mut best = (row[j] + usize::from(left != right)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *left == other[j - 1] && one[i - 1] == *right {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_one_operator() {
        let mut seen = std::collections::BTreeSet::new();
        for operator in Operator::ALL {
            for word in operator.spellings() {
                assert!(seen.insert(word), "{word} twice");
                assert_eq!(Operator::named(&word.to_uppercase()), Some(*operator));
            }
        }
    }

    #[test]
    fn mistyped_operators_are_recognised() {
        for (typed, meant) in [
            ("persn", Operator::Person),
            ("dtae", Operator::Date),
            ("cam", Operator::Camera),
            ("tagg", Operator::Tag),
        ] {
            assert_eq!(Operator::resembling(typed), Some(meant), "{typed}");
        }
        assert_eq!(Operator::resembling("foo"), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
