//! Where likeness ends.
//!
//! Two questions are asked of a picture. Does the query describe it better than most other things one could say do (its
//! *standing*)? That is 0 for a sentence that fits the picture no better than half of the others, and 1 for one that fits
//! as well as the best twentieth. And how far does its score stand out from what this query scores in this library? That
//! is counted in spreads above the middle: `z = (score - median) / (median - quantile 0.16)`, both taken below the middle,
//! where nothing relevant is.
//!
//! The standing decides, and what stands out is a credit, never a debit: a thing that half of a library shows stands out
//! from nothing. The more pictures there are, the higher the best of them stand for any nonsense, so the bar rises with
//! what the largest of so many values of nothing in particular is. The list then holds what reaches the bar by itself,
//! and what follows while among the scores so far, fewer than a share can be expected to be there by chance.

use std::f64::consts::FRAC_1_SQRT_2;

/// Scores of a few pictures are no background.
const FEW: usize = 16;

/// Whether anything is found is decided by so many of the best scores.
const BEST: usize = 128;

/// The mean of so many of the highest standings decides: one alone may be an accident. Where there are few pictures, one
/// of so many is all that can be hoped for.
const DECIDE: usize = 3;
const OF: usize = 8;

/// What a single picture must be higher than that, to decide alone.
const ALONE: f32 = 0.5;

/// How fast the bar rises with the largest of so many values, and where from.
const STEEPNESS: f32 = 0.8;
const FOOT: f32 = -0.18;

/// What is measured of the bar lies between so many pictures; fewer and more are taken for these.
const BAR_FROM: usize = 16;
const BAR_TO: usize = 2_000;

/// What one spread that the best stand out by, beyond chance, is worth as standing.
const CREDIT: f32 = 0.15;

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
    /// How far above the bar the best must be for anything to be found.
    above_bar: f32,
    /// The share of a list that may be there by chance.
    chance: f64,
    /// What the standing of each that does not reach the bar must be.
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

    /// By how many spreads the best of `count` scores stand out, on the average, more than the largest of nothing in
    /// particular would; 0 when they do not.
    fn outstanding(&self, count: usize, best_first: &[f32], best: usize) -> f32 {
        let best = &best_first[..best.min(best_first.len())];
        if self.count < FEW || best.is_empty() {
            return 0.0;
        }
        let mean = best.iter().sum::<f32>() / best.len() as f32;
        (self.z(mean) - largest_of(count) as f32).max(0.0)
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
    pub(crate) const SEARCH: Self = Self { above_bar: 0.0, chance: 0.2, standing: 0.8 };

    /// For folders that nobody asked for: what is in one had better be right.
    pub(crate) const THINGS: Self = Self { above_bar: 0.3, chance: 0.02, standing: 1.0 };

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
        let best = scores.len().min(BEST);
        let standings = (0..best).map(&mut standing).collect::<Result<Vec<f32>, E>>()?;
        let bar = FOOT + STEEPNESS * largest_of(count.clamp(BAR_FROM, BAR_TO)) as f32 + self.above_bar;
        let decide = (count / OF).clamp(1, DECIDE);
        let credit = CREDIT * background.outstanding(count, scores, decide);
        if rating(&standings, decide) + credit < bar {
            return Ok(Vec::new());
        }
        // Where there are too few to compare with, what is said of the picture itself decides.
        let few = background.count < FEW;
        let lowest =
            if few { None } else { background.last_likely(count, scores.iter().copied(), self.chance) };
        let likely = lowest.map_or(0, |lowest| scores.partition_point(|score| *score >= lowest));
        let mut kept = Vec::new();
        for at in 0..likely.max(best) {
            if kept.len() >= limit {
                break;
            }
            let standing = match standings.get(at) {
                Some(standing) => *standing,
                None => standing(at)?,
            };
            if standing >= bar || (at < likely && standing >= self.standing) {
                kept.push(at);
            }
        }
        Ok(kept)
    }
}

/// What the best of these standings say together: their mean, or the highest where it is far above.
fn rating(standings: &[f32], decide: usize) -> f32 {
    let mut sorted = standings.to_vec();
    sorted.sort_unstable_by(|one, other| other.total_cmp(one));
    sorted.truncate(decide);
    let highest = sorted.first().copied().unwrap_or(f32::NEG_INFINITY);
    (sorted.iter().sum::<f32>() / sorted.len().max(1) as f32).max(highest - ALONE)
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
            let kept = keep(&scores, |score| if score > 0.33 { 2.6 } else { 0.2 });
            assert_eq!(kept, (0..relevant).collect::<Vec<_>>());
        }
    }

    #[test]
    fn scale_and_place_of_the_scores_make_no_difference() {
        let mut scores = nothing(400);
        scores.extend([0.33, 0.34, 0.35]);
        let other: Vec<f32> = scores.iter().map(|score| score * 0.2 - 0.1).collect();
        let standing = |place: f32| move |score: f32| if score >= place { 2.2 } else { 0.9 };
        let kept = keep(&scores, standing(0.33));
        assert_eq!(kept[..3], [0, 1, 2]);
        assert_eq!(keep(&other, standing(0.33 * 0.2 - 0.1)), kept);
    }

    #[test]
    fn few_pictures_are_judged_by_what_is_said_of_them() {
        let scores = [0.3, 0.29, 0.1];
        assert_eq!(keep(&scores, |score| if score > 0.2 { 1.5 } else { 0.3 }), [0, 1]);
        assert_eq!(keep(&scores, |_| 1.0), [0; 0]);
        assert_eq!(keep(&[], |_| 9.0), [0; 0]);
    }

    #[test]
    fn the_bar_rises_with_how_many_there_are() {
        let shown = |count: usize, best: f32| {
            let mut scores = nothing(count - 3);
            scores.extend([0.31, 0.31, 0.31]);
            !keep(&scores, |score| if score == 0.31 { best } else { 0.5 }).is_empty()
        };
        assert!(shown(30, 1.4) && shown(100, 1.8) && shown(1000, 2.3));
        assert!(!shown(30, 1.0) && !shown(100, 1.4) && !shown(1000, 1.8));
    }

    #[test]
    fn one_high_standing_may_be_an_accident_and_a_very_high_one_is_none() {
        let shown = |highest: f32| {
            let scores = nothing(500);
            !keep(&scores, |score| if score > 0.285 { highest } else { 0.5 }).is_empty()
        };
        assert!(!shown(2.3) && shown(2.8));
    }

    #[test]
    fn what_half_of_a_library_shows_stands_out_from_nothing_and_is_found() {
        let mut scores = nothing(50);
        scores.extend(nothing(50).iter().map(|score| score + 0.05));
        let kept = keep(&scores, |score| if score > 0.23 { 2.0 } else { 0.0 });
        assert!(kept.len() >= 40, "{}", kept.len());
    }

    #[test]
    fn what_stands_out_needs_a_little_less_standing() {
        let standing = |score: f32| if score > 0.3 { 1.9 } else { 0.5 };
        let with = |best: f32| {
            let mut scores = nothing(497);
            scores.extend([best; 3]);
            keep(&scores, standing)
        };
        assert_eq!(with(0.301), [0; 0]);
        assert_eq!(with(0.40), [0, 1, 2]);
    }

    #[test]
    fn unasked_folders_need_more() {
        let mut scores = vec![0.36, 0.36, 0.36];
        scores.extend(nothing(497));
        let background = Background::of(scores.clone());
        let shown = |cutoff: Cutoff, best: f32| {
            let standing = |at: usize| Ok::<f32, std::convert::Infallible>(if at < 3 { best } else { 0.2 });
            cutoff.keep(&background, scores.len(), &scores, usize::MAX, standing).unwrap().len()
        };
        assert_eq!((shown(Cutoff::SEARCH, 2.0), shown(Cutoff::THINGS, 2.0)), (3, 0));
        assert_eq!((shown(Cutoff::SEARCH, 2.6), shown(Cutoff::THINGS, 2.6)), (3, 3));
    }
}
