//! The scalar product of two vectors: the inner loop of everything that compares embeddings exactly.
//!
//! Written plainly, in sixteen sums side by side, which compilers turn into vector instructions, and compiled twice: for
//! every processor, and for those with AVX2. Both give the same number to the last bit.

/// The scalar product.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            #[allow(unsafe_code, reason = "the only way to call what is compiled for another processor")]
            // SAFETY: the feature that it is compiled with was just found on this processor.
            return unsafe { with_avx2(one, other) };
        }
    }
    plainly(one, other)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(one: &[f32], other: &[f32]) -> f32 {
    plainly(one, other)
}

#[inline(always)]
fn plainly(one: &[f32], other: &[f32]) -> f32 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_copies_give_the_same_to_the_last_bit() {
        for width in [0, 1, 15, 16, 17, 512, 1027] {
            let one: Vec<f32> = (0..width).map(|at| (at as f32 * 0.37).sin()).collect();
            let other: Vec<f32> = (0..width).map(|at| (at as f32 * 0.11).cos()).collect();
            assert_eq!(dot(&one, &other).to_bits(), plainly(&one, &other).to_bits());
            let exactly: f64 =
                one.iter().zip(&other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum();
            assert!((f64::from(dot(&one, &other)) - exactly).abs() < 1e-4, "{width}");
        }
    }
}
