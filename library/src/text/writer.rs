//! Putting documents into the text index.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tantivy::indexer::LogMergePolicy;
use tantivy::{Index, IndexReader, IndexWriter, TantivyDocument, Term};

use super::document::TextChange;
use super::index::TextError;
use super::schema::{Fields, ROW};
use crate::change::Cursor;
use crate::id::RowNumber;

/// Bytes of documents held before they are written out. Twice the least tantivy takes; photos have few words.
const BUDGET: usize = 30_000_000;

/// The one writer of a text index. What is applied is found after [`TextWriter::commit`]; dropped without it, it never
/// was.
pub struct TextWriter {
    writer: IndexWriter,
    reader: IndexReader,
    fields: Arc<Fields>,
    /// Rows with a document, committed or not: a new row has nothing to delete, and a deletion costs a look into every
    /// segment.
    known: RoaringBitmap,
}

impl TextWriter {
    pub(super) fn new(index: &Index, reader: IndexReader, fields: Arc<Fields>) -> Result<Self, TextError> {
        let writer = index.writer_with_num_threads(1, BUDGET)?;
        let mut policy = LogMergePolicy::default();
        // Every edit of a photo is a deletion: without this, deleted words are never let go.
        policy.set_del_docs_ratio_before_merge(0.3);
        writer.set_merge_policy(Box::new(policy));
        // A process that was killed in the middle of a commit left files that the next commit would make.
        writer.garbage_collect_files().wait()?;
        let mut known = RoaringBitmap::new();
        for segment in reader.searcher().segment_readers() {
            let rows = segment.fast_fields().column_first_or_default::<u64>(ROW)?;
            known.extend(segment.doc_ids_alive().filter_map(|doc| u32::try_from(rows.get_val(doc)).ok()));
        }
        Ok(Self { writer, reader, fields, known })
    }

    /// Applies changes in order.
    pub fn apply(&mut self, changes: &[TextChange]) -> Result<(), TextError> {
        for change in changes {
            match change {
                TextChange::Put(document) => {
                    self.delete(document.row);
                    let words: TantivyDocument = document.to_tantivy(&self.fields);
                    self.writer.add_document(words)?;
                    self.known.insert(document.row.0);
                }
                TextChange::Delete(row) => self.delete(*row),
            }
        }
        Ok(())
    }

    fn delete(&mut self, row: RowNumber) {
        if self.known.remove(row.0) {
            self.writer.delete_term(Term::from_field_u64(self.fields.row, u64::from(row.0)));
        }
    }

    /// Takes everything out, for reading the whole library anew.
    pub fn clear(&mut self) -> Result<(), TextError> {
        self.writer.delete_all_documents()?;
        self.known.clear();
        Ok(())
    }

    /// Makes what was applied durable, together with how far in the change feed it reaches, and visible to every reader.
    /// Tens of milliseconds: commit batches, not photos.
    pub fn commit(&mut self, cursor: Cursor) -> Result<(), TextError> {
        let payload = serde_json::to_string(&cursor)?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.reader.reload()?;
        Ok(())
    }

    /// Lets go of the writer after what it merges in the background is merged. Dropping it does not wait.
    pub fn close(self) -> Result<(), TextError> {
        self.writer.wait_merging_threads()?;
        self.reader.reload()?;
        Ok(())
    }
}
