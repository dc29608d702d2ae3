//! Every file name, folded, side by side in memory: a part of a name is looked for as fast as memory is read, not one
//! row's scattered names after the other's.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem::Finder;
use roaring::RoaringBitmap;

use super::row::Row;
use crate::id::RowNumber;
use crate::text::fold;

/// Rows a chunk, which is what a changed name costs the copy of.
const CHUNK: usize = 1024;

/// Stands before each name: no file name holds it.
const BEFORE: u8 = 0;

/// The names of all rows, shared between snapshots chunk by chunk.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileNames {
    chunks: Vec<Arc<Chunk>>,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    text: Vec<u8>,
    /// Where the names of each row end.
    ends: Vec<u32>,
}

impl Chunk {
    fn span(&self, at: usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[at] as usize
    }
}

impl FileNames {
    /// Takes in the names of a row, at all its paths.
    pub(crate) fn set(&mut self, number: RowNumber, row: &Row) {
        let mut names = Vec::with_capacity(row.name.len() + 1);
        let mut add = |name: &str| {
            names.push(BEFORE);
            names.extend_from_slice(fold(name).as_bytes());
        };
        add(&row.name);
        row.paths().map(|path| path.file_name).filter(|name| *name != row.name.as_bytes()).for_each(|name| {
            add(&String::from_utf8_lossy(name));
        });
        let (index, at) = (number.0 as usize / CHUNK, number.0 as usize % CHUNK);
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, Arc::default);
        }
        let chunk = &self.chunks[index];
        if at < chunk.ends.len() && chunk.text[chunk.span(at)] == names {
            return;
        }
        let chunk = Arc::make_mut(&mut self.chunks[index]);
        if chunk.ends.len() <= at {
            chunk.ends.resize(at + 1, chunk.text.len() as u32);
        }
        let span = chunk.span(at);
        let moved = names.len() as i64 - span.len() as i64;
        chunk.text.splice(span, names);
        for end in &mut chunk.ends[at..] {
            *end = (i64::from(*end) + moved) as u32;
        }
    }

    /// The rows with a name that holds `wanted`, which is folded, or that begins with it. Rows that are not there any
    /// more are among them.
    pub(crate) fn holding(&self, wanted: &str, at_beginning: bool) -> RoaringBitmap {
        let mut needle = Vec::with_capacity(wanted.len() + 1);
        if at_beginning || wanted.is_empty() {
            needle.push(BEFORE);
        }
        needle.extend_from_slice(wanted.as_bytes());
        let finder = Finder::new(&needle);
        let mut rows = RoaringBitmap::new();
        for (index, chunk) in self.chunks.iter().enumerate() {
            let (mut from, mut at) = (0, 0);
            while let Some(found) = finder.find(&chunk.text[from..]) {
                let found = (from + found) as u32;
                at += chunk.ends[at..].partition_point(|end| *end <= found);
                rows.insert((index * CHUNK + at) as u32);
                from = chunk.ends[at] as usize;
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{Fixture, Photo};
    use super::*;

    proptest! {
        #[test]
        fn parts_and_beginnings_are_found_whatever_changed_before(
            changes in prop::collection::vec((0_u32..3000, "[aAbé]{0,4}"), 1..60),
            wanted in "[abe]{0,2}",
        ) {
            let mut fixture = Fixture::default();
            let row = fixture.add(&Photo { path: "x.jpg", ..Photo::default() });
            let row = Row::clone(fixture.snapshot().row(row).unwrap());
            let mut names = FileNames::default();
            let mut model = std::collections::BTreeMap::new();
            for (number, name) in changes {
                names.set(RowNumber(number), &Row { name: name.as_str().into(), ..row.clone() });
                model.insert(number, fold(&name));
            }
            // A row that was passed over has no name at all.
            let expect = |holds: &dyn Fn(&str) -> bool| -> RoaringBitmap {
                model.iter().filter(|(_, name)| holds(name)).map(|(number, _)| *number).collect()
            };
            prop_assert_eq!(names.holding(&wanted, false), expect(&|name| name.contains(&wanted)));
            prop_assert_eq!(names.holding(&wanted, true), expect(&|name| name.starts_with(&wanted)));
        }
    }
}
