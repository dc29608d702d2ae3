//! One list from several rankings.
//!
//! Reciprocal rank fusion: a row's score is the sum of `1 / (60 + rank)` over the rankings that have it, ranks counted
//! from 1. It needs no common scale, and one ranking's outliers cannot drown the other (Cormack, Clarke, Büttcher:
//! "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009; 60 is their
//! constant). Rows of equal text score share the best rank among them. A file called exactly as the query stands before
//! everything else: who types a file's name wants that file.

use std::cmp::Ordering;
use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::order::key;
use super::{Hit, SearchResult};
use crate::id::RowNumber;
use crate::snapshot::Snapshot;

/// The constant of the formula.
const K: f32 = 60.0;

/// What a name that is the query is worth: more than all ranks together.
const NAMED: f32 = 1.0;

fn share(rank: usize) -> f32 {
    1.0 / (K + rank as f32)
}

/// Fuses what the words say (`said`, in no order) with what the picture means (`meant`, best first).
pub(super) fn fuse(
    snapshot: &Snapshot,
    mut said: Vec<(RowNumber, f32)>,
    named: &RoaringBitmap,
    meant: &[(RowNumber, f32)],
    limit: usize,
) -> SearchResult {
    let total = said.len();
    let better = |left: &(RowNumber, f32), right: &(RowNumber, f32)| {
        let is_named = |hit: &(RowNumber, f32)| named.contains(hit.0.0);
        is_named(right).cmp(&is_named(left)).then(right.1.total_cmp(&left.1))
    };
    if meant.is_empty() && total > limit {
        cut(snapshot, &mut said, limit, better);
    }
    said.sort_unstable_by(better);
    let mut rank = 0;
    let mut hits: Vec<Hit> = Vec::with_capacity(said.len());
    for (at, (row, score)) in said.iter().enumerate() {
        if at == 0 || said[at - 1].1.total_cmp(score) != Ordering::Equal {
            rank = at + 1;
        }
        let name = if named.contains(row.0) { NAMED } else { 0.0 };
        hits.push(Hit { row: *row, score: share(rank) + name });
    }
    let mut total = total;
    if !meant.is_empty() {
        let mut scores: HashMap<RowNumber, f32> = hits.iter().map(|hit| (hit.row, hit.score)).collect();
        for (at, (row, _)) in meant.iter().enumerate() {
            *scores.entry(*row).or_default() += share(at + 1);
        }
        total = scores.len();
        hits = scores.into_iter().map(|(row, score)| Hit { row, score }).collect();
        hits.sort_unstable_by(|left, right| right.score.total_cmp(&left.score));
    }
    // Best first already; what ties is put in order of time.
    for ties in hits.chunk_by_mut(|one, other| one.score.total_cmp(&other.score) == Ordering::Equal) {
        if ties.len() > 1 {
            ties.sort_by_cached_key(|hit| key(snapshot, hit.row));
        }
    }
    hits.truncate(limit);
    SearchResult { hits, total }
}

/// Keeps the `limit` best, and of those that tie for the last places the newest, without sorting the rest.
fn cut(
    snapshot: &Snapshot,
    said: &mut Vec<(RowNumber, f32)>,
    limit: usize,
    better: impl Fn(&(RowNumber, f32), &(RowNumber, f32)) -> Ordering,
) {
    if limit == 0 {
        said.clear();
        return;
    }
    let (_, last, _) = said.select_nth_unstable_by(limit - 1, &better);
    let last = *last;
    let mut ties: Vec<_> = said.iter().copied().filter(|hit| better(hit, &last) == Ordering::Equal).collect();
    said.retain(|hit| better(hit, &last) == Ordering::Less);
    ties.sort_by_cached_key(|(row, _)| key(snapshot, *row));
    ties.truncate(limit - said.len());
    said.extend(ties);
}
