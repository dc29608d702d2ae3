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
    let best = |(row, score): &(RowNumber, f32)| score + if named.contains(row.0) { 1e6 } else { 0.0 };
    if meant.is_empty() && total > limit {
        cut(snapshot, &mut said, limit, best);
    }
    said.sort_unstable_by(|left, right| best(right).total_cmp(&best(left)));
    let mut scores: HashMap<RowNumber, f32> = HashMap::with_capacity(said.len() + meant.len());
    let mut rank = 0;
    for (at, (row, score)) in said.iter().enumerate() {
        if at == 0 || said[at - 1].1.total_cmp(score) != Ordering::Equal {
            rank = at + 1;
        }
        let name = if named.contains(row.0) { NAMED } else { 0.0 };
        scores.insert(*row, share(rank) + name);
    }
    for (at, (row, _)) in meant.iter().enumerate() {
        *scores.entry(*row).or_default() += share(at + 1);
    }
    let total = total + scores.len() - said.len();
    let mut hits: Vec<Hit> = scores.into_iter().map(|(row, score)| Hit { row, score }).collect();
    hits.sort_by_cached_key(|hit| key(snapshot, hit.row));
    hits.sort_by(|left, right| right.score.total_cmp(&left.score));
    hits.truncate(limit);
    SearchResult { hits, total }
}

/// Keeps the `limit` best, and of those that tie for the last places the newest, without sorting the rest.
fn cut(
    snapshot: &Snapshot,
    said: &mut Vec<(RowNumber, f32)>,
    limit: usize,
    best: impl Fn(&(RowNumber, f32)) -> f32,
) {
    if limit == 0 {
        said.clear();
        return;
    }
    let (_, last, _) =
        said.select_nth_unstable_by(limit - 1, |left, right| best(right).total_cmp(&best(left)));
    let last = best(last);
    let (mut kept, mut ties): (Vec<_>, Vec<_>) =
        said.drain(..).filter(|hit| best(hit) >= last).partition(|hit| best(hit) > last);
    ties.sort_by_cached_key(|(row, _)| key(snapshot, *row));
    kept.extend(ties);
    kept.truncate(limit);
    *said = kept;
}
