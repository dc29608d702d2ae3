//! Words that many rows share (places, cameras, tags, people), kept once and numbered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Values numbered in the order they came. Numbers are private to one run of the daemon.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    values: Vec<Arc<T>>,
    numbers: HashMap<Arc<T>, u32>,
}

impl<T> Clone for Interner<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), numbers: self.numbers.clone() }
    }
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Hash + Eq + Clone> Interner<T> {
    pub(crate) fn get(&self, number: u32) -> Option<&Arc<T>> {
        self.values.get(number as usize)
    }

    pub(crate) fn number(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Arc<T>)> {
        self.values.iter().enumerate().map(|(number, value)| (number as u32, value))
    }

    /// The number of `value`, given now if it has none. Copies the interner only when the value is new.
    pub(crate) fn intern(shared: &mut Arc<Self>, value: &T) -> u32 {
        if let Some(number) = shared.number(value) {
            return number;
        }
        let interner = Arc::make_mut(shared);
        let number = interner.values.len() as u32;
        let value = Arc::new(value.clone());
        interner.values.push(Arc::clone(&value));
        interner.numbers.insert(value, number);
        number
    }
}
