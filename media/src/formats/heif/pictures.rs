//! The pictures of a HEIF or AVIF file, for whoever decodes them: their bytes, properties, and what they are made of.

use super::super::boxes::{Box, boxes, first};
use super::{Cursor, Items, MOST_ITEMS, associations};
use crate::block::{BlockExt, Input};

/// The largest property: colour profiles have some hundred kilobytes.
const LARGEST_PROPERTY: u64 = 4 << 20;

/// The most pictures one may be made of.
const MOST_REFERENCES: usize = 4096;

/// The `meta` box, looked up by item.
pub(crate) struct Pictures {
    items: Items,
    inside: Vec<Box>,
    bytes_left: u64,
}

impl Pictures {
    /// Reads the index; `None` where there is none.
    pub(crate) fn open(input: &mut Input<'_>) -> Option<Self> {
        let top = boxes(input, 0, u64::MAX);
        let meta = first(&top, b"meta")?;
        let inside = boxes(input, meta.body + 4, meta.end);
        let items = Items::read(input, &inside);
        // As for metadata: a table may name the same bytes often.
        let bytes_left = crate::block::Block::len(input).saturating_mul(2);
        Some(Self { items, inside, bytes_left })
    }

    /// The item that is the file's picture.
    pub(crate) fn primary(&self) -> Option<u32> {
        self.items.primary.or_else(|| self.items.by_id.keys().next().copied())
    }

    /// How an item is coded: `hvc1`, `av01`, `jpeg`, `grid`.
    pub(crate) fn kind(&self, id: u32) -> Option<[u8; 4]> {
        self.items.by_id.get(&id).map(|item| item.kind)
    }

    /// An item's bytes.
    pub(crate) fn bytes(&mut self, input: &mut Input<'_>, id: u32) -> Option<Vec<u8>> {
        self.items.by_id.get(&id)?.bytes(input, &mut self.bytes_left)
    }

    /// An item's properties, kind and content, in their order.
    pub(crate) fn properties(&self, input: &mut Input<'_>, id: u32) -> Vec<([u8; 4], Vec<u8>)> {
        let Some(iprp) = first(&self.inside, b"iprp") else { return Vec::new() };
        let groups = boxes(input, iprp.body, iprp.end);
        let Some(ipco) = first(&groups, b"ipco") else { return Vec::new() };
        let all = boxes(input, ipco.body, ipco.end);
        let mut found = Vec::new();
        for group in groups.iter().filter(|group| &group.kind == b"ipma") {
            for index in associations(input, *group, Some(id)).unwrap_or_default() {
                if let Some(property) = index.checked_sub(1).and_then(|index| all.get(index))
                    && property.size() <= LARGEST_PROPERTY
                    && let Some(content) = crate::block::Block::bytes(input, property.body, property.size())
                {
                    found.push((property.kind, content));
                }
            }
        }
        found
    }

    /// The items that an item refers to in this way: `dimg` for the tiles of a grid.
    pub(crate) fn references(&self, input: &mut Input<'_>, kind: &[u8; 4], from: u32) -> Vec<u32> {
        self.all_references(input, kind)
            .into_iter()
            .find(|(id, _)| *id == from)
            .map(|(_, to)| to)
            .unwrap_or_default()
    }

    /// The items that refer to an item in this way: `auxl` for its opacity, `thmb` for its thumbnail.
    pub(crate) fn referring(&self, input: &mut Input<'_>, kind: &[u8; 4], to: u32) -> Vec<u32> {
        let all = self.all_references(input, kind).into_iter();
        all.filter(|(_, targets)| targets.contains(&to)).map(|(id, _)| id).collect()
    }

    fn all_references(&self, input: &mut Input<'_>, kind: &[u8; 4]) -> Vec<(u32, Vec<u32>)> {
        let Some(iref) = first(&self.inside, b"iref") else { return Vec::new() };
        let width = if input.array::<1>(iref.body) == Some([0]) { 2 } else { 4 };
        let mut found = Vec::new();
        let mut left = MOST_REFERENCES;
        let lists = boxes(input, iref.body + 4, iref.end);
        for list in lists.into_iter().filter(|list| &list.kind == kind).take(MOST_ITEMS as usize) {
            let mut cursor = Cursor { at: list.body, end: list.end };
            let (Some(from), Some(count)) = (cursor.number(input, width), cursor.number(input, 2)) else {
                continue;
            };
            let mut targets = Vec::new();
            for _ in 0..count {
                let (Some(rest), Some(to)) = (left.checked_sub(1), cursor.number(input, width)) else {
                    break;
                };
                left = rest;
                targets.push(to as u32);
            }
            found.push((from as u32, targets));
        }
        found
    }
}
