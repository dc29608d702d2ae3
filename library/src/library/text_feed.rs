//! stub
use crate::*;
use std::path::Path;
use std::sync::Arc;
#[derive(Debug)]
pub(super) struct TextFeed;
impl TextFeed {
    pub(super) fn open(_: &Path, _: &mut Vec<String>) -> Result<Self, LibraryError> {
        Ok(Self)
    }
    pub(super) fn start(&self, _: &Arc<Library>) {}
    pub(super) fn settle(&self, _: Cursor) {}
    pub(super) fn pending(&self, _: Cursor) -> u64 {
        0
    }
    pub(super) fn search(
        &self,
        _: &Snapshot,
        _: AccountId,
        _: &query::Query,
        _: usize,
    ) -> Result<Vec<search::Hit>, search::SearchError> {
        Ok(vec![])
    }
}
