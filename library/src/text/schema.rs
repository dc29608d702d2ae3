//! The fields of the text index, and what a hit in each is worth.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

/// Raised whenever the same document is cut into other words than before, so that an old index is not asked.
const CUT: u32 = 1;

/// The schema and its fields.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    /// The row number: how a document is deleted and a hit is named.
    pub(super) row: Field,
    /// Whole file names without extension, in one line of words.
    pub(super) stem: Field,
    pub(super) name: Field,
    pub(super) description: Field,
    pub(super) tags: Field,
    pub(super) place: Field,
    pub(super) camera: Field,
    pub(super) lens: Field,
    pub(super) people: Field,
    pub(super) folder: Field,
    pub(super) when: Field,
}

/// The name of the row number's column.
pub(super) const ROW: &str = "row";

impl Default for Fields {
    fn default() -> Self {
        let mut builder = SchemaBuilder::new();
        let row = builder.add_u64_field(ROW, FAST | INDEXED);
        let whole = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false);
        let stem = builder.add_text_field("stem", TextOptions::default().set_indexing_options(whole));
        let mut words = |name: &str| {
            // The words come cut already (`words`), so the tokenizer's name is only a name.
            let cut = TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_index_option(IndexRecordOption::WithFreqsAndPositions);
            builder.add_text_field(name, TextOptions::default().set_indexing_options(cut))
        };
        let (name, description, tags) = (words("name"), words("description"), words("tags"));
        let (place, camera, lens) = (words("place"), words("camera"), words("lens"));
        let (people, folder, when) = (words("people"), words("folder"), words("when"));
        Self {
            schema: builder.build(),
            row,
            stem,
            name,
            description,
            tags,
            place,
            camera,
            lens,
            people,
            folder,
            when,
        }
    }
}

impl Fields {
    /// The fields that free words are looked for in, and how much a hit there counts. What somebody wrote about the
    /// picture counts more than where its file happens to lie.
    pub(super) fn weighted(&self) -> [(Field, f32); 9] {
        [
            (self.name, 3.0),
            (self.people, 3.0),
            (self.tags, 2.5),
            (self.description, 2.0),
            (self.place, 2.0),
            (self.when, 1.0),
            (self.folder, 1.0),
            (self.camera, 0.7),
            (self.lens, 0.5),
        ]
    }

    /// The name of the folder of an index with these very fields.
    pub(super) fn folder_name(&self) -> String {
        let schema = serde_json::to_string(&self.schema).unwrap_or_default();
        let hash = blake3::hash(format!("{CUT} {} {schema}", tantivy::version_string()).as_bytes());
        format!("index-{}", &hash.to_hex()[..16])
    }
}
