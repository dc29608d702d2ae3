//! What a model is called: a folder on the hub, and part of a file name here.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A model's name, `ViT-B-32__openai`: letters, digits and `-_.+`, and no file name that means something else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModelName(Box<str>);

/// A name that cannot be a model's.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0:?} is no model's name: it has 1 to {max} letters, digits and -_.+, and begins with none of these", max = ModelName::MAX_LEN)]
pub struct BadModelName(pub String);

impl ModelName {
    /// Bytes: a file name holds it with something before and after.
    pub const MAX_LEN: usize = 200;

    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, BadModelName> {
        let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let holds = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
        if begins && holds && name.len() <= Self::MAX_LEN {
            Ok(Self(name.into()))
        } else {
            Err(BadModelName(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ModelName {
    type Err = BadModelName;

    fn from_str(name: &str) -> Result<Self, BadModelName> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_is_safe_in_a_file_name() {
        for name in ["ViT-B-32__openai", "nllb-clip-base-siglip__v1", "0", "a.b+c"] {
            assert_eq!(ModelName::new(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", ".a", "-a", "a/b", "a b", "ä", "a\0", &"a".repeat(201)] {
            assert_eq!(ModelName::new(name), Err(BadModelName(name.into())));
        }
    }
}
