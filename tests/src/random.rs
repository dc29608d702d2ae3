//! Random numbers from a seed that a failing test can name (splitmix64).

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// Whether tests run in their long form: `GALLERYFS_SOAK=1`, as in `make soak`.
pub fn soaks() -> bool {
    std::env::var_os("GALLERYFS_SOAK").is_some_and(|value| value != "0")
}

/// The seed of this run, printed: `GALLERYFS_SEED` if it is given.
pub fn seed() -> u64 {
    let seed = std::env::var("GALLERYFS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 1_000_003);
    println!("GALLERYFS_SEED={seed}");
    seed
}

impl Random {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// One of them; `None` of none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}
