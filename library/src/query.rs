//! The query language: what people type into a search box, a path below `search/`, or a saved search.
//!
//! What makes it hard:
//! 1. The same words come from places that forbid different characters: a path component has no `/`, SMB has none of
//!    `: < > " * ? |`. Every operator has a second spelling, `key=value` with `.` for `/` and `_` for a space, and a
//!    value written so may mean those characters themselves: both readings are tried ([`Value`]).
//! 2. A box asks at every keystroke. What is half typed must never be an error there ([`Mode::Typing`]), while a path or
//!    a saved search that means nothing must say so, and say what would be right ([`QueryError`]).
//! 3. What is shown of a query must be that query again: [`Query`] displays as text that parses to itself.
//! 4. Filters run over a million rows at every keystroke: sets first, columns last (`select`).

mod date;
mod error;
mod filter;
mod folder;
mod lex;
mod number;
mod operator;
mod parse;
mod select;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;

use jiff::civil::Date;

pub use self::date::{DateBound, DateRange};
pub use self::error::QueryError;
pub use self::filter::{Filter, RatingFilter, State, Thing, TypeFilter};
pub use self::number::{Column, NumberRange};
pub use self::operator::Operator;
pub use self::value::Value;

/// How patient the reader of a query is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A path, a saved search, the command line: what means nothing is an error.
    Strict,
    /// A search box at every keystroke: nothing is an error, and the last word may go on.
    Typing,
}

/// A query: everything in it must hold.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Query {
    terms: Vec<Term>,
}

/// One part of a query.
#[derive(Clone, PartialEq, Debug)]
pub struct Term {
    /// Whether it must not hold.
    pub excluded: bool,
    /// What must hold.
    pub what: What,
}

/// What a term asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// A free word; with hyphens inside it means its parts too.
    Word {
        /// As typed.
        text: String,
        /// Whether words that begin so will do: `dog*`, or the word being typed.
        prefix: bool,
    },
    /// Words side by side in this order: `"dog in park"`.
    Phrase {
        /// What stands in the quotes.
        text: String,
        /// Whether the last word may go on: `"dog in pa"*`.
        prefix: bool,
    },
    /// A filter: `person:Alice`.
    Filter(Filter),
}

impl Query {
    /// Reads a query. `today` is the daemon's local date, for `date:today`.
    ///
    /// In [`Mode::Typing`] this never fails: a filter that is not finished is text, or has no effect while it is the
    /// last thing typed.
    pub fn parse(text: &str, mode: Mode, today: Date) -> Result<Self, QueryError> {
        parse::parse(text, mode, today).map(|terms| Self { terms })
    }

    /// All parts, in the order they were written.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether nothing is asked for at all.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The filters, and whether each is excluded.
    pub fn filters(&self) -> impl Iterator<Item = (&Filter, bool)> {
        self.terms.iter().filter_map(|term| match &term.what {
            What::Filter(filter) => Some((filter, term.excluded)),
            _ => None,
        })
    }

    /// Whether there are free words or phrases to look for (excluded ones aside): such a query is ranked by relevance,
    /// any other by time.
    pub fn has_text(&self) -> bool {
        self.terms.iter().any(|term| !term.excluded && !matches!(term.what, What::Filter(_)))
    }

    /// The free words as one line of plain language, for whatever ranks by meaning. Empty when there are none.
    pub fn spoken(&self) -> String {
        let mut spoken = Vec::new();
        for term in self.terms.iter().filter(|term| !term.excluded) {
            match &term.what {
                What::Word { text, .. } => spoken.push(text.replace(['-', '_'], " ")),
                What::Phrase { text, .. } => spoken.push(text.clone()),
                What::Filter(_) => {}
            }
        }
        spoken.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.excluded {
            f.write_str("-")?;
        }
        match &self.what {
            What::Word { text, prefix } => write!(f, "{text}{}", if *prefix { "*" } else { "" }),
            What::Phrase { text, prefix } => {
                write!(f, "{}{}", lex::quoted(text), if *prefix { "*" } else { "" })
            }
            What::Filter(filter) => filter.fmt(f),
        }
    }
}
