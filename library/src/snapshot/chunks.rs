//! A vector that many snapshots share: a changed element costs the copy of its chunk's pointers, not of the vector.

use std::sync::Arc;

use crate::id::RowNumber;

/// Rows a chunk. Small enough to copy in microseconds, large enough that a million rows are a thousand chunks.
const CHUNK: usize = 1024;

/// Elements by row number, shared between snapshots chunk by chunk. A row may be empty.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Arc<Vec<Option<Arc<T>>>>>,
}

impl<T> Clone for Chunks<T> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone() }
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Chunks<T> {
    pub(crate) fn get(&self, row: RowNumber) -> Option<&Arc<T>> {
        let at = row.0 as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)?.as_ref()
    }

    pub(crate) fn set(&mut self, row: RowNumber, value: Option<Arc<T>>) {
        let at = row.0 as usize;
        while self.chunks.len() <= at / CHUNK {
            self.chunks.push(Arc::default());
        }
        let chunk = Arc::make_mut(&mut self.chunks[at / CHUNK]);
        if chunk.len() <= at % CHUNK {
            chunk.resize_with(at % CHUNK + 1, || None);
        }
        chunk[at % CHUNK] = value;
    }

    /// A filled row to change: copied only if another snapshot still holds it.
    pub(crate) fn get_mut(&mut self, row: RowNumber) -> Option<&mut T>
    where
        T: Clone,
    {
        let at = row.0 as usize;
        let chunk = Arc::make_mut(self.chunks.get_mut(at / CHUNK)?);
        chunk.get_mut(at % CHUNK)?.as_mut().map(Arc::make_mut)
    }

    /// All filled rows, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (RowNumber, &Arc<T>)> {
        self.chunks.iter().enumerate().flat_map(|(chunk, rows)| {
            rows.iter()
                .enumerate()
                .filter_map(move |(at, row)| Some((RowNumber((chunk * CHUNK + at) as u32), row.as_ref()?)))
        })
    }

    /// One past the highest row that ever held something.
    pub(crate) fn end(&self) -> u32 {
        match self.chunks.last() {
            Some(last) => ((self.chunks.len() - 1) * CHUNK + last.len()) as u32,
            None => 0,
        }
    }
}
