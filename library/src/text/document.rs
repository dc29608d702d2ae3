//! What the text index is told about an asset.

use jiff::civil::Date;
use tantivy::TantivyDocument;
use tantivy::schema::Field;
use tantivy::tokenizer::{PreTokenizedString, Token};

use super::schema::Fields;
use super::words::{Word, name_key, name_words, words};
use crate::id::RowNumber;

/// The words of one listed asset. What is empty is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextDocument {
    /// Its row.
    pub row: RowNumber,
    /// Its library-wide name, and its file names where they are others. Extensions included.
    pub names: Vec<String>,
    /// The caption.
    pub description: Option<String>,
    /// Tags, with `/` between levels.
    pub tags: Vec<String>,
    /// City, region and country.
    pub place: Vec<String>,
    /// Make and model.
    pub camera: Option<String>,
    /// The lens.
    pub lens: Option<String>,
    /// Names of the people in it.
    pub people: Vec<String>,
    /// Names of the folders it lies in, from the root's name down.
    pub folders: Vec<String>,
    /// The day of capture: found by its year and the name of its month.
    pub taken: Option<Date>,
}

/// A change to the index. The last one of a row counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextChange {
    /// These are the words of its row now.
    Put(Box<TextDocument>),
    /// The row is not listed any more.
    Delete(RowNumber),
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl TextDocument {
    /// A document without a word: of a row that is found by filters alone.
    pub fn new(row: RowNumber) -> Self {
        Self {
            row,
            names: Vec::new(),
            description: None,
            tags: Vec::new(),
            place: Vec::new(),
            camera: None,
            lens: None,
            people: Vec::new(),
            folders: Vec::new(),
            taken: None,
        }
    }

    pub(super) fn to_tantivy(&self, fields: &Fields) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(fields.row, u64::from(self.row.0));
        for name in &self.names {
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            for key in [name_key(stem), name_key(name)] {
                if !key.is_empty() {
                    add(&mut document, fields.stem, [Word { text: key, position: 0 }]);
                }
            }
            add(&mut document, fields.name, name_words(name));
        }
        // Folders, tags and model names are cut as file names are: `bestOf`, `EF-S18-55mm`.
        let mut names = |field, text: &str| add(&mut document, field, name_words(text));
        for text in &self.folders {
            names(fields.folder, text);
        }
        for text in &self.tags {
            names(fields.tags, text);
        }
        if let Some(text) = &self.camera {
            names(fields.camera, text);
        }
        if let Some(text) = &self.lens {
            names(fields.lens, text);
        }
        let mut plain = |field, text: &str| add(&mut document, field, in_order(text));
        if let Some(text) = &self.description {
            plain(fields.description, text);
        }
        for text in &self.place {
            plain(fields.place, text);
        }
        for text in &self.people {
            plain(fields.people, text);
        }
        if let Some(day) = self.taken {
            let month = MONTHS.get(usize::from(day.month().unsigned_abs()) - 1).copied().unwrap_or_default();
            plain(fields.when, &format!("{month} {}", day.year()));
        }
        document
    }
}

fn in_order(text: &str) -> Vec<Word> {
    words(text).into_iter().enumerate().map(|(position, text)| Word { text, position }).collect()
}

fn add(document: &mut TantivyDocument, field: Field, words: impl IntoIterator<Item = Word>) {
    let tokens: Vec<Token> = words
        .into_iter()
        .map(|word| Token { position: word.position, text: word.text, ..Token::default() })
        .collect();
    if !tokens.is_empty() {
        document.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens });
    }
}
