//! A name as a filter's value, and how it is compared with the library's names.

use std::fmt;

use super::lex;
use crate::text::{fold, hump_words, words};

/// A name in a filter: of a person, place, camera, tag, folder or file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    text: String,
    prefix: bool,
    /// Written as `key=value`: `_` may mean a space and `.` a `/`.
    loose: bool,
}

impl Value {
    /// A value as written after `key:`. A `*` at the end means that names may go on there.
    pub(super) fn exact(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(begin) => Self { text: begin.to_owned(), prefix: true, loose: false },
            None => Self { text: text.to_owned(), prefix: false, loose: false },
        }
    }

    /// A value as written after `key=`, where `_` may mean a space, `.` a `/`, and a `+` at the end stands for `*`.
    pub(super) fn loose(text: &str) -> Self {
        let (begin, prefix) = match text.strip_suffix(['+', '*']) {
            Some(begin) => (begin, true),
            None => (text, false),
        };
        Self { text: begin.to_owned(), prefix, loose: begin.contains(['_', '.']) }
    }

    /// A value in quotes: every character counts.
    pub(super) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), prefix: false, loose: false }
    }

    /// The same, matching what begins so.
    pub(super) fn open_ended(mut self) -> Self {
        self.prefix = true;
        self
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether names that only begin so will do.
    pub fn is_prefix(&self) -> bool {
        self.prefix
    }

    /// Whether `_` and `.` may mean a space and a `/`.
    pub fn is_loose(&self) -> bool {
        self.loose
    }

    /// Whether it asks for anything at all, `person:*`.
    pub(super) fn is_anything(&self) -> bool {
        self.text.is_empty() && self.prefix
    }

    /// The value cut at `/` and `,`, and in the loose reading at `.`: one name for each level of a place.
    pub(super) fn parts(&self) -> Vec<Self> {
        let loose = self.loose;
        let parts = self.text.split(move |letter| matches!(letter, '/' | ',') || loose && letter == '.');
        let parts: Vec<_> = parts.map(str::trim).filter(|part| !part.is_empty()).collect();
        let last = parts.len().saturating_sub(1);
        let part = |(at, text): (usize, &&str)| Self {
            text: (*text).to_owned(),
            prefix: self.prefix && at == last,
            loose,
        };
        parts.iter().enumerate().map(part).collect()
    }

    /// The folded texts it may mean: as written, and in the loose reading with spaces for `_`. A file name has no `/`.
    pub(super) fn readings(&self) -> Vec<String> {
        let written = fold(&self.text);
        let spaced = written.replace('_', " ");
        if self.loose && spaced != written { vec![written, spaced] } else { vec![written] }
    }

    pub(super) fn write(&self, key: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loose {
            return write!(f, "{key}={}{}", self.text, if self.prefix { "+" } else { "" });
        }
        let bare = !self.text.is_empty()
            && !self.text.ends_with('*')
            && !self.text.contains(['"', '“', '”', '„'])
            && !self.text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
        let text = if bare || self.is_anything() { self.text.clone() } else { lex::quoted(&self.text) };
        write!(f, "{key}:{text}{}", if self.prefix { "*" } else { "" })
    }

    /// The value made ready for comparing it with many names.
    pub(super) fn name_matcher(&self) -> NameMatcher {
        NameMatcher {
            folded: fold(&self.text),
            words: words(&self.text),
            humps: hump_words(&self.text),
            prefix: self.prefix,
        }
    }

    /// The value made ready for comparing it with many paths of parts.
    pub(super) fn path_matcher(&self) -> PathMatcher {
        let mut matcher = PathMatcher { wanted: String::new(), loose: self.loose, prefix: self.prefix };
        matcher.wanted = matcher.part(&self.text);
        let edge = if self.loose { '.' } else { '/' };
        matcher.wanted = matcher.wanted.trim_matches(edge).to_owned();
        matcher
    }
}

/// Compares names of one piece: people, places, cameras, lenses.
pub(super) struct NameMatcher {
    folded: String,
    words: Vec<String>,
    /// The words cut where letters and digits meet, too.
    humps: Vec<String>,
    prefix: bool,
}

impl NameMatcher {
    /// The same, content with the beginning of the last word.
    pub(super) fn open_ended(mut self) -> Self {
        self.prefix = true;
        self
    }

    /// Whether the words wanted stand in the name of a model, where words are run together: `18-55` in `EF-S18-55mm`.
    pub(super) fn within_model(&self, name: &str) -> bool {
        self.within(name) || {
            let have = hump_words(name);
            (0..have.len()).any(|at| run_at(&self.humps, &have, at, self.prefix))
        }
    }

    /// Whether the words wanted stand side by side in `name`: `Bob` in `Bob B`, `smith` in `Alice Smith`.
    pub(super) fn within(&self, name: &str) -> bool {
        self.may_match(name) && {
            let have = words(name);
            self.is_whole(name) || (0..have.len()).any(|at| run_at(&self.words, &have, at, self.prefix))
        }
    }

    /// Whether `name` begins with the words wanted: `frankfurt` is `Frankfurt am Main`, `york` is not `New York`.
    pub(super) fn leads(&self, name: &str) -> bool {
        self.may_match(name) && (self.is_whole(name) || run_at(&self.words, &words(name), 0, self.prefix))
    }

    /// Whether the words wanted are those of `name`, each whole.
    pub(super) fn is_exactly(&self, name: &str) -> bool {
        self.words == words(name)
    }

    fn is_whole(&self, name: &str) -> bool {
        let folded = fold(name);
        folded == self.folded || self.prefix && folded.starts_with(&self.folded)
    }

    /// A quick no for the ASCII names that are most of them.
    fn may_match(&self, name: &str) -> bool {
        let first = self.words.first().unwrap_or(&self.folded).as_bytes();
        !name.is_ascii()
            || first.is_empty()
            || name.as_bytes().windows(first.len()).any(|part| part.eq_ignore_ascii_case(first))
    }
}

/// Whether `have` holds `wanted` from `at` on; with `prefix`, the last word may go on.
fn run_at(wanted: &[String], have: &[String], at: usize, prefix: bool) -> bool {
    let Some((last, before)) = wanted.split_last() else { return false };
    let Some(run) = have.get(at..at + wanted.len()) else { return false };
    let end = &run[before.len()];
    run[..before.len()] == *before && (end == last || prefix && end.starts_with(last.as_str()))
}

/// Compares paths of parts: tags, folders.
pub(super) struct PathMatcher {
    wanted: String,
    loose: bool,
    prefix: bool,
}

impl PathMatcher {
    /// A part of a path made comparable: folded; in the loose reading, characters that stand for one another are one.
    pub(super) fn part(&self, text: &str) -> String {
        let folded = fold(text);
        if self.loose { folded.replace(' ', "_").replace('/', ".") } else { folded }
    }

    /// Whether some run of whole parts is the path wanted: `holiday` and `holiday/rome` and `rome` in `Holiday/Rome`.
    pub(super) fn matches(&self, parts: &[String]) -> bool {
        let parts: Vec<String> = parts.iter().map(|part| self.part(part)).collect();
        (1..=parts.len()).any(|end| self.ends(&parts[..end]))
    }

    /// Whether `parts`, made by [`PathMatcher::part`], end in the path wanted.
    pub(super) fn ends(&self, parts: &[String]) -> bool {
        if !self.prefix && !parts.last().is_some_and(|last| self.wanted.ends_with(last.as_str())) {
            return false;
        }
        let separator = if self.loose { '.' } else { '/' };
        let mut run = String::new();
        for part in parts.iter().rev() {
            if !run.is_empty() {
                run.insert(0, separator);
            }
            run.insert_str(0, part);
            if run == self.wanted || self.prefix && run.starts_with(&self.wanted) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_by_whole_words() {
        let within = |value: Value, name| value.name_matcher().within(name);
        assert!(within(Value::exact("bob"), "Bob B"));
        assert!(within(Value::exact("Bob B"), "bob b"));
        assert!(within(Value::loose("Bob_B"), "Bob B"));
        assert!(within(Value::exact("smith"), "Alice Smith"));
        assert!(!within(Value::exact("al"), "Alice"));
        assert!(within(Value::exact("al*"), "Alice"));
        assert!(within(Value::exact("jose"), "José"));
        assert!(within(Value::exact("東京"), "東京"));
        let model = |value: &str, name| Value::exact(value).name_matcher().open_ended().within_model(name);
        for value in ["18-55", "ef-s18-55mm", "ef-s 18-55", "55mm", "f/3.5"] {
            assert!(model(value, "EF-S18-55mm f/3.5-5.6"), "{value}");
        }
        assert!(model("powershot", "Canon PowerShot G7") && model("40", "Canon EOS 40D"));
        assert!(!model("50", "EF-S18-55mm"));
        let leads = |value: &str, name| Value::exact(value).name_matcher().leads(name);
        assert!(leads("frankfurt", "Frankfurt am Main"));
        assert!(!leads("york", "New York"));
    }

    #[test]
    fn paths_match_by_whole_parts() {
        let parts = |path: &str| path.split('/').map(ToOwned::to_owned).collect::<Vec<_>>();
        let matches = |value: Value, path| value.path_matcher().matches(&parts(path));
        for value in ["holiday", "holiday/rome", "ROME", "/holiday/"] {
            assert!(matches(Value::exact(value), "Holiday/Rome"), "{value}");
        }
        assert!(!matches(Value::exact("holi"), "Holiday/Rome"));
        assert!(matches(Value::exact("holi*"), "Holiday/Rome"));
        assert!(!matches(Value::exact("dog"), "hot dog"));
        for path in ["A/B", "A.B", "x/A/B/y"] {
            assert!(matches(Value::loose("A.B"), path), "{path}");
        }
        for path in ["New York", "new_york"] {
            assert!(matches(Value::loose("new_york"), path), "{path}");
        }
        assert!(!matches(Value::loose("A.B"), "A/x/B"));
    }
}
