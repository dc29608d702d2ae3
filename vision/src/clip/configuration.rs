//! The configuration files of a CLIP model, read with suspicion: they come from the network.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ModelError;

/// No configuration of any model is a tenth as long. A tokenizer is: [`MAX_TOKENIZER`].
const MAX_CONFIGURATION: u64 = 1 << 20;
/// The multilingual tokenizers take 17 MB, Gemma's (SigLIP 2) 34 MB.
pub(crate) const MAX_TOKENIZER: u64 = 128 << 20;

/// How a picture becomes a tensor: `visual/preprocess_cfg.json`.
#[derive(Clone, PartialEq, Debug)]
pub struct Preprocessing {
    /// The side of the square the model sees, in pixels.
    pub side: u32,
    /// What is subtracted from each channel (0 to 1).
    pub mean: [f32; 3],
    /// What each channel is divided by then.
    pub std: [f32; 3],
}

/// How a text becomes tokens: `config.json` and `textual/tokenizer_config.json`.
#[derive(Clone, PartialEq, Debug)]
pub struct TextConfiguration {
    /// How many tokens the model takes: shorter texts are padded, longer ones cut.
    pub context_length: usize,
    /// SigLIP's cleaning: lower case, no punctuation.
    pub canonicalize: bool,
    /// What fills the context after the text.
    pub pad_token: String,
    /// How wide the embeddings are, where the file says so.
    pub width: Option<usize>,
}

impl Preprocessing {
    /// Reads `visual/preprocess_cfg.json`.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        Self::parse(&bytes(path, MAX_CONFIGURATION)?).map_err(|reason| configuration(path, reason))
    }

    /// Reads the bytes of a `preprocess_cfg.json`.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct File {
            size: Size,
            mean: [f32; 3],
            std: [f32; 3],
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Size {
            Side(u32),
            Sides([u32; 2]),
        }
        let file: File = parse(json)?;
        let side = match file.size {
            Size::Side(side) => side,
            Size::Sides([height, width]) if height == width => height,
            Size::Sides([height, width]) => return Err(format!("size {height}x{width} is no square")),
        };
        if !(16..=2048).contains(&side) {
            return Err(format!("size {side} is no model's"));
        }
        if file.std.iter().any(|value| !(1e-4..=1e4).contains(value))
            || file.mean.iter().any(|value| value.abs() > 1e4 || value.is_nan())
        {
            return Err("mean or std is out of range".to_owned());
        }
        Ok(Self { side, mean: file.mean, std: file.std })
    }
}

impl TextConfiguration {
    /// Reads `config.json` and `textual/tokenizer_config.json`.
    pub fn read(config: &Path, tokenizer_config: &Path) -> Result<Self, ModelError> {
        let (context_length, canonicalize, width) = Self::parse_config(&bytes(config, MAX_CONFIGURATION)?)
            .map_err(|reason| configuration(config, reason))?;
        let pad_token = Self::parse_pad_token(&bytes(tokenizer_config, MAX_CONFIGURATION)?)
            .map_err(|reason| configuration(tokenizer_config, reason))?;
        Ok(Self { context_length, canonicalize, pad_token, width })
    }

    /// Context length, cleaning and width from the bytes of a `config.json`.
    pub fn parse_config(json: &[u8]) -> Result<(usize, bool, Option<usize>), String> {
        #[derive(Deserialize)]
        struct File {
            embed_dim: Option<usize>,
            #[serde(default)]
            text_cfg: Text,
        }
        #[derive(Default, Deserialize)]
        struct Text {
            context_length: Option<usize>,
            tokenizer_kwargs: Option<Arguments>,
        }
        #[derive(Deserialize)]
        struct Arguments {
            clean: Option<String>,
        }
        let file: File = parse(json)?;
        // CLIP's own length, which configurations of its first models leave out.
        let context_length = file.text_cfg.context_length.unwrap_or(77);
        if !(2..=4096).contains(&context_length) {
            return Err(format!("a context of {context_length} tokens is no model's"));
        }
        let clean = file.text_cfg.tokenizer_kwargs.and_then(|arguments| arguments.clean);
        Ok((context_length, clean.as_deref() == Some("canonicalize"), file.embed_dim))
    }

    /// The padding token from the bytes of a `tokenizer_config.json`: a string, or an object with `content`.
    pub fn parse_pad_token(json: &[u8]) -> Result<String, String> {
        #[derive(Deserialize)]
        struct File {
            pad_token: Token,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Token {
            Plain(String),
            Added { content: String },
        }
        let file: File = parse(json)?;
        Ok(match file.pad_token {
            Token::Plain(token) | Token::Added { content: token } => token,
        })
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

pub(crate) fn configuration(path: &Path, reason: String) -> ModelError {
    ModelError::Configuration { path: path.to_owned(), reason }
}

/// The bytes of a file that must not be longer than `limit`.
pub(crate) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > limit {
        return Err(configuration(path, format!("{length} bytes are too many")));
    }
    std::fs::read(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_a_number_or_a_square() {
        let file = |size: &str| {
            Preprocessing::parse(
                format!(r#"{{"size": {size}, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}"#).as_bytes(),
            )
        };
        assert_eq!(file("[224, 224]").unwrap().side, 224);
        assert_eq!(file("384").unwrap().side, 384);
        assert!(file("[224, 336]").is_err() && file("0").is_err() && file("4000000000").is_err());
    }

    #[test]
    fn a_deviation_of_nothing_is_refused() {
        let json = br#"{"size": 224, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.0, 0.5]}"#;
        assert!(Preprocessing::parse(json).is_err());
    }

    #[test]
    fn siglip_is_told_from_clip() {
        let siglip = br#"{"embed_dim": 768, "text_cfg": {"context_length": 64, "tokenizer_kwargs": {"clean": "canonicalize"}}}"#;
        assert_eq!(TextConfiguration::parse_config(siglip), Ok((64, true, Some(768))));
        assert_eq!(TextConfiguration::parse_config(br#"{"embed_dim": 512}"#), Ok((77, false, Some(512))));
        assert!(TextConfiguration::parse_config(br#"{"text_cfg": {"context_length": 0}}"#).is_err());
    }

    #[test]
    fn padding_is_a_token_or_an_object() {
        assert_eq!(TextConfiguration::parse_pad_token(br#"{"pad_token": "<pad>"}"#), Ok("<pad>".to_owned()));
        let object = br#"{"pad_token": {"content": "[PAD]", "lstrip": false}}"#;
        assert_eq!(TextConfiguration::parse_pad_token(object), Ok("[PAD]".to_owned()));
        assert!(TextConfiguration::parse_pad_token(br#"{"pad_token": null}"#).is_err());
    }
}
