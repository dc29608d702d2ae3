//! Search: free words by text and by meaning, filters by sets, and one list of hits.
//!
//! What makes it hard:
//! 1. Two rankings that know nothing of each other's scores must become one. They are fused by rank ([`fusion`]).
//! 2. A list of hits must end where relevance does, not after a fixed count. Text ends where a word is missing
//!    ([`TextReader::search`]); meaning ends where whoever ranks by it says ([`Meaning::rank`]).
//! 3. The same query on the same library must give the same list: whatever ties is put in order of time, then of rows.

mod fusion;
mod order;
#[cfg(test)]
mod tests;

use roaring::RoaringBitmap;
use thiserror::Error;

use crate::id::{AccountId, RowNumber};
use crate::query::{Query, What};
use crate::snapshot::Snapshot;
use crate::text::{TextError, TextReader, Wanted};

/// What ranks pictures by what a text means. The library knows no models; the daemon fills this in when there is one.
pub trait Meaning: Send + Sync {
    /// The rows of `allowed` that look like `text`, best first, at most `limit`, ending where likeness does: what this
    /// returns is listed. `None` when there is no model now.
    fn rank(&self, text: &str, allowed: &RoaringBitmap, limit: usize) -> Option<Vec<(RowNumber, f32)>>;
}

/// A row that was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Hit {
    /// The row.
    pub row: RowNumber,
    /// How well it fits: for sorting, not for comparing across queries. 0 when the query has no free words.
    pub score: f32,
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SearchResult {
    /// Best first; newest first when the query has no free words.
    pub hits: Vec<Hit>,
    /// How many there are, those beyond the limit too.
    pub total: usize,
}

/// Why a search failed. A bad query fails before, in [`Query::parse`].
#[derive(Debug, Error)]
pub enum SearchError {
    /// The text index fails.
    #[error(transparent)]
    Text(#[from] TextError),
}

/// Finds what `query` asks for among what `account` sees, the first `limit` of it.
pub fn search(
    snapshot: &Snapshot,
    account: AccountId,
    text: &TextReader,
    meaning: Option<&dyn Meaning>,
    query: &Query,
    limit: usize,
) -> Result<SearchResult, SearchError> {
    let mut allowed = query.rows(snapshot, account);
    let mut wanted = Wanted::default();
    for term in query.terms() {
        let mut unwanted = Wanted::default();
        let words = if term.excluded { &mut unwanted } else { &mut wanted };
        match &term.what {
            What::Word { text, prefix } => words.word(text, *prefix),
            What::Phrase { text, prefix } => words.phrase(text, *prefix),
            What::Filter(_) => {}
        }
        if !unwanted.is_empty() && !allowed.is_empty() {
            allowed -= text.matching(&unwanted, &allowed)?;
        }
    }
    if allowed.is_empty() {
        return Ok(SearchResult::default());
    }
    if !query.has_text() {
        let total = allowed.len() as usize;
        let hits =
            order::newest(snapshot, &allowed, limit).into_iter().map(|row| Hit { row, score: 0.0 }).collect();
        return Ok(SearchResult { hits, total });
    }
    let said = text.search(&wanted, &allowed)?;
    let named = if said.is_empty() { RoaringBitmap::new() } else { text.named(&wanted.line(), &allowed)? };
    let meant =
        meaning.and_then(|meaning| meaning.rank(&query.spoken(), &allowed, limit)).unwrap_or_default();
    Ok(fusion::fuse(snapshot, said, &named, &meant, limit))
}
