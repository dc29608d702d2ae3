//! Taking rows out of the index as a query finds them.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::query::Weight;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TERMINATED};

use super::schema::ROW;
use crate::id::RowNumber;

/// Collects the rows found that are allowed.
pub(super) struct Hits {
    allowed: Arc<[u64]>,
    scored: bool,
}

impl Hits {
    pub(super) fn new(allowed: &RoaringBitmap, scored: bool) -> Self {
        // One bit a row: asked for every document found, so it must cost one look.
        let mut bits = vec![0_u64; allowed.max().map_or(0, |max| max as usize / 64 + 1)];
        for row in allowed {
            bits[row as usize / 64] |= 1 << (row % 64);
        }
        Self { allowed: bits.into(), scored }
    }
}

/// The hits of one segment.
pub(super) struct SegmentHits {
    allowed: Arc<[u64]>,
    rows: Arc<dyn ColumnValues<u64>>,
    found: Vec<(RowNumber, f32)>,
}

impl Collector for Hits {
    type Fruit = Vec<(RowNumber, f32)>;
    type Child = SegmentHits;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentHits> {
        let rows = segment.fast_fields().column_first_or_default::<u64>(ROW)?;
        Ok(SegmentHits { allowed: Arc::clone(&self.allowed), rows, found: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        self.scored
    }

    fn merge_fruits(&self, segments: Vec<Self::Fruit>) -> tantivy::Result<Self::Fruit> {
        Ok(segments.into_iter().flatten().collect())
    }
}

impl SegmentCollector for SegmentHits {
    type Fruit = Vec<(RowNumber, f32)>;

    fn collect(&mut self, doc: DocId, score: Score) {
        let row = self.rows.get_val(doc);
        if self.allowed.get(row as usize / 64).is_some_and(|bits| bits >> (row % 64) & 1 == 1) {
            self.found.push((RowNumber(row as u32), score));
        }
    }

    fn harvest(self) -> Self::Fruit {
        self.found
    }
}

/// Tells whether anything is found at all, and stops at the first.
pub(super) struct Any;

/// Never asked to collect: [`Any`] looks for itself.
pub(super) struct Nothing;

impl Collector for Any {
    type Fruit = bool;
    type Child = Nothing;

    fn for_segment(&self, _: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<Nothing> {
        Ok(Nothing)
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<bool>) -> tantivy::Result<bool> {
        Ok(segments.contains(&true))
    }

    fn collect_segment(
        &self,
        weight: &dyn Weight,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<bool> {
        let mut found = weight.scorer(segment, 1.0)?;
        let mut doc = found.doc();
        while doc != TERMINATED && segment.is_deleted(doc) {
            doc = found.advance();
        }
        Ok(doc != TERMINATED)
    }
}

impl SegmentCollector for Nothing {
    type Fruit = bool;

    fn collect(&mut self, _: DocId, _: Score) {}

    fn harvest(self) -> bool {
        false
    }
}
