//! Text search: how text is cut into words, and the index that finds them.

mod fold;
mod words;

pub use self::fold::{fold, folds_to};
pub use self::words::{Word, is_function_word, name_key, name_words, words};
