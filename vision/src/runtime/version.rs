//! Versions of ONNX Runtime.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What ONNX Runtime says its version is: `1.24.1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Always 1 so far.
    pub major: u32,
    /// What decides whether it will do.
    pub minor: u32,
    /// Repairs.
    pub patch: u32,
}

impl Version {
    /// The oldest that will do: what the binding was built for.
    pub const OLDEST: Self = Self { major: 1, minor: ort::MINOR_VERSION, patch: 0 };

    /// Whether the binding can speak to it.
    pub fn will_do(self) -> bool {
        self.major == Self::OLDEST.major && self >= Self::OLDEST
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Not a version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no version")]
pub struct BadVersion(String);

impl FromStr for Version {
    type Err = BadVersion;

    /// Reads `1.24.1`, and forgives what follows the numbers (`1.25.0-dev`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.trim().splitn(3, '.').map(|part| {
            let digits = part.len() - part.trim_start_matches(|char: char| char.is_ascii_digit()).len();
            part[..digits].parse::<u32>().ok()
        });
        match (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor), patch) => Ok(Self { major, minor, patch: patch.unwrap_or(0) }),
            _ => Err(BadVersion(text.chars().take(50).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(version("1.24.1").to_string(), "1.24.1");
        assert_eq!(version("1.25.0-dev+abc"), Version { major: 1, minor: 25, patch: 0 });
        assert_eq!(version("1.17"), Version::OLDEST);
        assert!(version("1.9.2") < version("1.17.0"));
        assert!(version("1.17.0").will_do() && version("1.32.0").will_do());
        assert!(!version("1.16.3").will_do() && !version("2.0.0").will_do());
        for bad in ["", "1", "x.y", "99999999999.1"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
