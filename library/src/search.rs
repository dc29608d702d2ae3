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

    /// What of a text there is to rank by. The rest must stand in a photo's words.
    fn hear(&self, text: &str) -> Heard {
        Heard { known: text.to_owned(), unknown: Vec::new() }
    }
}

/// A text, divided by whether whoever ranks by meaning knows its words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// What can be ranked by; empty when nothing can.
    pub known: String,
    /// Words that mean nothing to it.
    pub unknown: Vec<String>,
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
    let meant = match meaning {
        Some(meaning) => look(meaning, text, query, allowed, limit)?,
        None => Vec::new(),
    };
    Ok(fusion::fuse(snapshot, said, &named, &meant, limit))
}

/// What the pictures show of a query. A word that means nothing to the model must be in a photo's words, for all that was
/// asked must hold: `quokka` finds no animals at all unless somebody wrote it.
fn look(
    meaning: &dyn Meaning,
    text: &TextReader,
    query: &Query,
    mut allowed: RoaringBitmap,
    limit: usize,
) -> Result<Vec<(RowNumber, f32)>, SearchError> {
    let heard = meaning.hear(&query.spoken());
    if !heard.unknown.is_empty() {
        let mut wanted = Wanted::default();
        for word in &heard.unknown {
            wanted.word(word, false);
        }
        allowed = text.matching(&wanted, &allowed)?;
    }
    if heard.known.is_empty() || allowed.is_empty() {
        return Ok(Vec::new());
    }
    Ok(meaning.rank(&heard.known, &allowed, limit).unwrap_or_default())
}
