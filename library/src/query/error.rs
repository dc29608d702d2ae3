//! What is wrong with a query, and what would be right.

use thiserror::Error;

use super::operator::Operator;

/// Why a query means nothing. Names the word, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum QueryError {
    /// `foo:bar`
    #[error("`{word}`: there is no operator `{key}`{}. There are: {}. To look for the words, write \"{word}\" in quotes",
        hint.map(|operator| format!(" (did you mean `{}:`?)", operator.word())).unwrap_or_default(),
        Operator::words())]
    UnknownOperator {
        /// As typed.
        word: String,
        /// What stands before the colon.
        key: String,
        /// The operator it looks like.
        hint: Option<Operator>,
    },
    /// `date:2024-13`
    #[error("`{word}` is no {what}: write {examples}", what = operator.noun(), examples = operator.examples())]
    BadValue {
        /// As typed.
        word: String,
        /// Which operator's value it is.
        operator: Operator,
    },
    /// `person:`
    #[error("`{word}` says nothing: write {examples}", examples = operator.examples())]
    NoValue {
        /// As typed.
        word: String,
        /// The operator.
        operator: Operator,
    },
    /// `date:2024..2020`
    #[error("`{word}` ends before it begins: write the earlier or smaller one first")]
    Backwards {
        /// As typed.
        word: String,
    },
    /// `"dog in park`
    #[error("`{word}` has a quote that is never closed: write \"dog in park\", or leave the quote out")]
    OpenQuote {
        /// From the quote on.
        word: String,
    },
    /// `-` before nothing
    #[error("`{word}` excludes nothing: write -work or -tag:work, without a space after the `-`")]
    ExcludesNothing {
        /// As typed.
        word: String,
    },
}
