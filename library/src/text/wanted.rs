//! Words to look for, cut as the index cuts them.

use super::words::{hump_words, is_function_word, runs, words};

/// Words and phrases that must all be found, each anywhere in a document.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    pub(super) all: Vec<Sought>,
    /// All words in the order they were written, for comparing with a whole file name.
    line: Vec<String>,
}

/// One thing to find.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Sought {
    /// A word; where it was written in humps (`dogPark`, `img12`), its parts together will do as well.
    Word { text: String, parts: Vec<String>, prefix: bool },
    /// Words side by side.
    Phrase { words: Vec<String>, prefix: bool },
}

impl Wanted {
    /// Adds a free word. Its parts between hyphens and the like are each wanted; a run of a script without spaces is
    /// wanted as it stands. With `prefix`, the last part may go on.
    pub fn word(&mut self, text: &str, prefix: bool) {
        let runs: Vec<&str> = runs(text).collect();
        for (at, run) in runs.iter().enumerate() {
            let prefix = prefix && at + 1 == runs.len();
            let cut = words(run);
            self.line.extend(cut.iter().cloned());
            match &cut[..] {
                [] => {}
                [text] => {
                    let parts = hump_words(run);
                    let parts = if parts.len() > 1 { parts } else { Vec::new() };
                    self.all.push(Sought::Word { text: text.clone(), parts, prefix });
                }
                _ => self.all.push(Sought::Phrase { words: cut, prefix }),
            }
        }
    }

    /// Adds words that must stand side by side.
    pub fn phrase(&mut self, text: &str, prefix: bool) {
        let words = words(text);
        self.line.extend(words.iter().cloned());
        if !words.is_empty() {
            self.all.push(Sought::Phrase { words, prefix });
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All words in a line: what a file name must be to be meant itself.
    pub fn line(&self) -> String {
        self.line.join(" ")
    }

    /// What must be found: all but the words of grammar, unless there are no others.
    pub(super) fn required(&self) -> Vec<&Sought> {
        let matters = |sought: &&Sought| match sought {
            // A word of grammar that is being typed may become any other.
            Sought::Word { text, prefix, .. } => *prefix || !is_function_word(text),
            Sought::Phrase { .. } => true,
        };
        let required: Vec<&Sought> = self.all.iter().filter(|sought| matters(sought)).collect();
        if required.is_empty() { self.all.iter().collect() } else { required }
    }
}
