//! The text tower: words to embeddings.

use std::path::PathBuf;

use library::Embedding;
use ort::session::Session;
use ort::value::TensorElementType;
use tokenizers::{PaddingDirection, PaddingParams, PaddingStrategy, Tokenizer, TruncationParams};

use super::configuration::{self, MAX_TOKENIZER, TextConfiguration, configuration};
use super::language;
use super::visual::{embedding_width, embeddings};
use crate::engine::Engine;
use crate::error::{InferenceError, ModelError};
use crate::models::ClipModel;
use crate::provider::Provider;
use crate::session;
use crate::worker::{Model, Worker};

const EXPECTED: &str = "text tower of a CLIP model";

/// No search is longer; the model reads far less of it.
const MAX_TEXT: usize = 4096;

/// A text that comes this near to the empty one (cosine) said nothing to the model.
const NOTHING_SAID: f32 = 0.9999;

/// A text tower, ready to be asked from any thread.
pub struct Textual {
    worker: Worker<Tower>,
    tokens: Tokens,
    /// What an empty text gives: what the model makes of words it does not know.
    nothing: Embedding,
    width: usize,
    provider: Provider,
}

impl Textual {
    /// Opens the text tower of `model` and starts its worker.
    pub fn open(engine: &Engine, model: &ClipModel) -> Result<Self, ModelError> {
        let text = TextConfiguration::read(&model.config(), &model.tokenizer_config())?;
        let tokens = Tokens::read(&model.tokenizer(), &text)?;
        let path = model.textual();
        let provider = engine.provider_for(&path)?;
        let session = session::open(engine.environment(), &path, provider)?;
        let width = embedding_width(&session, &path, EXPECTED)?;
        if let Some(declared) = text.width
            && declared != width
        {
            let reason = format!("embed_dim is {declared}, but the text tower gives {width}");
            return Err(configuration(&model.config(), reason));
        }
        let inputs = inputs(&session, &path, text.context_length)?;
        let tower = Tower { engine: engine.clone(), path: path.clone(), provider, inputs, width };
        let worker = engine.start("clip text", &path, tower, session)?;
        let nothing = worker
            .ask(tokens.encode("").map_err(|reason| configuration(&model.tokenizer(), reason))?)
            .map_err(|error| ModelError::Interface { path, expected: EXPECTED, reason: error.to_string() })?;
        Ok(Self { worker, tokens, nothing, width, provider })
    }

    /// How wide the embeddings are: as wide as those of the pictures.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What it runs on.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether the model is in memory now: it is put away after a while without texts.
    pub fn is_loaded(&self) -> bool {
        self.worker.is_loaded()
    }

    /// What `text` means; `None` when it means nothing to the model: an empty text, or words it does not know, which it
    /// cannot tell from an empty text.
    pub fn embed(&self, text: &str) -> Result<Option<Embedding>, InferenceError> {
        Ok(self.embed_all(std::slice::from_ref(&text))?.pop().flatten())
    }

    /// The same for many texts.
    pub fn embed_all<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Option<Embedding>>, InferenceError> {
        let tokens = texts
            .iter()
            .map(|text| self.tokens.encode(text.as_ref()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|reason| InferenceError::Run { reason })?;
        let embeddings = self.worker.ask_all(tokens)?;
        Ok(embeddings
            .into_iter()
            .map(|embedding| {
                let says = embedding.cosine(&self.nothing).is_some_and(|cosine| cosine < NOTHING_SAID);
                says.then_some(embedding)
            })
            .collect())
    }

    /// The embedding as the model gives it, even when it means nothing: to compare with reference results.
    pub fn embed_verbatim(&self, text: &str) -> Result<Embedding, InferenceError> {
        self.worker.ask(self.tokens.encode(text).map_err(|reason| InferenceError::Run { reason })?)
    }
}

/// Texts to token numbers.
struct Tokens {
    tokenizer: Tokenizer,
    canonicalize: bool,
    /// What a text begins with, for a model that wants to be told its language.
    language: Option<&'static str>,
}

/// Token numbers of one text, and which of them are padding (0) and which not (1).
struct Encoded {
    ids: Vec<u32>,
    mask: Vec<u32>,
}

impl Tokens {
    fn read(path: &std::path::Path, text: &TextConfiguration) -> Result<Self, ModelError> {
        let json = configuration::bytes(path, MAX_TOKENIZER)?;
        Self::parse(&json, text, language::locale().as_deref()).map_err(|reason| configuration(path, reason))
    }

    fn parse(json: &[u8], text: &TextConfiguration, locale: Option<&str>) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        let pad_id = tokenizer.token_to_id(&text.pad_token).ok_or_else(|| {
            format!(
                "the padding token `{}` of tokenizer_config.json is not in the vocabulary",
                text.pad_token
            )
        })?;
        tokenizer.with_padding(Some(PaddingParams {
            strategy: PaddingStrategy::Fixed(text.context_length),
            direction: PaddingDirection::Right,
            pad_to_multiple_of: None,
            pad_id,
            pad_type_id: 0,
            pad_token: text.pad_token.clone(),
        }));
        tokenizer
            .with_truncation(Some(TruncationParams { max_length: text.context_length, ..Default::default() }))
            .map_err(|error| error.to_string())?;
        let language = language::token(locale, |code| tokenizer.token_to_id(code).is_some());
        Ok(Self { tokenizer, canonicalize: text.canonicalize, language })
    }

    fn encode(&self, text: &str) -> Result<Encoded, String> {
        let mut text = clean(text, self.canonicalize);
        if let Some(language) = self.language {
            text.insert_str(0, language);
        }
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        Ok(Encoded { ids: encoding.get_ids().to_vec(), mask: encoding.get_attention_mask().to_vec() })
    }
}

/// White space collapsed; canonicalized as big_vision does it for SigLIP: lower case, ASCII punctuation taken out.
fn clean(text: &str, canonicalize: bool) -> String {
    let end = text.char_indices().map(|(at, _)| at).nth(MAX_TEXT).unwrap_or(text.len());
    let text = &text[..end];
    let kept: String = if canonicalize {
        text.replace('_', " ")
            .chars()
            .filter(|char| !char.is_ascii_punctuation())
            .collect::<String>()
            .to_lowercase()
    } else {
        text.to_owned()
    };
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the graph wants to be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Ids,
    Mask,
}

struct Input {
    name: String,
    told: Told,
    element: TensorElementType,
}

/// `text`, or `input_ids` and `attention_mask`, in 32 or 64 bits.
fn inputs(session: &Session, path: &std::path::Path, context: usize) -> Result<Vec<Input>, ModelError> {
    let interface = |reason| ModelError::Interface { path: path.to_owned(), expected: EXPECTED, reason };
    let (ports, _) = session::ports(session);
    let mut inputs = Vec::new();
    for port in &ports {
        let told = if port.name.contains("mask") { Told::Mask } else { Told::Ids };
        let fits = matches!(port.element, TensorElementType::Int32 | TensorElementType::Int64)
            && matches!(port.shape.as_slice(), [_, length] if *length < 0 || *length == context as i64);
        if !fits {
            let reason = format!("it takes {}, not tokens: i32 [?, {context}]", port.describe());
            return Err(interface(reason));
        }
        inputs.push(Input { name: port.name.clone(), told, element: port.element });
    }
    if inputs.iter().filter(|input| input.told == Told::Ids).count() != 1 || inputs.len() > 2 {
        let taken: Vec<String> = ports.iter().map(session::Port::describe).collect();
        return Err(interface(format!("it takes {}", taken.join("; "))));
    }
    Ok(inputs)
}

/// The graph and what its runs need to know.
struct Tower {
    engine: Engine,
    path: PathBuf,
    provider: Provider,
    inputs: Vec<Input>,
    width: usize,
}

impl Model for Tower {
    type Session = Session;
    type Input = Encoded;
    type Output = Embedding;

    fn open(&self) -> Result<Session, ModelError> {
        session::open(self.engine.environment(), &self.path, self.provider)
    }

    /// Texts are asked for one at a time by people, and many at a time for labels.
    fn batch(&self) -> usize {
        8
    }

    fn run(&self, session: &mut Session, texts: &[Encoded]) -> Result<Vec<Embedding>, InferenceError> {
        // Some graphs have a batch of one written into them.
        let single = session::ports(session).0.iter().any(|port| port.shape.first() == Some(&1));
        let at_once = if single { 1 } else { texts.len().max(1) };
        let mut answers = Vec::new();
        for texts in texts.chunks(at_once) {
            let mut given = Vec::new();
            for input in &self.inputs {
                let numbers = texts.iter().flat_map(|text| match input.told {
                    Told::Ids => &text.ids,
                    Told::Mask => &text.mask,
                });
                let length = texts.first().map_or(0, |text| text.ids.len());
                let shape = [texts.len(), length];
                let tensor = if input.element == TensorElementType::Int64 {
                    session::tensor(&shape, numbers.map(|number| i64::from(*number)).collect::<Vec<_>>())?
                } else {
                    session::tensor(&shape, numbers.map(|number| *number as i32).collect::<Vec<_>>())?
                };
                given.push((input.name.clone(), tensor));
            }
            let outputs = session::run(session, given)?;
            answers.extend(embeddings(session::rows(&outputs, texts.len())?, self.width)?);
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_collapses_and_case_stays() {
        assert_eq!(clean("  A dog,\n in\tthe  park ", false), "A dog, in the park");
    }

    #[test]
    fn canonical_text_has_no_punctuation() {
        assert_eq!(clean("It's a  DOG_house (big)!", true), "its a dog house big");
        assert_eq!(clean("Äpfel – ja", true), "äpfel – ja");
        assert_eq!(clean("?!", true), "");
    }

    #[test]
    fn endless_texts_are_cut() {
        assert_eq!(clean(&"ä".repeat(1 << 20), false).chars().count(), MAX_TEXT);
    }

    fn tokens(context_length: usize, pad: &str) -> Result<Tokens, String> {
        let json = br#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"<pad>": 9, "<unk>": 1, "dog": 2, "park": 3}, "unk_token": "<unk>"}}"#;
        let text =
            TextConfiguration { context_length, canonicalize: true, pad_token: pad.to_owned(), width: None };
        Tokens::parse(json, &text, None)
    }

    #[test]
    fn a_model_of_many_languages_is_told_which_one() {
        let json = br#"{"version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [{"id": 7, "content": "deu_Latn", "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true}],
            "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"<pad>": 9, "<unk>": 1, "hund": 2, "deu_Latn": 7}, "unk_token": "<unk>"}}"#;
        let text = TextConfiguration {
            context_length: 4,
            canonicalize: false,
            pad_token: "<pad>".to_owned(),
            width: None,
        };
        let tokens = Tokens::parse(json, &text, Some("de_DE.UTF-8")).unwrap();
        assert_eq!(tokens.encode("hund").unwrap().ids, [7, 2, 9, 9]);
    }

    #[test]
    fn short_texts_are_padded_and_long_ones_cut() {
        let tokens = tokens(4, "<pad>").unwrap();
        let short = tokens.encode("Dog!").unwrap();
        assert_eq!((short.ids, short.mask), (vec![2, 9, 9, 9], vec![1, 0, 0, 0]));
        let long = tokens.encode("dog park dog park dog").unwrap();
        assert_eq!((long.ids, long.mask), (vec![2, 3, 2, 3], vec![1; 4]));
    }

    #[test]
    fn padding_with_an_unknown_token_is_refused() {
        assert!(tokens(4, "<nil>").err().unwrap().contains("<nil>"));
    }
}
