//! Text search: how text is cut into words, and the index that finds them.
//!
//! What makes it hard:
//! 1. The index is derived, and follows the change feed. Each commit carries the cursor it has reached, so that after
//!    any crash it is known what is in it; what was not committed is simply read again.
//! 2. An index that is damaged, or was made for other fields, must never keep the library from opening: it is put aside,
//!    an empty one takes its place, and the caller is told ([`TextIndex::put_aside`]).
//! 3. The same words must be cut the same way when they are indexed and when they are asked for: both are cut here, and
//!    tantivy's own tokenizers are not used.
//! 4. People mistype, and ask in sentences. Every word must be found somewhere, but words of grammar need not be, and a
//!    word that nobody ever wrote is taken for a mistyped one ([`TextReader::search`]).

mod document;
mod fold;
mod hits;
mod index;
mod reader;
mod schema;
#[cfg(test)]
mod tests;
mod wanted;
mod words;
mod writer;

pub use self::document::{TextChange, TextDocument};
pub use self::fold::{fold, folds_to};
pub use self::index::{TextError, TextIndex};
pub use self::reader::TextReader;
pub use self::wanted::Wanted;
pub use self::words::{Word, hump_words, is_function_word, name_key, name_words, words};
pub use self::writer::TextWriter;
