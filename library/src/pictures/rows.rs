//! Which row has which slot. One slot may have several rows: the same bytes under two accounts.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use crate::id::RowNumber;
use crate::vectors::Slot;

/// No slot, or no row.
const NONE: u32 = u32::MAX;

/// Rows by slot and slots by row.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// By row.
    slots: Vec<u32>,
    /// By slot: one of its rows.
    first: Vec<u32>,
    /// By slot: its other rows.
    others: HashMap<u32, Vec<u32>>,
}

impl Rows {
    pub(super) fn slot(&self, row: RowNumber) -> Option<Slot> {
        self.slots.get(row.0 as usize).filter(|slot| **slot != NONE).map(|slot| Slot(*slot))
    }

    /// The rows of a slot.
    pub(super) fn rows(&self, slot: Slot) -> impl Iterator<Item = RowNumber> {
        let first = self.first.get(slot.0 as usize).copied().filter(|row| *row != NONE);
        let others = first.and_then(|_| self.others.get(&slot.0)).into_iter().flatten();
        first.into_iter().chain(others.copied()).map(RowNumber)
    }

    /// Ties a row to a slot, or to none.
    pub(super) fn bind(&mut self, row: RowNumber, slot: Option<Slot>) {
        let before = self.slot(row);
        if before == slot {
            return;
        }
        if let Some(before) = before {
            self.untie(row, before);
        }
        let Some(slot) = slot else { return };
        *place(&mut self.slots, row.0) = slot.0;
        let first = place(&mut self.first, slot.0);
        if *first == NONE {
            *first = row.0;
        } else {
            self.others.entry(slot.0).or_default().push(row.0);
        }
    }

    /// Takes all rows from a slot, and says which they were.
    pub(super) fn free(&mut self, slot: Slot) -> Vec<RowNumber> {
        let rows: Vec<RowNumber> = self.rows(slot).collect();
        for row in &rows {
            self.bind(*row, None);
        }
        rows
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn untie(&mut self, row: RowNumber, slot: Slot) {
        self.slots[row.0 as usize] = NONE;
        let first = &mut self.first[slot.0 as usize];
        let others = self.others.get_mut(&slot.0);
        match others {
            Some(others) => {
                if *first == row.0 {
                    *first = others.pop().unwrap_or(NONE);
                } else {
                    others.retain(|other| *other != row.0);
                }
                if others.is_empty() {
                    self.others.remove(&slot.0);
                }
            }
            None => *first = NONE,
        }
    }

    /// Marks, by slot, what has one of these rows, for a walk over all slots that must not ask a bitmap a million times.
    pub(super) fn marked(&self, rows: &RoaringBitmap) -> Marks {
        let mut marks = Marks(vec![0; self.first.len().div_ceil(64)]);
        for row in rows {
            match self.slots.get(row as usize) {
                Some(slot) if *slot != NONE => marks.0[*slot as usize / 64] |= 1 << (slot % 64),
                Some(_) => {}
                None => break,
            }
        }
        marks
    }
}

fn place(numbers: &mut Vec<u32>, at: u32) -> &mut u32 {
    let at = at as usize;
    if numbers.len() <= at {
        numbers.resize(at + 1, NONE);
    }
    &mut numbers[at]
}

/// A set of slots.
#[derive(Debug)]
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub(super) fn has(&self, slot: usize) -> bool {
        self.0.get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &Rows, slot: u32) -> Vec<u32> {
        let mut found: Vec<u32> = rows.rows(Slot(slot)).map(|row| row.0).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn a_slot_keeps_its_other_rows_when_one_goes() {
        let mut map = Rows::default();
        for row in [4, 7, 9] {
            map.bind(RowNumber(row), Some(Slot(2)));
        }
        assert_eq!(rows(&map, 2), [4, 7, 9]);
        map.bind(RowNumber(4), None);
        assert_eq!(rows(&map, 2), [7, 9]);
        map.bind(RowNumber(9), Some(Slot(0)));
        assert_eq!((rows(&map, 2), rows(&map, 0)), (vec![7], vec![9]));
        map.bind(RowNumber(9), Some(Slot(0)));
        assert_eq!(rows(&map, 0), [9]);
        assert_eq!(map.free(Slot(2)), [RowNumber(7)]);
        assert_eq!((map.slot(RowNumber(7)), map.slot(RowNumber(9))), (None, Some(Slot(0))));
        assert_eq!(rows(&map, 2), Vec::<u32>::new());
    }

    #[test]
    fn marks_are_of_slots_with_an_allowed_row() {
        let mut map = Rows::default();
        map.bind(RowNumber(0), Some(Slot(70)));
        map.bind(RowNumber(1), Some(Slot(70)));
        map.bind(RowNumber(2), Some(Slot(3)));
        let marks = map.marked(&RoaringBitmap::from_iter([1, 5, 1000]));
        assert!(marks.has(70) && !marks.has(3) && !marks.has(1000));
    }
}
