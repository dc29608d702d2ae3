//! The scan: every code, then the best of them exactly.

use roaring::RoaringBitmap;

use super::Pictures;
use crate::dot::dot;
use crate::id::RowNumber;
use crate::meaning::Background;
use crate::vectors::{Slot, VectorError, VectorKey};

/// Estimates are told apart in so many steps between -[`REACH`] and [`REACH`].
const STEPS: usize = 4096;

/// No estimate of a cosine is farther from 0, but by an error that does no harm.
const REACH: f32 = 1.5;

/// A query's share of all pictures that may be relevant before the exact scores say which.
const UNSURE: f64 = 0.5;

/// Fewer slots than this are read by one thread.
const ALONE: usize = 500;

/// How many pictures are compared exactly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Breadth {
    /// So many are wanted, however unlike they are.
    pub(crate) at_least: usize,
    /// And not more, however many are alike.
    pub(crate) at_most: usize,
}

/// A picture that was compared exactly.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Found<T> {
    pub(crate) slot: Slot,
    pub(crate) cosine: f32,
    /// What the caller made of its vector.
    pub(crate) made: T,
}

/// What the scan found.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Near<T> {
    /// Best first; ties in the order of slots.
    pub(crate) found: Vec<Found<T>>,
    /// How many pictures were looked at: all that are allowed.
    pub(crate) candidates: usize,
    /// What pictures of this library score against the query, whatever was allowed.
    pub(crate) background: Background,
}

/// The step of a slot that may not be found.
const NOT_ALLOWED: u16 = 0;

/// The step of an estimate that is a number, above [`NOT_ALLOWED`].
fn step_of(estimate: f32) -> u16 {
    // A cast of what is out of range ends at the edge.
    (((estimate + REACH) * (STEPS as f32 / (2.0 * REACH))) as u16).clamp(NOT_ALLOWED + 1, STEPS as u16 - 1)
}

/// What one thread found in its share of the slots.
struct Share {
    /// How many slots of each step there are; of [`NOT_ALLOWED`] none are counted.
    histogram: Vec<u32>,
    candidates: usize,
}

impl Pictures {
    /// The pictures of `allowed` nearest to a query of unit length, of the file's width. `make` sees the vector of each
    /// that is compared.
    pub(crate) fn near<T: Send>(
        &self,
        query: &[f32],
        allowed: &RoaringBitmap,
        breadth: Breadth,
        make: impl Fn(&VectorKey, &[f32]) -> T + Sync,
    ) -> Result<Near<T>, VectorError> {
        if query.len() != self.width() {
            return Err(VectorError::Width { width: self.width(), given: query.len() });
        }
        let marks = self.rows().marked(allowed);
        let (steps, shares, count, background) = {
            let scanned = self.scanned();
            let mut steps = vec![NOT_ALLOWED; scanned.codes.end()];
            // Counted while they are in the processor's own memory, by the threads that made them.
            let shares = scanned.codes.estimates(
                query,
                &mut steps,
                || Share { histogram: vec![0; STEPS], candidates: 0 },
                |share, first, estimates, steps| {
                    let slots = estimates.iter().zip(steps).zip(first..);
                    for ((estimate, step), _) in slots.filter(|(_, slot)| marks.has(*slot)) {
                        if !estimate.is_nan() {
                            *step = step_of(*estimate);
                            share.histogram[usize::from(*step)] += 1;
                            share.candidates += 1;
                        }
                    }
                },
            );
            (steps, shares, scanned.count, Background::of(scanned.sample.scores(query)))
        };
        let candidates = shares.iter().map(|share| share.candidates).sum();
        let histogram: Vec<u32> =
            (0..STEPS).map(|step| shares.iter().map(|share| share.histogram[step]).sum()).collect();
        let at_least = breadth.at_least.max(count / 256).max(1024);
        let lowest = lowest_step(&histogram, candidates, breadth, at_least, &background);
        let slots = at_least_at(lowest, &steps);
        drop(steps);
        let mut found = self.compare(&slots, query, &make)?;
        found.sort_unstable_by(|one, other| {
            other.cosine.total_cmp(&one.cosine).then(one.slot.cmp(&other.slot))
        });
        Ok(Near { found, candidates, background })
    }

    /// Compares slots exactly; those that hold nothing any more are left out.
    fn compare<T: Send>(
        &self,
        slots: &[Slot],
        query: &[f32],
        make: &(impl Fn(&VectorKey, &[f32]) -> T + Sync),
    ) -> Result<Vec<Found<T>>, VectorError> {
        let some = |slots: &[Slot]| {
            let mut reader = self.file.reader();
            let mut found = Vec::with_capacity(slots.len());
            for slot in slots {
                if let Some(key) = reader.read(*slot)? {
                    let values = reader.values();
                    found.push(Found { slot: *slot, cosine: dot(values, query), made: make(&key, values) });
                }
            }
            Ok(found)
        };
        if slots.len() < ALONE {
            return some(slots);
        }
        let (ours, others) = slots.split_at(slots.len() / 2);
        let (mut found, more) = std::thread::scope(|scope| {
            let others = scope.spawn(|| some(others));
            (some(ours), others.join())
        });
        if let (Ok(found), Ok(more)) = (&mut found, more) {
            found.extend(more?);
        }
        found
    }

    /// The rows of what was found, in its order, those of `allowed`.
    pub(crate) fn rows_in_order<'a>(
        &self,
        slots: impl Iterator<Item = (Slot, f32)> + 'a,
        allowed: &RoaringBitmap,
    ) -> Vec<(RowNumber, f32)> {
        let map = self.rows();
        slots
            .flat_map(|(slot, score)| map.rows(slot).map(move |row| (row, score)))
            .filter(|(row, _)| allowed.contains(row.0))
            .collect()
    }
}

/// The slots of this step or a higher one, in order. (In pieces, most of which have none: a comparison of many at once.)
fn at_least_at(lowest: usize, steps: &[u16]) -> Vec<Slot> {
    let lowest = (lowest as u16).max(NOT_ALLOWED + 1);
    let mut slots = Vec::new();
    for (piece, first) in steps.chunks(64).zip((0..).step_by(64)) {
        if piece.iter().fold(false, |any, step| any | (*step >= lowest)) {
            let within = piece.iter().zip(first..).filter(|(step, _)| **step >= lowest);
            slots.extend(within.map(|(_, slot)| Slot(slot)));
        }
    }
    slots
}

/// The lowest step that is still compared exactly.
fn lowest_step(
    histogram: &[u32],
    candidates: usize,
    breadth: Breadth,
    at_least: usize,
    background: &Background,
) -> usize {
    let mut above = 0;
    let mut lowest = 0;
    for (step, count) in histogram.iter().enumerate().rev() {
        above += *count as usize;
        lowest = step;
        if above < at_least {
            continue;
        }
        let score = step as f32 * (2.0 * REACH / STEPS as f32) - REACH;
        let unlikely = background.expected_above(candidates, score) > UNSURE * above as f64;
        if above >= breadth.at_most.max(at_least) || unlikely {
            break;
        }
    }
    lowest
}
