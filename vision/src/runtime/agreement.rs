//! Whether two runs of a model gave the same.

/// From this cosine on, a provider agrees with the processor: half precision keeps to 0.999, a wrong kernel does not.
pub(super) const ENOUGH: f32 = 0.99;

/// The smallest cosine over the outputs of two runs, -1 when they do not even have the same shape. An output that is
/// all zeros in one must be so in the other.
pub(super) fn agreement(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    if one.len() != other.len() || one.is_empty() {
        return -1.0;
    }
    one.iter().zip(other).map(|(one, other)| cosine(one, other)).fold(1.0, f32::min)
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    if one.len() != other.len() || one.is_empty() {
        return -1.0;
    }
    let (mut along, mut one_square, mut other_square) = (0.0f64, 0.0f64, 0.0f64);
    for (one, other) in one.iter().zip(other) {
        let (one, other) = (f64::from(*one), f64::from(*other));
        along += one * other;
        one_square += one * one;
        other_square += other * other;
    }
    if one_square == 0.0 && other_square == 0.0 {
        return 1.0;
    }
    let cosine = (along / (one_square * other_square).sqrt()) as f32;
    if cosine.is_finite() { cosine.clamp(-1.0, 1.0) } else { -1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_does_not_agree() {
        let run = |values: &[f32]| vec![values.to_vec()];
        assert!(agreement(&run(&[1.0, 2.0]), &run(&[1.001, 2.0])) > ENOUGH);
        assert!(agreement(&run(&[1.0, 2.0]), &run(&[2.0, 1.0])) < ENOUGH);
        assert!(agreement(&run(&[1.0, 2.0]), &run(&[f32::NAN, 2.0])) < ENOUGH);
        assert!(agreement(&run(&[1.0, 2.0]), &run(&[0.0, 0.0])) < ENOUGH);
        assert!(agreement(&run(&[1.0]), &run(&[1.0, 1.0])) < ENOUGH);
        assert!(agreement(&[], &[]) < ENOUGH);
        assert_eq!(agreement(&run(&[0.0]), &run(&[0.0])), 1.0);
    }
}
