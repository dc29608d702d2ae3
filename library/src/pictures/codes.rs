//! A rough picture of every vector, small enough to be in memory: one bit a number.
//!
//! Of a vector `x`, less the centre `c` of all, only the signs are kept, and the factor `|x-c|^2 / sum |x_i-c_i|`: with
//! it, `q.c + factor * sum(sign_i * q_i)` estimates `q.x` without bias, whatever the query `q` (the estimator of RaBitQ,
//! Gao and Long, SIGMOD 2024, without its rotation: on embeddings of CLIP it changed nothing). The query's numbers are
//! rounded to 16 steps, so that the sum is four counts of bits. 512 numbers take 68 bytes instead of 1,024.
//!
//! The centre is that of a sample. It is taken anew while the library grows by doubling, and the codes with it.

mod kernel;

use self::kernel::{LANES, PLANES, sum_signs};
use crate::vectors::Slot;

/// Codes in one piece of memory, so that growing never copies them: many blocks.
const CHUNK: usize = 4096;

/// Below so many slots, a second thread costs more than it saves.
const ALONE: usize = 1 << 15;

/// The codes of all slots of a file.
#[derive(Debug)]
pub(super) struct Codes {
    /// Words of a code.
    words: usize,
    centre: Vec<f32>,
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    /// In blocks: see [`kernel`].
    codes: Box<[u64]>,
    /// NaN for a slot without a vector: its estimate is none, and compares with nothing.
    factors: Box<[f32]>,
}

/// A query made ready for codes.
#[derive(Debug)]
struct Asked {
    planes: [Vec<u64>; PLANES],
    /// What a step and the lowest number are.
    step: f32,
    low: f32,
    /// Sum of the numbers as rounded.
    total: f32,
    /// The query times the centre.
    at_centre: f32,
}

impl Codes {
    /// No codes yet, of vectors as wide as the centre.
    pub(super) fn new(centre: Vec<f32>) -> Self {
        Self { words: centre.len().div_ceil(64), centre, chunks: Vec::new() }
    }

    /// Slots there is room for: every one in use is below.
    pub(super) fn end(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// The chunk of a slot, and where its code's first word is.
    fn place(&self, slot: Slot) -> (usize, usize) {
        let (chunk, at) = (slot.0 as usize / CHUNK, slot.0 as usize % CHUNK);
        (chunk, at / LANES * LANES * self.words + at % LANES)
    }

    pub(super) fn set(&mut self, slot: Slot, values: &[f32]) {
        let (chunk, first) = self.place(slot);
        while self.chunks.len() <= chunk {
            self.chunks.push(Chunk {
                codes: vec![0; CHUNK * self.words].into(),
                factors: vec![f32::NAN; CHUNK].into(),
            });
        }
        let chunk = &mut self.chunks[chunk];
        let (mut squares, mut sum) = (0.0, 0.0);
        let words = chunk.codes[first..].iter_mut().step_by(LANES);
        for (word, (values, centre)) in words.zip(values.chunks(64).zip(self.centre.chunks(64))) {
            *word = 0;
            for (bit, (value, centre)) in values.iter().zip(centre).enumerate() {
                let value = value - centre;
                squares += value * value;
                sum += value.abs();
                *word |= u64::from(value > 0.0) << bit;
            }
        }
        // A vector that is the centre has no signs, and its estimate is the centre's.
        chunk.factors[slot.0 as usize % CHUNK] = if sum > 0.0 { squares / sum } else { 0.0 };
    }

    pub(super) fn clear(&mut self, slot: Slot) {
        if let Some(chunk) = self.chunks.get_mut(slot.0 as usize / CHUNK) {
            chunk.factors[slot.0 as usize % CHUNK] = f32::NAN;
        }
    }

    /// Whether a slot has a vector.
    pub(super) fn has(&self, slot: Slot) -> bool {
        let chunk = self.chunks.get(slot.0 as usize / CHUNK);
        chunk.is_some_and(|chunk| !chunk.factors[slot.0 as usize % CHUNK].is_nan())
    }

    /// The signs of a slot, 64 in a word; nothing for one beyond the end.
    pub(super) fn signs(&self, slot: Slot) -> impl Iterator<Item = u64> {
        let (chunk, first) = self.place(slot);
        let words = self.chunks.get(chunk).into_iter().flat_map(move |chunk| chunk.codes[first..].iter());
        words.step_by(LANES).take(self.words).copied()
    }

    /// In how many signs two vectors differ.
    pub(super) fn differing(&self, one: Slot, other: Slot) -> u32 {
        self.signs(one).zip(self.signs(other)).map(|(one, other)| (one ^ other).count_ones()).sum()
    }

    /// Estimates the query times every vector; NaN where there is none. `visit` is given some of them at a time, with the
    /// slot of the first and their places in `into`, which has one for every slot below the end. Two threads do it where
    /// that pays, and each collects in a `T` of its own.
    pub(super) fn estimates<T: Send, U: Send>(
        &self,
        query: &[f32],
        into: &mut [U],
        collect: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, usize, &[f32], &mut [U]) + Sync,
    ) -> Vec<T> {
        let asked = self.ask(query);
        let share = |first: usize, chunks: &[Chunk], into: &mut [U]| {
            let (mut sums, mut estimates) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
            let mut collected = collect();
            for ((chunk, into), at) in chunks.iter().zip(into.chunks_exact_mut(CHUNK)).zip(first..) {
                self.estimate(&asked, chunk, &mut sums, &mut estimates);
                visit(&mut collected, at * CHUNK, &estimates, into);
            }
            collected
        };
        if self.end() < ALONE {
            return vec![share(0, &self.chunks, into)];
        }
        let half = self.chunks.len() / 2;
        let ((ours, others), (into, into_others)) =
            (self.chunks.split_at(half), into.split_at_mut(half * CHUNK));
        std::thread::scope(|scope| {
            let others = scope.spawn(|| share(half, others, into_others));
            let ours = share(0, ours, into);
            // A panic there is one here.
            let others = others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            vec![ours, others]
        })
    }

    fn estimate(&self, asked: &Asked, chunk: &Chunk, sums: &mut Vec<u64>, estimates: &mut Vec<f32>) {
        sums.clear();
        sum_signs(&chunk.codes, self.words, &asked.planes, sums);
        estimates.clear();
        estimates.extend(sums.iter().zip(&chunk.factors).map(|(sum, factor)| {
            let positive = asked.low * (sum >> 32) as f32 + asked.step * *sum as u32 as f32;
            asked.at_centre + factor * (2.0 * positive - asked.total)
        }));
    }

    fn ask(&self, query: &[f32]) -> Asked {
        let low = query.iter().copied().fold(f32::INFINITY, f32::min);
        let high = query.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let levels = ((1 << PLANES) - 1) as f32;
        let step = if high > low { (high - low) / levels } else { 1.0 };
        let mut planes = std::array::from_fn(|_| vec![0_u64; self.words]);
        let mut total = 0.0;
        for (at, value) in query.iter().enumerate().take(self.centre.len()) {
            let rounded = ((value - low) / step).round().clamp(0.0, levels);
            total += low + step * rounded;
            for (bit, plane) in planes.iter_mut().enumerate() {
                plane[at / 64] |= (rounded as u64 >> bit & 1) << (at % 64);
            }
        }
        let at_centre = query.iter().zip(&self.centre).map(|(one, other)| one * other).sum();
        Asked { planes, step, low, total, at_centre }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(seed: u64, width: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let values: Vec<f32> = (0..width).map(|_| next() + next() + next() + 0.05).collect();
        crate::Embedding::new(values).unwrap().as_slice().to_vec()
    }

    fn all(codes: &Codes, query: &[f32]) -> Vec<f32> {
        let mut all = vec![0.0; codes.end()];
        let copy = |_: &mut (), first: usize, estimates: &[f32], into: &mut [f32]| {
            assert_eq!(first % CHUNK, 0);
            into.copy_from_slice(estimates);
        };
        codes.estimates(query, &mut all, || (), copy);
        all
    }

    #[test]
    fn estimates_are_near_and_not_biased() {
        for width in [33, 128, 512, 768] {
            let centre = vec![0.01; width];
            let mut codes = Codes::new(centre);
            let vectors: Vec<_> = (0..5000).map(|seed| unit(seed + 1, width)).collect();
            for (slot, vector) in vectors.iter().enumerate() {
                codes.set(Slot(slot as u32), vector);
            }
            let query = unit(99_999, width);
            let estimates = all(&codes, &query);
            let errors: Vec<f32> = vectors
                .iter()
                .zip(&estimates)
                .map(|(vector, estimate)| {
                    estimate - vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>()
                })
                .collect();
            let mean = errors.iter().sum::<f32>() / errors.len() as f32;
            let spread = (errors.iter().map(|error| error * error).sum::<f32>() / errors.len() as f32).sqrt();
            // The error of an estimate is sqrt(pi/2 - 1) / sqrt(width) for a centred vector of unit length.
            assert!(spread < 1.0 / (width as f32).sqrt(), "{width}: {spread}");
            assert!(
                mean.abs() < 5.0 * spread / (errors.len() as f32).sqrt() + 0.002,
                "{width}: {mean} {spread}"
            );
        }
    }

    #[test]
    fn what_is_not_there_has_no_estimate() {
        let mut codes = Codes::new(vec![0.0; 3]);
        codes.set(Slot(5000), &[1.0, 0.0, 0.0]);
        let estimates = all(&codes, &[1.0, 0.0, 0.0]);
        assert_eq!(estimates.len(), codes.end());
        assert_eq!(estimates.iter().filter(|estimate| !estimate.is_nan()).count(), 1);
        assert!(codes.has(Slot(5000)) && !codes.has(Slot(4999)) && !codes.has(Slot(1 << 20)));
        assert_eq!(codes.signs(Slot(5000)).collect::<Vec<_>>(), [1]);
        codes.clear(Slot(5000));
        assert!(!codes.has(Slot(5000)));
        assert!(all(&codes, &[1.0, 0.0, 0.0]).iter().all(|estimate| estimate.is_nan()));
        // The centre itself, and a query that is the same everywhere.
        let mut codes = Codes::new(vec![0.6, 0.8]);
        codes.set(Slot(0), &[0.6, 0.8]);
        assert!((all(&codes, &[0.5, 0.5])[0] - 0.7).abs() < 1e-6);
    }
}
