//! What does the arithmetic: a GPU through CUDA, Intel hardware through OpenVINO, or the processor.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An execution provider of ONNX Runtime that galleryfs knows how to use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// NVIDIA GPUs.
    Cuda,
    /// Intel processors and GPUs.
    OpenVino,
    /// ONNX Runtime's own kernels; what the others are compared with.
    Cpu,
}

impl Provider {
    /// In the order they are tried.
    pub const ALL: [Self; 3] = [Self::Cuda, Self::OpenVino, Self::Cpu];

    /// As `--provider` and `runtime pull` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::OpenVino => "openvino",
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a provider.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no provider: auto, cuda, openvino or cpu")]
pub struct UnknownProvider(String);

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownProvider(name.to_owned()))
    }
}

/// What `--provider` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum WantedProvider {
    /// The first that proves itself.
    #[default]
    Auto,
    /// This one; where it fails, the processor, and the reason is told.
    Only(Provider),
}

impl FromStr for WantedProvider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.eq_ignore_ascii_case("auto") { Ok(Self::Auto) } else { name.parse().map(Self::Only) }
    }
}

impl fmt::Display for WantedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Only(provider) => provider.fmt(f),
        }
    }
}

impl TryFrom<String> for WantedProvider {
    type Error = UnknownProvider;

    fn try_from(name: String) -> Result<Self, UnknownProvider> {
        name.parse()
    }
}

impl WantedProvider {
    /// What to try, in order. The processor always comes last.
    pub fn candidates(self) -> &'static [Provider] {
        match self {
            Self::Auto => &Provider::ALL,
            Self::Only(Provider::Cuda) => &[Provider::Cuda, Provider::Cpu],
            Self::Only(Provider::OpenVino) => &[Provider::OpenVino, Provider::Cpu],
            Self::Only(Provider::Cpu) => &[Provider::Cpu],
        }
    }
}

/// Which provider a model runs on, and why not the ones before it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Choice {
    /// The one that was proved.
    pub provider: Provider,
    /// Those tried before it, each with its reason.
    pub refused: Vec<Refused>,
}

/// A provider that was not chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Refused {
    /// Which.
    pub provider: Provider,
    /// What it did, or what it lacks.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for provider in Provider::ALL {
            assert_eq!(provider.to_string().parse(), Ok(provider));
        }
        assert_eq!("AUTO".parse(), Ok(WantedProvider::Auto));
        assert_eq!("openvino".parse(), Ok(WantedProvider::Only(Provider::OpenVino)));
        assert!("gpu".parse::<WantedProvider>().is_err());
    }

    #[test]
    fn the_processor_is_the_last_resort() {
        for wanted in [WantedProvider::Auto].into_iter().chain(Provider::ALL.map(WantedProvider::Only)) {
            assert_eq!(wanted.candidates().last(), Some(&Provider::Cpu));
        }
    }
}
