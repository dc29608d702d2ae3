//! Finding documents.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tantivy::query::{
    BooleanQuery, BoostQuery, EmptyQuery, FuzzyTermQuery, PhrasePrefixQuery, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{IndexReader, Searcher, Term};

use super::hits::{Any, Hits};
use super::index::TextError;
use super::schema::Fields;
use super::wanted::{Sought, Wanted};
use crate::id::RowNumber;

/// Searches the text index as of its last commit. Cheap to clone.
#[derive(Clone)]
pub struct TextReader {
    reader: IndexReader,
    fields: Arc<Fields>,
}

/// How many letters a word may be off.
type Distance = u8;

impl TextReader {
    pub(super) fn new(reader: IndexReader, fields: Arc<Fields>) -> Self {
        Self { reader, fields }
    }

    /// How many documents there are.
    pub fn documents(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// The rows of `allowed` with every wanted word in some field, each with its score; in no order.
    ///
    /// Where relevance ends: a row that lacks one of the words is no hit, whatever its score; words of grammar (`in`,
    /// `the`) may lack. A word that is nowhere in the index is taken as mistyped and stands for the words one letter off
    /// (from 4 letters on), or when there are none, two (from 8 on). Scores are BM25 over the fields, weighted.
    pub fn search(
        &self,
        wanted: &Wanted,
        allowed: &RoaringBitmap,
    ) -> Result<Vec<(RowNumber, f32)>, TextError> {
        if wanted.is_empty() || allowed.is_empty() {
            return Ok(Vec::new());
        }
        let searcher = self.reader.searcher();
        let mut clauses = Vec::new();
        for sought in wanted.required() {
            clauses.push(self.query_of(&searcher, sought)?);
        }
        Ok(searcher.search(&intersection(clauses), &Hits::new(allowed, true))?)
    }

    /// The rows of `allowed` that `wanted` finds exactly, without scores and without forgiving mistypes: what is
    /// excluded must be what was written.
    pub fn matching(&self, wanted: &Wanted, allowed: &RoaringBitmap) -> Result<RoaringBitmap, TextError> {
        if wanted.is_empty() || allowed.is_empty() {
            return Ok(RoaringBitmap::new());
        }
        let searcher = self.reader.searcher();
        let clauses = wanted.required().into_iter().map(|sought| self.exactly(sought)).collect();
        let hits = searcher.search(&intersection(clauses), &Hits::new(allowed, false))?;
        Ok(hits.into_iter().map(|(row, _)| row.0).collect())
    }

    /// The rows of `allowed` with a file that is called exactly so, with or without its extension; case, accents and
    /// what stands between the words aside.
    pub fn named(&self, line: &str, allowed: &RoaringBitmap) -> Result<RoaringBitmap, TextError> {
        let searcher = self.reader.searcher();
        let query = TermQuery::new(Term::from_field_text(self.fields.stem, line), IndexRecordOption::Basic);
        let hits = searcher.search(&query, &Hits::new(allowed, false))?;
        Ok(hits.into_iter().map(|(row, _)| row.0).collect())
    }

    fn query_of(&self, searcher: &Searcher, sought: &Sought) -> Result<Box<dyn Query>, TextError> {
        let exact = self.exactly(sought);
        let Sought::Word { text, prefix, .. } = sought else { return Ok(exact) };
        let farthest = match text.chars().count() {
            0..=3 => 0,
            4..=7 => 1,
            _ => 2,
        };
        if farthest == 0 || searcher.search(&exact, &Any)? {
            return Ok(exact);
        }
        for distance in 1..=farthest {
            let near = self.nearly(text, *prefix, distance);
            if searcher.search(&near, &Any)? {
                return Ok(near);
            }
        }
        Ok(exact)
    }

    fn exactly(&self, sought: &Sought) -> Box<dyn Query> {
        match sought {
            Sought::Word { text, parts, prefix } => {
                let whole = self.word(text, *prefix);
                if parts.is_empty() {
                    return whole;
                }
                let last = parts.len() - 1;
                let parts = parts.iter().enumerate().map(|(at, part)| self.word(part, *prefix && at == last));
                union(vec![whole, intersection(parts.collect())])
            }
            Sought::Phrase { words, prefix } => match &words[..] {
                [word] => self.word(word, *prefix),
                _ => self.phrase(words, *prefix),
            },
        }
    }

    fn word(&self, text: &str, prefix: bool) -> Box<dyn Query> {
        let mut fields: Vec<Box<dyn Query>> = Vec::new();
        for (field, weight) in self.fields.weighted() {
            let term = Term::from_field_text(field, text);
            let exact = TermQuery::new(term.clone(), IndexRecordOption::WithFreqs);
            fields.push(Box::new(BoostQuery::new(Box::new(exact), weight)));
            if prefix {
                let longer = FuzzyTermQuery::new_prefix(term, 0, false);
                fields.push(Box::new(BoostQuery::new(Box::new(longer), weight)));
            }
        }
        union(fields)
    }

    fn nearly(&self, text: &str, prefix: bool, distance: Distance) -> Box<dyn Query> {
        let near = |(field, weight): (Field, f32)| -> Box<dyn Query> {
            let term = Term::from_field_text(field, text);
            let near = if prefix {
                FuzzyTermQuery::new_prefix(term, distance, true)
            } else {
                FuzzyTermQuery::new(term, distance, true)
            };
            Box::new(BoostQuery::new(Box::new(near), weight))
        };
        union(self.fields.weighted().into_iter().map(near).collect())
    }

    fn phrase(&self, words: &[String], prefix: bool) -> Box<dyn Query> {
        let side_by_side = |(field, weight): (Field, f32)| -> Box<dyn Query> {
            let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(field, word)).collect();
            let phrase: Box<dyn Query> = if prefix {
                Box::new(PhrasePrefixQuery::new(terms))
            } else {
                Box::new(PhraseQuery::new(terms))
            };
            Box::new(BoostQuery::new(phrase, weight))
        };
        union(self.fields.weighted().into_iter().map(side_by_side).collect())
    }
}

fn union(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match (queries.pop(), queries.is_empty()) {
        (None, _) => Box::new(EmptyQuery),
        (Some(only), true) => only,
        (Some(last), false) => {
            queries.push(last);
            Box::new(BooleanQuery::union(queries))
        }
    }
}

fn intersection(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match (queries.pop(), queries.is_empty()) {
        (None, _) => Box::new(EmptyQuery),
        (Some(only), true) => only,
        (Some(last), false) => {
            queries.push(last);
            Box::new(BooleanQuery::intersection(queries))
        }
    }
}
