//! Where likeness ends.
//!
//! Two questions are asked of a picture. How far does its score stand out from what this query scores in this library?
//! And does the query describe it better than most other things one could say do (its *standing*)? The first is counted
//! in spreads above the middle: `z = (score - median) / (median - quantile 0.16)`, both taken below the middle, where
//! nothing relevant is. The second is 0 for a caption that fits the picture no better than half of the others, and 1 for
//! one that fits as well as the best twentieth.
//!
//! Something is found at all when the best `z - expected + 2 * standing` reaches a threshold; `expected` is what the
//! largest of so many scores of nothing in particular would be. The list goes on while among the scores so far, fewer
//! than a share can be expected to be there by chance.

use std::f64::consts::FRAC_1_SQRT_2;

/// Scores of a few pictures are no background.
const FEW: usize = 16;

/// Whether anything is found is decided by so many of the best scores, and what follows while it is likely.
const BEST: usize = 128;

/// What a query scores against a library that is not about it: as a normal distribution, from the lower half of the
/// scores.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Background {
    middle: f32,
    spread: f32,
    /// Scores it was taken from.
    count: usize,
}

/// How much is asked of a picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Cutoff {
    /// What the best must reach for anything to be found.
    anything: f32,
    /// The share of a list that may be there by chance.
    chance: f64,
    /// What the standing of each but the best must be.
    standing: f32,
}

/// The share of a normal distribution above `z`.
fn above(z: f64) -> f64 {
    libm::erfc(z * FRAC_1_SQRT_2) / 2.0
}

/// What so many values of a normal distribution exceed once: its quantile at `1 - 1/count`.
fn largest_of(count: usize) -> f64 {
    // By halving: once a query, and exact enough after 40 steps.
    let wanted = 1.0 / count.max(2) as f64;
    let (mut low, mut high) = (-1.0, 10.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if above(middle) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

impl Background {
    pub(crate) fn of(mut scores: Vec<f32>) -> Self {
        let count = scores.len();
        if count == 0 {
            return Self { middle: 0.0, spread: 1.0, count };
        }
        let mut quantile = |share: f32| {
            let at = ((count - 1) as f32 * share).round() as usize;
            *scores.select_nth_unstable_by(at, f32::total_cmp).1
        };
        let middle = quantile(0.5);
        let spread = (middle - quantile(0.16)).max(1e-6);
        Self { middle, spread, count }
    }

    /// How many spreads a score is above the middle.
    fn z(&self, score: f32) -> f32 {
        (score - self.middle) / self.spread
    }

    /// How many of `count` scores of nothing in particular are above this one.
    pub(crate) fn expected_above(&self, count: usize, score: f32) -> f64 {
        count as f64 * above(f64::from(self.z(score)))
    }

    /// The lowest of `scores` (best first, of `count` in all) such that of those not below it, at most this share can be
    /// expected by chance; `None` when that is so for none.
    pub(crate) fn last_likely(
        &self,
        count: usize,
        scores: impl Iterator<Item = f32>,
        chance: f64,
    ) -> Option<f32> {
        let likely = scores
            .zip(1..)
            .filter(|(score, rank)| self.expected_above(count, *score) <= chance * f64::from(*rank));
        likely.map(|(score, _)| score).last()
    }
}

impl Cutoff {
    /// For a search: whoever asks sees what there may be.
    pub(crate) const SEARCH: Self = Self { anything: 4.7, chance: 0.2, standing: 0.8 };

    /// For folders that nobody asked for: what is in one had better be right.
    pub(crate) const THINGS: Self = Self { anything: 5.5, chance: 0.05, standing: 1.0 };

    /// Which pictures are relevant, of those with these scores (best first, of `count` in all), the first `limit`;
    /// `standing` says how well the query describes the one at a place, and is asked only where it matters.
    pub(super) fn keep<E>(
        &self,
        background: &Background,
        count: usize,
        scores: &[f32],
        limit: usize,
        mut standing: impl FnMut(usize) -> Result<f32, E>,
    ) -> Result<Vec<usize>, E> {
        let largest = largest_of(count) as f32;
        let few = background.count < FEW;
        let lowest =
            if few { None } else { background.last_likely(count, scores.iter().copied(), self.chance) };
        let likely = lowest.map_or(0, |lowest| scores.partition_point(|score| *score >= lowest));
        let (mut kept, mut anything) = (Vec::new(), false);
        for (at, score) in scores.iter().enumerate().take(likely.max(BEST)) {
            if kept.len() >= limit && (anything || at >= BEST) {
                break;
            }
            let standing = standing(at)?;
            // Where there are too few to compare with, what is said of the picture itself decides.
            let outstanding = if few { 1.7 } else { background.z(*score) - largest };
            let enough = outstanding + 2.0 * standing >= self.anything;
            anything |= enough;
            if enough || (at < likely && standing >= self.standing) {
                kept.push(at);
            }
        }
        Ok(if anything { kept } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores of a normal distribution around 0.2, spread 0.03, evenly over its quantiles.
    fn nothing(count: usize) -> Vec<f32> {
        (0..count)
            .map(|at| {
                let share = (at as f64 + 0.5) / count as f64;
                let (mut low, mut high) = (-8.0, 8.0);
                for _ in 0..60 {
                    let middle = (low + high) / 2.0;
                    if above(middle) > 1.0 - share { low = middle } else { high = middle }
                }
                0.2 + 0.03 * low as f32
            })
            .rev()
            .collect()
    }

    fn keep(scores: &[f32], standing: impl Fn(f32) -> f32) -> Vec<usize> {
        let mut sorted = scores.to_vec();
        sorted.sort_by(|one, other| other.total_cmp(one));
        let background = Background::of(scores.to_vec());
        let standing = |at: usize| Ok::<f32, std::convert::Infallible>(standing(sorted[at]));
        Cutoff::SEARCH.keep(&background, sorted.len(), &sorted, usize::MAX, standing).unwrap()
    }

    #[test]
    fn the_normal_distribution_is_the_tables() {
        for (z, share) in [(0.0, 0.5), (1.0, 0.158_655), (1.96, 0.024_998), (3.09, 0.001_001)] {
            assert!((above(z) - share).abs() < 1e-5, "{z}");
        }
        for (count, largest) in [(20, 1.645), (1000, 3.090), (1_000_000, 4.753)] {
            assert!((largest_of(count) - largest).abs() < 1e-3, "{count}");
        }
    }

    #[test]
    fn nothing_in_particular_finds_nothing_however_many_there_are() {
        for count in [20, 500, 20_000] {
            assert_eq!(keep(&nothing(count), |_| 1.0), [0; 0], "{count}");
        }
    }

    #[test]
    fn what_stands_out_is_found_and_the_list_ends_with_it() {
        for relevant in [1, 10, 100] {
            let mut scores = nothing(500 - relevant);
            scores.extend((0..relevant).map(|at| 0.36 + 0.0001 * at as f32));
            let kept = keep(&scores, |score| if score > 0.33 { 1.6 } else { 0.2 });
            assert_eq!(kept, (0..relevant).collect::<Vec<_>>());
        }
    }

    #[test]
    fn scale_and_place_of_the_scores_make_no_difference() {
        let mut scores = nothing(400);
        scores.extend([0.33, 0.34, 0.35]);
        let other: Vec<f32> = scores.iter().map(|score| score * 0.2 - 0.1).collect();
        let kept = keep(&scores, |_| 1.8);
        assert_eq!(kept[..3], [0, 1, 2]);
        assert_eq!(keep(&other, |_| 1.8), kept);
    }

    #[test]
    fn few_pictures_are_judged_by_what_is_said_of_them() {
        let scores = [0.3, 0.29, 0.1];
        assert_eq!(keep(&scores, |score| if score > 0.2 { 1.5 } else { 0.3 }), [0, 1]);
        assert_eq!(keep(&scores, |_| 1.0), [0; 0]);
        assert_eq!(keep(&[], |_| 9.0), [0; 0]);
    }
}
