//! The order of time: newest first, what has no date last.

use std::cmp::Reverse;

use jiff::civil::{Date, DateTime};
use roaring::RoaringBitmap;

use crate::id::RowNumber;
use crate::snapshot::{Facet, Snapshot};

/// Up to so many rows are sorted by themselves; for more, the days are walked, so that the first page of a million does
/// not cost a million looks. Walking past all the days of twenty years costs about as much as sorting this many.
const FEW: u64 = 1 << 15;

/// What rows are sorted by, ascending: newest first, then undated ones, the row that came first before its equals.
pub(super) fn key(snapshot: &Snapshot, row: RowNumber) -> (Reverse<Option<DateTime>>, RowNumber) {
    let taken = snapshot.row(row).and_then(|row| row.taken).map(|taken| taken.local);
    (Reverse(taken), row)
}

/// The first `limit` of `rows` by time.
pub(super) fn newest(snapshot: &Snapshot, rows: &RoaringBitmap, limit: usize) -> Vec<RowNumber> {
    let mut sorted = Vec::new();
    if rows.len() <= FEW {
        append(snapshot, rows, limit, &mut sorted);
    } else {
        let days = snapshot.facets(Facet::Day(Date::MIN)..=Facet::Day(Date::MAX)).rev().map(|(_, set)| set);
        for set in days.chain(snapshot.facet(Facet::Undated)) {
            append(snapshot, &(set & rows), limit - sorted.len(), &mut sorted);
            if sorted.len() >= limit {
                break;
            }
        }
    }
    sorted
}

/// Appends the first `limit` of `rows` by time.
fn append(snapshot: &Snapshot, rows: &RoaringBitmap, limit: usize, sorted: &mut Vec<RowNumber>) {
    let mut some: Vec<_> = rows.iter().map(|row| key(snapshot, RowNumber(row))).collect();
    if limit < some.len() {
        some.select_nth_unstable(limit);
        some.truncate(limit);
    }
    some.sort_unstable();
    sorted.extend(some.into_iter().map(|(_, row)| row));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::fixture::{Fixture, Photo};

    #[test]
    fn walking_the_days_is_sorting() {
        let mut fixture = Fixture::default();
        let count = FEW as usize + 100;
        for at in 0..count {
            let taken = format!("20{:02}-{:02}-{:02}T10:00:{:02}", at % 23, at % 12 + 1, at % 28 + 1, at % 7);
            let path = format!("{}/{at}.jpg", at % 50);
            fixture.add(&Photo { path: &path, taken: (at % 9 > 0).then_some(&taken), ..Photo::default() });
        }
        let snapshot = fixture.snapshot();
        let rows: RoaringBitmap = (0..count as u32).collect();
        let mut expected: Vec<RowNumber> = rows.iter().map(RowNumber).collect();
        expected.sort_by_key(|row| key(&snapshot, *row));
        for limit in [0, 1, 7, 1000, count, usize::MAX] {
            assert_eq!(newest(&snapshot, &rows, limit), expected[..limit.min(count)], "{limit}");
        }
        let few: RoaringBitmap = (0..500).collect();
        expected.retain(|row| few.contains(row.0));
        assert_eq!(newest(&snapshot, &few, 100), expected[..100]);
        assert_eq!(newest(&snapshot, &few, 500), expected);
    }
}
