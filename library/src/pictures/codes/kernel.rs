//! The inner loop of the scan: sums over the signs of many codes at once.
//!
//! Codes stand in blocks of [`LANES`]: the first word of each, then the second of each, and so on. So a processor works
//! on eight codes side by side, and adds nothing up across them (five times as fast as code after code). Written plainly,
//! and compiled several times for what processors have: with AVX-512 (VPOPCNTDQ) the bits of eight words are counted
//! by one instruction, with AVX2 by a few. Which copy runs is decided at run time. A million codes of 512 bits on one core
//! of a Xeon of 2023: 6 ms, 10 ms, and 34 ms without either.

/// Bits of the query's numbers: each is rounded to one of 16 steps.
pub(super) const PLANES: usize = 4;

/// Codes in a block.
pub(super) const LANES: usize = 8;

/// For each code of `words` words in these blocks: the sum over its set bits of the number that the planes hold at that bit, bit `b` of
/// it in plane `b`. Into `sums`, with how many bits are set.
pub(super) fn sum_signs(codes: &[u64], words: usize, planes: &[Vec<u64>; PLANES], sums: &mut Vec<u64>) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512vpopcntdq") && is_x86_feature_detected!("avx512vl") {
            #[allow(unsafe_code, reason = "the only way to call what is compiled for another processor")]
            // SAFETY: the features that it is compiled with were just found on this processor.
            return unsafe { with_avx512(codes, words, planes, sums) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            #[allow(unsafe_code, reason = "the only way to call what is compiled for another processor")]
            // SAFETY: as above.
            return unsafe { with_avx2(codes, words, planes, sums) };
        }
    }
    plainly(codes, words, planes, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq,popcnt")]
fn with_avx512(codes: &[u64], words: usize, planes: &[Vec<u64>; PLANES], sums: &mut Vec<u64>) {
    plainly(codes, words, planes, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn with_avx2(codes: &[u64], words: usize, planes: &[Vec<u64>; PLANES], sums: &mut Vec<u64>) {
    plainly(codes, words, planes, sums);
}

#[inline(always)]
fn plainly(codes: &[u64], words: usize, planes: &[Vec<u64>; PLANES], sums: &mut Vec<u64>) {
    let [one, two, four, eight] = planes;
    let count = |bits: u64| u64::from(bits.count_ones());
    for block in codes.chunks_exact(words * LANES) {
        let mut lanes = [0_u64; LANES];
        let planes = one.iter().zip(two).zip(four.iter().zip(eight));
        for (words, ((one, two), (four, eight))) in block.chunks_exact(LANES).zip(planes) {
            for (lane, word) in lanes.iter_mut().zip(words) {
                // One sum of both: at most 15 times 8,192 stands in the lower half.
                *lane += (count(*word) << 32)
                    + count(word & one)
                    + (count(word & two) << 1)
                    + (count(word & four) << 2)
                    + (count(word & eight) << 3);
            }
        }
        sums.extend(lanes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_sums_the_same() {
        for words in [1, 2, 7, 8, 9, 12, 16, 18, 128] {
            let mut state = 1_u64;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state ^ (state >> 29)
            };
            let codes: Vec<u64> = (0..words * LANES * 3).map(|_| next()).collect();
            let planes = std::array::from_fn(|_| (0..words).map(|_| next()).collect::<Vec<u64>>());
            let mut expected = Vec::new();
            let blocks = codes.chunks(words * LANES);
            for code in
                blocks.flat_map(|block| (0..LANES).map(|lane| block[lane..].iter().step_by(LANES).copied()))
            {
                let code: Vec<u64> = code.collect();
                let bit = |of: &[u64], at: usize| (of[at / 64] >> (at % 64) & 1) as u32;
                let set = (0..words * 64).filter(|at| bit(&code, *at) == 1);
                let number =
                    |at: usize| (0..PLANES).map(|plane| bit(&planes[plane], at) << plane).sum::<u32>();
                let sum: u32 = set.clone().map(number).sum();
                expected.push((set.count() as u64) << 32 | u64::from(sum));
            }
            let (mut plain, mut chosen) = (Vec::new(), Vec::new());
            plainly(&codes, words, &planes, &mut plain);
            sum_signs(&codes, words, &planes, &mut chosen);
            assert_eq!((&plain, &chosen), (&expected, &expected), "{words}");
        }
    }
}
