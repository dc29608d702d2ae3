//! The order of time: newest first, what has no date last.

use std::cmp::Reverse;

use jiff::civil::{Date, DateTime};
use roaring::RoaringBitmap;

use crate::id::RowNumber;
use crate::snapshot::{Facet, Snapshot};

/// Fewer rows than this are sorted by themselves; for more, the days are walked, so that the first page of a million
/// does not cost a million looks.
const FEW: u64 = 4096;

/// What rows are sorted by, ascending: newest first, then undated ones, the row that came first before its equals.
pub(super) fn key(snapshot: &Snapshot, row: RowNumber) -> (Reverse<Option<DateTime>>, RowNumber) {
    let taken = snapshot.row(row).and_then(|row| row.taken).map(|taken| taken.local);
    (Reverse(taken), row)
}

/// The first `limit` of `rows` by time.
pub(super) fn newest(snapshot: &Snapshot, rows: &RoaringBitmap, limit: usize) -> Vec<RowNumber> {
    let mut sorted = Vec::new();
    if rows.len() <= FEW {
        append(snapshot, rows, &mut sorted);
    } else {
        let days = snapshot.facets(Facet::Day(Date::MIN)..=Facet::Day(Date::MAX)).rev().map(|(_, set)| set);
        for set in days.chain(snapshot.facet(Facet::Undated)) {
            append(snapshot, &(set & rows), &mut sorted);
            if sorted.len() >= limit {
                break;
            }
        }
    }
    sorted.truncate(limit);
    sorted
}

fn append(snapshot: &Snapshot, rows: &RoaringBitmap, sorted: &mut Vec<RowNumber>) {
    let mut some: Vec<_> = rows.iter().map(|row| key(snapshot, RowNumber(row))).collect();
    some.sort_unstable();
    sorted.extend(some.into_iter().map(|(_, row)| row));
}
