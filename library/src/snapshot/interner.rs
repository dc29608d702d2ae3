//! Words that many rows share (places, cameras, tags, people), kept once and numbered.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Declares the number of an interned value: never 0, so that a row which has none needs no more room.
macro_rules! interned {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(NonZeroU32);

        impl $name {
            pub(crate) const LOWEST: Self = Self(NonZeroU32::MIN);
            pub(crate) const HIGHEST: Self = Self(NonZeroU32::MAX);

            pub(crate) fn at(index: u32) -> Self {
                Self(NonZeroU32::MIN.saturating_add(index))
            }

            pub(crate) fn index(self) -> u32 {
                self.0.get() - 1
            }
        }
    };
}

interned!(
    /// Number of an interned place; see [`Snapshot::place`](super::Snapshot::place).
    PlaceId
);
interned!(
    /// Number of an interned camera (make and model together).
    CameraId
);
interned!(
    /// Number of an interned lens.
    LensId
);
interned!(
    /// Number of an interned tag path.
    TagId
);
interned!(
    /// Number of a person in one run of the daemon; see [`Snapshot::person`](super::Snapshot::person).
    PersonRow
);
interned!(
    /// Number of an album in one run of the daemon; see [`Snapshot::album`](super::Snapshot::album).
    AlbumRow
);
interned!(
    /// Number of an interned name of a person, as files name them.
    PersonNameId
);

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
