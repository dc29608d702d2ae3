//! From chunks of text to terms.

use jiff::civil::Date;

use super::error::QueryError;
use super::filter::{Filter, Written};
use super::lex::{self, Chunk};
use super::operator::Operator;
use super::{Mode, Term, What};

pub(super) fn parse(text: &str, mode: Mode, today: Date) -> Result<Vec<Term>, QueryError> {
    let chunks = lex::chunks(text);
    // The last chunk is being typed, unless a space after it says that it is finished; in a quote it says nothing.
    let finished = text.ends_with(|letter: char| letter.is_whitespace() || letter.is_control());
    let mut terms = Vec::new();
    for (at, chunk) in chunks.iter().enumerate() {
        let last = at + 1 == chunks.len();
        let unfinished = mode == Mode::Typing && last && (chunk.open || !finished);
        match read(chunk, unfinished, today) {
            Ok(Term { what: What::Phrase { text, .. }, .. }) if text.trim().is_empty() => {}
            Ok(term) => terms.push(term),
            Err(error) if mode == Mode::Strict => return Err(error),
            // Half a filter: it selects nothing yet, and as text it would find nothing.
            Err(QueryError::BadValue { .. } | QueryError::Backwards { .. } | QueryError::NoValue { .. })
                if unfinished => {}
            Err(QueryError::ExcludesNothing { .. }) => {}
            Err(_) => terms.push(as_text(chunk)),
        }
    }
    Ok(terms)
}

/// What stands before the first `:` or `=`, whether that is a `=`, and what stands after.
struct Keyed<'a> {
    key: &'a str,
    loose: bool,
    value: &'a str,
}

fn keyed(bare: &str) -> Option<Keyed<'_>> {
    let at = bare.find(|letter: char| !letter.is_ascii_alphabetic())?;
    let (key, rest) = bare.split_at(at);
    // `rating>=4` needs no colon.
    if rest.starts_with(['<', '>']) {
        let operator = Operator::named(key).filter(|operator| operator.compares());
        return operator.map(|_| Keyed { key, loose: false, value: rest });
    }
    let value = rest.strip_prefix([':', '='])?;
    (!key.is_empty()).then_some(Keyed { key, loose: rest.starts_with('='), value })
}

fn read(chunk: &Chunk, unfinished: bool, today: Date) -> Result<Term, QueryError> {
    if chunk.open && !unfinished {
        return Err(QueryError::OpenQuote { word: chunk.raw.clone() });
    }
    let (mut excluded, mut bare) = (chunk.excluded, chunk.bare.as_str());
    // `not=tag=work` is `-tag=work`, where a `-` in front looks like an option of a command.
    if let Some(Keyed { key: "not", value, .. }) = keyed(bare)
        && !excluded
    {
        (excluded, bare) = (true, value);
        if value.is_empty() && chunk.quoted.is_none() {
            return Err(QueryError::ExcludesNothing { word: chunk.raw.clone() });
        }
    }
    if bare == "-" && chunk.quoted.is_none() {
        return Err(QueryError::ExcludesNothing { word: chunk.raw.clone() });
    }
    let term = |what| Term { excluded, what };
    if let Some(Keyed { key, loose, value }) = keyed(bare) {
        if let Some(operator) = Operator::named(key) {
            let whole = format!("{value}{}", chunk.quoted.as_deref().unwrap_or_default());
            let quoted = chunk.quoted.is_some();
            // Half a name is a prefix of one, and none at all a prefix of every one.
            let star = chunk.star || unfinished && whole.is_empty() && takes_names(operator);
            let written = Written { value: &whole, quoted, loose, star };
            let filter = Filter::parse(operator, &written, &chunk.raw, today)?;
            return Ok(term(What::Filter(if unfinished && (!quoted || chunk.open) {
                filter.open_ended()
            } else {
                filter
            })));
        }
        if looks_like_operator(key, value) {
            let (key, word) = (key.to_owned(), chunk.raw.clone());
            return Err(QueryError::UnknownOperator { word, hint: Operator::resembling(&key), key });
        }
    }
    Ok(term(text(bare, chunk, unfinished)))
}

fn takes_names(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Person
            | Operator::Place
            | Operator::Camera
            | Operator::Lens
            | Operator::Tag
            | Operator::Folder
    )
}

/// Whether `key:value` is meant as an operator, rather than as a web address, a drive (`C:`), or a colon in a text.
fn looks_like_operator(key: &str, value: &str) -> bool {
    key.len() > 1 && !value.is_empty() && !value.starts_with("//")
}

/// Free text: a word, or what stands in quotes.
fn text(bare: &str, chunk: &Chunk, unfinished: bool) -> What {
    match &chunk.quoted {
        Some(quoted) => What::Phrase { text: format!("{bare}{quoted}"), prefix: chunk.star || chunk.open },
        None => {
            let (text, star) = match bare.strip_suffix('*') {
                Some(text) if !text.is_empty() => (text, true),
                _ => (bare, false),
            };
            // `note:*` would read as an operator.
            let may_go_on = unfinished && !text.ends_with(['*', ':', '=']);
            What::Word { text: text.to_owned(), prefix: star || may_go_on }
        }
    }
}

/// A chunk that is no filter although it looks like one, as a text that stays text when it is read again.
fn as_text(chunk: &Chunk) -> Term {
    let text = format!("{}{}", chunk.bare, chunk.quoted.as_deref().unwrap_or_default());
    Term { excluded: chunk.excluded, what: What::Phrase { text, prefix: chunk.star } }
}
