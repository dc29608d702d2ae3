//! A few vectors that stand for all of them, exactly: what "nothing in particular" scores against a query.
//!
//! The sample is the vectors whose contents have the lowest checksums: a uniform choice that depends on no order, and
//! takes in each newcomer by one comparison.

use std::collections::BTreeMap;

use crate::checksum::Checksum;
use crate::vectors::Slot;

/// Vectors in the sample at most: quantiles of a score are then good to a few hundredths of its spread.
const SIZE: usize = 2048;

/// Vectors by the first bytes of their contents' checksums; 4 MB of 512 numbers each.
#[derive(Debug, Default)]
pub(super) struct Sample(BTreeMap<(u64, Slot), Box<[f32]>>);

fn order(content: &Checksum) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&content.as_bytes()[..8]);
    u64::from_be_bytes(first)
}

impl Sample {
    /// Takes a vector in, if its turn is now.
    pub(super) fn put(&mut self, slot: Slot, content: &Checksum, values: &[f32]) {
        let key = (order(content), slot);
        if self.0.len() >= SIZE && self.0.last_key_value().is_some_and(|(last, _)| *last < key) {
            return;
        }
        self.0.insert(key, values.into());
        if self.0.len() > SIZE {
            self.0.pop_last();
        }
    }

    /// Takes a vector out. No other comes in its place until the file is read again.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.0.retain(|(_, other), _| *other != slot);
    }

    /// The mean; zeros when there is nothing.
    pub(super) fn mean(&self, width: usize) -> Vec<f32> {
        let mut mean = Mean::new(width);
        self.0.values().for_each(|values| mean.add(values));
        mean.get()
    }

    /// What a query scores against each, in no order.
    pub(super) fn scores(&self, query: &[f32]) -> Vec<f32> {
        self.0.values().map(|values| crate::dot::dot(values, query)).collect()
    }
}

/// A mean in the making.
#[derive(Debug)]
pub(super) struct Mean {
    sums: Vec<f32>,
    count: f32,
}

impl Mean {
    pub(super) fn new(width: usize) -> Self {
        Self { sums: vec![0.0; width], count: 0.0 }
    }

    pub(super) fn add(&mut self, values: &[f32]) {
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += value;
        }
        self.count += 1.0;
    }

    /// The mean; zeros when nothing was added.
    pub(super) fn get(self) -> Vec<f32> {
        let count = self.count.max(1.0);
        self.sums.into_iter().map(|sum| sum / count).collect()
    }
}
