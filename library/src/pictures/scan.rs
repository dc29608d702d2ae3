//! The scan: every code, then the best of them exactly.

use roaring::RoaringBitmap;

use super::Pictures;
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

/// The scalar product, in sixteen sums side by side, which compilers turn into vector instructions.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (one_chunks, other_chunks) = (one.chunks_exact(16), other.chunks_exact(16));
    let rest: f32 =
        one_chunks.remainder().iter().zip(other_chunks.remainder()).map(|(one, other)| one * other).sum();
    for (one, other) in one_chunks.zip(other_chunks) {
        for at in 0..16 {
            sums[at] += one[at] * other[at];
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn step_of(estimate: f32) -> usize {
    // A cast of what is out of range ends at the edge.
    (((estimate + REACH) * (STEPS as f32 / (2.0 * REACH))) as usize).min(STEPS - 1)
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
        let (mut estimates, count, background) = {
            let scanned = self.scanned();
            (scanned.codes.estimates(query), scanned.count, Background::of(scanned.sample.scores(query)))
        };
        let mut histogram = vec![0_u32; STEPS];
        let mut candidates = 0;
        for (slot, estimate) in estimates.iter_mut().enumerate() {
            if estimate.is_nan() || !marks.has(slot) {
                *estimate = f32::NAN;
                continue;
            }
            histogram[step_of(*estimate)] += 1;
            candidates += 1;
        }
        let at_least = breadth.at_least.max(count / 256).max(1024);
        let lowest = lowest_step(&histogram, candidates, breadth, at_least, &background);
        // What is no number is at step 0.
        let mut slots: Vec<Slot> = Vec::new();
        for (slot, estimate) in estimates.iter().enumerate() {
            if !estimate.is_nan() && step_of(*estimate) >= lowest {
                slots.push(Slot(slot as u32));
            }
        }
        drop(estimates);
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
