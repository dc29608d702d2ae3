//! Names of models: parts of paths and addresses, so they are checked.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What a model is called: `ViT-B-32__openai`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct ModelName(Box<str>);

/// Not the name of a model.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no name of a model: letters, digits, `-`, `_` and `.`, at most 100")]
pub struct BadModelName(String);

impl ModelName {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = BadModelName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fits = (1..=100).contains(&name.len())
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if fits { Ok(Self(name.into())) } else { Err(BadModelName(name.chars().take(100).collect())) }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert!("XLM-Roberta-Large-Vit-B-16Plus".parse::<ModelName>().is_ok());
        for bad in ["", ".", "..", "../up", "a/b", "a b", "a?b", "ä", ".hidden", &"x".repeat(101)] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad}");
        }
    }
}
