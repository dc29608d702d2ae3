//! Near-duplicates: the same picture twice, saved again, smaller, or shot in a burst.
//!
//! Comparing all with all would take hours at a million. Vectors that are nearly the same have nearly the same signs, so
//! their codes agree in whole pieces of 16 bits: only those that share a piece are compared, first by how many signs
//! differ, then exactly. At a cosine of 0.99 about one sign in twelve differs; of 32 pieces none is shared once in some
//! thousand pairs.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use roaring::RoaringBitmap;

use super::Pictures;
use crate::dot::dot;
use crate::id::RowNumber;
use crate::snapshot::{Row, Snapshot};
use crate::vectors::{Slot, VectorError};

/// Immich's threshold: a cosine distance of 0.01.
const ALIKE: f32 = 0.99;

/// Signs that may differ, of all: twice what is usual at the threshold.
const SIGNS: f32 = 1.0 / 6.0;

/// So many that share a piece are compared all with all; of more, each with so many of its neighbours. Signs that
/// everything shares tell nothing, and another piece finds the pair.
const CROWD: usize = 512;

/// Pictures taken longer apart than this are two pictures, however alike.
const APART: SignedDuration = SignedDuration::from_hours(24);

/// The shapes of one picture differ less than this.
const SHAPE: f32 = 0.05;

impl Pictures {
    /// The photos of `allowed` that are nearly the same picture, in groups of at least two: each group in the order of
    /// rows, the groups by their first. A group is whatever is tied together by pairs, and does not depend on the order
    /// in which anything arrived.
    pub fn duplicates(
        &self,
        snapshot: &Snapshot,
        allowed: &RoaringBitmap,
    ) -> Result<Vec<Vec<RowNumber>>, VectorError> {
        let photos: Vec<(RowNumber, Slot)> = {
            let map = self.rows();
            let photos = allowed.iter().map(RowNumber).filter(|row| snapshot.row(*row).is_some());
            photos.filter_map(|row| Some((row, map.slot(row)?))).collect()
        };
        let mut groups = Union::new(photos.len());
        let (mut one_reader, mut other_reader) = (self.file.reader(), self.file.reader());
        for (one, other) in self.candidates(&photos) {
            if groups.same(one, other) {
                continue;
            }
            let ((one_row, one_slot), (other_row, other_slot)) = (photos[one], photos[other]);
            let (Some(one_shot), Some(other_shot)) = (snapshot.row(one_row), snapshot.row(other_row)) else {
                continue;
            };
            if !may_be_one(one_shot, other_shot) {
                continue;
            }
            if one_reader.read(one_slot)?.is_some()
                && other_reader.read(other_slot)?.is_some()
                && dot(one_reader.values(), other_reader.values()) >= ALIKE
            {
                groups.unite(one, other);
            }
        }
        let mut by_first: BTreeMap<usize, Vec<RowNumber>> = BTreeMap::new();
        for (at, (row, _)) in photos.iter().enumerate() {
            by_first.entry(groups.first(at)).or_default().push(*row);
        }
        Ok(by_first.into_values().filter(|group| group.len() > 1).collect())
    }

    /// Pairs whose signs are nearly the same, the lower place first.
    fn candidates(&self, photos: &[(RowNumber, Slot)]) -> Vec<(usize, usize)> {
        let scanned = self.scanned();
        let signs = (self.width() as f32 * SIGNS).ceil() as u32;
        let pieces = self.width().div_ceil(16);
        let piece = |slot: Slot, piece: usize| {
            scanned.codes.signs(slot).nth(piece / 4).map_or(0, |word| (word >> (piece % 4 * 16)) as u16)
        };
        let mut pairs = Vec::new();
        let mut order: Vec<(u16, u32)> = Vec::with_capacity(photos.len());
        for at in 0..pieces {
            order.clear();
            order.extend(photos.iter().zip(0..).map(|((_, slot), place)| (piece(*slot, at), place)));
            order.sort_unstable();
            for shared in order.chunk_by(|one, other| one.0 == other.0) {
                for (first, (_, one)) in shared.iter().enumerate() {
                    for (_, other) in shared[first + 1..].iter().take(CROWD) {
                        let (one, other) = (*one as usize, *other as usize);
                        if scanned.codes.differing(photos[one].1, photos[other].1) <= signs {
                            pairs.push((one, other));
                        }
                    }
                }
            }
            pairs.sort_unstable();
            pairs.dedup();
        }
        pairs
    }
}

/// Whether what is known of two photos allows that they are one picture.
fn may_be_one(one: &Row, other: &Row) -> bool {
    let stacked = one.extras.stack.is_some() && one.extras.stack == other.extras.stack;
    let shape = |row: &Row| row.pixels.map(|pixels| pixels.width as f32 / pixels.height.max(1) as f32);
    let shapes_agree = match (shape(one), shape(other)) {
        (Some(one), Some(other)) => (one - other).abs() <= SHAPE * one.max(other),
        _ => true,
    };
    let taken = |row: &Row| row.taken.map(|taken| taken.local);
    let times_agree = match (taken(one), taken(other)) {
        (Some(one), Some(other)) => apart(one, other) <= APART,
        _ => true,
    };
    one.kind == other.kind && !stacked && shapes_agree && times_agree
}

fn apart(one: DateTime, other: DateTime) -> SignedDuration {
    one.duration_since(other).abs()
}

/// Sets that are united, each known by its lowest member.
struct Union(Vec<usize>);

impl Union {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn first(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            // Halves the way for whoever asks next.
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn same(&mut self, one: usize, other: usize) -> bool {
        self.first(one) == self.first(other)
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }
}
